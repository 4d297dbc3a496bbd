#include "phases/mark_apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "phases/mark_hook.h"
#include "phases/mark_record.h"
#include "phases/mark_table.h"
#include "source/marks.h"

#include "base/banned.h"

/* Files are put back and the suite collected again at most so often; then all of them are. */
#define MOST_ROUNDS 4

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
	return mark_plan_make(&work->plan, &work->sources, run, work->verdicts, err);
}

/* --- Edits --- */

static struct mark_request request_for(const struct mark_place *place)
{
	return (struct mark_request){ .class_path = place->class_path, .function = place->function,
				      .line = place->line, .mark = category_name(place->category) };
}

static int note_put_back(struct mark_work *work, const char *path, const char *why, struct err *err)
{
	if (strings_addf(&work->put_back, "%s: %s", path, why) < 0)
		return err_no_memory(err);
	sink_notef(work->ctx->sink, "%s keeps its old text: %s", path, why);
	return 0;
}

/* All places of one file. A file that cannot be edited is noted. */
static int edit_source(struct mark_work *work, struct test_source *source, struct err *err)
{
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str after = STR_INIT;
	struct err why = ERR_INIT;
	size_t count = 0;
	cleanup_free struct mark_request *requests = os_calloc(work->plan.places.len + 1, sizeof(*requests));
	if (!requests)
		return err_no_memory(err);
	for (size_t i = 0; i < work->plan.places.len; i++)
		if (work->plan.places.at[i].source == source)
			requests[count++] = request_for(&work->plan.places.at[i]);
	if (count == 0)
		return 0;
	if (marks_insert(str_slice(&source->content), source->path, requests, count, &edits, &why) < 0 ||
	    edits_apply(&edits, str_slice(&source->content), &after, &why) < 0) {
		if (why.kind == ERR_INPUT)
			return note_put_back(work, source->path, why.text, err);
		*err = why;
		return -1;
	}
	return changeset_add(&work->set, source->real, str_slice(&source->content), true, &after, err);
}

static int edit_sources(struct mark_work *work, struct err *err)
{
	for (size_t i = 0; i < work->sources.files.len; i++)
		if (edit_source(work, work->sources.files.at[i], err) < 0)
			return -1;
	return 0;
}

/* --- The check --- */

static const struct change *find_change(const struct changeset *set, const char *path)
{
	for (size_t i = 0; path && i < set->changes.len; i++)
		if (set->changes.at[i].written && strcmp(set->changes.at[i].path, path) == 0)
			return &set->changes.at[i];
	return NULL;
}

/* Puts a file back if it is one of those written. 1: it was; 0: not; -1. */
static int put_back(struct mark_work *work, const char *name, const char *why, struct err *err)
{
	struct test_source *source = test_sources_get(&work->sources, name, err);
	if (!source)
		return -1;
	if (!find_change(&work->set, source->real))
		return 0;
	if (changeset_undo_file(&work->set, source->real, err) < 0)
		return -1;
	return note_put_back(work, source->path, why, err) < 0 ? -1 : 1;
}

static int put_back_all(struct mark_work *work, const char *why, struct err *err)
{
	int count = 0;
	for (size_t i = 0; i < work->sources.files.len; i++) {
		int done = put_back(work, work->sources.files.at[i]->path, why, err);
		if (done < 0)
			return -1;
		count += done;
	}
	return count;
}

/* Whether that file was given a mark of that category; at module level only, if asked. */
static bool placed_in(const struct mark_work *work, const struct test_source *source, enum category category,
		      bool module_only)
{
	for (size_t i = 0; i < work->plan.places.len; i++) {
		const struct mark_place *place = &work->plan.places.at[i];
		bool is_module = !place->class_path && !place->function;
		if (place->source == source && place->category == category && (is_module || !module_only))
			return true;
	}
	return false;
}

static int put_back_guilty(struct mark_work *work, const char *name, enum category category, struct err *err)
{
	struct test_source *source = test_sources_get(&work->sources, name, err);
	if (!source)
		return -1;
	if (!placed_in(work, source, category, false))
		return 0;
	return put_back(work, name, "its mark reaches tests that it is not for", err);
}

/* The files that a test takes marks from: its own, its function's, those of its classes. */
static int put_back_own_files(struct mark_work *work, const struct test *test, enum category category,
			      struct err *err)
{
	int count = 0, done = test->path ? put_back_guilty(work, test->path, category, err) : 0;
	count += done;
	if (done >= 0 && test->source_path) {
		done = put_back_guilty(work, test->source_path, category, err);
		count += done;
	}
	for (size_t i = 0; done >= 0 && i < test->bases.len; i++) {
		cleanup_str struct str path = STR_INIT;
		const char *separator = strstr(test->bases.at[i], "::");
		if (str_add(&path, test->bases.at[i], separator ? (size_t)(separator - test->bases.at[i]) : 0) < 0)
			return err_no_memory(err);
		done = put_back_guilty(work, str_text(&path), category, err);
		count += done;
	}
	return done < 0 ? -1 : count;
}

/* A category that a test should not have. `from module import *` carries a pytestmark to modules far away. */
static int put_back_source_of(struct mark_work *work, const struct test *test, enum category category,
			      struct err *err)
{
	int count = put_back_own_files(work, test, category, err);
	for (size_t i = 0; count == 0 && i < work->sources.files.len; i++) {
		struct test_source *source = work->sources.files.at[i];
		if (!placed_in(work, source, category, true))
			continue;
		int done = put_back(work, source->path, "its mark is imported elsewhere", err);
		if (done < 0)
			return -1;
		count += done;
	}
	return count;
}

/* Categories of a test beside the one it was given. */
static int put_back_test(struct mark_work *work, const struct test *test, enum category wanted, struct err *err)
{
	int count = 0;
	for (size_t i = 0; i < test->marks.len; i++) {
		enum category category = category_parse(test->marks.at[i]);
		if (category == CATEGORY_NONE || category == wanted)
			continue;
		int done = put_back_source_of(work, test, category, err);
		if (done < 0)
			return -1;
		count += done;
	}
	return count;
}

static bool same_tests(const struct suite_run *a, const struct suite_run *b)
{
	if (a->tests.len != b->tests.len)
		return false;
	for (size_t i = 0; i < a->tests.len; i++)
		if (strcmp(a->tests.at[i].id, b->tests.at[i].id) != 0)
			return false;
	return true;
}

static int check_collection(struct mark_work *work, const struct suite_run *after, struct err *err)
{
	const struct suite_run *before = &work->measurement.run;
	int count = 0;
	for (size_t i = 0; i < after->collect_errors.len; i++) {
		int done = put_back(work, after->collect_errors.at[i].path, "it cannot be collected with its mark", err);
		if (done < 0)
			return -1;
		count += done;
	}
	if (count > 0)
		return count;
	if (after->collect_errors.len > before->collect_errors.len)
		return put_back_all(work, "the suite cannot be collected with the marks", err);
	return same_tests(before, after) ? 0 : put_back_all(work, "the suite collects other tests with the marks", err);
}

/* How many files were put back; 0: all is as it should be. */
static int check(struct mark_work *work, const struct suite_run *after, struct err *err)
{
	int count = check_collection(work, after, err);
	if (count != 0)
		return count;
	for (size_t i = 0; i < after->tests.len; i++) {
		bool several;
		enum category category = category_of_marks(&after->tests.at[i], &several);
		bool wrong = category != CATEGORY_NONE && (category != work->verdicts[i].category || several);
		if (!wrong || work->verdicts[i].by_user)
			continue;
		int done = put_back_test(work, &after->tests.at[i], work->verdicts[i].category, err);
		if (done < 0)
			return -1;
		count += done;
	}
	return count;
}

/* Until nothing is wrong. A collection that fails altogether puts everything back. */
static int settle(struct mark_work *work, struct err *err)
{
	for (int round = 1;; round++) {
		struct err why = ERR_INIT;
		int count;
		if (mark_collect(work->ctx, &work->after, &why) == 0) {
			count = check(work, &work->after, err);
		} else {
			if (why.kind == ERR_INTERRUPTED || why.kind == ERR_INTERNAL) {
				*err = why;
				return -1;
			}
			count = put_back_all(work, why.text, err);
			if (count == 0)
				*err = why;
			count = count == 0 ? -1 : count;
		}
		if (count <= 0)
			return count;
		if (round == MOST_ROUNDS && put_back_all(work, "files marked with it could not be told from it", err) < 0)
			return -1;
	}
}

/* --- The table, for what no source line can mark --- */

static void take_covered(struct mark_work *work)
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

static int write_table(struct mark_work *work, struct strings *hooks, struct err *err)
{
	struct err why = ERR_INIT;
	const struct suite_run *before = &work->measurement.run;
	if (add_table(work, hooks, &why) < 0 && why.kind == ERR_INPUT) {
		strings_release(hooks);
		work->rows = 0;
		return note_put_back(work, MARK_TABLE_NAME, why.text, err);
	}
	if (why.kind != ERR_NONE) {
		*err = why;
		return -1;
	}
	if (hooks->len == 0)
		return 0;
	if (changeset_write(&work->set, err) < 0)
		return -1;
	if (mark_collect(work->ctx, &work->after, &why) == 0 && same_tests(before, &work->after) &&
	    work->after.collect_errors.len <= before->collect_errors.len)
		return 0;
	if (why.kind == ERR_INTERRUPTED || drop_table(work, hooks, err) < 0) {
		*err = err->kind == ERR_NONE ? why : *err;
		return -1;
	}
	strings_release(hooks);
	if (mark_collect(work->ctx, &work->after, err) < 0)
		return -1;
	return note_put_back(work, MARK_TABLE_NAME, "the suite collects other tests with the hook in conftest.py", err);
}

/* --- What was placed --- */

static int record_places(struct mark_work *work, struct mark_record *record, struct err *err)
{
	for (size_t i = 0; i < work->plan.places.len; i++) {
		const struct mark_place *place = &work->plan.places.at[i];
		if (!find_change(&work->set, place->source->real))
			continue;
		size_t *count = place->function ? &work->functions : place->class_path ? &work->classes : &work->modules;
		(*count)++;
		const char *path = place->source->real + strlen(work->sources.root) + 1;
		struct placed_mark mark = { (char *)path, place->class_path, place->function,
					    (char *)category_name(place->category) };
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
	if (mark_record_load(&record, work->ctx->history, err) < 0 || record_places(work, &record, err) < 0)
		return -1;
	for (size_t i = 0; i < hooks->len; i++)
		if (strings_find(&record.hooks, hooks->at[i]) < 0 && strings_add(&record.hooks, hooks->at[i]) < 0)
			return err_no_memory(err);
	return mark_record_store(&record, work->ctx->history, err);
}

static int write_all(struct mark_work *work, struct err *err)
{
	cleanup_strings struct strings hooks = STRINGS_INIT;
	if (!work->ctx->settings->marks_in_config && edit_sources(work, err) < 0)
		return -1;
	sink_step(work->ctx->sink, "writing the marks");
	if (changeset_write(&work->set, err) < 0 || settle(work, err) < 0)
		return -1;
	take_covered(work);
	return write_table(work, &hooks, err) < 0 || record_work(work, &hooks, err) < 0 ? -1 : 0;
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
		return edit_sources(work, err) < 0 ? -1 : add_table(work, &hooks, err);
	for (size_t i = 0; i < work->plan.count; i++)
		work->plan.covered[i] = category_of_marks(&work->measurement.run.tests.at[i], &several) != CATEGORY_NONE;
	return add_table(work, &hooks, err);
}

/* --- Taking it out again --- */

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
		if (strcmp(mark->file, file) == 0)
			requests[count++] = (struct mark_request){ .class_path = mark->class_path,
								   .function = mark->function, .mark = mark->mark };
	}
	if (fs_read(path.buf, &before, err) < 0 ||
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
	if (!work->verdicts || !work->plan.covered || !match)
		return err_no_memory(err);
	for (size_t i = 0; i < run->tests.len; i++) {
		struct verdict *verdict = &work->verdicts[i];
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
	if (test_sources_open(&work->sources, root_of(work), err) < 0 ||
	    mark_plan_make(&work->plan, &work->sources, &work->after, work->verdicts, err) < 0)
		return -1;
	return edit_sources(work, err) < 0 ? -1 : changeset_write(&work->set, err);
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
	take_covered(work);
	forget_marks(record, files);
	if (lighter && (plan_again(work, err) < 0 || settle(work, err) < 0 || record_places(work, record, err) < 0))
		return -1;
	take_covered(work);
	if (write_table(work, &hooks, err) < 0)
		return -1;
	for (size_t i = 0; i < hooks.len; i++)
		if (strings_find(&record->hooks, hooks.at[i]) < 0 && strings_add(&record->hooks, hooks.at[i]) < 0)
			return err_no_memory(err);
	return mark_record_store(record, work->ctx->history, err);
}

int mark_apply_move(struct phase_ctx *ctx, const struct suite_run *run, const bool *changed, struct strings *files,
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
	if (test_sources_open(&work.sources, root_of(&work), err) == 0 &&
	    place_again(&work, &record, run, changed, files, err) == 0)
		return 0;
	if (changeset_undo(&work.set, &undoing) < 0)
		err_hint(err, "%s", undoing.text);
	return -1;
}

int mark_apply_remove(struct phase_ctx *ctx, size_t *files, struct err *err)
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
