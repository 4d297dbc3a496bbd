#include "phases/mark_outcomes.h"

#include <stdlib.h>

#include "base/os.h"
#include "history/history.h"
#include "phases/broken.h"
#include "phases/mark_answer.h"
#include "phases/mark_record.h"
#include "phases/mark_undo.h"
#include "phases/measure.h"

#include "base/banned.h"

#define AFTER_PURPOSE "mark check"
#define BASELINE_PURPOSE "baseline"
/* Marks are moved at most so often before outcomes that still differ fail the gate. */
#define MOST_MOVES 2

static void pass_progress(void *context, size_t done, size_t total, const char *running)
{
	sink_progress(context, done, total, running);
}

/* Outcomes that tests had before they were marked; a test that had none then has 0. */
static int outcomes_before(struct phase_ctx *ctx, const struct suite_run *run, unsigned *seen, bool *any,
			   struct err *err)
{
	cleanup_free unsigned *baseline = os_calloc(run->tests.len + 1, sizeof(*baseline));
	if (!baseline)
		return err_no_memory(err);
	*any = false;
	if (!ctx->history)
		return 0;
	if (history_outcomes(ctx->history, MEASURE_PURPOSE, run, seen, err) < 0 ||
	    history_outcomes(ctx->history, BASELINE_PURPOSE, run, baseline, err) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		seen[i] |= baseline[i];
		*any |= seen[i] != 0;
	}
	return 0;
}

static int run_suite(struct phase_ctx *ctx, struct suite_run *run, struct err *err)
{
	struct suite_options options = { .engine = ENGINE_SERIAL, .timeout_s = ctx->settings->timeout_s,
					 .on_progress = pass_progress, .on_progress_context = (void *)ctx->sink };
	sink_step(ctx->sink, "running the suite as it is now");
	return suite_run(ctx->project, &options, run, err);
}

/* None of the outcomes known from before; a test that has been mended since is no harm done. */
static bool differs(unsigned seen, enum outcome outcome)
{
	const unsigned bad = OUTCOME_BIT(TEST_NOT_RUN) | OUTCOME_BIT(TEST_FAILED) | OUTCOME_BIT(TEST_ERROR) |
			     OUTCOME_BIT(TEST_CRASHED);
	if (seen == 0 || (seen & OUTCOME_BIT(outcome)))
		return false;
	return outcome != TEST_PASSED || (seen & ~bad);
}

/* changed[i]: the outcome is none of those known. */
static int compare_outcomes(struct phase_ctx *ctx, const struct suite_run *run, bool *changed, bool *any,
			    struct err *err)
{
	cleanup_free unsigned *seen = os_calloc(run->tests.len + 1, sizeof(*seen));
	if (!seen)
		return err_no_memory(err);
	if (outcomes_before(ctx, run, seen, any, err) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++)
		changed[i] = differs(seen[i], run->tests.at[i].outcome);
	return 0;
}

static size_t count_true(const bool *flags, size_t count)
{
	size_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += flags[i];
	return sum;
}

/* A test that differs once more is changed; one that does not is flaky, and named. */
static int confirm_changes(struct phase_ctx *ctx, const struct suite_run *run, bool *changed,
			   struct gate_result *result, struct err *err)
{
	cleanup_suite_run struct suite_run again = SUITE_RUN_INIT;
	bool any;
	if (run_suite(ctx, &again, err) < 0)
		return -1;
	cleanup_free bool *still = os_calloc(again.tests.len + 1, sizeof(*still));
	cleanup_free size_t *match = suite_match(&again, run);
	if (!still || !match)
		return err_no_memory(err);
	if (compare_outcomes(ctx, &again, still, &any, err) < 0)
		return -1;
	for (size_t i = 0, named = 0; i < run->tests.len; i++) {
		if (!changed[i] || (match[i] != SIZE_MAX && still[match[i]]))
			continue;
		changed[i] = false;
		if (mark_name_test(result, named++, &run->tests.at[i], "is flaky: another run agrees with the outcome before") < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int name_changed(const struct suite_run *run, const bool *changed, struct gate_result *result,
			struct err *err)
{
	for (size_t i = 0, named = 0; i < run->tests.len; i++) {
		if (!changed[i])
			continue;
		cleanup_str struct str what = STR_INIT;
		if (str_addf(&what, "%s, and was not before", outcome_name(run->tests.at[i].outcome)) < 0 ||
		    mark_name_test(result, named++, &run->tests.at[i], what.buf) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int keep_run(struct phase_ctx *ctx, const char *purpose, const struct suite_run *run, struct err *err)
{
	struct history_run what = { .purpose = purpose, .engine = ENGINE_SERIAL };
	return ctx->history ? history_record(ctx->history, &what, run, NULL, err) : 0;
}

/* One run, held against the outcomes on record. */
struct comparison {
	struct suite_run run;
	bool *changed;   /* one a test */
	size_t changes;
	bool any;        /* there was something to compare with */
};

static void comparison_release(struct comparison *comparison)
{
	suite_run_release(&comparison->run);
	free(comparison->changed);
	comparison->changed = NULL;
}
#define cleanup_comparison __attribute__((cleanup(comparison_release)))

static int compare_run(struct phase_ctx *ctx, struct comparison *comparison, struct gate_result *result,
		       struct err *err)
{
	struct suite_run *run = &comparison->run;
	comparison_release(comparison);
	if (run_suite(ctx, run, err) < 0)
		return -1;
	if (run->tests.len == 0)
		return mark_say_no_tests(ctx->project, err);
	comparison->changed = os_calloc(run->tests.len + 1, sizeof(bool));
	if (!comparison->changed)
		return err_no_memory(err);
	if (compare_outcomes(ctx, run, comparison->changed, &comparison->any, err) < 0)
		return -1;
	if (count_true(comparison->changed, run->tests.len) > 0 &&
	    confirm_changes(ctx, run, comparison->changed, result, err) < 0)
		return -1;
	comparison->changes = count_true(comparison->changed, run->tests.len);
	return 0;
}

static int conclude_comparison(struct phase_ctx *ctx, const struct comparison *comparison,
			       struct gate_result *result, struct err *err)
{
	size_t count = comparison->run.tests.len, changes = comparison->changes;
	if (!comparison->any)
		return gate_conclude(
			result, GATE_FAILED, err,
			"no outcomes from before are on record: run comb setup, or comb mark on an unmarked suite");
	const char *broken = NULL;
	int newly = broken_find_new(ctx, &comparison->run, &broken, err);
	if (newly < 0 || name_changed(&comparison->run, comparison->changed, result, err) < 0 ||
	    keep_run(ctx, AFTER_PURPOSE, &comparison->run, err) < 0)
		return -1;
	json_decref(result->data);
	result->data = json_pack("{s:I, s:I}", "tests", (json_int_t)count, "changed", (json_int_t)changes);
	if (!result->data)
		return err_no_memory(err);
	if (newly)
		return gate_conclude(result, GATE_FAILED, err, "%s cannot be collected, and could before", broken);
	return gate_conclude(result, changes ? GATE_FAILED : GATE_PASSED, err, "%zu of %zu outcomes as before",
			     count - changes, count);
}

int mark_verify_outcomes(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_comparison struct comparison comparison = { .run = SUITE_RUN_INIT };
	if (compare_run(ctx, &comparison, result, err) < 0)
		return -1;
	return conclude_comparison(ctx, &comparison, result, err);
}

static int note_moved(struct phase_ctx *ctx, const struct strings *files, struct gate_result *result)
{
	for (size_t i = 0; i < files->len; i++) {
		sink_notef(ctx->sink, "%s is put back: its tests fare otherwise with these marks", files->at[i]);
		if (str_addf(&result->detail, "Put back: %s, for its tests fared otherwise with the marks in it\n",
			     files->at[i]) < 0)
			return -1;
	}
	return 0;
}

/* The marks of files whose tests fare otherwise now move out of the source, or become lighter. */
static int restore_outcomes(struct phase_ctx *ctx, struct comparison *comparison, struct gate_result *result,
			    struct err *err)
{
	cleanup_strings struct strings files = STRINGS_INIT;
	for (int round = 0;; round++) {
		if (compare_run(ctx, comparison, result, err) < 0)
			return -1;
		if (comparison->changes == 0 || round == MOST_MOVES)
			break;
		if (mark_undo_some(ctx, &comparison->run, comparison->changed, &files, err) < 0)
			return -1;
		if (files.len == 0)
			break;
		if (note_moved(ctx, &files, result) < 0)
			return err_no_memory(err);
	}
	return 0;
}

/* A suite that was fully marked when comb came has nothing to be compared with, and nothing was changed. */
int mark_reach_outcomes(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_mark_record struct mark_record record = MARK_RECORD_INIT;
	cleanup_comparison struct comparison comparison = { .run = SUITE_RUN_INIT };
	if (ctx->history && mark_record_load(&record, ctx->history, err) < 0)
		return -1;
	if (restore_outcomes(ctx, &comparison, result, err) < 0)
		return -1;
	if (comparison.any || record.marks.len > 0 || record.hooks.len > 0)
		return conclude_comparison(ctx, &comparison, result, err);
	if (keep_run(ctx, MEASURE_PURPOSE, &comparison.run, err) < 0)
		return -1;
	return gate_conclude(result, GATE_PASSED, err, "no mark was added; %zu outcomes recorded",
			     comparison.run.tests.len);
}
