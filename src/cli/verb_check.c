#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/session.h"
#include "phases/check_groups.h"
#include "phases/check_record.h"
#include "phases/phase_run.h"
#include "project/config.h"
#include "project/locate.h"
#include "report/json_text.h"
#include "report/sarif.h"
#include "safety/rule.h"

#include "base/banned.h"

#define TESTS_SHOWN 8
#define PLACES_SHOWN 12

static const struct option options[] = {
	{ "static", 0, OPTION_FLAG, NULL, "only read the sources; run nothing, change nothing" },
	{ "no-fix", 0, OPTION_FLAG, NULL, "run the experiments, report, and change nothing" },
	{ "diff", 0, OPTION_FLAG, NULL, "run the experiments, show what would be written, and write nothing" },
	{ "sarif", 0, OPTION_TEXT, "FILE", "write the findings as SARIF 2.1.0 to this file as well" },
	{ "fail-on", 0, OPTION_CHOICE, "error|warning|note|never",
	  "with --static: the least severity that makes the exit status 1 (default error)" },
	{ "runs", 0, OPTION_NUMBER, "N", "parallel runs, shuffled but the first (default 5)" },
	{ "timeout", 0, OPTION_DURATION, "D", "time limit for each run of pytest (default: six sequential runs)" },
	{ "allow-failing", 0, OPTION_FLAG, NULL, "go on although files cannot be collected before anything is changed" },
	{ 0 },
};

/* What is to be told, wherever it came from. */
struct report {
	const struct cli *cli;
	struct terminal *terminal;
	const char *root;
	const struct analysis *analysis;
	const struct gate_list *gates; /* NULL: none were reached for */
	const char *diff; /* NULL: not asked for */
};

/* --- Text --- */

static const char *state_of(const struct finding *finding)
{
	if (finding->resolved)
		return finding->state == FINDING_CONFIRMED ? "confirmed, kept together" : "suspected, kept together";
	return finding->state == FINDING_CONFIRMED ? "confirmed" : "suspected";
}

static int print_places(struct terminal *terminal, const struct finding *finding, struct str *text)
{
	for (size_t i = 0; i < finding->places.len && i < PLACES_SHOWN; i++) {
		const struct finding_place *place = &finding->places.at[i];
		str_clear(text);
		if (!place->path[0])
			continue;
		if (str_addf(text, "  %s:%d%s%s", place->path, place->line, place->function[0] ? " " : "",
			     place->function) < 0)
			return -1;
		terminal_line(terminal, MARK_NONE, text->buf);
	}
	str_clear(text);
	if (finding->places.len > PLACES_SHOWN) {
		if (str_addf(text, "  and %zu more places", finding->places.len - PLACES_SHOWN) < 0)
			return -1;
		terminal_line(terminal, MARK_NONE, text->buf);
	}
	return 0;
}

static int print_tests(struct terminal *terminal, const struct finding *finding, const struct suite_run *run,
		       struct str *text)
{
	str_clear(text);
	for (size_t i = 0; i < finding->tests.len && i < TESTS_SHOWN; i++)
		if (str_addf(text, "%s%s", i ? ", " : "  tests: ", run->tests.at[finding->tests.at[i]].id) < 0)
			return -1;
	if (finding->tests.len > TESTS_SHOWN && str_addf(text, " and %zu more", finding->tests.len - TESTS_SHOWN) < 0)
		return -1;
	if (text->len > 0)
		terminal_line(terminal, MARK_NONE, text->buf);
	return 0;
}

static int print_labelled(struct terminal *terminal, const char *label, const char *value, struct str *text)
{
	str_clear(text);
	if (!value)
		return 0;
	if (str_addf(text, "  %s: %s", label, value) < 0)
		return -1;
	terminal_line(terminal, MARK_NONE, text->buf);
	return 0;
}

static int print_finding(struct terminal *terminal, const struct finding *finding, const struct suite_run *run)
{
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "%s %s: %s (%s, %s)", finding->rule->code, finding->rule->title, finding->subject,
		     severity_name(finding->severity), state_of(finding)) < 0)
		return -1;
	terminal_heading(terminal, text.buf);
	if (print_places(terminal, finding, &text) < 0 || print_tests(terminal, finding, run, &text) < 0 ||
	    print_labelled(terminal, "observed", finding->evidence, &text) < 0 ||
	    print_labelled(terminal, "why", finding->rule->why, &text) < 0 ||
	    print_labelled(terminal, "remedy", finding->remedy ? finding->remedy : finding->rule->remedy, &text) < 0)
		return -1;
	return print_labelled(terminal, "group", finding->group, &text);
}

static size_t count(const struct findings *findings, enum finding_state state, bool resolved)
{
	size_t found = 0;
	for (size_t i = 0; i < findings->list.len; i++)
		found += findings->list.at[i].state == state && findings->list.at[i].resolved == resolved;
	return found;
}

static int print_text(const struct report *report)
{
	const struct findings *findings = &report->analysis->findings;
	cleanup_str struct str text = STR_INIT;
	size_t kept = count(findings, FINDING_CONFIRMED, true);
	for (size_t i = 0; report->cli->verbosity >= 0 && i < findings->list.len; i++)
		if (print_finding(report->terminal, &findings->list.at[i], &report->analysis->base) < 0)
			return -1;
	if (report->gates && report->cli->verbosity < 0)
		gate_list_print(report->gates, report->terminal);
	if (str_addf(&text, "%zu finding%s: %zu confirmed, %zu of them kept together; %zu suspected", findings->list.len,
		     findings->list.len == 1 ? "" : "s",
		     kept + count(findings, FINDING_CONFIRMED, false), kept,
		     count(findings, FINDING_SUSPECTED, true) + count(findings, FINDING_SUSPECTED, false)) < 0)
		return -1;
	terminal_line(report->terminal, MARK_NONE, text.buf);
	if (report->analysis->code.skipped > 0) {
		str_clear(&text);
		if (str_addf(&text, "%zu files were left out: not readable, or no valid Python",
			     report->analysis->code.skipped) < 0)
			return -1;
		terminal_line(report->terminal, MARK_NONE, text.buf);
	}
	if (report->diff)
		fputs(report->diff, stdout);
	return 0;
}

/* --- Files --- */

static int print_json(const struct report *report, bool passed, struct err *err)
{
	const struct findings *findings = &report->analysis->findings;
	size_t kept = count(findings, FINDING_CONFIRMED, true);
	return session_print_json(json_pack("{s:s, s:o, s:b, s:I, s:I, s:I, s:o, s:o, s:o}", "verb", "check", "project",
					    json_text(report->root), "passed", passed, "confirmed",
					    (json_int_t)(kept + count(findings, FINDING_CONFIRMED, false)),
					    "kept_together", (json_int_t)kept, "suspected",
					    (json_int_t)(count(findings, FINDING_SUSPECTED, true) +
							 count(findings, FINDING_SUSPECTED, false)),
					    "findings", findings_json(findings, &report->analysis->base), "gates",
					    report->gates ? gate_list_json(report->gates) : json_null(), "diff",
					    json_text(report->diff)),
				  err);
}

static int write_sarif(const struct report *report, struct err *err)
{
	const char *path = cli_text(report->cli, "sarif", NULL);
	if (!path)
		return 0;
	json_t *log = sarif_log(&report->analysis->findings, &report->analysis->base);
	char *text = log ? json_dumps(log, JSON_INDENT(2)) : NULL;
	int result = text ? fs_write(path, (struct slice){ text, strlen(text) }, err) : err_no_memory(err);
	free(text);
	json_decref(log);
	return result;
}

static int tell(const struct report *report, bool passed, struct err *err)
{
	if (write_sarif(report, err) < 0)
		return -1;
	if (report->cli->json)
		return print_json(report, passed, err);
	return print_text(report) < 0 ? err_no_memory(err) : 0;
}

/* --- Without running --- */

static bool static_fails(const struct analysis *analysis, const char *fail_on)
{
	static const char *const names[] = { "note", "warning", "error", "never" };
	size_t least = 0;
	while (least < 3 && strcmp(names[least], fail_on) != 0)
		least++;
	for (size_t i = 0; i < analysis->findings.list.len; i++)
		if ((size_t)analysis->findings.list.at[i].severity >= least)
			return true;
	return false;
}

/* No interpreter is looked for, and nothing is written: the root is found as pytest's newest version would. */
static int read_only(const struct cli *cli, struct err *err)
{
	static const int newest[3];
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	struct terminal terminal;
	if (locate_folder(&project, cli_project(cli), err) < 0 || config_find(&project, newest, err) < 0 ||
	    analysis_read(&analysis, &project, err) < 0)
		return -1;
	if (analysis.code.files.len == 0) {
		err_set(err, ERR_INPUT, "%s holds no Python file that can be read", project.root);
		return err_hint(err, "give the folder of a project: comb check --static ~/src/shop");
	}
	bool failed = static_fails(&analysis, cli_text(cli, "fail-on", "error"));
	terminal_open(&terminal, cli->json ? STDERR_FILENO : STDOUT_FILENO, cli->color, cli->verbosity);
	struct report report = { cli, &terminal, project.root, &analysis, NULL, NULL };
	int result = tell(&report, !failed, err);
	if (terminal_close(&terminal, err) < 0)
		result = -1;
	return result < 0 ? -1 : failed;
}

/* --- With experiments, and nothing changed --- */

static int plan_diff(struct phase_ctx *ctx, const struct analysis *analysis, struct str *diff, struct err *err)
{
	cleanup_check_groups struct check_groups work = CHECK_GROUPS_INIT;
	if (check_groups_plan(&work, ctx, analysis, err) < 0)
		return -1;
	return changeset_diff(&work.set, ctx->project->root, diff, err);
}

/* 1 when something is confirmed that no group of the user's own keeps together. */
static int look(struct cli *cli, struct session *session, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings own = STRINGS_INIT, in_force = STRINGS_INIT;
	cleanup_str struct str diff = STR_INIT;
	struct phase_ctx ctx = { .project = &session->project,
				 .history = session->history,
				 .settings = &session->settings,
				 .sink = &session->terminal.sink,
				 .attempt = 1 };
	struct analysis_settings settings = { .parallel_runs = session->settings.runs,
					      .timeout_s = session->settings.timeout_s,
					      .own_groups = &own };
	if (check_groups_own(session->history, &own, err) < 0 ||
	    analysis_run(&analysis, &session->project, session->history, &settings, &session->terminal.sink, err) < 0 ||
	    check_record_collect(&ctx, &in_force, err) < 0)
		return -1;
	if (in_force.len == analysis.base.tests.len)
		check_record_resolve(&analysis, &in_force);
	if (cli_flag(cli, "diff") && plan_diff(&ctx, &analysis, &diff, err) < 0)
		return -1;
	bool failed = count(&analysis.findings, FINDING_CONFIRMED, false) > 0;
	struct report report = { cli,
				 &session->terminal,
				 session->project.root,
				 &analysis,
				 NULL,
				 cli_flag(cli, "diff") ? str_text(&diff) : NULL };
	return tell(&report, !failed, err) < 0 ? -1 : failed;
}

/* --- The phase --- */

/* The gates were reached for; now what is on record is told, as the files are now. */
static int tell_record(struct cli *cli, struct session *session, const struct gate_list *gates, bool passed,
		       struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings in_force = STRINGS_INIT;
	struct phase_ctx ctx = { .project = &session->project,
				 .history = session->history,
				 .settings = &session->settings,
				 .sink = &session->terminal.sink,
				 .attempt = 1 };
	if (check_record_load(&ctx, &analysis, &in_force, err) < 0)
		return -1;
	if (in_force.len == analysis.base.tests.len)
		check_record_resolve(&analysis, &in_force);
	findings_sort(&analysis.findings);
	struct report report = { cli, &session->terminal, session->project.root, &analysis, gates, NULL };
	return tell(&report, passed, err);
}

static int fix(struct cli *cli, struct session *session, struct err *err)
{
	cleanup_gate_list struct gate_list gates = GATE_LIST_INIT;
	struct phase_run_options how = {
		.settings = session->settings,
		.history = session->history,
		.sink = &session->terminal.sink,
		.listener = &session->listener,
	};
	if (phase_run(&session->project, &phase_check, &how, &gates, err) < 0)
		return -1;
	bool passed = gate_list_count(&gates, GATE_PASSED) + gate_list_count(&gates, GATE_SKIPPED) == gates.rows.len;
	return tell_record(cli, session, &gates, passed, err) < 0 ? -1 : !passed;
}

/* Options that would have no say beside --static, or without it. */
static int check_options(struct cli *cli, struct err *err)
{
	static const char *const with_runs[] = { "no-fix", "diff" };
	if (!cli_flag(cli, "static"))
		return cli_text(cli, "fail-on", NULL) ? err_set(err, ERR_INPUT, "--fail-on goes with --static") : 0;
	for (size_t i = 0; i < sizeof(with_runs) / sizeof(*with_runs); i++)
		if (cli_flag(cli, with_runs[i]))
			return err_set(err, ERR_INPUT, "--%s has no use beside --static, which runs and changes nothing",
				       with_runs[i]);
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct session session;
	if (check_options(cli, err) < 0)
		return -1;
	if (cli_flag(cli, "static"))
		return read_only(cli, err);
	int status = session_open(&session, cli, err);
	if (status == 0)
		status = cli_flag(cli, "no-fix") || cli_flag(cli, "diff") ? look(cli, &session, err)
									  : fix(cli, &session, err);
	if (session_close(&session, err) < 0)
		status = -1;
	return status;
}

const struct verb verb_check = {
	.name = "check",
	.summary = "find what tests share, prove it by running, and keep apart what conflicts",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Looks for the causes of tests failing beside or after each other: static rules over the "
		       "sources, what each test "
		       "is seen to touch, and runs in parallel, shuffled and in reverse. A test that does something "
		       "else there is "
		       "searched for the tests that make it; tests in conflict get an xdist_group mark, in place, "
		       "after a backup, and "
		       "parallel runs prove that they then end as in a sequential run. Exit status 1 means: a gate was "
		       "not reached; with "
		       "--no-fix and --diff, a cause is confirmed that no group keeps together; with --static, which "
		       "looks at the "
		       "sources alone, an error was found (see --fail-on).",
	.example = "comb check --no-fix --sarif comb.sarif",
	.options = options,
	.run = run,
};
