/*
 * Phase 3, performance: measure, choose, write the choice down, prove it.
 */
#include <string.h>

#include "phases/broken.h"
#include "phases/gate.h"
#include "phases/tune_measure.h"
#include "phases/tune_text.h"
#include "phases/tune_write.h"
#include "project/suite.h"
#include "tune/study.h"

#include "base/banned.h"

#define CONSISTENT_RUNS 3

static int pass_or_fail(struct gate_result *result, bool passed)
{
	result->status = passed ? GATE_PASSED : GATE_FAILED;
	return 0;
}

/* Takes the reference. NULL is out of memory. */
static int attach(struct gate_result *result, json_t *data, struct err *err)
{
	json_decref(result->data);
	result->data = data;
	return data ? 0 : err_no_memory(err);
}

/* The study without what only later gates fill. */
static json_t *baseline_json(const struct study *study)
{
	json_t *json = study_json(study);
	json_object_del(json, "contest");
	json_object_del(json, "categories");
	return json;
}

static json_t *categories_json(const struct study *study)
{
	json_t *all = study_json(study);
	json_t *json = all ? json_pack("{s:O}", "categories", json_object_get(all, "categories")) : NULL;
	json_decref(all);
	return json;
}

static json_t *verdict_json(const struct verdict *verdict)
{
	const struct interval *interval = &verdict->ratio_interval;
	return json_pack("{s:f, s:f, s:f, s:{s:f, s:f, s:f}, s:f, s:f, s:b, s:b}", "serial_s", verdict->serial_s,
			 "best_s", verdict->best_s, "ratio", verdict->ratio, "ratio_interval", "low", interval->low,
			 "high", interval->high, "coverage", interval->coverage, "bound_s", verdict->bound_s,
			 "efficiency", verdict->efficiency, "halved", verdict->halved, "at_the_limit",
			 verdict->at_the_limit);
}

/* 3.1 */

/* Names the first thing that keeps the suite from passing. */
static int say_what_fails(const struct suite_run *run, int exit_code, struct str *figure)
{
	struct suite_counts counts = suite_count(run);
	if (run->collect_errors.len > 0) {
		const struct collect_error *first = &run->collect_errors.at[0];
		return str_addf(figure, "the suite cannot be collected: ") < 0 ||
				       str_add_printable(figure, first->path, strlen(first->path)) < 0 ||
				       str_addf(figure, ":%d (%zu in all)", first->line, run->collect_errors.len) < 0
			       ? -1
			       : 0;
	}
	if (str_addf(figure, "the suite does not pass serially: %zu of %zu tests fail, exit code %d", counts.failed,
		     counts.collected, exit_code) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		if (test->outcome == TEST_NOT_RUN || outcome_is_good(test->outcome))
			continue;
		return str_adds(figure, "; the first is ") < 0 ? -1 : str_add_printable(figure, test->id, strlen(test->id));
	}
	return 0;
}

static int reach_baseline(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	struct study study;
	if (tune_baseline(ctx, &study, &run, err) < 0 || tune_save(ctx, &study, err) < 0 ||
	    attach(result, baseline_json(&study), err) < 0)
		return -1;
	bool sound = study.serial_exit_code == 0 || (ctx->settings->allow_failing && study.serial_exit_code == 1);
	if (!sound) {
		int failed = say_what_fails(&run, study.serial_exit_code, &result->figure);
		return failed ? err_no_memory(err) : pass_or_fail(result, false);
	}
	if (tune_say_baseline(&study, result) < 0)
		return err_no_memory(err);
	return broken_say(ctx, &run, result, err) < 0 ? -1 : pass_or_fail(result, true);
}

static int verify_baseline(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	int found = tune_load(ctx, &study, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return reach_baseline(ctx, result, err);
	if (attach(result, baseline_json(&study), err) < 0)
		return -1;
	return tune_say_baseline(&study, result) < 0 ? err_no_memory(err) : pass_or_fail(result, true);
}

/* 3.2 */

/* Something parallel could be measured, unless there is nothing to run beside anything. */
static bool is_sound(const struct study *study)
{
	return study->contest.count == 1 || study_parallel_count(study) > 0;
}

/* The table, line by line, for the person who waits. */
static int show_table(const struct phase_ctx *ctx, const struct study *study)
{
	cleanup_str struct str table = STR_INIT;
	if (study_add_table(study, &table) < 0)
		return -1;
	for (char *line = table.buf; line && *line;) {
		char *end = line + strcspn(line, "\n");
		bool last = !*end;
		*end = '\0';
		sink_note(ctx->sink, line);
		line = end + !last;
	}
	return 0;
}

static int reach_workers(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need_engine(ctx, err) < 0 || tune_need(ctx, &study, err) < 0)
		return -1;
	if (tune_contest(ctx, &study, err) < 0 || tune_save(ctx, &study, err) < 0 ||
	    attach(result, study_json(&study), err) < 0)
		return -1;
	if (show_table(ctx, &study) < 0 || tune_say_contest(&study, result) < 0)
		return err_no_memory(err);
	return pass_or_fail(result, is_sound(&study));
}

static bool contest_was_held(const struct study *study)
{
	return study->contest.count > 0 && study->contest.entries[0].wall_s.n > 0;
}

/* Tests may have come and gone since; that is told, and gate 3.5 measures anew. */
static int say_changes(const struct phase_ctx *ctx, const struct study *study, struct gate_result *result,
		       struct err *err)
{
	cleanup_suite_run struct suite_run now = SUITE_RUN_INIT;
	struct suite_options options = { .collect_only = true, .timeout_s = ctx->settings->timeout_s };
	if (suite_run(ctx->project, &options, &now, err) < 0)
		return -1;
	if (broken_say(ctx, &now, result, err) < 0)
		return -1;
	if (study_fits(study, &now, study->cores))
		return 0;
	return str_addf(&result->detail,
			"\n\nThe tests have changed since: %zu were measured, %zu are there now. comb tune measures "
			"again.",
			study->tests, now.tests.len) < 0
		? err_no_memory(err)
		: 0;
}

static int verify_workers(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0 || attach(result, study_json(&study), err) < 0)
		return -1;
	if (!contest_was_held(&study)) {
		int failed = str_adds(&result->figure, "parallel configurations have not been measured");
		return failed ? err_no_memory(err) : pass_or_fail(result, false);
	}
	if (tune_say_contest(&study, result) < 0)
		return err_no_memory(err);
	return say_changes(ctx, &study, result, err) < 0 ? -1 : pass_or_fail(result, is_sound(&study));
}

/* 3.3 */

static int reach_categories(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0)
		return -1;
	if (tune_categories(ctx, &study, err) < 0 || tune_save(ctx, &study, err) < 0 ||
	    attach(result, categories_json(&study), err) < 0)
		return -1;
	return tune_say_categories(&study, result) < 0 ? err_no_memory(err)
						       : pass_or_fail(result, study.category_count > 0);
}

static int verify_categories(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0 || attach(result, categories_json(&study), err) < 0)
		return -1;
	bool measured = study.category_count > 0;
	for (size_t i = 0; i < study.category_count; i++)
		measured &= study.categories[i].serial_s.n > 0;
	int failed = measured || study.category_count == 0
		? tune_say_categories(&study, result)
		: str_adds(&result->figure, "categories have not been measured");
	return failed ? err_no_memory(err) : pass_or_fail(result, measured);
}

/* 3.4 */

static int say_configuration(const struct phase_ctx *ctx, const struct study *study, struct gate_result *result,
			     struct err *err)
{
	cleanup_str struct str now = STR_INIT;
	if (tune_describe_addopts(ctx, &now, err) < 0 ||
	    attach(result,
		   json_pack("{s:s, s:b}", "addopts", str_text(&now), "parallel", study_prefers_parallel(study)),
		   err) < 0)
		return -1;
	if (!study_prefers_parallel(study)) {
		int failed =
			str_addf(&result->figure, "serial is fastest: nothing written (addopts: %s)", str_text(&now));
		return failed ? err_no_memory(err) : 0;
	}
	bool fixed = strstr(str_text(&now), "-n auto") == NULL;
	bool comb = study_best(study)->configuration.engine == ENGINE_COMB;
	int failed = str_addf(&result->figure, "addopts: %s", str_text(&now)) < 0;
	failed = failed ||
		(fixed &&
		 str_adds(&result->detail,
			  "A fixed number of workers, because the suite waits more than it computes or is best with "
			  "another number than there are cores; -n auto would give the number of cores. With --pdb "
			  "add -n0, as xdist wants it.\n\n") < 0);
	failed = failed ||
		(!fixed &&
		 str_adds(&result->detail,
			  "-n auto, because the suite computes and as many workers as cores were best: another "
			  "machine gets its own number.\n\n") < 0);
	failed = failed ||
		(study->groups &&
		 str_adds(&result->detail,
			  "--dist loadgroup keeps the tests of an xdist_group on one worker: safety depends on "
			  "it.\n\n") < 0);
	failed = failed ||
		str_adds(&result->detail,
			 comb ? "pytest now needs pytest-comb, which the project declares beside pytest; "
				"`pytest -n0` runs serially, `pytest --no-comb` with pytest-xdist." :
				"pytest now needs pytest-xdist, which the project declares beside pytest; "
				"`pytest -n0` runs serially.") < 0;
	if (!failed && comb && !project_plugin(ctx->project, COMB_NAME))
		failed = str_addf(&result->figure, "; pytest-comb is not installed in %s yet", ctx->project->python) <
				 0 ||
			str_adds(&result->detail, "\n\nIt is not installed there: comb's own runs bring the plugin "
						  "along, plain pytest refuses --comb until it is. comb setup --install "
						  "does that.") < 0;
	return failed ? err_no_memory(err) : 0;
}

static int reach_configuration(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0)
		return -1;
	int written = tune_write(ctx, &study, &result->figure, err);
	if (written < 0)
		return -1;
	if (!written)
		return pass_or_fail(result, false);
	return say_configuration(ctx, &study, result, err) < 0 ? -1 : pass_or_fail(result, true);
}

static int verify_configuration(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0)
		return -1;
	int written = tune_is_written(ctx, &study, err);
	if (written < 0 || say_configuration(ctx, &study, result, err) < 0)
		return -1;
	return pass_or_fail(result, written);
}

/* 3.5 */

static int reach_target(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0)
		return -1;
	if (!contest_was_held(&study))
		return err_set(err, ERR_INPUT, "parallel configurations have not been measured");
	struct verdict verdict = study_verdict(&study);
	if (attach(result, verdict_json(&verdict), err) < 0)
		return -1;
	return tune_say_verdict(&verdict, &study, result) < 0 ? err_no_memory(err) : pass_or_fail(result, verdict.reached);
}

/* Measured anew, as the project is configured now. */
static int verify_target(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	struct contest contest;
	if (tune_need(ctx, &study, err) < 0 || tune_compare(ctx, &study, &contest, err) < 0)
		return -1;
	const struct contestant *configured = &contest.entries[contest.count - 1]; /* serial itself where it is configured */
	if (configured->failure[0]) {
		int failed = str_addf(&result->figure, "as configured: %s", configured->failure);
		return failed ? err_no_memory(err) : pass_or_fail(result, false);
	}
	struct verdict before = study_verdict(&study);
	struct verdict verdict = verdict_again(&before, &contest.entries[0].wall_s, &configured->wall_s, study.bound.total_s);
	if (attach(result, verdict_json(&verdict), err) < 0)
		return -1;
	return tune_say_verdict(&verdict, &study, result) < 0 ? err_no_memory(err) : pass_or_fail(result, verdict.reached);
}

/* 3.6 */

static int say_consistency(const struct phase_ctx *ctx, int runs, struct gate_result *result, struct err *err)
{
	size_t differing;
	cleanup_str struct str report = STR_INIT;
	if (tune_repeat(ctx, runs, &differing, &report, err) < 0 ||
	    attach(result, json_pack("{s:i, s:I}", "runs", runs, "differing", (json_int_t)differing), err) < 0)
		return -1;
	int failed = differing
		? str_addf(&result->figure, "%zu tests have other outcomes than in a serial run", differing)
		: str_addf(&result->figure, "%d runs as configured, each with every outcome of a serial run", runs);
	if (failed || str_adds(&result->detail, str_text(&report)) < 0)
		return err_no_memory(err);
	return pass_or_fail(result, differing == 0);
}

/* A choice that gave other results is struck out; the next best one is written. 0: there is none. */
static int choose_next(struct phase_ctx *ctx, struct study *study, struct str *why, struct err *err)
{
	struct contestant *tried = &study->contest.entries[study->contest.best];
	size_t next = 0;
	if (!study_prefers_parallel(study))
		return 0;
	str_clear(why);
	memcpy(tried->failure, "other outcomes", sizeof("other outcomes"));
	for (size_t i = 1; i < study->contest.count; i++) {
		const struct contestant *entry = &study->contest.entries[i];
		if (entry->failure[0] || entry->wall_s.n == 0 || entry->beside)
			continue;
		if (next == 0 || stats_median(&entry->wall_s) < stats_median(&study->contest.entries[next].wall_s))
			next = i;
	}
	if (next == 0)
		return 0;
	study->contest.best = next;
	int written = tune_write(ctx, study, why, err);
	return written <= 0 ? written : tune_save(ctx, study, err) < 0 ? -1 : 1;
}

static int reach_consistency(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct study study;
	if (tune_need(ctx, &study, err) < 0)
		return -1;
	if (ctx->attempt > 1) {
		int found = choose_next(ctx, &study, &result->figure, err);
		if (found < 0)
			return -1;
		if (found == 0) {
			if (result->figure.len == 0 &&
			    str_adds(&result->figure, "no other configuration is left to try") < 0)
				return err_no_memory(err);
			return pass_or_fail(result, false);
		}
	}
	return say_consistency(ctx, CONSISTENT_RUNS, result, err);
}

static int verify_consistency(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	return say_consistency(ctx, 2, result, err);
}

static const struct gate gates[] = {
	{
		.id = "3.1",
		.title = "sequential baseline measured",
		.cause = "Without an honest sequential time, measured as a user would run the suite, no speed-up means "
			 "anything.",
		.remedy = "Make the suite pass serially first, or allow the failures with --allow-failing.",
		.attempts = 1,
		.reach = reach_baseline,
		.verify = verify_baseline,
	},
	{
		.id = "3.2",
		.title = "numbers of workers measured",
		.cause = "The best number of workers depends on how much the tests compute and how much they wait; "
			 "more is "
			 "often slower.",
		.remedy = "Where parallel runs give other results: comb check. Where they could not be told apart: a "
			  "quiet machine, "
			  "or a larger --budget.",
		.attempts = 1,
		.reach = reach_workers,
		.verify = verify_workers,
	},
	{
		.id = "3.3",
		.title = "each category measured",
		.cause = "Unit, integration and slow tests gain differently; who runs only one kind wants to know.",
		.remedy = "Sort the tests into categories first: comb mark.",
		.attempts = 1,
		.reach = reach_categories,
		.verify = verify_categories,
	},
	{
		.id = "3.4",
		.title = "the best configuration written",
		.cause = "A configuration that nobody types is not used: plain pytest has to be fast.",
		.remedy = "Run comb tune, which writes -n and --dist into addopts; or write them there yourself.",
		.attempts = 1,
		.reach = reach_configuration,
		.verify = verify_configuration,
	},
	{
		.id = "3.5",
		.title = "half the time, or 90 % of what this machine can give",
		.cause = "At least half of the time saved, or, where start-up, the longest test or the cores allow "
			 "less than that, "
			 "at least 90 % of the possible speed.",
		.remedy = "Split the longest tests, shorten imports and collection, or use a machine with more cores; "
			  "see what "
			  "binds the lower bound.",
		.attempts = 1,
		.may_fail = true,
		.reach = reach_target,
		.verify = verify_target,
	},
	{
		.id = "3.6",
		.title = "consistent results",
		.cause = "A fast run that now and then fails costs more than it saves.",
		.remedy = "Run comb check again: the tests named depend on each other or on timing.",
		.attempts = 3,
		.reach = reach_consistency,
		.verify = verify_consistency,
	},
	{ .id = NULL },
};

const struct phase phase_tune = {
	.number = 3,
	.verb = "tune",
	.title = "Performance",
	.gates = gates,
};
