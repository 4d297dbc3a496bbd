#include <unistd.h>

#include "cli/session.h"
#include "phases/progress.h"
#include "phases/tip.h"
#include "project/config.h"
#include "project/locate.h"
#include "report/json_text.h"

#include "base/banned.h"

static const struct option options[] = {
	{ "branch", 0, OPTION_TEXT, "B", "the branch that comb adopt works on (default parallel-testing)" },
	{ 0 },
};

static int print_json(const struct project *project, const char *from, const struct progress *progress,
		      const struct gate_list *list, struct err *err)
{
	const struct progress_line *end = progress_find(progress, PROGRESS_CLOSING_GATE);
	return session_print_json(json_pack("{s:s, s:o, s:s?, s:b, s:b, s:s?, s:o}", "verb", "status", "project",
					    json_text(project->root), "from", from, "finished", end != NULL, "passed",
					    end && end->status == GATE_PASSED, "figure", end ? end->figure : NULL, "gates",
					    gate_list_json(list)), err);
}

static int print(const struct cli *cli, const char *from, const struct progress *progress,
		 const struct gate_list *list, struct err *err)
{
	const struct progress_line *end = progress_find(progress, PROGRESS_CLOSING_GATE);
	struct terminal terminal;
	terminal_open(&terminal, STDOUT_FILENO, cli->color, cli->verbosity);
	gate_list_print(list, &terminal);
	if (!from)
		terminal_line(&terminal, MARK_NONE, "not begun; next: comb adopt");
	else if (end)
		terminal_line(&terminal, gate_status_mark(end->status), end->figure);
	else
		terminal_line(&terminal, MARK_PENDING, "not finished; next: comb adopt goes on");
	return terminal_close(&terminal, err);
}

/* Runs no interpreter: the root is found as pytest's newest version would. */
static int show(const struct cli *cli, struct project *project, struct progress *progress, struct gate_list *list,
		struct err *err)
{
	static const int newest[3];
	const char *from;
	if (locate_folder(project, cli_project(cli), err) < 0 || config_find(project, newest, err) < 0 ||
	    tip_read_progress(project->root, project->git_root != NULL, cli_text(cli, "branch", "parallel-testing"),
			      progress, &from, err) < 0)
		return -1;
	if (gate_list_open(list, phases) < 0 || gate_list_apply(list, progress) < 0)
		return err_no_memory(err);
	return cli->json ? print_json(project, from, progress, list, err) : print(cli, from, progress, list, err);
}

static int run(struct cli *cli, struct err *err)
{
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_progress struct progress progress = PROGRESS_INIT;
	cleanup_gate_list struct gate_list list = GATE_LIST_INIT;
	return show(cli, &project, &progress, &list, err);
}

const struct verb verb_status = {
	.name = "status",
	.summary = "gates and progress",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Shows each gate, whether it was reached, with what figure and in which commit: from the branch that comb "
		       "adopt works on, or else from the project's own progress file. Runs nothing.",
	.example = "comb status ~/src/shop",
	.options = options,
	.run = run,
};
