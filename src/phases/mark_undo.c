#include "phases/mark_undo.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "phases/mark_apply.h"
#include "phases/mark_check.h"
#include "phases/mark_hook.h"
#include "phases/mark_record.h"
#include "phases/mark_table.h"
#include "source/marks.h"
#include "source/param_marks.h"

#include "base/banned.h"

/* Marks on the cases of functions. */
static int remove_from_cases(const struct mark_record *record, const char *file, struct slice source,
			     struct edits *edits, struct err *err)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	if (python_tree_open(&tree, source, file, err) < 0)
		return -1;
	for (size_t i = 0; i < record->marks.len; i++) {
		const struct placed_mark *mark = &record->marks.at[i];
		if (strcmp(mark->file, file) != 0 || !text_starts_with(mark->mark, CASES_PREFIX))
			continue;
		size_t def = python_tree_find(&tree, mark->class_path, mark->function, 0);
		if (def != PYTHON_NONE &&
		    param_marks_remove(&tree, def, mark->mark + strlen(CASES_PREFIX), edits, err) < 0)
			return -1;
	}
	return 0;
}

static int remove_from_file(struct phase_ctx *ctx, const struct mark_record *record, const char *file,
			    struct changeset *set, struct err *err)
{
	cleanup_str struct str path = STR_INIT, before = STR_INIT, after = STR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_free struct mark_request *requests = os_calloc(record->marks.len + 1, sizeof(*requests));
	size_t count = 0;
	if (!requests || fs_join(&path, ctx->project->root, file) < 0)
		return err_no_memory(err);
	if (!fs_exists(path.buf))
		return 0;
	for (size_t i = 0; i < record->marks.len; i++) {
		const struct placed_mark *mark = &record->marks.at[i];
		if (strcmp(mark->file, file) == 0 && !text_starts_with(mark->mark, CASES_PREFIX))
			requests[count++] = (struct mark_request){ .class_path = mark->class_path,
								   .function = mark->function, .mark = mark->mark };
	}
	if (fs_read(path.buf, &before, err) < 0 ||
	    remove_from_cases(record, file, str_slice(&before), &edits, err) < 0 ||
	    marks_remove(str_slice(&before), file, requests, count, &edits, err) < 0)
		return -1;
	if (edits.splices.len == 0)
		return 0;
	if (edits_apply(&edits, str_slice(&before), &after, err) < 0)
		return -1;
	return changeset_add(set, path.buf, str_slice(&before), true, &after, err);
}

/* Whether marks[i] is the first on record in its file. */
static bool first_of_file(const struct mark_record *record, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(record->marks.at[j].file, record->marks.at[i].file) == 0)
			return false;
	return true;
}

/* Files that hold nothing but what comb wrote go away altogether. */
static int remove_hooks(struct phase_ctx *ctx, const struct mark_record *record, struct changeset *set,
			struct strings *useless, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	if (fs_join(&path, ctx->project->root, MARK_TABLE_NAME) < 0)
		return err_no_memory(err);
	if (fs_exists(path.buf) && strings_add(useless, path.buf) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < record->hooks.len; i++) {
		bool empty;
		if (mark_hook_remove(ctx->project->root, record->hooks.at[i], set, &empty, err) < 0)
			return -1;
		if (fs_join(&path, ctx->project->root, record->hooks.at[i]) < 0 ||
		    (empty && strings_add(useless, path.buf) < 0))
			return err_no_memory(err);
	}
	return 0;
}

/* --- From the source into the table --- */

static bool is_on_record(const struct mark_record *record, const char *file)
{
	for (size_t i = 0; i < record->marks.len; i++)
		if (strcmp(record->marks.at[i].file, file) == 0)
			return true;
	return false;
}

static int add_file(const struct mark_record *record, struct strings *files, const char *path, size_t len)
{
	cleanup_str struct str file = STR_INIT;
	if (str_add(&file, path, len) < 0)
		return -1;
	if (!is_on_record(record, file.buf) || strings_find(files, file.buf) >= 0)
		return 0;
	return strings_add(files, file.buf);
}

/* The files on record that can have given the changed tests a mark. */
static int find_guilty(const struct mark_record *record, const struct suite_run *run, const bool *changed,
		       struct strings *files)
{
	for (size_t i = 0; i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		if (!changed[i] || !test->path)
			continue;
		if (add_file(record, files, test->path, strlen(test->path)) < 0 ||
		    (test->source_path && add_file(record, files, test->source_path, strlen(test->source_path)) < 0))
			return -1;
		for (size_t b = 0; b < test->bases.len; b++) {
			const char *end = strstr(test->bases.at[b], "::");
			if (end && add_file(record, files, test->bases.at[b], (size_t)(end - test->bases.at[b])) < 0)
				return -1;
		}
	}
	return 0;
}

static void forget_marks(struct mark_record *record, const struct strings *files)
{
	size_t kept = 0;
	for (size_t i = 0; i < record->marks.len; i++) {
		if (strings_find(files, record->marks.at[i].file) < 0)
			record->marks.at[kept++] = record->marks.at[i];
		else
			placed_mark_release(&record->marks.at[i]);
	}
	record->marks.len = kept;
}

/*
 * Every test shall keep the category it has now; but where the suite leaves out
 * what bears a mark (--runslow), a lighter one that it does not leave out.
 */
static int take_present_categories(struct mark_work *work, const struct suite_run *ran, const bool *changed,
				   bool *lighter, struct err *err)
{
	struct suite_run *run = &work->measurement.run;
	bool several;
	if (mark_collect(work->ctx, run, err) < 0)
		return -1;
	cleanup_free size_t *match = suite_match(ran, run);
	work->plan.count = run->tests.len;
	work->verdicts = os_calloc(run->tests.len + 1, sizeof(*work->verdicts));
	work->plan.covered = os_calloc(run->tests.len + 1, sizeof(bool));
	work->measurement.renamed = os_calloc(run->tests.len + 1, sizeof(bool));
	if (!work->verdicts || !work->plan.covered || !work->measurement.renamed || !match)
		return err_no_memory(err);
	for (size_t i = 0; i < run->tests.len; i++) {
		struct verdict *verdict = &work->verdicts[i];
		work->measurement.renamed[i] =
			match[i] != SIZE_MAX && strcmp(ran->tests.at[match[i]].id, run->tests.at[i].id) != 0;
		bool left_out = match[i] != SIZE_MAX && changed[match[i]] &&
				ran->tests.at[match[i]].outcome == TEST_SKIPPED;
		verdict->category = category_of_marks(&run->tests.at[i], &several);
		if (left_out && verdict->category > CATEGORY_UNIT) {
			verdict->category--;
			*lighter = true;
		}
	}
	return 0;
}

static int plan_again(struct mark_work *work, struct err *err)
{
	for (size_t i = 0; i < work->plan.count; i++)
		work->verdicts[i].by_user = work->plan.covered[i];
	if (test_sources_open(&work->sources, work->ctx->project->root, err) < 0 ||
	    mark_plan_make(&work->plan, &work->sources, &work->after, work->verdicts,
			   work->ctx->settings->mark_params, err) < 0)
		return -1;
	return mark_edit_sources(work, err) < 0 ? -1 : changeset_write(&work->set, err);
}

static int place_again(struct mark_work *work, struct mark_record *record, const struct suite_run *ran,
		       const bool *changed, const struct strings *files, struct err *err)
{
	cleanup_strings struct strings hooks = STRINGS_INIT;
	bool lighter = false;
	if (take_present_categories(work, ran, changed, &lighter, err) < 0)
		return -1;
	for (size_t i = 0; i < files->len; i++)
		if (remove_from_file(work->ctx, record, files->at[i], &work->set, err) < 0)
			return -1;
	if (changeset_write(&work->set, err) < 0 || mark_collect(work->ctx, &work->after, err) < 0)
		return -1;
	mark_take_covered(work);
	forget_marks(record, files);
	if (lighter && (plan_again(work, err) < 0 || mark_settle(work, err) < 0 || mark_record_places(work, record, err) < 0))
		return -1;
	mark_take_covered(work);
	if (mark_write_table(work, &hooks, err) < 0)
		return -1;
	for (size_t i = 0; i < hooks.len; i++)
		if (strings_find(&record->hooks, hooks.at[i]) < 0 && strings_add(&record->hooks, hooks.at[i]) < 0)
			return err_no_memory(err);
	return mark_record_store(record, work->ctx->history, err);
}

int mark_undo_some(struct phase_ctx *ctx, const struct suite_run *run, const bool *changed, struct strings *files,
		    struct err *err)
{
	cleanup_mark_work struct mark_work work = MARK_WORK_INIT;
	cleanup_mark_record struct mark_record record = MARK_RECORD_INIT;
	struct err undoing = ERR_INIT;
	work.ctx = ctx;
	strings_release(files);
	if (!ctx->history)
		return 0;
	if (mark_record_load(&record, ctx->history, err) < 0)
		return -1;
	if (find_guilty(&record, run, changed, files) < 0)
		return err_no_memory(err);
	if (files->len == 0)
		return 0;
	if (test_sources_open(&work.sources, ctx->project->root, err) == 0 &&
	    place_again(&work, &record, run, changed, files, err) == 0)
		return 0;
	if (changeset_undo(&work.set, &undoing) < 0)
		err_hint(err, "%s", undoing.text);
	return -1;
}

int mark_undo_all(struct phase_ctx *ctx, size_t *files, struct err *err)
{
	cleanup_mark_record struct mark_record record = MARK_RECORD_INIT;
	static const struct mark_record nothing = MARK_RECORD_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	cleanup_strings struct strings useless = STRINGS_INIT;
	if (mark_record_load(&record, ctx->history, err) < 0)
		return -1;
	if (record.marks.len == 0 && record.hooks.len == 0) {
		err_set(err, ERR_INPUT, "no marks of comb's are on record in %s/.comb", ctx->project->root);
		return err_hint(err, "comb removes only what it placed itself, where it placed it");
	}
	for (size_t i = 0; i < record.marks.len; i++)
		if (first_of_file(&record, i) &&
		    remove_from_file(ctx, &record, record.marks.at[i].file, &set, err) < 0)
			return -1;
	if (remove_hooks(ctx, &record, &set, &useless, err) < 0 || changeset_write(&set, err) < 0)
		return -1;
	*files = set.changes.len;
	for (size_t i = 0; i < useless.len; i++) {
		*files += text_ends_with(useless.at[i], "/" MARK_TABLE_NAME);
		if (fs_remove_all(useless.at[i], err) < 0)
			return -1;
	}
	return mark_record_store(&nothing, ctx->history, err);
}
