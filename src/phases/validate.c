#include "phases/validate.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "phases/imports.h"
#include "phases/worktree.h"

#include "base/banned.h"

static int measure(struct phase_ctx *ctx, struct gate_row *row, struct err *err)
{
	struct gate_result result = GATE_RESULT_INIT;
	struct err why = ERR_INIT;
	int64_t start_ns = clock_now_ns();
	int failed = row->gate->verify(ctx, &result, &why);
	if (interrupt_pending() || why.kind == ERR_INTERRUPTED) {
		gate_result_release(&result);
		return interrupt_error(err);
	}
	if (failed) {
		result.status = GATE_FAILED;
		str_clear(&result.figure);
		if (why.file[0] && why.line > 0)
			str_addf(&result.figure, "%s:%d: ", why.file, why.line);
		str_adds(&result.figure, why.text);
	}
	failed = gate_row_set(row, &result, NULL);
	row->wall_s = (double)(clock_now_ns() - start_ns) / (double)NS_PER_SECOND;
	row->attempts = 1;
	gate_result_release(&result);
	return failed ? err_no_memory(err) : 0;
}

int validate_gates(struct phase_ctx *ctx, const struct phase *const *table, const struct gate_listener *listener,
		   struct gate_list *list, struct err *err)
{
	if (gate_list_open(list, table) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < list->rows.len; i++) {
		struct gate_row *row = &list->rows.at[i];
		gate_listener_begin(listener, row, 0);
		if (measure(ctx, row, err) < 0)
			return -1;
		gate_listener_end(listener, row);
	}
	return 0;
}

static int validate_in(const struct worktree *worktree, const struct project *project,
		       const struct adopt_options *options, struct gate_list *list, struct err *err)
{
	cleanup_project struct project checkout = PROJECT_INIT;
	struct phase_ctx ctx = {
		.project = &checkout,
		.history = options->history,
		.settings = &options->settings,
		.sink = options->sink,
		.attempt = 1,
	};
	if (project_open(&checkout, worktree->project, project->python, err) < 0)
		return -1;
	checkout.past_broken = options->settings.allow_failing;
	return validate_gates(&ctx, options->table, options->listener, list, err);
}

/* Figures may name files in the checkout, which will be gone. */
static int gate_row_shorten(struct gate_row *row, const struct worktree *worktree)
{
	cleanup_str struct str figure = STR_INIT;
	if (!row->figure)
		return 0;
	if (str_adds(&figure, row->figure) < 0 || worktree_shorten_paths(worktree, &figure) < 0)
		return -1;
	free(row->figure);
	row->figure = str_steal(&figure);
	return row->figure ? 0 : -1;
}

int validate_commit(const struct project *project, const char *commit, const struct adopt_options *options,
		    struct gate_list *list, struct err *err)
{
	struct worktree worktree = WORKTREE_INIT;
	struct imports imports = IMPORTS_INIT;
	if (worktree_open(&worktree, project->root, NULL, commit, options->sink, err) < 0)
		return -1;
	int result = imports_redirect(&imports, project, worktree.user_top, worktree.top, NULL, err);
	if (result == 0)
		result = validate_in(&worktree, project, options, list, err);
	imports_restore(&imports);
	if (result < 0)
		worktree_translate_error(&worktree, err);
	for (size_t i = 0; i < list->rows.len; i++)
		if (gate_row_shorten(&list->rows.at[i], &worktree) < 0)
			result = err_no_memory(err);
	if (worktree_close(&worktree, false, err) < 0)
		result = -1;
	return result;
}

bool validate_passed(const struct gate_list *list)
{
	return gate_list_count(list, GATE_FAILED) == 0;
}
