/* Phase 1: every test has one category, by evidence, and does what it did before. */
#include "phases/mark.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "history/history.h"
#include "phases/broken.h"
#include "phases/mark_answer.h"
#include "phases/mark_outcomes.h"
#include "report/json_text.h"

#include "base/banned.h"

#define UNMARKED "not (unit or integration or slow)"
/* Of the tests called unit, so many may take as long as a slow one, and of the slow ones so many be quick. */
#define MOST_SLOW_UNITS 0.05
#define MOST_QUICK_SLOWS 0.5
#define FEW_SLOWS 2
#define QUICK_S 0.01

void distribution_of(const struct suite_run *run, struct distribution *distribution)
{
	*distribution = (struct distribution){ .tests = run->tests.len };
	for (size_t i = 0; i < run->tests.len; i++) {
		bool several;
		distribution->counts[category_of_marks(&run->tests.at[i], &several)]++;
		distribution->several += several;
	}
}

/* The tests that -m selects, instead of the suite's own selection. */
static int select_by(struct phase_ctx *ctx, const char *markers, struct suite_run *run, struct err *err)
{
	struct suite_options options = { .engine = ENGINE_SERIAL, .collect_only = true, .markers = markers,
					 .timeout_s = ctx->settings->timeout_s };
	sink_step(ctx->sink, "asking pytest for tests without a category");
	return suite_run(ctx->project, &options, run, err);
}

/* --- 1.1 one category each --- */

static int set_distribution(struct gate_result *result, const struct distribution *d, struct err *err)
{
	json_decref(result->data);
	result->data = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "tests", (json_int_t)d->tests, "unit",
				 (json_int_t)d->counts[CATEGORY_UNIT], "integration",
				 (json_int_t)d->counts[CATEGORY_INTEGRATION], "slow", (json_int_t)d->counts[CATEGORY_SLOW],
				 "without", (json_int_t)d->counts[CATEGORY_NONE], "several", (json_int_t)d->several);
	return result->data ? 0 : err_no_memory(err);
}

static int name_offenders(const struct suite_run *run, struct gate_result *result, struct err *err)
{
	size_t named = 0;
	for (size_t i = 0; i < run->tests.len; i++) {
		bool several;
		enum category category = category_of_marks(&run->tests.at[i], &several);
		if (category != CATEGORY_NONE && !several)
			continue;
		const char *what = several ? "has more than one category; keep the one that is meant" : "has no category";
		if (mark_name_test(result, named++, &run->tests.at[i], what) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int conclude_collect_errors(const struct suite_run *run, struct gate_result *result, struct err *err)
{
	const struct collect_error *first = &run->collect_errors.at[0];
	if (str_addf(&result->detail, "%s\n", first->text ? first->text : "") < 0)
		return err_no_memory(err);
	return gate_conclude(result, GATE_FAILED, err, "%s:%d cannot be collected (%zu in all)", first->path,
			     first->line, run->collect_errors.len);
}

static int judge_marked(struct phase_ctx *ctx, const struct suite_run *run, struct gate_result *result,
			struct err *err)
{
	cleanup_suite_run struct suite_run unmarked = SUITE_RUN_INIT;
	struct distribution d;
	distribution_of(run, &d);
	if (d.tests == 0)
		return mark_say_no_tests(ctx->project, err);
	if (run->collect_errors.len > 0 && !ctx->settings->allow_failing)
		return conclude_collect_errors(run, result, err);
	if (set_distribution(result, &d, err) < 0 || name_offenders(run, result, err) < 0)
		return -1;
	if (d.counts[CATEGORY_NONE] > 0 || d.several > 0)
		return gate_conclude(result, GATE_FAILED, err, "of %zu tests %zu have no category and %zu have several",
				     d.tests, d.counts[CATEGORY_NONE], d.several);
	/* Marks said so; now pytest itself. */
	if (select_by(ctx, UNMARKED, &unmarked, err) < 0)
		return -1;
	if (unmarked.tests.len > 0)
		return gate_conclude(result, GATE_FAILED, err, "-m \"" UNMARKED "\" selects %zu tests, such as %s",
				     unmarked.tests.len, unmarked.tests.at[0].id);
	return gate_conclude(result, GATE_PASSED, err,
			     "%zu of %zu tests have one category; -m \"" UNMARKED "\" selects none", d.tests, d.tests);
}

static int verify_marked(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	if (mark_collect(ctx, &run, err) < 0 || judge_marked(ctx, &run, result, err) < 0)
		return -1;
	return broken_say(ctx, &run, result, err);
}

/* Whether every test that comb may mark is marked: one with several is the user's to mend. */
static bool is_complete(const struct phase_ctx *ctx, const struct suite_run *run)
{
	struct distribution d;
	distribution_of(run, &d);
	return d.tests > 0 && d.counts[CATEGORY_NONE] == 0 &&
	       (run->collect_errors.len == 0 || ctx->settings->allow_failing);
}

/* A suite that fails by itself gives no evidence to build on. True: *result says why. */
static int refuses(struct phase_ctx *ctx, const struct measurement *measurement, struct gate_result *result,
		   bool *refused, struct err *err)
{
	const struct suite_run *run = &measurement->run;
	size_t named = 0;
	*refused = true;
	if (run->tests.len == 0 && run->collect_errors.len == 0)
		return mark_say_no_tests(ctx->project, err);
	if (run->timed_out)
		return gate_conclude(result, GATE_FAILED, err, "the suite did not end within %.0f s",
				     ctx->settings->timeout_s);
	if (run->collect_errors.len > 0 && !ctx->settings->allow_failing)
		return conclude_collect_errors(run, result, err);
	for (size_t i = 0; i < run->tests.len && !ctx->settings->allow_failing; i++) {
		const struct test *test = &run->tests.at[i];
		bool left_out = measurement->left_out && measurement->left_out[i];
		if (left_out || outcome_is_good(test->outcome))
			continue;
		if (mark_name_test(result, named++, test, outcome_name(test->outcome)) < 0)
			return err_no_memory(err);
	}
	if (named > 0)
		return gate_conclude(result, GATE_FAILED, err,
				     "%zu tests fail already; mend them, or go on with the rest: --allow-failing",
				     named);
	*refused = false;
	return 0;
}

static int describe_runs(const struct mark_work *work, struct str *out)
{
	const struct measurement *m = &work->measurement;
	if (str_addf(out, "Durations: median of %d sequential run%s", m->runs, m->runs == 1 ? "" : "s") < 0)
		return -1;
	if (m->runs == 1 && m->run.wall_s > MEASURE_LONG_S) {
		if (str_adds(out, ", for one takes ") < 0 || clock_add_duration(out, m->run.wall_s) < 0)
			return -1;
	}
	return str_adds(out, ".\n");
}

static int describe_work(const struct mark_work *work, struct gate_result *result, struct err *err)
{
	struct str *out = &result->detail;
	int failed = describe_runs(work, out) < 0 ||
		     str_addf(out, "Marks placed: %zu on modules, %zu on classes, %zu on functions; %zu rows in comb-marks.json.\n",
			      work->modules, work->classes, work->functions, work->rows) < 0;
	for (size_t i = 0; !failed && i < work->put_back.len; i++)
		failed = str_addf(out, "Left as it was: %s\n", work->put_back.at[i]) < 0;
	for (size_t i = 0, named = 0; !failed && i < work->measurement.run.tests.len; i++)
		if (work->measurement.unsteady[i])
			failed = mark_name_test(result, named++, &work->measurement.run.tests.at[i],
					   "its outcome differs from run to run") < 0;
	return failed ? err_no_memory(err) : 0;
}

static int add_work_data(const struct mark_work *work, struct gate_result *result, struct err *err)
{
	json_t *put_back = json_array();
	for (size_t i = 0; put_back && i < work->put_back.len; i++)
		json_array_append_new(put_back, json_text(work->put_back.at[i]));
	json_t *marks = json_pack("{s:I, s:I, s:I, s:I, s:i, s:o}", "modules", (json_int_t)work->modules, "classes",
				  (json_int_t)work->classes, "functions", (json_int_t)work->functions, "rows",
				  (json_int_t)work->rows, "runs", work->measurement.runs, "left_as_it_was", put_back);
	if (!marks || !result->data || json_object_set_new(result->data, "placed", marks) < 0)
		return err_no_memory(err);
	return 0;
}

/* The first category that pytest does not know as a marker; NULL: it knows all. */
static const char *unregistered(const struct suite_run *run)
{
	for (size_t c = CATEGORY_UNIT; c < CATEGORY_COUNT; c++)
		if (strings_find(&run->markers, category_name((enum category)c)) < 0)
			return category_name((enum category)c);
	return NULL;
}

static int reach_marked(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_suite_run struct suite_run before = SUITE_RUN_INIT;
	cleanup_mark_work struct mark_work work = MARK_WORK_INIT;
	bool refused;
	if (mark_collect(ctx, &before, err) < 0)
		return -1;
	if (is_complete(ctx, &before))
		return judge_marked(ctx, &before, result, err) < 0 ? -1 : broken_say(ctx, &before, result, err);
	if (before.tests.len > 0 && unregistered(&before))
		return gate_conclude(result, GATE_FAILED, err,
				     "the marker %s is not registered; comb setup registers it", unregistered(&before));
	if (mark_work_prepare(&work, ctx, &before, err) < 0 || refuses(ctx, &work.measurement, result, &refused, err) < 0)
		return -1;
	if (refused)
		return 0;
	if (mark_work_write(&work, err) < 0 || describe_work(&work, result, err) < 0 ||
	    judge_marked(ctx, &work.after, result, err) < 0)
		return -1;
	if (broken_say(ctx, &work.measurement.run, result, err) < 0 || broken_store(ctx, &work.measurement.run, err) < 0)
		return -1;
	return result->data ? add_work_data(&work, result, err) : 0;
}

int mark_explain_tests(const struct mark_work *work, struct str *out)
{
	const struct suite_run *run = &work->measurement.run;
	for (size_t i = 0; i < run->tests.len; i++) {
		if (str_addf(out, "%-12s", category_name(work->verdicts[i].category)) < 0 ||
		    str_add_printable(out, run->tests.at[i].id, strlen(run->tests.at[i].id)) < 0 || str_adds(out, "  ") < 0 ||
		    verdict_explain(&work->verdicts[i], run, out) < 0 || str_addc(out, '\n') < 0)
			return -1;
	}
	return 0;
}

/* --- 1.2 the distribution --- */

struct spread {
	struct distribution d;
	double seconds[CATEGORY_COUNT];
	size_t slow_units, quick_slows, known;
};

static int measure_spread(struct phase_ctx *ctx, const struct suite_run *run, struct spread *spread, struct err *err)
{
	cleanup_free struct pace *paces = os_calloc(run->tests.len + 1, sizeof(*paces));
	cleanup_test_sources struct test_sources sources = TEST_SOURCES_INIT;
	if (!paces)
		return err_no_memory(err);
	if (test_sources_open(&sources, ctx->project->root, err) < 0)
		return -1;
	if (ctx->history && history_paces(ctx->history, run, paces, err) < 0)
		return -1;
	distribution_of(run, &spread->d);
	for (size_t i = 0; i < run->tests.len; i++) {
		bool several;
		enum category category = category_of_marks(&run->tests.at[i], &several);
		double seconds = paces[i].setup_s + paces[i].call_s + paces[i].teardown_s;
		if (paces[i].samples == 0)
			continue;
		spread->known++;
		spread->seconds[category] += seconds;
		spread->slow_units += category == CATEGORY_UNIT && paces[i].call_s >= SLOW_FROM_S;
		if (category != CATEGORY_SLOW || seconds >= QUICK_S || paces[i].last_outcome == TEST_SKIPPED)
			continue;
		int clock_line = test_sources_clock_line(&sources, &run->tests.at[i], err);
		if (clock_line < 0)
			return -1;
		spread->quick_slows += clock_line == 0 && !category_has_benchmark(&run->tests.at[i]);
	}
	return 0;
}

static int describe_spread(const struct spread *spread, struct str *out)
{
	for (size_t c = CATEGORY_UNIT; c < CATEGORY_COUNT; c++) {
		size_t count = spread->d.counts[c];
		double share = spread->d.tests ? 100.0 * (double)count / (double)spread->d.tests : 0;
		if (str_addf(out, "%s%zu %s (%.0f %%, ", c > CATEGORY_UNIT ? ", " : "", count,
			     category_name((enum category)c), share) < 0 ||
		    clock_add_duration(out, spread->seconds[c]) < 0 || str_adds(out, ")") < 0)
			return -1;
	}
	return 0;
}

/* Why the spread cannot be right, or NULL. */
static const char *implausible(const struct spread *spread)
{
	double units = (double)spread->d.counts[CATEGORY_UNIT], slows = (double)spread->d.counts[CATEGORY_SLOW];
	if (spread->d.counts[CATEGORY_NONE] > 0)
		return "some tests have no category";
	if ((double)spread->slow_units > MOST_SLOW_UNITS * units)
		return "too many tests marked unit take a second or more";
	if ((double)spread->quick_slows > MOST_QUICK_SLOWS * slows && spread->quick_slows > FEW_SLOWS)
		return "most tests marked slow take no time";
	return NULL;
}

static int verify_spread(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	cleanup_str struct str text = STR_INIT;
	struct spread spread = { .known = 0 };
	if (mark_collect(ctx, &run, err) < 0)
		return -1;
	if (run.tests.len == 0)
		return mark_say_no_tests(ctx->project, err);
	if (measure_spread(ctx, &run, &spread, err) < 0 || set_distribution(result, &spread.d, err) < 0)
		return -1;
	if (describe_spread(&spread, &text) < 0)
		return err_no_memory(err);
	const char *why = implausible(&spread);
	if (why && str_addf(&result->detail, "Next: look at the marks that were there before comb: %s\n", why) < 0)
		return err_no_memory(err);
	return gate_conclude(result, why ? GATE_FAILED : GATE_PASSED, err, "%s%s%s", text.buf, why ? ": " : "",
			     why ? why : "");
}

static const struct gate gates[] = {
	{
		.id = "1.1",
		.title = "every test has exactly one category",
		.cause = "What may run beside what, and how often it is worth running, depends on what a test is: quick and "
			 "by itself, reaching outside, or slow. A test without a category, or with two, is scheduled by guess.",
		.remedy = "comb mark measures the suite and marks what has no category yet. A test with two has both from "
			  "hands other than comb's: keep the one that is meant.",
		.attempts = 1,
		.reach = reach_marked,
		.verify = verify_marked,
	},
	{
		.id = "1.2",
		.title = "distribution reported and plausible",
		.cause = "Marks that contradict the measured times (unit tests of seconds, slow tests of nothing) steer the "
			 "scheduler wrong and hide where the time goes.",
		.remedy = "Correct or remove the marks that were there before, then run comb mark again: it gives a test "
			  "without a category the one that its durations and its footprint show.",
		.attempts = 1,
		.reach = verify_spread,
		.verify = verify_spread,
	},
	{
		.id = "1.3",
		.title = "outcomes unchanged",
		.cause = "A mark may change a test: code that reads its own source or line numbers, a hook that looks at "
			 "marks, a selection by marks in the configuration.",
		.remedy = "comb mark --remove takes the marks out; mark those tests by hand, or keep the source as it is: "
			  "comb mark --in config.",
		.attempts = 1,
		.reach = mark_reach_outcomes,
		.verify = mark_verify_outcomes,
	},
	{ .id = NULL },
};

const struct phase phase_mark = {
	.number = 1,
	.verb = "mark",
	.title = "Categorisation",
	.gates = gates,
};
