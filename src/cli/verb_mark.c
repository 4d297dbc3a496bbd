/* comb mark: phase 1 in place, its changes as a diff, and taking the marks out again. */
#include <stdio.h>
#include <unistd.h>

#include "cli/session.h"
#include "phases/in_place.h"
#include "phases/lock.h"
#include "phases/mark.h"
#include "phases/mark_undo.h"
#include "phases/workspace.h"
#include "report/json_text.h"

#include "base/banned.h"

static struct phase_ctx context_of(struct session *session)
{
	return (struct phase_ctx){
		.project = &session->project,
		.history = session->history,
		.settings = &session->settings,
		.sink = &session->terminal.sink,
		.attempt = 1,
	};
}

static json_t *verdicts_json(const struct mark_work *work)
{
	json_t *tests = json_array();
	for (size_t i = 0; i < work->measurement.run.tests.len; i++) {
		cleanup_str struct str why = STR_INIT;
		verdict_explain(&work->verdicts[i], &work->measurement.run, &why);
		json_array_append_new(tests, json_pack("{s:o, s:s, s:o, s:f}", "id",
						       json_text(work->measurement.run.tests.at[i].id), "category",
						       category_name(work->verdicts[i].category), "why",
						       json_text(str_text(&why)), "seconds", work->verdicts[i].seconds));
	}
	return tests;
}

static int print_diff(struct session *session, const struct mark_work *work, const struct str *diff, struct err *err)
{
	cleanup_str struct str why = STR_INIT;
	if (session->cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:o, s:o}", "verb", "mark", "project",
						    json_text(session->project.root), "tests", verdicts_json(work), "diff",
						    json_text(str_text(diff))),
					  err);
	if (session->cli->verbosity > 0) {
		if (mark_explain_tests(work, &why) < 0)
			return err_no_memory(err);
		fputs(str_text(&why), stdout);
	}
	if (diff->len == 0)
		fputs("Nothing to change: every test has a category.\n", stdout);
	fwrite(str_text(diff), 1, diff->len, stdout);
	return 0;
}

static int show_diff(struct session *session, struct err *err)
{
	cleanup_mark_work struct mark_work work = MARK_WORK_INIT;
	cleanup_suite_run struct suite_run whole = SUITE_RUN_INIT;
	cleanup_str struct str diff = STR_INIT;
	struct phase_ctx ctx = context_of(session);
	if (mark_collect(&ctx, &whole, err) < 0 || mark_work_prepare(&work, &ctx, &whole, err) < 0 ||
	    mark_work_preview(&work, err) < 0 ||
	    changeset_diff(&work.set, session->project.root, &diff, err) < 0)
		return -1;
	return print_diff(session, &work, &diff, err);
}

static int remove_marks(struct session *session, struct err *err)
{
	cleanup_lock struct lock lock = LOCK_INIT;
	struct phase_ctx ctx = context_of(session);
	size_t files;
	if (lock_acquire(&lock, session->project.root, err) < 0 || mark_undo_all(&ctx, &files, err) < 0 ||
	    in_place_forget(session->project.root, &phase_mark, err) < 0)
		return -1;
	if (session->cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:I}", "verb", "mark", "project",
						    json_text(session->project.root), "files", (json_int_t)files),
					  err);
	printf("comb's marks are taken out of %zu file%s\n", files, files == 1 ? "" : "s");
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct session session;
	if (!cli_flag(cli, "diff") && !cli_flag(cli, "remove"))
		return session_run_phase(cli, &phase_mark, err);
	if (session_open(&session, cli, err) < 0) {
		session_close(&session, err);
		return -1;
	}
	/* Standard output is for the diff alone: it may go into `git apply`. */
	session.terminal.fd = STDERR_FILENO;
	int status = cli_flag(cli, "diff") ? show_diff(&session, err) : remove_marks(&session, err);
	return session_close(&session, err) < 0 ? -1 : status;
}

static const struct option options[] = {
	{ .name = "runs", .kind = OPTION_NUMBER, .argument = "N",
	  .help = "sequential runs to take durations from (default: 3, or 1 where one takes over a minute)" },
	{ .name = "diff", .help = "measure, show what would be changed, and change nothing" },
	{ .name = "remove", .help = "take out the marks that comb has placed" },
	{ .name = "in", .kind = OPTION_CHOICE, .argument = "source|config",
	  .help = "where marks go: the tests' source (default) or comb-marks.json, applied by a hook in conftest.py" },
	{ .name = "param", .help = "give cases of a parametrised test marks of their own where they differ (pytest.param)" },
	{ .name = "allow-failing", .help = "go on although tests fail, or files cannot be collected, before anything is changed" },
	{ .name = "timeout", .kind = OPTION_DURATION, .argument = "D", .help = "time limit for each run of pytest" },
	{ .name = NULL },
};

const struct verb verb_mark = {
	.name = "mark",
	.summary = "sort the tests into unit, integration and slow by what they do, and mark them",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Phase 1. Runs the suite sequentially, several times, watching what each test touches outside itself, "
		       "and gives every test without a category the one that the evidence shows. Marks go into the source at "
		       "the highest level that is true (module, class, function); tests that have no line of their own get "
		       "theirs from comb-marks.json. Afterwards the suite is collected and run again: the same tests, the "
		       "same outcomes, or the file is put back.",
	.example = "comb mark --diff -v ~/src/shop   shows what would be marked, and why",
	.options = options,
	.run = run,
};
