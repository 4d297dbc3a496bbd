#include "phases/mark_check.h"

#include <string.h>

#include "base/banned.h"

/* Files are put back and the suite collected again at most so often; then all of them are. */
#define MOST_ROUNDS 4

int mark_note_put_back(struct mark_work *work, const char *path, const char *why, struct err *err)
{
	if (strings_addf(&work->put_back, "%s: %s", path, why) < 0)
		return err_no_memory(err);
	sink_notef(work->ctx->sink, "%s keeps its old text: %s", path, why);
	return 0;
}

const struct change *mark_find_change(const struct changeset *set, const char *path)
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
	if (!mark_find_change(&work->set, source->real))
		return 0;
	if (changeset_undo_file(&work->set, source->real, err) < 0)
		return -1;
	return mark_note_put_back(work, source->path, why, err) < 0 ? -1 : 1;
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
		if (place->source == source && mark_place_gives(place, category) && (is_module || !module_only))
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

bool mark_same_tests(const struct mark_work *work)
{
	const struct suite_run *before = &work->measurement.run, *after = &work->after;
	const bool *renamed = work->measurement.renamed;
	if (before->tests.len != after->tests.len)
		return false;
	for (size_t i = 0; i < before->tests.len; i++) {
		const char *was = before->tests.at[i].id, *is = after->tests.at[i].id;
		bool same = renamed && renamed[i] ? suite_same_function(was, is) : strcmp(was, is) == 0;
		if (!same)
			return false;
	}
	return true;
}

static int check_collection(struct mark_work *work, struct err *err)
{
	const struct suite_run *before = &work->measurement.run, *after = &work->after;
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
	return mark_same_tests(work) ? 0 : put_back_all(work, "the suite collects other tests with the marks", err);
}

/* How many files were put back; 0: all is as it should be. */
static int check(struct mark_work *work, struct err *err)
{
	const struct suite_run *after = &work->after;
	int count = check_collection(work, err);
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
int mark_settle(struct mark_work *work, struct err *err)
{
	for (int round = 1;; round++) {
		struct err why = ERR_INIT;
		int count;
		if (mark_collect(work->ctx, &work->after, &why) == 0) {
			count = check(work, err);
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

