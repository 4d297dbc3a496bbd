#include "phases/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/os.h"
#include "phases/compare.h"
#include "phases/lock.h"
#include "phases/message.h"
#include "phases/progress.h"
#include "phases/validate.h"
#include "phases/workspace.h"

#include "base/banned.h"

/* One run of adopt_run(). */
struct adoption {
	const struct project *user_project;
	const struct adopt_options *options;
	struct adopt_report *report;
	struct workspace workspace;
	struct project project;   /* in the workspace */
	struct progress progress;
	bool valid;               /* the progress holds for the content and environment as they are */
};

/* Everything but the project's files that a gate's result rests on. */
static uint64_t environment_hash(const struct project *project, const struct phase_settings *settings)
{
	uint64_t hash = hash_add_text(HASH_START, COMB_VERSION);
	hash = hash_add_text(hash, project->python);
	hash = hash_add(hash, project->python_version, sizeof(project->python_version));
	hash = hash_add(hash, project->pytest_version, sizeof(project->pytest_version));
	for (size_t i = 0; i < project->plugins.len; i++) {
		hash = hash_add_text(hash, project->plugins.at[i].name);
		hash = hash_add_text(hash, project->plugins.at[i].version);
	}
	hash = hash_add(hash, &settings->with_comb, sizeof(settings->with_comb));
	hash = hash_add(hash, &settings->allow_failing, sizeof(settings->allow_failing));
	return hash_add(hash, &settings->marks_in_config, sizeof(settings->marks_in_config));
}

static int is_valid(struct adoption *adoption, struct err *err)
{
	cleanup_str struct str inputs = STR_INIT;
	uint64_t content;
	if (workspace_content(&adoption->workspace, &content, err) < 0)
		return -1;
	content = hash_add(environment_hash(&adoption->project, &adoption->options->settings), &content, sizeof(content));
	if (str_addf(&inputs, "%016llx", (unsigned long long)content) < 0)
		return err_no_memory(err);
	adoption->valid = strcmp(inputs.buf, adoption->progress.inputs) == 0;
	return 0;
}

/* A gate may have written configuration or installed a plugin. */
static int reopen_project(struct adoption *adoption, struct err *err)
{
	project_release(&adoption->project);
	if (project_open(&adoption->project, adoption->workspace.path, adoption->user_project->python, err) < 0)
		return -1;
	adoption->project.past_broken = adoption->options->settings.allow_failing;
	return 0;
}

static int commit(struct adoption *adoption, const char *message, struct str *id, struct err *err)
{
	uint64_t environment = environment_hash(&adoption->project, &adoption->options->settings);
	return workspace_commit(&adoption->workspace, &adoption->progress, environment, message, id, err);
}

static int set_line(struct adoption *adoption, const char *phase, const char *gate, enum gate_status status,
		    const char *commit_id, const char *figure, struct err *err)
{
	struct progress_line line = {
		.phase = phase,
		.gate = gate,
		.status = status,
		.commit = commit_id[0] ? commit_id : NULL,
		.time_s = clock_wall_s(),
		.figure = figure,
	};
	return progress_set(&adoption->progress, &line) < 0 ? err_no_memory(err) : 0;
}

/* ---- one gate ----------------------------------------------------------------- */

/* In place the line is there with the files; with git it follows with the next commit, which can name this one. */
static int record_attempt(struct adoption *adoption, struct gate_row *row, int attempt, struct gate_result *result,
			  struct err *err)
{
	cleanup_str struct str message = STR_INIT, id = STR_INIT;
	const struct worktree *worktree = &adoption->workspace.worktree;
	if (worktree_shorten_paths(worktree, &result->figure) < 0 || worktree_shorten_paths(worktree, &result->detail) < 0)
		return err_no_memory(err);
	const char *figure = result->figure.len ? result->figure.buf : row->gate->title;
	bool in_place = adoption->workspace.in_place;
	if (message_for_gate(row->phase, row->gate, attempt, result, &message) < 0)
		return err_no_memory(err);
	if (result->status != GATE_FAILED && workspace_keep(&adoption->workspace, err) < 0)
		return -1;
	progress_remove(&adoption->progress, PROGRESS_CLOSING_GATE);
	if (in_place && set_line(adoption, row->phase->verb, row->gate->id, result->status, "", figure, err) < 0)
		return -1;
	if (commit(adoption, message.buf, &id, err) < 0)
		return -1;
	if (gate_row_set(row, result, in_place ? NULL : id.buf) < 0)
		return err_no_memory(err);
	return in_place ? 0 :
		set_line(adoption, row->phase->verb, row->gate->id, result->status, id.buf, figure, err);
}

static int attempt_gate(struct adoption *adoption, struct gate_row *row, int attempt, struct err *err)
{
	const struct adopt_options *options = adoption->options;
	struct gate_result result = GATE_RESULT_INIT;
	struct phase_ctx ctx = {
		.project = &adoption->project,
		.history = options->history,
		.settings = &options->settings,
		.sink = options->sink,
		.attempt = attempt,
	};
	int64_t start_ns = clock_now_ns();
	gate_listener_begin(options->listener, row, attempt);
	int failed = row->gate->reach(&ctx, &result, err);
	if (!failed && interrupt_pending())
		failed = interrupt_error(err);
	if (!failed)
		failed = reopen_project(adoption, err);
	if (!failed)
		failed = record_attempt(adoption, row, attempt, &result, err);
	gate_result_release(&result);
	row->attempts++;
	row->wall_s += (double)(clock_now_ns() - start_ns) / (double)NS_PER_SECOND;
	if (!failed)
		gate_listener_end(options->listener, row);
	return failed;
}

/* All attempts that are left, from the files as they were before the first. */
static int run_gate(struct adoption *adoption, struct gate_row *row, struct err *err)
{
	struct tip_attempts before = { .base = STR_INIT };
	int last = row->gate->attempts > 0 ? row->gate->attempts : 1;
	int result = workspace_attempts(&adoption->workspace, row->gate->id, &before, err);
	bool tried = before.failed > 0 || before.stopped;
	int first = adoption->valid ? before.failed + 1 : 1;
	for (int attempt = first; result == 0 && attempt <= last; attempt++) {
		if (tried && (workspace_restore(&adoption->workspace, str_text(&before.base), err) < 0 ||
			      reopen_project(adoption, err) < 0)) {
			result = -1;
			break;
		}
		result = attempt_gate(adoption, row, attempt, err);
		tried = true;
		if (row->status != GATE_FAILED)
			break;
	}
	str_release(&before.base);
	return result < 0 ? -1 : workspace_keep(&adoption->workspace, err);
}

/* Done by an earlier run, and nothing has changed since. */
static bool is_done(const struct adoption *adoption, const struct gate_row *row)
{
	const struct progress_line *line = progress_find(&adoption->progress, row->gate->id);
	return adoption->valid && line && (line->status != GATE_FAILED || row->gate->may_fail);
}

/* The commit that closes the file where adoption had to stop. */
static int record_stop(struct adoption *adoption, const struct gate_row *row, struct err *err)
{
	cleanup_str struct str subject = STR_INIT, message = STR_INIT, id = STR_INIT;
	if (str_addf(&subject, "adoption stopped at gate %s: %s", row->gate->id, row->gate->title) < 0)
		return err_no_memory(err);
	struct message_text text = {
		.subject = subject.buf,
		.figure = row->figure && row->figure[0] ? row->figure : row->gate->title,
		.detail = row->gate->remedy ? row->gate->remedy : "",
		.phase = row->phase->verb,
		.gate = row->gate->id,
		.status = "stopped",
	};
	if (message_format(&text, &message) < 0)
		return err_no_memory(err);
	return commit(adoption, message.buf, &id, err);
}

static int run_gates(struct adoption *adoption, struct err *err)
{
	struct gate_list *gates = &adoption->report->gates;
	for (size_t i = 0; i < gates->rows.len; i++) {
		struct gate_row *row = &gates->rows.at[i];
		if (is_done(adoption, row)) {
			gate_listener_end(adoption->options->listener, row);
			continue;
		}
		if (run_gate(adoption, row, err) < 0)
			return -1;
		if (row->status == GATE_FAILED && !row->gate->may_fail) {
			adoption->report->stopped_at = row->gate;
			return record_stop(adoption, row, err);
		}
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------ */

/* Adds the closing line and commits it. The validation's own failures are its detail. */
static int record_end(struct adoption *adoption, const char *validated_commit, struct err *err)
{
	struct adopt_report *report = adoption->report;
	size_t all = report->gates.rows.len, failed = gate_list_count(&report->gates, GATE_FAILED);
	size_t validated = all - gate_list_count(&report->validation, GATE_FAILED);
	cleanup_str struct str figure = STR_INIT, detail = STR_INIT, subject = STR_INIT, message = STR_INIT, id = STR_INIT;
	if (str_addf(&figure, "%zu of %zu gates passed, %zu of %zu when validated in a clean checkout", all - failed, all,
		     validated, all) < 0 ||
	    str_addf(&subject, "adoption finished: %zu of %zu gates passed", all - failed, all) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < report->validation.rows.len; i++) {
		const struct gate_row *row = &report->validation.rows.at[i];
		if (row->status == GATE_FAILED &&
		    (str_adds(&detail, "- ") < 0 || gate_row_add_text(row, &detail) < 0 || str_addc(&detail, '\n') < 0))
			return err_no_memory(err);
	}
	if (set_line(adoption, PROGRESS_CLOSING_PHASE, PROGRESS_CLOSING_GATE, report->passed ? GATE_PASSED : GATE_FAILED,
		     validated_commit, figure.buf, err) < 0)
		return -1;
	struct message_text text = { .subject = subject.buf, .figure = figure.buf, .detail = str_text(&detail) };
	if (message_format(&text, &message) < 0)
		return err_no_memory(err);
	return commit(adoption, message.buf, &id, err);
}

static int validate_and_close(struct adoption *adoption, struct err *err)
{
	struct adopt_report *report = adoption->report;
	const struct adopt_options *options = adoption->options;
	cleanup_str struct str tip = STR_INIT;
	if (workspace_tip(&adoption->workspace, &tip, err) < 0)
		return -1;
	if (adoption->workspace.in_place) {
		struct phase_ctx ctx = {
			.project = &adoption->project,
			.history = options->history,
			.settings = &options->settings,
			.sink = options->sink,
			.attempt = 1,
		};
		if (validate_gates(&ctx, options->table, options->listener, &report->validation, err) < 0)
			return -1;
	} else if (validate_commit(adoption->user_project, tip.buf, options, &report->validation, err) < 0) {
		return -1;
	}
	report->validated = validate_passed(&report->validation);
	report->passed = report->validated && gate_list_count(&report->gates, GATE_FAILED) == 0;
	return record_end(adoption, str_text(&tip), err);
}

/* An earlier run got to the end, and nothing has changed since. */
static bool is_closed(struct adoption *adoption)
{
	const struct progress_line *end = progress_find(&adoption->progress, PROGRESS_CLOSING_GATE);
	struct gate_list *gates = &adoption->report->gates;
	if (!adoption->valid || !end)
		return false;
	for (size_t i = 0; i < gates->rows.len; i++)
		if (!is_done(adoption, &gates->rows.at[i]))
			return false;
	adoption->report->nothing_to_do = true;
	adoption->report->passed = adoption->report->validated = end->status == GATE_PASSED;
	return true;
}

static int adopt_in_workspace(struct adoption *adoption, struct err *err)
{
	struct adopt_report *report = adoption->report;
	if (reopen_project(adoption, err) < 0 || workspace_load(&adoption->workspace, &adoption->progress, err) < 0 ||
	    is_valid(adoption, err) < 0)
		return -1;
	if (!adoption->valid) {
		if (adoption->progress.lines.len > 0)
			sink_note(adoption->options->sink, "the project or its environment has changed: all gates are tried again");
		progress_release(&adoption->progress);
	}
	if (gate_list_open(&report->gates, adoption->options->table) < 0 ||
	    gate_list_apply(&report->gates, &adoption->progress) < 0)
		return err_no_memory(err);
	if (is_closed(adoption))
		return 0;
	bool is_new = !adoption->workspace.in_place && adoption->progress.lines.len == 0;
	if (is_new && compare_collections(adoption->user_project, &adoption->project, &adoption->workspace.imports,
					  adoption->options->sink, err) < 0)
		return -1;
	if (run_gates(adoption, err) < 0)
		return -1;
	return report->stopped_at ? 0 : validate_and_close(adoption, err);
}

/* Says which of the user's changes a checkout of HEAD does not hold. */
static int note_left_out(struct adoption *adoption, struct err *err)
{
	return worktree_note_dirty(adoption->user_project->root, "the last commit is what is adopted",
				   &adoption->report->left_out, adoption->options->sink, err);
}

int adopt_run(const struct project *project, const struct adopt_options *options, struct adopt_report *report,
	      struct err *err)
{
	cleanup_lock struct lock lock = LOCK_INIT;
	struct adoption adoption = {
		.user_project = project,
		.options = options,
		.report = report,
		.workspace = WORKSPACE_INIT,
		.project = PROJECT_INIT,
	};
	adopt_report_release(report);
	if (lock_acquire(&lock, project->root, err) < 0)
		return -1;
	if (options->branch && note_left_out(&adoption, err) < 0)
		return -1;
	if (workspace_open(&adoption.workspace, project, options->branch, options->sink, err) < 0)
		return -1;
	int result = adopt_in_workspace(&adoption, err);
	if (result < 0)
		worktree_translate_error(&adoption.workspace.worktree, err);
	if (options->keep_worktree && !adoption.workspace.in_place &&
	    str_adds(&report->worktree, adoption.workspace.project) < 0)
		result = err_no_memory(err);
	if (workspace_close(&adoption.workspace, options->keep_worktree, err) < 0)
		result = -1;
	progress_release(&adoption.progress);
	project_release(&adoption.project);
	return result;
}

void adopt_report_release(struct adopt_report *report)
{
	gate_list_release(&report->gates);
	gate_list_release(&report->validation);
	strings_release(&report->left_out);
	str_release(&report->worktree);
	*report = (struct adopt_report)ADOPT_REPORT_INIT;
}
