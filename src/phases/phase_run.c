#include "phases/phase_run.h"

#include <stdlib.h>

#include "base/interrupt.h"
#include "base/os.h"
#include "phases/in_place.h"
#include "phases/lock.h"
#include "phases/workspace.h"

#include "base/banned.h"

struct run {
	const struct project *user_project;
	const struct phase_run_options *options;
	struct workspace workspace;
	struct project project; /* opened again after each attempt, which may have changed what pytest obeys */
};

static int reopen(struct run *run, struct err *err)
{
	project_release(&run->project);
	if (project_open(&run->project, run->workspace.path, run->user_project->python, err) < 0)
		return -1;
	run->project.past_broken = run->options->settings.allow_failing;
	/* It is the project itself: the interpreter is still found the way it was. */
	free(run->project.python_from);
	run->project.python_from = os_strdup(run->user_project->python_from);
	return run->project.python_from ? 0 : err_no_memory(err);
}

static int attempt(struct run *run, struct gate_row *row, int number, struct err *err)
{
	const struct phase_run_options *options = run->options;
	struct gate_result result = GATE_RESULT_INIT;
	struct phase_ctx ctx = {
		.project = &run->project,
		.history = options->history,
		.settings = &options->settings,
		.sink = options->sink,
		.attempt = number,
	};
	gate_listener_begin(options->listener, row, number);
	int failed = row->gate->reach(&ctx, &result, err);
	if (!failed && interrupt_pending())
		failed = interrupt_error(err);
	if (!failed && run->workspace.attempt.paths.len > 0)
		failed = reopen(run, err);
	if (!failed && gate_row_set(row, &result, NULL) < 0)
		failed = err_no_memory(err);
	gate_result_release(&result);
	row->attempts++;
	if (!failed)
		gate_listener_end(options->listener, row);
	return failed;
}

static int reach(struct run *run, struct gate_row *row, struct err *err)
{
	int last = row->gate->attempts > 0 ? row->gate->attempts : 1;
	for (int number = 1; number <= last; number++) {
		if (number > 1 && (workspace_restore(&run->workspace, "", err) < 0 || reopen(run, err) < 0))
			return -1;
		if (attempt(run, row, number, err) < 0)
			return -1;
		if (row->status != GATE_FAILED)
			break;
	}
	return workspace_keep(&run->workspace, err) < 0 ? -1 : in_place_note(run->user_project->root, row, err);
}

int phase_run(const struct project *project, const struct phase *phase, const struct phase_run_options *options,
	      struct gate_list *list, struct err *err)
{
	const struct phase *const table[] = { phase, NULL };
	cleanup_lock struct lock lock = LOCK_INIT;
	struct run run = { .user_project = project, .options = options, .project = PROJECT_INIT };
	if (gate_list_open(list, table) < 0)
		return err_no_memory(err);
	if (lock_acquire(&lock, project->root, err) < 0 ||
	    workspace_open(&run.workspace, project, NULL, options->sink, err) < 0)
		return -1;
	int result = in_place_forget(project->root, phase, err) < 0 ? -1 : reopen(&run, err);
	for (size_t i = 0; result == 0 && i < list->rows.len; i++) {
		struct gate_row *row = &list->rows.at[i];
		result = reach(&run, row, err);
		if (row->status == GATE_FAILED && !row->gate->may_fail)
			break;
	}
	if (workspace_close(&run.workspace, false, err) < 0)
		result = -1;
	project_release(&run.project);
	return result;
}
