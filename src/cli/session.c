#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history/history.h"
#include "phases/phase_run.h"
#include "report/json_text.h"

#include "base/banned.h"

/* A heading above the first gate of a phase that something is done for; again when validation starts over. */
static void show_phase(struct session *session, const struct gate_row *row, bool validating)
{
	cleanup_str struct str text = STR_INIT;
	if (session->shown == row->phase || session->terminal.verbosity < 0)
		return;
	session->shown = row->phase;
	if (str_addf(&text, "%s%d %s", validating ? "Validating " : "", row->phase->number, row->phase->title) == 0)
		terminal_heading(&session->terminal, text.buf);
}

static void on_gate_begin(void *context, const struct gate_row *row, int attempt)
{
	struct session *session = context;
	cleanup_str struct str title = STR_INIT;
	show_phase(session, row, attempt == 0);
	if (str_addf(&title, "gate %s", row->gate->id) == 0 &&
	    (attempt < 2 || str_addf(&title, " (attempt %d)", attempt) == 0))
		terminal_title(&session->terminal, title.buf);
}

static void on_gate_end(void *context, const struct gate_row *row)
{
	struct session *session = context;
	cleanup_str struct str text = STR_INIT;
	show_phase(session, row, false);
	if (session->terminal.verbosity >= 0 && gate_row_add_text(row, &text) == 0)
		terminal_line(&session->terminal, gate_status_mark(row->status), text.buf);
}

static bool declares(const struct cli *cli, const char *name)
{
	for (const struct option *option = cli->verb->options; option && option->name; option++)
		if (strcmp(option->name, name) == 0)
			return true;
	return false;
}

static void read_settings(struct phase_settings *settings, const struct cli *cli)
{
	if (declares(cli, "runs"))
		settings->runs = (int)cli_number(cli, "runs", 0);
	if (declares(cli, "budget"))
		settings->budget_s = cli_seconds(cli, "budget", 0);
	if (declares(cli, "timeout"))
		settings->timeout_s = cli_seconds(cli, "timeout", 0);
	settings->allow_failing = declares(cli, "allow-failing") && cli_flag(cli, "allow-failing");
	settings->mark_params = declares(cli, "param") && cli_flag(cli, "param");
	settings->with_comb = declares(cli, "with-comb") && cli_flag(cli, "with-comb");
	settings->install = declares(cli, "install") && cli_flag(cli, "install");
	if (declares(cli, "in"))
		settings->marks_in_config = strcmp(cli_text(cli, "in", "source"), "config") == 0;
}

void session_choose_phases(const struct cli *cli, const struct phase *table[PHASES_MAX + 1])
{
	const char *last = cli_text(cli, "until", "");
	for (size_t i = 0; phases[i]; i++) {
		*table++ = phases[i];
		if (strcmp(phases[i]->verb, last) == 0)
			break;
	}
	*table = NULL;
}

int session_open_project(struct session *session, const struct cli *cli, struct err *err)
{
	*session = (struct session){ .cli = cli, .project = PROJECT_INIT };
	terminal_open(&session->terminal, cli->json ? STDERR_FILENO : STDOUT_FILENO, cli->color, cli->verbosity);
	session->listener = (struct gate_listener){ on_gate_begin, on_gate_end, session };
	read_settings(&session->settings, cli);
	if (project_open(&session->project, cli_project(cli), cli_text(cli, "python", NULL), err) < 0)
		return -1;
	session->project.past_broken = session->settings.allow_failing;
	return 0;
}

int session_open(struct session *session, const struct cli *cli, struct err *err)
{
	if (session_open_project(session, cli, err) < 0)
		return -1;
	cleanup_str struct str note = STR_INIT;
	if (history_open(&session->history, session->project.root, &note, err) < 0)
		return -1;
	if (note.len > 0)
		sink_note(&session->terminal.sink, note.buf);
	return 0;
}

int session_close(struct session *session, struct err *err)
{
	int result = terminal_close(&session->terminal, err);
	history_close(session->history);
	session->history = NULL;
	project_release(&session->project);
	return result;
}

int session_print_json(json_t *object, struct err *err)
{
	char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
	json_decref(object);
	if (!text)
		return err_no_memory(err);
	int failed = puts(text) == EOF || fflush(stdout) != 0;
	free(text);
	return failed ? err_set(err, ERR_INPUT, "cannot write to standard output:") : 0;
}

static int print_phase(struct session *session, const struct phase *phase, const struct gate_list *list,
		       struct err *err)
{
	bool passed = gate_list_count(list, GATE_PASSED) + gate_list_count(list, GATE_SKIPPED) == list->rows.len;
	if (session->cli->json &&
	    session_print_json(json_pack("{s:s, s:o, s:b, s:o}", "verb", phase->verb, "project",
					 json_text(session->project.root),
					 "passed", passed, "gates", gate_list_json(list)), err) < 0)
		return -1;
	if (!session->cli->json && session->cli->verbosity < 0)
		gate_list_print(list, &session->terminal);
	return passed ? 0 : 1;
}

int session_run_phase(struct cli *cli, const struct phase *phase, struct err *err)
{
	struct session session;
	struct gate_list list = GATE_LIST_INIT;
	int status = session_open(&session, cli, err);
	struct phase_run_options options = {
		.settings = session.settings,
		.history = session.history,
		.sink = &session.terminal.sink,
		.listener = &session.listener,
	};
	if (status == 0)
		status = phase_run(&session.project, phase, &options, &list, err);
	if (status == 0)
		status = print_phase(&session, phase, &list, err);
	if (session_close(&session, err) < 0)
		status = -1;
	gate_list_release(&list);
	return status;
}
