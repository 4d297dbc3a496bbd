#include "phases/mark_apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "phases/mark_check.h"
#include "phases/mark_hook.h"
#include "phases/mark_record.h"
#include "phases/mark_table.h"
#include "source/marks.h"
#include "source/param_marks.h"

#include "base/banned.h"

void mark_work_release(struct mark_work *work)
{
	mark_plan_release(&work->plan);
	test_sources_release(&work->sources);
	measurement_release(&work->measurement);
	suite_run_release(&work->after);
	free(work->verdicts);
	changeset_release(&work->set);
	strings_release(&work->put_back);
	*work = (struct mark_work)MARK_WORK_INIT;
}

static const char *root_of(const struct mark_work *work)
{
	return work->ctx->project->root;
}

int mark_collect(struct phase_ctx *ctx, struct suite_run *run, struct err *err)
{
	struct suite_options options = { .engine = ENGINE_SERIAL, .collect_only = true, .whole = true,
					 .timeout_s = ctx->settings->timeout_s };
	sink_step(ctx->sink, "collecting the suite");
	return suite_run(ctx->project, &options, run, err);
}

int mark_work_prepare(struct mark_work *work, struct phase_ctx *ctx, struct suite_run *whole, struct err *err)
{
	mark_work_release(work);
	work->ctx = ctx;
	if (measure_suite(ctx, whole, &work->measurement, err) < 0)
		return -1;
	const struct suite_run *run = &work->measurement.run;
	cleanup_free int *clock_lines = os_calloc(run->tests.len + 1, sizeof(int));
	work->verdicts = os_calloc(run->tests.len + 1, sizeof(*work->verdicts));
	if (!clock_lines || !work->verdicts)
		return err_no_memory(err);
	sink_step(ctx->sink, "sorting the tests");
	if (test_sources_open(&work->sources, root_of(work), err) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++)
		if ((clock_lines[i] = test_sources_clock_line(&work->sources, &run->tests.at[i], err)) < 0)
			return -1;
	if (categorise(run, work->measurement.seconds, work->measurement.left_out, clock_lines, work->verdicts, err) < 0)
		return -1;
	return mark_plan_make(&work->plan, &work->sources, run, work->verdicts, ctx->settings->mark_params, err);
}

/* --- Edits --- */

static struct mark_request request_for(const struct mark_place *place)
{
	return (struct mark_request){ .class_path = place->class_path, .function = place->function,
				      .line = place->line, .mark = category_name(place->category) };
}

/* Marks on the cases of one function. */
static int edit_cases(struct mark_place *place, struct edits *edits, struct err *err)
{
	const struct python_tree *tree = &place->source->tree;
	size_t def = python_tree_find(tree, place->class_path, place->function, place->line);
	cleanup_free const char **marks = os_calloc(place->cases.len + 1, sizeof(*marks));
	if (!marks)
		return err_no_memory(err);
	for (size_t i = 0; i < place->cases.len; i++)
		marks[i] = category_name(place->cases.at[i]);
	str_clear(&place->letters);
	return param_marks_insert(tree, def, marks, place->cases.len, edits, &place->letters, err) < 0 ? -1 : 0;
}

/* Splices for all places of one file. *count: places. */
static int edit_places(struct mark_work *work, struct test_source *source, struct edits *edits, size_t *count,
		       struct err *err)
{
	size_t plain = 0;
	cleanup_free struct mark_request *requests = os_calloc(work->plan.places.len + 1, sizeof(*requests));
	if (!requests)
		return err_no_memory(err);
	*count = 0;
	for (size_t i = 0; i < work->plan.places.len; i++) {
		struct mark_place *place = &work->plan.places.at[i];
		if (place->source != source)
			continue;
		(*count)++;
		if (place->cases.len == 0)
			requests[plain++] = request_for(place);
		else if (edit_cases(place, edits, err) < 0)
			return -1;
	}
	if (plain == 0)
		return 0;
	return marks_insert(str_slice(&source->content), source->path, requests, plain, edits, err);
}

/* All places of one file. A file that cannot be edited is noted. */
static int edit_source(struct mark_work *work, struct test_source *source, struct err *err)
{
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str after = STR_INIT;
	struct err why = ERR_INIT;
	size_t count = 0;
	int failed = edit_places(work, source, &edits, &count, &why);
	if (!failed && count == 0)
		return 0;
	if (failed || edits_apply(&edits, str_slice(&source->content), &after, &why) < 0) {
		if (why.kind == ERR_INPUT)
			return mark_note_put_back(work, source->path, why.text, err);
		*err = why;
		return -1;
	}
	return changeset_add(&work->set, source->real, str_slice(&source->content), true, &after, err);
}

int mark_edit_sources(struct mark_work *work, struct err *err)
{
	for (size_t i = 0; i < work->sources.files.len; i++)
		if (edit_source(work, work->sources.files.at[i], err) < 0)
			return -1;
	return 0;
}

/* --- The table, for what no source line can mark --- */

void mark_take_covered(struct mark_work *work)
{
	const struct suite_run *after = &work->after;
	bool several;
	for (size_t i = 0; i < after->tests.len && i < work->plan.count; i++)
		work->plan.covered[i] = category_of_marks(&after->tests.at[i], &several) != CATEGORY_NONE;
}

static size_t count_uncovered(const struct mark_work *work)
{
	size_t count = 0;
	for (size_t i = 0; i < work->plan.count; i++)
		count += !work->plan.covered[i];
	return count;
}

static int add_table(struct mark_work *work, struct strings *hooks, struct err *err)
{
	cleanup_mark_table struct mark_table table = MARK_TABLE_INIT;
	const struct suite_run *run = &work->measurement.run;
	if (count_uncovered(work) == 0)
		return 0;
	if (mark_table_read(&table, root_of(work), err) < 0)
		return -1;
	size_t before = table.rows.len;
	if (mark_table_add(&table, run, work->verdicts, work->plan.covered, err) < 0 ||
	    mark_table_store(&table, root_of(work), &work->set, err) < 0 ||
	    mark_hook_places(root_of(work), run, work->plan.covered, hooks, err) < 0)
		return -1;
	work->rows = table.rows.len - before;
	for (size_t i = 0; i < hooks->len; i++)
		if (mark_hook_insert(root_of(work), hooks->at[i], &work->set, err) < 0)
			return -1;
	return 0;
}

static int drop_table(struct mark_work *work, const struct strings *hooks, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	if (fs_join(&path, root_of(work), MARK_TABLE_NAME) < 0)
		return err_no_memory(err);
	if (changeset_undo_file(&work->set, path.buf, err) < 0)
		return -1;
	for (size_t i = 0; i < hooks->len; i++)
		if (fs_join(&path, root_of(work), hooks->at[i]) < 0 || changeset_undo_file(&work->set, path.buf, err) < 0)
			return -1;
	work->rows = 0;
	return 0;
}

int mark_write_table(struct mark_work *work, struct strings *hooks, struct err *err)
{
	struct err why = ERR_INIT;
	const struct suite_run *before = &work->measurement.run;
	if (add_table(work, hooks, &why) < 0 && why.kind == ERR_INPUT) {
		strings_release(hooks);
		work->rows = 0;
		return mark_note_put_back(work, MARK_TABLE_NAME, why.text, err);
	}
	if (why.kind != ERR_NONE) {
		*err = why;
		return -1;
	}
	if (hooks->len == 0)
		return 0;
	if (changeset_write(&work->set, err) < 0)
		return -1;
	if (mark_collect(work->ctx, &work->after, &why) == 0 && mark_same_tests(work) &&
	    work->after.collect_errors.len <= before->collect_errors.len)
		return 0;
	if (why.kind == ERR_INTERRUPTED || drop_table(work, hooks, err) < 0) {
		*err = err->kind == ERR_NONE ? why : *err;
		return -1;
	}
	strings_release(hooks);
	if (mark_collect(work->ctx, &work->after, err) < 0)
		return -1;
	return mark_note_put_back(work, MARK_TABLE_NAME, "the suite collects other tests with the hook in conftest.py", err);
}

/* --- What was placed --- */

int mark_record_places(struct mark_work *work, struct mark_record *record, struct err *err)
{
	for (size_t i = 0; i < work->plan.places.len; i++) {
		const struct mark_place *place = &work->plan.places.at[i];
		if (!mark_find_change(&work->set, place->source->real))
			continue;
		size_t *count = place->function ? &work->functions : place->class_path ? &work->classes : &work->modules;
		(*count)++;
		const char *path = place->source->real + strlen(work->sources.root) + 1;
		cleanup_str struct str cases = STR_INIT;
		if (place->letters.len > 0 && str_addf(&cases, CASES_PREFIX "%s", place->letters.buf) < 0)
			return err_no_memory(err);
		struct placed_mark mark = { (char *)path, place->class_path, place->function,
					    cases.len > 0 ? cases.buf : (char *)category_name(place->category) };
		if (mark_record_add(record, &mark, err) < 0)
			return -1;
	}
	return 0;
}

static int record_work(struct mark_work *work, const struct strings *hooks, struct err *err)
{
	cleanup_mark_record struct mark_record record = MARK_RECORD_INIT;
	if (!work->ctx->history)
		return 0;
	if (mark_record_load(&record, work->ctx->history, err) < 0 || mark_record_places(work, &record, err) < 0)
		return -1;
	for (size_t i = 0; i < hooks->len; i++)
		if (strings_find(&record.hooks, hooks->at[i]) < 0 && strings_add(&record.hooks, hooks->at[i]) < 0)
			return err_no_memory(err);
	return mark_record_store(&record, work->ctx->history, err);
}

static int write_all(struct mark_work *work, struct err *err)
{
	cleanup_strings struct strings hooks = STRINGS_INIT;
	if (!work->ctx->settings->marks_in_config && mark_edit_sources(work, err) < 0)
		return -1;
	sink_step(work->ctx->sink, "writing the marks");
	if (changeset_write(&work->set, err) < 0 || mark_settle(work, err) < 0)
		return -1;
	mark_take_covered(work);
	return mark_write_table(work, &hooks, err) < 0 || record_work(work, &hooks, err) < 0 ? -1 : 0;
}

int mark_work_write(struct mark_work *work, struct err *err)
{
	struct err undoing = ERR_INIT;
	if (write_all(work, err) == 0)
		return 0;
	if (changeset_undo(&work->set, &undoing) < 0)
		err_hint(err, "%s", undoing.text);
	return -1;
}

int mark_work_preview(struct mark_work *work, struct err *err)
{
	cleanup_strings struct strings hooks = STRINGS_INIT;
	bool several;
	if (!work->ctx->settings->marks_in_config)
		return mark_edit_sources(work, err) < 0 ? -1 : add_table(work, &hooks, err);
	for (size_t i = 0; i < work->plan.count; i++)
		work->plan.covered[i] = category_of_marks(&work->measurement.run.tests.at[i], &several) != CATEGORY_NONE;
	return add_table(work, &hooks, err);
}
