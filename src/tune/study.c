#include "tune/study.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"

#include "base/banned.h"

#define BOOTSTRAP_RESAMPLES 2000
#define BOOTSTRAP_SEED 3 /* any: the same figures give the same interval */

uint64_t study_identity(const struct suite_run *run)
{
	uint64_t hash = HASH_START;
	for (size_t i = 0; i < run->tests.len; i++)
		hash = hash_add_text(hash, run->tests.at[i].id);
	return hash;
}

bool study_fits(const struct study *study, const struct suite_run *run, double cores)
{
	return study->tests == run->tests.len && study->identity == study_identity(run) &&
		fabs(study->cores - cores) < 0.01;
}

int study_bound(struct study *study, const struct suite_run *run, struct workload *load, struct err *err)
{
	struct workload_costs costs = {
		.serial_s = stats_median(&study->serial_s),
		.serial_cpu_s = stats_median(&study->serial_cpu_s),
		.start_s = stats_median(&study->start_s),
		.start_cpu_s = stats_median(&study->start_cpu_s),
	};
	if (workload_from_run(load, run, &costs, err) < 0)
		return -1;
	struct machine machine = { .workers = (int)run->tests.len, .cores = study->cores };
	study->groups = load->group_total > 0;
	return bound_compute(&study->bound, load, &machine, err);
}

const struct contestant *study_serial(const struct study *study)
{
	return study->contest.count > 0 ? &study->contest.entries[0] : NULL;
}

const struct contestant *study_best(const struct study *study)
{
	return study->contest.count > 0 ? &study->contest.entries[study->contest.best] : NULL;
}

static bool is_usable(const struct contestant *entry)
{
	return !entry->failure[0] && entry->wall_s.n > 0;
}

const struct contestant *study_fastest(const struct study *study, enum suite_engine engine)
{
	const struct contestant *fastest = NULL;
	for (size_t i = 0; i < study->contest.count; i++) {
		const struct contestant *entry = &study->contest.entries[i];
		if (entry->configuration.engine != engine || !is_usable(entry))
			continue;
		if (!fastest || stats_median(&entry->wall_s) < stats_median(&fastest->wall_s))
			fastest = entry;
	}
	return fastest;
}

const struct contestant *study_faster_beside(const struct study *study)
{
	const struct contestant *best = study_best(study), *comb = study_fastest(study, ENGINE_COMB);
	bool faster = best && comb && comb->beside && stats_median(&comb->wall_s) < stats_median(&best->wall_s);
	return faster ? comb : NULL;
}

size_t study_parallel_count(const struct study *study)
{
	size_t count = 0;
	for (size_t i = 1; i < study->contest.count; i++)
		count += is_usable(&study->contest.entries[i]) && !study->contest.entries[i].beside;
	return count;
}

bool study_prefers_parallel(const struct study *study)
{
	return study->contest.count > 0 && study->contest.best > 0;
}

struct verdict verdict_of(const struct sample *serial, const struct sample *best, double bound_s)
{
	double serial_s = stats_median(serial), best_s = stats_median(best);
	struct verdict verdict = {
		.serial_s = serial_s,
		.best_s = best_s,
		.ratio = best_s / serial_s,
		.ratio_interval =
			stats_bootstrap_ratio(best, serial, CONTEST_CONFIDENCE, BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED),
		.bound_s = bound_s,
		.efficiency = fmin(1, bound_s / best_s),
	};
	verdict.halved = verdict.ratio <= TARGET_RATIO;
	verdict.bound_allows_half = bound_s <= TARGET_RATIO * serial_s;
	verdict.at_the_limit = !verdict.bound_allows_half && verdict.efficiency >= TARGET_EFFICIENCY;
	verdict.reached = verdict.halved || verdict.at_the_limit;
	return verdict;
}

struct verdict verdict_again(const struct verdict *before, const struct sample *serial, const struct sample *best,
			     double bound_s)
{
	struct verdict verdict = verdict_of(serial, best, bound_s);
	struct interval best_s = stats_median_interval(best, CONTEST_CONFIDENCE);
	if (best == serial) {
		verdict.ratio = 1;
		verdict.ratio_interval = (struct interval){ 1, 1, 1 };
	}
	double ratio = before->reached ? verdict.ratio_interval.low : verdict.ratio_interval.high;
	double time_s = before->reached ? best_s.low : best_s.high;
	verdict.halved = ratio <= TARGET_RATIO;
	verdict.bound_allows_half = before->bound_allows_half;
	verdict.at_the_limit = !verdict.bound_allows_half && bound_s >= TARGET_EFFICIENCY * time_s;
	verdict.reached = verdict.halved || verdict.at_the_limit;
	return verdict;
}

struct verdict study_verdict(const struct study *study)
{
	const struct contestant *serial = study_serial(study), *best = study_best(study);
	return verdict_of(&serial->wall_s, &best->wall_s, study->bound.total_s);
}

/* The best median at each number of workers of one engine. Returns how many points. */
static size_t collect_points(const struct study *study, struct fit_point points[CONTEST_ENTRIES_MAX])
{
	size_t n = 0;
	enum suite_engine engine =
		study_prefers_parallel(study) ? study_best(study)->configuration.engine : ENGINE_XDIST;
	for (size_t i = 1; i < study->contest.count; i++) {
		const struct contestant *entry = &study->contest.entries[i];
		size_t at = 0;
		if (!is_usable(entry) || entry->configuration.engine != engine)
			continue;
		double median = stats_median(&entry->wall_s);
		while (at < n && points[at].workers != entry->configuration.workers)
			at++;
		if (at == n)
			points[n++] = (struct fit_point){ entry->configuration.workers, median };
		points[at].wall_s = fmin(points[at].wall_s, median);
	}
	return n;
}

struct amdahl study_amdahl(const struct study *study)
{
	struct fit_point points[CONTEST_ENTRIES_MAX];
	return fit_amdahl(points, collect_points(study, points));
}

struct usl study_usl(const struct study *study)
{
	struct fit_point points[CONTEST_ENTRIES_MAX];
	return fit_usl(points, collect_points(study, points));
}

static int add_padded(struct str *out, const struct str *cell, size_t width)
{
	size_t columns = 0;
	for (size_t i = 0; i < cell->len; i++)
		columns += ((unsigned char)cell->buf[i] & 0xc0) != 0x80;
	if (str_add(out, str_text(cell), cell->len) < 0)
		return -1;
	for (; columns < width; columns++)
		if (str_addc(out, ' ') < 0)
			return -1;
	return 0;
}

static int add_seconds(struct str *out, double seconds)
{
	return seconds < 10 ? str_addf(out, "%.2f", seconds) : str_addf(out, "%.1f", seconds);
}

static int add_interval(struct str *out, const struct interval *interval)
{
	if (add_seconds(out, interval->low) < 0 || str_adds(out, " - ") < 0 || add_seconds(out, interval->high) < 0)
		return -1;
	return str_addf(out, " (%.0f %%)", interval->coverage * 100);
}

/* What is said behind the figures of a row. */
static const char *remark(const struct study *study, size_t i)
{
	const struct contestant *entry = &study->contest.entries[i];
	if (entry->failure[0])
		return "  other results than serially: not used";
	return i == study->contest.best ? "  chosen" : entry->beside ? "  with comb run" : "";
}

static int add_row(const struct study *study, size_t i, struct str *out)
{
	const struct contestant *entry = &study->contest.entries[i];
	cleanup_str struct str name = STR_INIT, median = STR_INIT, interval = STR_INIT, ratio = STR_INIT;
	int failed = configuration_add_name(&entry->configuration, &name) < 0;
	if (!failed && entry->wall_s.n > 0) {
		struct interval around = stats_median_interval(&entry->wall_s, CONTEST_CONFIDENCE);
		struct ratio to_serial = contest_ratio(entry, study_serial(study));
		failed = add_seconds(&median, stats_median(&entry->wall_s)) < 0 || str_adds(&median, " s") < 0 ||
			(entry->wall_s.n > 1 ? add_interval(&interval, &around) : str_adds(&interval, "one run")) < 0 ||
			str_addf(&ratio, "%.2f", to_serial.estimate) < 0;
	}
	failed = failed || add_padded(out, &name, 30) < 0 || str_addf(out, "%3zu  ", entry->wall_s.n) < 0 ||
		add_padded(out, &median, 10) < 0 || add_padded(out, &interval, 24) < 0 ||
		add_padded(out, &ratio, 5) < 0 || str_adds(out, remark(study, i)) < 0;
	while (out->len > 0 && out->buf[out->len - 1] == ' ')
		out->buf[--out->len] = '\0';
	return failed || str_addc(out, '\n') < 0 ? -1 : 0;
}

int study_add_table(const struct study *study, struct str *out)
{
	if (str_addf(out, "%-30s%3s  %-10s%-24s%s\n", "configuration", "n", "median", "interval", "to serial") < 0)
		return -1;
	for (size_t i = 0; i < study->contest.count; i++)
		if (add_row(study, i, out) < 0)
			return -1;
	return 0;
}
