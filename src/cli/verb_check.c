#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/session.h"
#include "phases/check_groups.h"
#include "phases/check_record.h"
#include "report/json_text.h"
#include "report/sarif.h"
#include "safety/rule.h"

#include "base/banned.h"

static const struct option options[] = {
	{ "static", 0, OPTION_FLAG, NULL, "only read the sources; run and change nothing" },
	{ "no-fix", 0, OPTION_FLAG, NULL, "run the experiments, report, and change nothing" },
	{ "diff", 0, OPTION_FLAG, NULL, "run the experiments, show what would be written, and write nothing" },
	{ "sarif", 0, OPTION_TEXT, "FILE", "write the findings as SARIF 2.1.0 to this file as well" },
	{ "runs", 0, OPTION_NUMBER, "N", "parallel runs, shuffled but the first (default: 5)" },
	{ "timeout", 0, OPTION_DURATION, "D", "time limit for each run of pytest (default: six sequential runs)" },
	{ 0 },
};

static int print_finding(struct terminal *terminal, const struct finding *finding, const struct suite_run *run)
{
	cleanup_str struct str text = STR_INIT;
	const char *remedy = finding->remedy ? finding->remedy : finding->rule->remedy;
	if (str_addf(&text, "%s %s: %s", finding->rule->code, finding->rule->title, finding->subject) < 0)
		return -1;
	terminal_heading(terminal, text.buf);
	for (size_t i = 0; i < finding->places.len; i++) {
		str_clear(&text);
		if (finding->places.at[i].path[0] &&
		    str_addf(&text, "  %s:%d %s", finding->places.at[i].path, finding->places.at[i].line,
			     finding->places.at[i].function) == 0)
			sink_note(&terminal->sink, text.buf);
	}
	for (size_t i = 0; i < finding->tests.len && i < 10; i++)
		sink_notef(&terminal->sink, "  test %s", run->tests.at[finding->tests.at[i]].id);
	if (finding->tests.len > 10)
		sink_notef(&terminal->sink, "  and %zu more tests", finding->tests.len - 10);
	sink_notef(&terminal->sink, "  %s%s%s", finding->state == FINDING_CONFIRMED ? "confirmed" : "suspected",
		   finding->evidence ? ": " : "", finding->evidence ? finding->evidence : "");
	sink_notef(&terminal->sink, "  why: %s", finding->rule->why);
	sink_notef(&terminal->sink, "  remedy: %s", remedy);
	if (finding->group)
		sink_notef(&terminal->sink, "  keeps apart: xdist_group \"%s\"", finding->group);
	return 0;
}

static int write_sarif(const struct cli *cli, const struct analysis *analysis, struct err *err)
{
	const char *path = cli_text(cli, "sarif", NULL);
	if (!path)
		return 0;
	json_t *log = sarif_log(&analysis->findings, &analysis->base);
	char *text = log ? json_dumps(log, JSON_INDENT(2)) : NULL;
	int result = text ? fs_write(path, (struct slice){ text, strlen(text) }, err) : err_no_memory(err);
	free(text);
	json_decref(log);
	return result;
}

static int print_all(struct session *session, struct analysis *analysis, const char *diff, struct err *err)
{
	const struct findings *findings = &analysis->findings;
	size_t confirmed = 0;
	for (size_t i = 0; i < findings->list.len; i++)
		confirmed += findings->list.at[i].state == FINDING_CONFIRMED;
	if (session->cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:i, s:i, s:o, s:o}", "verb", "check", "project",
						    json_text(session->project.root), "findings_confirmed", (int)confirmed,
						    "findings_suspected", (int)(findings->list.len - confirmed), "findings",
						    findings_json(findings, &analysis->base), "diff", json_text(diff)),
					  err);
	for (size_t i = 0; i < findings->list.len; i++)
		if (print_finding(&session->terminal, &findings->list.at[i], &analysis->base) < 0)
			return err_no_memory(err);
	if (diff)
		fputs(diff, stdout);
	sink_notef(&session->terminal.sink, "%zu findings: %zu confirmed, %zu suspected", findings->list.len, confirmed,
		   findings->list.len - confirmed);
	return 0;
}

static int plan_diff(struct session *session, const struct analysis *analysis, struct str *diff, struct err *err)
{
	cleanup_check_groups struct check_groups work = CHECK_GROUPS_INIT;
	struct phase_ctx ctx = { .project = &session->project, .history = session->history,
				 .settings = &session->settings, .sink = &session->terminal.sink, .attempt = 1 };
	if (check_groups_plan(&work, &ctx, analysis, err) < 0)
		return -1;
	return changeset_diff(&work.set, session->project.root, diff, err);
}

/* Reads, runs unless --static, and changes nothing. 1 when a conflict is confirmed, or with --static an error found. */
static int look(struct cli *cli, struct session *session, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_str struct str diff = STR_INIT;
	bool is_static = cli_flag(cli, "static");
	struct analysis_settings settings = { .parallel_runs = session->settings.runs,
					      .timeout_s = session->settings.timeout_s };
	int failed = is_static ? analysis_read(&analysis, &session->project, err) :
				 analysis_run(&analysis, &session->project, session->history, &settings,
					      &session->terminal.sink, err);
	if (failed)
		return -1;
	findings_sort(&analysis.findings);
	if ((cli_flag(cli, "diff") && plan_diff(session, &analysis, &diff, err) < 0) ||
	    write_sarif(cli, &analysis, err) < 0 ||
	    print_all(session, &analysis, cli_flag(cli, "diff") ? str_text(&diff) : NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < analysis.findings.list.len; i++) {
		const struct finding *finding = &analysis.findings.list.at[i];
		if (is_static ? finding->severity == SEVERITY_ERROR : finding->state == FINDING_CONFIRMED)
			return 1;
	}
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct session session;
	bool changes_nothing = cli_flag(cli, "static") || cli_flag(cli, "no-fix") || cli_flag(cli, "diff");
	if (!changes_nothing && cli_text(cli, "sarif", NULL)) {
		err_set(err, ERR_INPUT, "--sarif goes with --static, --no-fix or --diff");
		return err_hint(err, "comb check --no-fix --sarif %s", cli_text(cli, "sarif", ""));
	}
	if (!changes_nothing)
		return session_run_phase(cli, &phase_check, err);
	int status = session_open(&session, cli, err);
	if (status == 0)
		status = look(cli, &session, err);
	if (session_close(&session, err) < 0)
		status = -1;
	return status;
}

const struct verb verb_check = {
	.name = "check",
	.summary = "find what tests share, prove it by running, and keep apart what conflicts",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description =
		"Looks for the causes of tests failing beside or after each other: static rules over the sources, what each test "
		"is seen to touch, and runs in parallel, shuffled and in reverse. A test that does something else there is "
		"searched for the tests that make it; tests in conflict get an xdist_group mark, in place, after a backup, and "
		"parallel runs prove that they then end as in a sequential run. With --static exit status 1 means that an error "
		"was found in the source, with --no-fix and --diff that a conflict was confirmed.",
	.example = "comb check --no-fix --sarif comb.sarif",
	.options = options,
	.run = run,
};
