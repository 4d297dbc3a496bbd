#include <string.h>

#include "base/clock.h"
#include "cli/session.h"
#include "phases/in_place.h"
#include "phases/adopt.h"
#include "phases/workspace.h"
#include "report/json_text.h"
#include "tune/study.h"

#include "base/banned.h"

static const struct option options[] = {
	{ "branch", 0, OPTION_TEXT, "B", "the branch that gets a commit for each gate (default parallel-testing)" },
	{ "no-commit", 0, OPTION_FLAG, NULL, "work in the project itself, after a backup, and commit nothing" },
	{ "undo", 0, OPTION_FLAG, NULL, "put back every file that comb changed in the project itself" },
	WITH_COMB_OPTION,
	UNTIL_OPTION,
	{ "keep-worktree", 0, OPTION_FLAG, NULL, "leave the checkout of the branch behind, to look into it" },
	SESSION_OPTIONS,
	{ 0 },
};

static int undo(const struct session *session, struct err *err)
{
	size_t count;
	cleanup_str struct str text = STR_INIT;
	if (workspace_undo(session->project.root, &count, err) < 0 ||
	    in_place_forget(session->project.root, NULL, err) < 0)
		return -1;
	if (session->cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:I}", "verb", "adopt", "project",
						    json_text(session->project.root),
						    "files_restored", (json_int_t)count), err);
	if (str_addf(&text, "as before comb changed anything: %zu file%s put back", count, count == 1 ? "" : "s") < 0)
		return err_no_memory(err);
	terminal_line((struct terminal *)&session->terminal, MARK_PASSED, text.buf);
	return 0;
}

/* What gate 3.5 measured: in the clean checkout, or else when it was reached; 0 where this run did neither. */
static double measured(const struct adopt_report *report, const char *key)
{
	const struct gate_list *lists[] = { &report->validation, &report->gates };
	for (size_t i = 0; i < 2; i++) {
		const struct gate_row *row = gate_list_find(lists[i], "3.5");
		const json_t *value = row ? json_object_get(row->data, key) : NULL;
		if (json_is_number(value))
			return json_number_value(value);
	}
	return 0;
}

static json_t *list_json(const struct strings *list)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->len; i++) {
		cleanup_str struct str text = STR_INIT;
		str_add_printable(&text, list->at[i], strlen(list->at[i]));
		json_array_append_new(array, json_string(str_text(&text)));
	}
	return array;
}

static int print_json(const struct session *session, const char *branch, const struct adopt_report *report,
		      struct err *err)
{
	double before_s = measured(report, "serial_s"), after_s = measured(report, "best_s");
	return session_print_json(
		json_pack("{s:s, s:o, s:s?, s:b, s:b, s:s?, s:b, s:o?, s:o?, s:s?, s:o, s:o, s:o}", "verb", "adopt", "project",
			  json_text(session->project.root), "branch", branch, "passed", report->passed, "nothing_to_do",
			  report->nothing_to_do, "stopped_at", report->stopped_at ? report->stopped_at->id : NULL,
			  "validated", report->validated, "before_s", before_s > 0 ? json_real(before_s) : NULL,
			  "after_s", after_s > 0 ? json_real(after_s) : NULL, "worktree",
			  report->worktree.len ? report->worktree.buf : NULL, "left_out", list_json(&report->left_out),
			  "gates", gate_list_json(&report->gates), "validation", gate_list_json(&report->validation)),
		err);
}

static int add_times(const struct adopt_report *report, struct str *text)
{
	double before_s = measured(report, "serial_s"), after_s = measured(report, "best_s");
	if (before_s <= 0 || after_s <= 0)
		return 0;
	if (str_adds(text, "before ") < 0 || clock_add_duration(text, before_s) < 0 || str_adds(text, ", after ") < 0 ||
	    clock_add_duration(text, after_s) < 0)
		return -1;
	return str_addf(text, ": %.0f %% less", 100 * (1 - after_s / before_s));
}

static int print_stop(struct terminal *terminal, const struct gate *gate, const char *branch, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "stopped at gate %s: %s", gate->id, gate->title) < 0)
		return err_no_memory(err);
	terminal_line(terminal, MARK_FAILED, text.buf);
	if (gate->cause)
		terminal_line(terminal, MARK_NONE, gate->cause);
	if (gate->remedy)
		terminal_line(terminal, MARK_NONE, gate->remedy);
	str_clear(&text);
	if (branch && str_addf(&text, "next: git log %s tells what was tried; then run comb adopt again", branch) < 0)
		return err_no_memory(err);
	terminal_line(terminal, MARK_NONE, branch ? text.buf : "next: mend it, then run comb adopt again");
	return 0;
}

static int print_failures(struct terminal *terminal, const struct gate_list *list, const char *where, struct err *err)
{
	for (size_t i = 0; i < list->rows.len; i++) {
		cleanup_str struct str text = STR_INIT;
		if (list->rows.at[i].status != GATE_FAILED)
			continue;
		if (str_adds(&text, where) < 0 || gate_row_add_text(&list->rows.at[i], &text) < 0)
			return err_no_memory(err);
		terminal_line(terminal, MARK_FAILED, text.buf);
	}
	return 0;
}

/* What the project cannot use by itself yet: comb's engine, where gate 3.2 found it faster than what is configured. */
static int print_faster_beside(struct terminal *terminal, const struct adopt_report *report, struct err *err)
{
	struct study study;
	struct err no_study = ERR_INIT;
	cleanup_str struct str text = STR_INIT;
	const struct gate_row *row = gate_list_find(&report->validation, "3.2");
	if (!row || !row->data)
		row = gate_list_find(&report->gates, "3.2");
	if (!row || !row->data || study_parse(&study, row->data, &no_study) < 0)
		return 0;
	const struct contestant *comb = study_faster_beside(&study);
	if (!comb)
		return 0;
	if (str_adds(&text, "faster: comb run takes ") < 0 ||
	    clock_add_duration(&text, stats_median(&comb->wall_s)) < 0 || str_adds(&text, ", where pytest takes ") < 0 ||
	    clock_add_duration(&text, stats_median(&study_best(&study)->wall_s)) < 0 ||
	    str_adds(&text, ", and needs nothing in the project; comb adopt --with-comb gives that to plain pytest") < 0)
		return err_no_memory(err);
	terminal_line(terminal, MARK_NONE, text.buf);
	return 0;
}

static int print_end(struct terminal *terminal, const char *branch, const struct adopt_report *report,
		     struct err *err)
{
	size_t passed = report->gates.rows.len - gate_list_count(&report->gates, GATE_FAILED);
	cleanup_str struct str text = STR_INIT, times = STR_INIT, next = STR_INIT;
	if (str_addf(&text, "%s%zu of %zu gates passed%s", report->nothing_to_do ? "nothing to do: " : "", passed,
		     report->gates.rows.len, report->validated ? ", validated in a clean checkout" : "") < 0 ||
	    add_times(report, &times) < 0 || (branch && str_addf(&next, "next: git merge %s", branch) < 0))
		return err_no_memory(err);
	terminal_heading(terminal, "Result");
	terminal_line(terminal, report->passed ? MARK_PASSED : MARK_FAILED, text.buf);
	if (print_failures(terminal, &report->gates, "", err) < 0 ||
	    print_failures(terminal, &report->validation, "in the clean checkout: ", err) < 0)
		return -1;
	if (times.len > 0)
		terminal_line(terminal, MARK_NONE, times.buf);
	if (print_faster_beside(terminal, report, err) < 0)
		return -1;
	terminal_line(terminal, MARK_NONE, branch ? next.buf : "next: look at the changes, then commit them");
	return 0;
}

static int print_summary(struct session *session, const char *branch, const struct adopt_report *report,
			 struct err *err)
{
	struct terminal *terminal = &session->terminal;
	cleanup_str struct str kept = STR_INIT;
	if (terminal->verbosity < 0)
		gate_list_print(&report->gates, terminal);
	int failed = report->stopped_at ? print_stop(terminal, report->stopped_at, branch, err) :
					  print_end(terminal, branch, report, err);
	if (failed || report->worktree.len == 0)
		return failed;
	if (str_addf(&kept, "the checkout is kept: %s", report->worktree.buf) < 0)
		return err_no_memory(err);
	terminal_line(terminal, MARK_NONE, kept.buf);
	return 0;
}

static int adopt(struct session *session, struct err *err)
{
	const struct phase *table[PHASES_MAX + 1];
	const struct cli *cli = session->cli;
	bool in_place = cli_flag(cli, "no-commit") || !session->project.git_root;
	const char *branch = in_place ? NULL : cli_text(cli, "branch", "parallel-testing");
	cleanup_adopt_report struct adopt_report report = ADOPT_REPORT_INIT;
	struct adopt_options adopt_options = {
		.table = table,
		.branch = branch,
		.keep_worktree = cli_flag(cli, "keep-worktree"),
		.settings = session->settings,
		.history = session->history,
		.sink = &session->terminal.sink,
		.listener = &session->listener,
	};
	session_choose_phases(cli, table);
	if (in_place && !cli_flag(cli, "no-commit"))
		sink_note(&session->terminal.sink,
			  "no git repository: working in the project itself; comb adopt --undo puts it back");
	if (adopt_run(&session->project, &adopt_options, &report, err) < 0)
		return err->kind == ERR_INTERRUPTED ? err_hint(err, "the next comb adopt goes on from here") : -1;
	int failed = cli->json ? print_json(session, branch, &report, err) : print_summary(session, branch, &report, err);
	return failed ? -1 : report.passed ? 0 : 1;
}

static int run(struct cli *cli, struct err *err)
{
	struct session session;
	int status = session_open(&session, cli, err);
	if (status == 0)
		status = cli_flag(cli, "undo") ? undo(&session, err) : adopt(&session, err);
	return session_close(&session, err) < 0 ? -1 : status;
}

const struct verb verb_adopt = {
	.name = "adopt",
	.summary = "take a suite from sequential to parallel, gate by gate",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description =
		"Runs all phases: dependencies and configuration, categories, safety, performance; then validates every gate "
		"in a clean checkout. Each gate is committed on a branch of its own, in a git worktree; your branch and your "
		"files are not touched. Interrupted or killed, it goes on where it stopped when it is run again. Without git, "
		"or with --no-commit, it works in the project itself, after a backup. With --with-comb the project may come out "
		"configured for comb's own engine, where that is measured to be fastest.",
	.example = "comb adopt ~/src/shop",
	.options = options,
	.run = run,
};
