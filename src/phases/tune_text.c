#include "phases/tune_text.h"

#include <math.h>

#include "phases/tune_measure.h"

#include "base/banned.h"

static int add_samples(struct str *out, const struct sample *sample)
{
	return str_addf(out, "%.2f s (median of %zu, %.2f spread)", stats_median(sample), sample->n, stats_mad(sample));
}

int tune_say_baseline(const struct study *study, struct gate_result *result)
{
	const struct bound *bound = &study->bound;
	int failed = str_addf(&result->figure, "%.2f s serially; no way of running it here takes less than %.2f s",
			      stats_median(&study->serial_s), bound->total_s);
	failed = failed || str_addf(&result->detail, "%zu tests, serially without comb's plugin: ", study->tests) < 0 ||
		add_samples(&result->detail, &study->serial_s) < 0 ||
		str_adds(&result->detail, "; start and collection: ") < 0 ||
		add_samples(&result->detail, &study->start_s) < 0;
	failed = failed ||
		str_addf(&result->detail,
			 ". Tests compute %.0f %% of their time and wait the rest.\n\n"
			 "Lower bound on %.3g cores: %.2f s to start and collect, then %.2f s for %s.",
			 100 * tune_computing_share(study), study->cores, bound->start_s, bound->kinds[bound->binding],
			 bound_kind_name(bound->binding)) < 0;
	return failed ? -1 : 0;
}

static const char *const end_texts[] = {
	[CONTEST_SEPARATED] = "told apart from all others",
	[CONTEST_EQUIVALENT] = "others are as fast within 3 %",
	[CONTEST_BUDGET] = "the budget ended before all could be told apart",
};

static int say_curves(const struct study *study, struct str *out)
{
	struct amdahl amdahl = study_amdahl(study);
	struct usl usl = study_usl(study);
	int failed = 0;
	if (amdahl.quality.identified && !amdahl.quality.exact)
		failed =
			str_addf(out, "Amdahl: %.0f %% of the time does not shrink with workers (fit within %.0f %%). ",
				 100 * amdahl.serial_share, 100 * amdahl.quality.relative_error);
	else
		failed = str_addf(out, "Amdahl: not determined (%s). ",
				  amdahl.quality.why ? amdahl.quality.why : "two numbers of workers fit any curve");
	if (failed)
		return -1;
	if (!usl.quality.identified || usl.quality.exact)
		return str_addf(out, "Universal scalability law: not determined (%s).",
				usl.quality.why ? usl.quality.why : "three numbers of workers fit any curve");
	if (str_addf(out, "Universal scalability law: contention %.3f, coherency %.4f (fit within %.0f %%)",
		     usl.contention, usl.coherency, 100 * usl.quality.relative_error) < 0)
		return -1;
	return isfinite(usl.best_workers) ? str_addf(out, ", best near %.0f workers.", fmax(1, usl.best_workers))
					  : str_adds(out, ", no number of workers measured is too many.");
}

int tune_say_contest(const struct study *study, struct gate_result *result)
{
	const struct contestant *best = study_best(study), *serial = study_serial(study);
	struct ratio ratio = contest_ratio(best, serial);
	cleanup_str struct str name = STR_INIT;
	int failed = configuration_add_name(&best->configuration, &name);
	size_t parallel = study_parallel_count(study);
	if (study->contest.count == 1)
		failed = failed || str_addf(&result->figure, "%zu test: nothing can run beside it", study->tests) < 0;
	else if (study->contest.entries[1].beside)
		failed = failed || str_adds(&result->figure, "pytest-xdist does not keep groups together here: no "
							     "configuration of it is safe") < 0;
	else if (parallel == 0)
		failed = failed ||
			str_addf(&result->figure, "no parallel run gave the results of a serial one: %s",
				 study->contest.entries[1].failure) < 0;
	else if (study_prefers_parallel(study))
		failed = failed ||
			str_addf(&result->figure, "%s: %.2f s, %.2f of serial (%.2f - %.2f at %.0f %%)",
				 str_text(&name), stats_median(&best->wall_s), ratio.estimate, ratio.interval.low,
				 ratio.interval.high, 100 * ratio.interval.coverage) < 0;
	else
		failed = failed ||
			str_addf(&result->figure, "serial is fastest: %.2f s, beside %zu parallel configurations",
				 stats_median(&serial->wall_s), parallel) < 0;
	failed = failed || study_add_table(study, &result->detail) < 0 ||
		str_addf(&result->detail, "\n%zu interleaved rounds in %.0f s; %s. Times in seconds.\n\n",
			 study->contest.rounds, study->contest.spent_s, end_texts[study->contest.end]) < 0 ||
		say_curves(study, &result->detail) < 0 || tune_say_comb(study, result) < 0;
	return failed ? -1 : 0;
}

static int say_category(const struct category_cost *cost, struct gate_result *result)
{
	double serial = stats_median(&cost->serial_s);
	int failed = str_addf(&result->detail, "%-14s%6zu tests  %8.2f s serially", cost->name, cost->tests, serial);
	if (cost->chosen_s.n > 0) {
		struct ratio ratio = stats_ratio(&cost->chosen_s, &cost->serial_s, CONTEST_CONFIDENCE);
		failed = failed ||
			str_addf(&result->detail, "  %8.2f s in parallel  ratio %.2f", stats_median(&cost->chosen_s),
				 ratio.estimate) < 0 ||
			str_addf(&result->figure, "%s%s %.2f -> %.2f s", result->figure.len ? ", " : "", cost->name,
				 serial, stats_median(&cost->chosen_s)) < 0;
	} else {
		failed = failed ||
			str_addf(&result->figure, "%s%s %.2f s", result->figure.len ? ", " : "", cost->name, serial) <
				0;
	}
	return failed || str_addc(&result->detail, '\n') < 0 ? -1 : 0;
}

int tune_say_categories(const struct study *study, struct gate_result *result)
{
	if (study->category_count == 0)
		return str_adds(&result->figure, "no test carries the mark unit, integration or slow");
	for (size_t i = 0; i < study->category_count; i++)
		if (say_category(&study->categories[i], result) < 0)
			return -1;
	return 0;
}

int tune_say_comb(const struct study *study, struct gate_result *result)
{
	const struct contestant *comb = study_fastest(study, ENGINE_COMB), *best = study_best(study);
	cleanup_str struct str name = STR_INIT;
	if (!comb || !comb->beside)
		return 0;
	if (configuration_add_name(&comb->configuration, &name) < 0)
		return -1;
	if (!study_faster_beside(study))
		return str_addf(&result->detail,
				"\n\ncomb's own engine (%s) took %.2f s, which is no gain here. `comb run` uses it.",
				name.buf, stats_median(&comb->wall_s));
	if (str_addf(&result->figure, "; comb run would take %.2f s", stats_median(&comb->wall_s)) < 0)
		return -1;
	return str_addf(&result->detail,
			"\n\ncomb's own engine (%s) took %.2f s, %.2f of what is chosen. `comb run` uses it, with "
			"nothing installed in the project. Where the project declares pytest-comb (comb setup "
			"--with-comb), comb tune can write it into the configuration.",
			name.buf, stats_median(&comb->wall_s), contest_ratio(comb, best).estimate);
}

/* Where a gain was missed that comb's own engine would bring. */
static int say_gain_of_comb(const struct verdict *verdict, const struct study *study, struct gate_result *result)
{
	const struct contestant *comb = study_faster_beside(study);
	if (verdict->reached || !comb)
		return 0;
	double comb_s = stats_median(&comb->wall_s);
	return str_addf(&result->figure, "; comb run would take %.2f s, %.0f %% less", comb_s,
			100 * (1 - comb_s / verdict->serial_s));
}

int tune_say_verdict(const struct verdict *verdict, const struct study *study, struct gate_result *result)
{
	const struct bound *bound = &study->bound;
	int failed =
		str_addf(&result->figure, "%.2f s -> %.2f s: %.0f %% less; %.0f %% of what this machine can give",
			 verdict->serial_s, verdict->best_s, 100 * (1 - verdict->ratio), 100 * verdict->efficiency);
	const char *rule = verdict->halved   ? "At least half of the time is saved."
		: verdict->bound_allows_half ? "Half of the serial time, which the machine allows, is not reached."
		: verdict->at_the_limit
		? "Less than half can be saved here, and at least 90 % of the possible speed is reached."
		: "Less than half can be saved here, but 90 % of the possible speed is not reached either.";
	failed = failed || say_gain_of_comb(verdict, study, result) < 0;
	const struct interval *interval = &verdict->ratio_interval;
	if (interval->coverage > 0)
		failed = failed ||
			str_addf(&result->detail, "The ratio to serial is %.2f, between %.2f and %.2f with %.0f %%. ",
				 verdict->ratio, interval->low, interval->high, 100 * interval->coverage) < 0;
	failed = failed ||
		str_addf(&result->detail,
			 "%s The lower bound is %.2f s: %.2f s for start and collection, which happen once at "
			 "least, and %.2f s for %s.",
			 rule, verdict->bound_s, bound->start_s, bound->kinds[bound->binding] + bound->exclusive_s,
			 bound_kind_name(bound->binding)) < 0;
	if (!verdict->reached && study_best(study)->configuration.engine == ENGINE_XDIST)
		failed = failed ||
			str_addf(&result->detail,
				 " The %.2f s above it are what the runner adds: under pytest-xdist every worker is a "
				 "new interpreter that collects the whole suite, and tests are handed out in advance.",
				 verdict->best_s - verdict->bound_s) < 0;
	return failed ? -1 : 0;
}
