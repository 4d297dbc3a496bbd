#include <unistd.h>

#include "base/fs.h"
#include "cli/session.h"
#include "phases/in_place.h"
#include "phases/progress.h"
#include "phases/tip.h"
#include "phases/worktree.h"
#include "project/addopts.h"
#include "project/config.h"
#include "project/locate.h"
#include "report/json_text.h"

#include "base/banned.h"

static const struct option options[] = {
	{ "branch", 0, OPTION_TEXT, "B", "the branch that comb adopt works on (default parallel-testing)" },
	{ 0 },
};

/* How far a project is, and what is to be done next. */
struct status {
	const char *from; /* NULL: nothing is on record */
	bool in_place;    /* single phases, in the project itself */
	bool changed;     /* in place: files are no longer as the phases left them */
	struct progress progress;
	struct gate_list list;
	struct str next;
};

static int print_json(const struct project *project, const struct status *status, struct err *err)
{
	const struct progress_line *end = progress_find(&status->progress, PROGRESS_CLOSING_GATE);
	return session_print_json(json_pack("{s:s, s:o, s:s?, s:b, s:b, s:s?, s:b, s:s?, s:o}", "verb", "status",
					    "project", json_text(project->root), "from", status->from, "finished",
					    end != NULL, "passed", end && end->status == GATE_PASSED, "figure",
					    end ? end->figure : NULL, "changed_since", status->changed, "next",
					    end ? NULL : str_text(&status->next), "gates", gate_list_json(&status->list)),
				  err);
}

static int print(const struct cli *cli, const struct status *status, struct err *err)
{
	const struct progress_line *end = progress_find(&status->progress, PROGRESS_CLOSING_GATE);
	struct terminal terminal;
	terminal_open(&terminal, STDOUT_FILENO, cli->color, cli->verbosity);
	gate_list_print(&status->list, &terminal);
	if (status->changed)
		terminal_line(&terminal, MARK_NONE, "files have changed since: comb validate or the phase itself measures again");
	if (end)
		terminal_line(&terminal, gate_status_mark(end->status), end->figure);
	else
		terminal_line(&terminal, status->from ? MARK_PENDING : MARK_NONE, str_text(&status->next));
	return terminal_close(&terminal, err);
}

/* The first gate that is not reached and stops what comes after it; NULL: none. */
static const struct gate_row *first_open(const struct gate_list *list)
{
	for (size_t i = 0; i < list->rows.len; i++) {
		const struct gate_row *row = &list->rows.at[i];
		if (row->status == GATE_PENDING || (row->status == GATE_FAILED && !row->gate->may_fail))
			return row;
	}
	return NULL;
}

static int say_next_in_place(struct status *status)
{
	const struct gate_row *row = first_open(&status->list);
	if (!row)
		return str_adds(&status->next, "every phase was run in place; next: commit what changed, then comb "
					       "validate measures all gates again");
	if (row->status == GATE_FAILED)
		return str_addf(&status->next, "run in place, stopped at gate %s; next: comb explain %s tells the remedy, "
					       "then comb %s again", row->gate->id, row->gate->id, row->phase->verb);
	return str_addf(&status->next, "run in place, not finished; next: comb %s", row->phase->verb);
}

/* A project can be parallel, or on its way to it, without comb. */
static int say_not_begun(struct status *status, const struct project *project, struct err *err)
{
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	if (addopts_read(&addopts, project, err) < 0)
		return -1;
	int failed = str_adds(&status->next, "not begun");
	if (!failed && (addopts.comb || addopts.workers))
		failed = str_addf(&status->next, ", but %s asks for parallel runs already:%s%s%s%s%s",
				  fs_base_name(project->config_path), addopts.comb ? " --comb" : "",
				  addopts.workers ? " -n " : "", addopts.workers ? addopts.workers : "",
				  addopts.dist ? " --dist " : "", addopts.dist ? addopts.dist : "");
	return failed || str_adds(&status->next, "; next: comb adopt") < 0 ? err_no_memory(err) : 0;
}

static int say_next(struct status *status, const struct project *project, struct err *err)
{
	if (!status->from)
		return say_not_begun(status, project, err);
	int failed = status->in_place ? say_next_in_place(status) :
					str_adds(&status->next, "not finished; next: comb adopt goes on");
	return failed ? err_no_memory(err) : 0;
}

/* A branch that was asked for by name is there. */
static int check_branch(const struct project *project, const char *asked, struct err *err)
{
	int exists = asked && project->git_root ? worktree_has_branch(project->root, asked, err) : 1;
	if (exists)
		return exists < 0 ? -1 : 0;
	err_set(err, ERR_INPUT, "there is no branch '%s' in %s", asked, project->git_root);
	return err_hint(err, "git branch lists them; without --branch it is parallel-testing");
}

/* Runs no interpreter: the root is found as pytest's newest version would. */
static int read_status(const struct cli *cli, struct project *project, struct status *status, struct err *err)
{
	static const int newest[3];
	if (locate_folder(project, cli_project(cli), err) < 0 || config_find(project, newest, err) < 0 ||
	    check_branch(project, cli_text(cli, "branch", NULL), err) < 0 ||
	    tip_read_progress(project->root, project->git_root != NULL, cli_text(cli, "branch", "parallel-testing"),
			      &status->progress, &status->from, err) < 0)
		return -1;
	if (!status->from) {
		int found = in_place_load(project->root, &status->progress, &status->changed, err);
		if (found < 0)
			return -1;
		status->in_place = found;
		status->from = found ? "the project itself" : NULL;
	}
	if (gate_list_open(&status->list, phases) < 0 || gate_list_apply(&status->list, &status->progress) < 0)
		return err_no_memory(err);
	return say_next(status, project, err);
}

static int run(struct cli *cli, struct err *err)
{
	cleanup_project struct project project = PROJECT_INIT;
	struct status status = { .progress = PROGRESS_INIT, .list = GATE_LIST_INIT, .next = STR_INIT };
	int result = read_status(cli, &project, &status, err);
	if (result == 0)
		result = cli->json ? print_json(&project, &status, err) : print(cli, &status, err);
	progress_release(&status.progress);
	gate_list_release(&status.list);
	str_release(&status.next);
	return result;
}

const struct verb verb_status = {
	.name = "status",
	.summary = "gates and progress",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Shows each gate, whether it was reached, with what figure and in which commit: from the branch that comb "
		       "adopt works on, or else from the project's own progress file, or else from what comb setup, mark, check "
		       "and tune did in the project itself; and what is to be done next. Runs nothing.",
	.example = "comb status ~/src/shop",
	.options = options,
	.run = run,
};
