#include "phases/tune_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "history/history.h"
#include "phases/tune_measure.h"
#include "project/addopts.h"
#include "project/suite.h"

#include "base/banned.h"

#define NAMED_MOST 10 /* differing tests named in a report */

#define WORKERS_TEXT 16
#define EXIT_TESTS_FAILED 1 /* of pytest; also where it went on without broken files */

/* What addopts has to say for the choice; workers is room for its number. */
static struct addopts_wanted wanted_options(const struct study *study, char workers[WORKERS_TEXT])
{
	const struct configuration *c = &study_best(study)->configuration;
	tune_workers_text(study, c, workers, WORKERS_TEXT);
	return (struct addopts_wanted){
		.comb = c->engine == ENGINE_COMB, .workers = workers, .dist = dist_name(c->dist)
	};
}

int tune_describe_addopts(const struct phase_ctx *ctx, struct str *out, struct err *err)
{
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	if (addopts_read(&addopts, ctx->project, err) < 0)
		return -1;
	int failed = addopts.comb ? str_adds(out, "--comb ") : 0;
	if (!failed)
		failed = addopts.workers ? str_addf(out, "-n %s", addopts.workers) : str_adds(out, "no -n");
	if (!failed && addopts.dist)
		failed = str_addf(out, " --dist %s", addopts.dist);
	return failed ? err_no_memory(err) : 0;
}

int tune_is_written(const struct phase_ctx *ctx, const struct study *study, struct err *err)
{
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	if (addopts_read(&addopts, ctx->project, err) < 0)
		return -1;
	if (!study_prefers_parallel(study))
		return 1; /* nothing to write; an -n of the user's own is reported, not touched */
	char workers[WORKERS_TEXT];
	struct addopts_wanted wanted = wanted_options(study, workers);
	return addopts_say(&addopts, &wanted);
}

/* Does pytest take the new configuration? 1, 0 with *why, -1. */
static int try_configuration(const struct phase_ctx *ctx, struct str *why, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	struct err refused = ERR_INIT;
	struct suite_options options = {
		.collect_only = true, .plain = true, .keep_addopts = true, .timeout_s = ctx->settings->timeout_s
	};
	if (suite_run(ctx->project, &options, &run, &refused) == 0 &&
	    (run.exit_code == 0 || (ctx->project->past_broken && run.exit_code == EXIT_TESTS_FAILED)))
		return 1;
	if (refused.kind == ERR_INTERRUPTED) {
		*err = refused;
		return -1;
	}
	const char *said = refused.kind ? refused.text : str_text(&run.output);
	return str_addf(why, "pytest refuses the new configuration: %.500s", said) < 0 ? err_no_memory(err) : 0;
}

int tune_write(const struct phase_ctx *ctx, const struct study *study, struct str *why, struct err *err)
{
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	if (!study_prefers_parallel(study))
		return 1;
	char workers[WORKERS_TEXT];
	struct addopts_wanted wanted = wanted_options(study, workers);
	if (addopts_set(ctx->project, &wanted, &set, err) < 0 || changeset_write(&set, err) < 0)
		return -1;
	int taken = try_configuration(ctx, why, err);
	if (taken <= 0) {
		struct err undo = ERR_INIT;
		if (changeset_undo(&set, &undo) < 0)
			*err = undo;
		return taken < 0 || undo.kind ? -1 : 0;
	}
	return 1;
}

static int run_once(const struct phase_ctx *ctx, bool configured, struct suite_run *run, struct err *err)
{
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.keep_addopts = configured,
		.timeout_s = ctx->settings->timeout_s,
		.on_progress = ctx->sink ? ctx->sink->progress : NULL,
		.on_progress_context = ctx->sink ? ctx->sink->context : NULL,
	};
	return suite_run(ctx->project, &options, run, err);
}

static int add_difference(struct str *report, const struct test *before, const struct test *after)
{
	if (str_adds(report, "- ") < 0 || str_add_printable(report, before->id, strlen(before->id)) < 0)
		return -1;
	return str_addf(report, ": %s serially, %s as configured\n", outcome_name(before->outcome),
			outcome_name(after ? after->outcome : TEST_NOT_RUN));
}

/* Marks in differs[] each test of the serial run that had another outcome, or was not there. */
static int compare_runs(const struct suite_run *serial, const struct suite_run *run, bool *differs, size_t *differing,
			struct str *report, struct err *err)
{
	cleanup_free size_t *match = suite_match(run, serial);
	if (!match)
		return err_no_memory(err);
	for (size_t i = 0; i < serial->tests.len; i++) {
		const struct test *before = &serial->tests.at[i];
		const struct test *after = match[i] == SIZE_MAX ? NULL : &run->tests.at[match[i]];
		if (differs[i] || (after && after->outcome == before->outcome))
			continue;
		differs[i] = true;
		if (++*differing <= NAMED_MOST && add_difference(report, before, after) < 0)
			return err_no_memory(err);
	}
	const char *newly = suite_broken_only(run, serial), *no_more = suite_broken_only(serial, run);
	if (newly || no_more) {
		++*differing;
		if (str_adds(report, "- ") < 0 ||
		    str_add_printable(report, newly ? newly : no_more, strlen(newly ? newly : no_more)) < 0 ||
		    str_addf(report, ": %s be collected as configured, unlike serially\n", newly ? "cannot" : "can") < 0)
			return err_no_memory(err);
	}
	if (run->tests.len > serial->tests.len) {
		*differing += run->tests.len - serial->tests.len;
		if (str_addf(report, "- %zu tests ran that a serial run does not have\n",
			     run->tests.len - serial->tests.len) < 0)
			return err_no_memory(err);
	}
	return 0;
}

int tune_repeat(const struct phase_ctx *ctx, int runs, size_t *differing, struct str *report, struct err *err)
{
	cleanup_suite_run struct suite_run serial = SUITE_RUN_INIT;
	*differing = 0;
	sink_step(ctx->sink, "serial, to compare with");
	if (run_once(ctx, false, &serial, err) < 0)
		return -1;
	if (serial.collect_errors.len > 0 && !ctx->project->past_broken) {
		const struct collect_error *first = &serial.collect_errors.at[0];
		err_set_at(err, ERR_INPUT, first->path, first->line, "pytest cannot collect the suite");
		return err_hint(err, "mend it, or go on with the rest: --allow-failing");
	}
	if (serial.tests.len == 0)
		return err_set(err, ERR_INPUT, "pytest finds no tests in %s", ctx->project->root);
	cleanup_free bool *differs = os_calloc(serial.tests.len + 1, sizeof(bool));
	if (!differs)
		return err_no_memory(err);
	for (int i = 0; i < runs; i++) {
		cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
		sink_stepf(ctx->sink, "as configured, %d of %d", i + 1, runs);
		if (run_once(ctx, true, &run, err) < 0 ||
		    compare_runs(&serial, &run, differs, differing, report, err) < 0)
			return -1;
	}
	if (*differing > NAMED_MOST && str_addf(report, "- and %zu more\n", *differing - NAMED_MOST) < 0)
		return err_no_memory(err);
	return 0;
}
