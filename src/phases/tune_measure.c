#include "phases/tune_measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/machine.h"
#include "history/history.h"
#include "project/addopts.h"
#include "project/manifest.h"
#include "project/suite.h"
#include "tune/automatic.h"
#include "tune/candidates.h"

#include "base/banned.h"

#define STUDY_KEY "tune.study"
#define WORKERS_MOST 64
#define COMPUTES 0.5 /* a suite that computes at least this share of its time does not wait */

/* Shares of the budget. */
#define CONTEST_SHARE 0.6
#define CATEGORY_SHARE 0.2
#define COMPARE_SHARE 0.3

/* Fewer repetitions for suites that take longer than this: their noise is smaller, and patience ends. */
#define SHORT_S 10
#define MEDIUM_S 60

static const char *const categories[STUDY_CATEGORIES_MAX] = { "unit", "integration", "slow" };

int tune_load(const struct phase_ctx *ctx, struct study *study, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	struct err unreadable = ERR_INIT;
	int found = ctx->history ? history_meta_get(ctx->history, STUDY_KEY, &text, err) : 0;
	if (found <= 0)
		return found;
	json_t *json = json_loads(str_text(&text), 0, NULL);
	bool usable = json && study_parse(study, json, &unreadable) == 0 && fabs(study->cores - machine_cores()) < 0.01;
	json_decref(json);
	return usable;
}

int tune_need(const struct phase_ctx *ctx, struct study *study, struct err *err)
{
	int found = tune_load(ctx, study, err);
	if (found > 0)
		return 0;
	if (found == 0) {
		err_set(err, ERR_INPUT, "this suite has not been measured on this machine (%.3g cores)",
			machine_cores());
		err_hint(err, "comb tune %s", ctx->project->path);
	}
	return -1;
}

int tune_save(const struct phase_ctx *ctx, const struct study *study, struct err *err)
{
	if (!ctx->history)
		return 0;
	json_t *json = study_json(study);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int failed = text ? history_meta_set(ctx->history, STUDY_KEY, text, err) : err_no_memory(err);
	free(text);
	json_decref(json);
	return failed;
}

int tune_may_choose_comb(const struct phase_ctx *ctx, struct err *err)
{
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	if (ctx->project->engine_problem)
		return 0;
	return manifest_read(&manifest, ctx->project, err) < 0 ? -1 : manifest.with_comb;
}

int tune_need_engine(const struct phase_ctx *ctx, struct err *err)
{
	int comb = project_plugin(ctx->project, XDIST_NAME) ? 1 : tune_may_choose_comb(ctx, err);
	if (comb != 0)
		return comb < 0 ? -1 : 0;
	err_set(err, ERR_ENVIRONMENT, "pytest-xdist is not installed for %s", ctx->project->python);
	return err_hint(err, "comb setup --install %s", ctx->project->path);
}

double tune_computing_share(const struct study *study)
{
	double wall = stats_median(&study->serial_s) - stats_median(&study->start_s);
	double cpu = stats_median(&study->serial_cpu_s) - stats_median(&study->start_cpu_s);
	return wall > 0 ? fmin(1, fmax(0, cpu / wall)) : 0;
}

void tune_workers_text(const struct study *study, const struct configuration *configuration, char *text, size_t size)
{
	bool all_cores = configuration->workers == (int)study->cores;
	if (all_cores && tune_computing_share(study) >= COMPUTES)
		snprintf(text, size, "auto");
	else
		snprintf(text, size, "%d", configuration->workers);
}

static double budget_s(const struct phase_ctx *ctx, const struct study *study)
{
	if (ctx->settings->budget_s > 0)
		return ctx->settings->budget_s;
	return fmin(300, fmax(60, 12 * stats_median(&study->serial_s)));
}

/* The exit code, and the first failure of pytest's summary. */
static void note_failure(struct contestant *entry, const struct suite_run *run, int expected, double timeout_s)
{
	const char *failed = strstr(str_text(&run->output), "\nFAILED ");
	const char *error = strstr(str_text(&run->output), "\nERROR ");
	const char *said = failed ? failed + 1 : error ? error + 1 : "";
	if (run->timed_out)
		snprintf(entry->failure, sizeof(entry->failure), "stopped at the time limit of %g s", timeout_s);
	else
		snprintf(entry->failure, sizeof(entry->failure), "exit code %d instead of %d%s%.*s", run->exit_code,
			 expected, said[0] ? ": " : "", (int)strcspn(said, "\r\n"), said);
}

struct runner {
	const struct phase_ctx *ctx;
	const struct study *study;
};

/*
 * A category within what the suite's own -m leaves in: -m on the command line
 * replaces that of addopts, and "not stress" stands there for a reason.
 */
static int add_category(const struct project *project, const char *category, struct str *out, struct err *err)
{
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	const char *own = NULL;
	if (addopts_read(&addopts, project, err) < 0)
		return -1;
	for (size_t i = 0; i < addopts.words.len; i++) {
		const char *word = addopts.words.at[i];
		if (strncmp(word, "-m", 2) != 0)
			continue;
		if (word[2])
			own = word + 2 + (word[2] == '=');
		else if (i + 1 < addopts.words.len)
			own = addopts.words.at[i + 1];
	}
	int failed = own && *own ? str_addf(out, "%s and (%s)", category, own) : str_adds(out, category);
	return failed ? err_no_memory(err) : 0;
}

/* A contest_runner: plain runs, for the times of a user. */
static int run_entry(void *context, struct contestant *entry, struct err *err)
{
	const struct runner *runner = context;
	const struct configuration *c = &entry->configuration;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	cleanup_str struct str markers = STR_INIT;
	if (c->markers[0] && add_category(runner->ctx->project, c->markers, &markers, err) < 0)
		return -1;
	struct suite_options options = {
		.engine = c->configured ? ENGINE_SERIAL : c->engine,
		.workers = c->workers,
		.dist = c->engine == ENGINE_SERIAL || c->configured ? NULL : dist_name(c->dist),
		.markers = c->markers[0] ? str_text(&markers) : NULL,
		.plain = true,
		.keep_addopts = c->configured,
		.timeout_s = runner->ctx->settings->timeout_s,
	};
	if (suite_run(runner->ctx->project, &options, &run, err) < 0)
		return -1;
	int expected = runner->study->serial_exit_code;
	if (run.timed_out || (run.exit_code != expected && !c->markers[0])) {
		note_failure(entry, &run, expected, runner->ctx->settings->timeout_s);
		return 1;
	}
	sample_add(&entry->wall_s, run.wall_s);
	sample_add(&entry->cpu_s, run.cpu_s);
	return 0;
}

static void tell_run(void *context, const struct contest *contest, const struct contestant *entry)
{
	const struct runner *runner = context;
	cleanup_str struct str text = STR_INIT;
	const char *markers = entry->configuration.markers;
	if (configuration_add_name(&entry->configuration, &text) == 0)
		sink_stepf(runner->ctx->sink, "round %zu: %s%s%s", contest->rounds + 1, str_text(&text),
			   markers[0] ? " -m " : "", markers);
}

static int observe_serially(const struct phase_ctx *ctx, struct suite_run *run, struct err *err)
{
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.timeout_s = ctx->settings->timeout_s,
		.on_progress = ctx->sink ? ctx->sink->progress : NULL,
		.on_progress_context = ctx->sink ? ctx->sink->context : NULL,
	};
	struct history_run what = { .purpose = "tune", .engine = ENGINE_SERIAL };
	sink_step(ctx->sink, "serial, with durations");
	if (suite_run(ctx->project, &options, run, err) < 0)
		return -1;
	if (run->timed_out)
		return err_set(err, ERR_GATE, "the serial run was stopped at the time limit of %g s",
			       ctx->settings->timeout_s);
	if (run->tests.len == 0) {
		err_set(err, ERR_INPUT, "pytest collects no tests in %s", ctx->project->path);
		return err_hint(err, "see what `pytest --collect-only` says there");
	}
	return ctx->history ? history_record(ctx->history, &what, run, NULL, err) : 0;
}

static int run_plain(const struct phase_ctx *ctx, bool collect_only, struct suite_run *run, struct err *err)
{
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.plain = true,
		.collect_only = collect_only,
		.timeout_s = ctx->settings->timeout_s,
	};
	sink_step(ctx->sink, collect_only ? "collection only" : "serial");
	return suite_run(ctx->project, &options, run, err);
}

static int repeat_baseline(const struct phase_ctx *ctx, struct study *study, struct err *err)
{
	int rounds = 3;
	for (int i = 0; i < rounds; i++) {
		cleanup_suite_run struct suite_run start = SUITE_RUN_INIT, serial = SUITE_RUN_INIT;
		if (run_plain(ctx, true, &start, err) < 0 || run_plain(ctx, false, &serial, err) < 0)
			return -1;
		if (serial.timed_out)
			return err_set(err, ERR_GATE, "the serial run was stopped at the time limit of %g s",
				       ctx->settings->timeout_s);
		sample_add(&study->start_s, start.wall_s);
		sample_add(&study->start_cpu_s, start.cpu_s);
		sample_add(&study->serial_s, serial.wall_s);
		sample_add(&study->serial_cpu_s, serial.cpu_s);
		study->serial_exit_code = serial.exit_code;
		rounds = serial.wall_s < SHORT_S ? 3 : serial.wall_s < MEDIUM_S ? 2 : 1;
	}
	return 0;
}

static void count_categories(struct study *study, const struct suite_run *run)
{
	for (size_t c = 0; c < STUDY_CATEGORIES_MAX; c++) {
		struct category_cost cost = { .tests = 0 };
		snprintf(cost.name, sizeof(cost.name), "%s", categories[c]);
		for (size_t i = 0; i < run->tests.len; i++)
			cost.tests += strings_find(&run->tests.at[i].marks, categories[c]) >= 0;
		if (cost.tests > 0)
			study->categories[study->category_count++] = cost;
	}
}

/* How many workers fit into memory, each as large as the serial process. */
static int workers_most(const struct suite_run *run)
{
	return automatic_fitting(WORKERS_MOST, run->max_rss_bytes, machine_available_bytes());
}

/* The parallel engines that can be measured here. A row adds one. */
static const struct entrant {
	enum suite_engine engine;
	size_t most; /* candidates; 0: any number */
} entrants[] = { { ENGINE_XDIST, 0 }, { ENGINE_COMB, 3 } };
#define ENTRANTS (sizeof(entrants) / sizeof(*entrants))

/* Is the engine there, and does it keep together what has to be? */
static bool can_run(const struct project *project, enum suite_engine engine, bool groups)
{
	if (engine == ENGINE_COMB)
		return !project->engine_problem;
	return project_plugin(project, XDIST_NAME) && !(groups && project_xdist_parts_groups(project));
}

/* The best of each engine first, then the second ones: who has no time for all leaves the last ones out. */
static int add_candidates(const struct phase_ctx *ctx, struct study *study, const struct workload *load,
			  const struct suite_run *run, struct err *err)
{
	struct candidate candidates[ENTRANTS][CANDIDATES_MAX];
	struct configuration serial = { .engine = ENGINE_SERIAL };
	size_t counts[ENTRANTS] = { 0 };
	int with_comb = tune_may_choose_comb(ctx, err);
	for (size_t e = 0; e < ENTRANTS && with_comb >= 0; e++) {
		struct candidate_limits limits = {
			.engine = entrants[e].engine,
			.most = entrants[e].most,
			.cores = study->cores,
			.workers_most = workers_most(run),
			.keep_groups = study->groups,
		};
		if (can_run(ctx->project, limits.engine, study->groups) &&
		    candidates_choose(load, &limits, candidates[e], &counts[e], err) < 0)
			return -1;
	}
	contest_add(&study->contest, &serial, simulate_serial(load).total_s);
	for (size_t i = 0; i < CANDIDATES_MAX; i++)
		for (size_t e = 0; e < ENTRANTS; e++) {
			struct contestant *entry = i < counts[e]
				? contest_add(&study->contest, &candidates[e][i].configuration,
					      candidates[e][i].predicted_s)
				: NULL;
			if (entry)
				entry->beside = entrants[e].engine == ENGINE_COMB && !with_comb;
		}
	return with_comb < 0 ? -1 : 0;
}

int tune_baseline(const struct phase_ctx *ctx, struct study *study, struct suite_run *run, struct err *err)
{
	cleanup_workload struct workload load = WORKLOAD_INIT;
	*study = (struct study){ .cores = machine_cores() };
	if (observe_serially(ctx, run, err) < 0 || repeat_baseline(ctx, study, err) < 0)
		return -1;
	study->tests = run->tests.len;
	study->identity = study_identity(run);
	count_categories(study, run);
	if (study_bound(study, run, &load, err) < 0)
		return -1;
	return add_candidates(ctx, study, &load, run, err);
}

/* Candidates come in order of their worth; no more than the budget has three rounds for, but two, and one beside. */
static void fit_into_budget(struct study *study, double budget, bool reference_given)
{
	double round_s = reference_given ? 0 : stats_median(&study->serial_s);
	for (size_t i = 1; i < study->contest.count; i++) {
		round_s += study->contest.entries[i].predicted_s;
		if (i > 3 && CONTEST_ROUNDS_LEAST * round_s > budget)
			study->contest.count = i;
	}
}

int tune_contest(const struct phase_ctx *ctx, struct study *study, struct err *err)
{
	struct runner runner = { .ctx = ctx, .study = study };
	double budget = CONTEST_SHARE * budget_s(ctx, study);
	struct contest_options options = {
		.budget_s = budget,
		.run = run_entry,
		.context = &runner,
		.on_run = tell_run,
		/* Where three serial runs alone would take the budget, the baseline's have to do. */
		.reference_given = 3 * stats_median(&study->serial_s) > budget,
	};
	struct contestant *serial = &study->contest.entries[0];
	fit_into_budget(study, budget, options.reference_given);
	for (size_t i = 0; i < study->contest.count; i++) {
		study->contest.entries[i].wall_s.n = study->contest.entries[i].cpu_s.n = 0;
		study->contest.entries[i].failure[0] = '\0';
		study->contest.entries[i].dropped = false;
	}
	if (options.reference_given) {
		serial->wall_s = study->serial_s;
		serial->cpu_s = study->serial_cpu_s;
	}
	return contest_run(&study->contest, &options, err);
}

/* The winner, or where serial won the fastest parallel entry: a part may gain though the whole does not. */
static const struct contestant *fastest_parallel(const struct study *study)
{
	const struct contestant *fastest = study_prefers_parallel(study) ? study_best(study) : NULL;
	for (size_t i = 1; !study_prefers_parallel(study) && i < study->contest.count; i++) {
		const struct contestant *entry = &study->contest.entries[i];
		if (entry->failure[0] || entry->wall_s.n == 0 || entry->beside)
			continue;
		if (!fastest || stats_median(&entry->wall_s) < stats_median(&fastest->wall_s))
			fastest = entry;
	}
	return fastest;
}

static int measure_category(struct runner *runner, const struct contestant *parallel, struct category_cost *cost,
			    double share_s, struct err *err)
{
	struct contest contest = { .count = 0 };
	struct configuration serial = { .engine = ENGINE_SERIAL };
	struct configuration chosen = parallel ? parallel->configuration : serial;
	snprintf(serial.markers, sizeof(serial.markers), "%s", cost->name);
	snprintf(chosen.markers, sizeof(chosen.markers), "%s", cost->name);
	contest_add(&contest, &serial, NAN);
	if (parallel)
		contest_add(&contest, &chosen, NAN);
	struct contest_options options = {
		.budget_s = share_s, .run = run_entry, .context = runner, .on_run = tell_run
	};
	if (contest_run(&contest, &options, err) < 0)
		return -1;
	cost->serial_s = contest.entries[0].wall_s;
	cost->chosen_s = parallel ? contest.entries[1].wall_s : (struct sample){ .n = 0 };
	return 0;
}

int tune_categories(const struct phase_ctx *ctx, struct study *study, struct err *err)
{
	struct runner runner = { .ctx = ctx, .study = study };
	const struct contestant *parallel = fastest_parallel(study);
	double share_s = CATEGORY_SHARE * budget_s(ctx, study) / fmax(1, (double)study->category_count);
	for (size_t i = 0; i < study->category_count; i++)
		if (measure_category(&runner, parallel, &study->categories[i], share_s, err) < 0)
			return -1;
	return 0;
}

int tune_compare(const struct phase_ctx *ctx, const struct study *study, struct contest *contest, struct err *err)
{
	struct runner runner = { .ctx = ctx, .study = study };
	struct configuration serial = { .engine = ENGINE_SERIAL }, configured = { .configured = true };
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	if (addopts_read(&addopts, ctx->project, err) < 0)
		return -1;
	bool serially = !addopts.comb && (!addopts.workers || strcmp(addopts.workers, "0") == 0);
	*contest = (struct contest){ .count = 0 };
	contest_add(contest, &serial, NAN);
	if (!serially)
		contest_add(contest, &configured, NAN);
	struct contest_options options = {
		.budget_s = COMPARE_SHARE * budget_s(ctx, study),
		.run = run_entry,
		.context = &runner,
		.on_run = tell_run,
	};
	return contest_run(contest, &options, err);
}
