/*
 * mark_table.h: categories of tests that have no line of their own, in
 * comb-marks.json in the project's root, and the hook that applies them.
 *
 *   { "version": 1, "marks": { "tests/test_a.py": "unit", "tests/test_b.py::test_c[1]": "slow" } }
 *
 * A test's row is the nearest one: its node id, the id without parameters, the
 * classes around it, its file. A test with a category in its source needs none
 * and takes none. The hook is a short block at the end of a conftest.py, so
 * that plain pytest applies the table too (docs/adr/ says why).
 */
#ifndef COMB_PHASES_MARK_TABLE_H
#define COMB_PHASES_MARK_TABLE_H

#include "base/err.h"
#include "base/vec.h"
#include "phases/category.h"
#include "source/edit.h"

#define MARK_TABLE_NAME "comb-marks.json"

struct mark_row {
	char *name; /* a node id or what one begins with; its bytes as in struct test */
	enum category category;
};

struct mark_table {
	VEC(struct mark_row) rows; /* sorted by name once filled */
};
#define MARK_TABLE_INIT { .rows = VEC_INIT }

/* Replaces *table. No file is an empty table. ERR_INPUT: the file is none of comb's. */
int mark_table_read(struct mark_table *table, const char *root, struct err *err);
/*
 * Adds rows, as few as will do, for the tests of run that are in want. wanted
 * without one of its own in the source (covered[i] is false).
 */
int mark_table_add(struct mark_table *table, const struct suite_run *run, const struct verdict *verdicts,
		   const bool *covered, struct err *err);
/* Adds the file's new content to set. */
int mark_table_store(const struct mark_table *table, const char *root, struct changeset *set, struct err *err);
void mark_table_release(struct mark_table *table);
#define cleanup_mark_table __attribute__((cleanup(mark_table_release)))

/* What a name belongs to: "a.py::T::f[1]", "a.py::T::f", "a.py::T", "a.py", "". Shortens in place; false at the end. */
bool mark_name_shorten(struct str *name);

#endif
