#include "phases/baseline.h"

#include <string.h>

#include "base/clock.h"
#include "history/history.h"
#include "phases/broken.h"
#include "project/suite.h"
#include "report/json_text.h"

#include "base/banned.h"

#define MOST_NAMED 10 /* failing tests named in a commit message */
#define EXIT_NO_TESTS 5 /* of pytest */

static void pass_progress(void *context, size_t done, size_t total, const char *running)
{
	sink_progress(context, done, total, running);
}

static int say_no_tests(const struct project *project, struct err *err)
{
	err_set(err, ERR_INPUT, "pytest finds no tests in %s", project->root);
	return err_hint(err, "see what it collects: cd %s && '%s' -m pytest --collect-only", project->root,
			project->python);
}

/* The last "E   …" line of a traceback, or its first line. */
static struct slice reason_of(const char *text)
{
	const char *reason = text;
	for (const char *p = strstr(text, "E   "); p; p = strstr(p + 4, "\nE   "))
		reason = *p == '\n' ? p + 5 : p + 4;
	reason += strspn(reason, " \n");
	return (struct slice){ reason, strcspn(reason, "\n") };
}

/* A file that cannot even be collected is bad input: what it would do is not known. */
static int say_collect_error(const struct suite_run *run, struct err *err)
{
	const struct collect_error *first = &run->collect_errors.at[0];
	struct slice reason = reason_of(first->text ? first->text : "");
	size_t others = run->collect_errors.len - 1;
	if (others > 0)
		err_set_at(err, ERR_INPUT, first->path, first->line,
			   "pytest cannot collect it: %.*s (and %zu more file%s)",
			   (int)(reason.len < 300 ? reason.len : 300), reason.ptr, others, others == 1 ? "" : "s");
	else
		err_set_at(err, ERR_INPUT, first->path, first->line, "pytest cannot collect it: %.*s",
			   (int)(reason.len < 300 ? reason.len : 300), reason.ptr);
	return err_hint(err, "mend it, or go on with the rest: --allow-failing");
}

/* Names the tests that are no success: all in detail, a few. The first one's id is returned. */
static const char *name_failing(const struct suite_run *run, struct gate_result *result, bool *no_memory)
{
	const char *first = NULL;
	size_t named = 0;
	for (size_t i = 0; i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		if (outcome_is_good(test->outcome))
			continue;
		first = first ? first : test->id;
		if (named++ < MOST_NAMED)
			*no_memory |= str_addf(&result->detail, "%s: %s\n", test->id, outcome_name(test->outcome)) < 0;
	}
	if (named > MOST_NAMED)
		*no_memory |= str_addf(&result->detail, "and %zu more\n", named - MOST_NAMED) < 0;
	return first;
}

static int describe(const struct suite_run *run, struct str *text, json_t **data, struct err *err)
{
	struct suite_counts counts = suite_count(run);
	if (str_addf(text, "%zu tests: %zu passed", counts.collected, counts.passed) < 0 ||
	    (counts.failed && str_addf(text, ", %zu failed", counts.failed) < 0) ||
	    (counts.skipped && str_addf(text, ", %zu skipped", counts.skipped) < 0) || str_adds(text, " in ") < 0 ||
	    clock_add_duration(text, run->wall_s) < 0)
		return err_no_memory(err);
	json_decref(*data);
	*data = json_pack("{s:i, s:i, s:i, s:i, s:f}", "tests", (int)counts.collected, "passed", (int)counts.passed,
			  "failed", (int)counts.failed, "skipped", (int)counts.skipped, "wall_s", run->wall_s);
	return *data ? 0 : err_no_memory(err);
}

static int judge(struct phase_ctx *ctx, const struct suite_run *run, const char *text, struct gate_result *result,
		 struct err *err)
{
	bool no_memory = false;
	if (run->timed_out)
		return gate_conclude(result, GATE_FAILED, err, "the suite did not end within %.0f s",
				     ctx->settings->timeout_s);
	if (suite_is_green(run))
		return gate_conclude(result, GATE_PASSED, err, "%s sequentially", text);
	const char *first = name_failing(run, result, &no_memory);
	if (no_memory)
		return err_no_memory(err);
	if (!first && run->collect_errors.len > 0) /* and they are allowed, or we would not be here */
		return gate_conclude(result, GATE_PASSED, err, "%s sequentially", text);
	if (!first)
		return gate_conclude(result, GATE_FAILED, err, "pytest ends with status %d although no test fails (%s)",
				     run->exit_code, text);
	struct suite_counts counts = suite_count(run);
	if (counts.failed == counts.collected)
		return gate_conclude(result, GATE_FAILED, err,
				     "all %zu tests fail before comb has changed anything, such as %s",
				     counts.collected, first);
	if (ctx->settings->allow_failing)
		return gate_conclude(result, GATE_PASSED, err, "%s sequentially; these fail already, such as %s", text,
				     first);
	if (str_adds(&result->detail, "Next: mend them, or go on with the rest: --allow-failing\n") < 0)
		return err_no_memory(err);
	return gate_conclude(
		result, GATE_FAILED, err,
		"the suite is not green before comb has changed anything, %s fails (%s); --allow-failing goes on",
		first, text);
}

int baseline_reach(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	struct suite_run run = SUITE_RUN_INIT;
	cleanup_str struct str text = STR_INIT;
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.timeout_s = ctx->settings->timeout_s,
		.on_progress = pass_progress,
		.on_progress_context = (void *)ctx->sink,
	};
	struct history_run what = { .purpose = "baseline", .engine = ENGINE_SERIAL };
	int failed = -1;
	sink_step(ctx->sink, "running the suite sequentially");
	if (suite_run(ctx->project, &options, &run, err) < 0)
		goto done;
	if (run.collect_errors.len > 0 && !ctx->settings->allow_failing) {
		failed = say_collect_error(&run, err);
		goto done;
	}
	if (run.exit_code == EXIT_NO_TESTS || run.tests.len == 0) {
		failed = say_no_tests(ctx->project, err);
		goto done;
	}
	if (describe(&run, &text, &result->data, err) < 0 || history_record(ctx->history, &what, &run, NULL, err) < 0)
		goto done;
	failed = judge(ctx, &run, text.buf, result, err);
	if (failed == 0)
		failed = broken_say(ctx, &run, result, err) < 0 || broken_store(ctx, &run, err) < 0 ? -1 : 0;
	if (failed == 0 && result->status == GATE_PASSED)
		failed = history_meta_set(ctx->history, BASELINE_KEY, text.buf, err);
done:
	suite_run_release(&run);
	return failed;
}

int baseline_verify(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	int found = history_meta_get(ctx->history, BASELINE_KEY, &text, err);
	if (found < 0)
		return -1;
	return found ? gate_conclude(result, GATE_PASSED, err, "%s sequentially", text.buf)
		     : gate_conclude(result, GATE_FAILED, err, "no sequential baseline is on record");
}
