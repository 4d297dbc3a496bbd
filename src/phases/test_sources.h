/*
 * test_sources.h: the files in which the tests of a run stand, each parsed once.
 *
 * A file is known by its real path: two names of one file (symlinks) give the
 * same test_source. What cannot be edited is there too, with a problem: a file
 * outside the project, one that cannot be read, a syntax error.
 */
#ifndef COMB_PHASES_TEST_SOURCES_H
#define COMB_PHASES_TEST_SOURCES_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "project/suite.h"
#include "source/python_tree.h"

struct test_source {
	char *path;              /* as the first test names it: relative to the root */
	char *real;              /* NULL: there is no such file */
	struct str content;
	struct python_tree tree; /* of content; only when problem is NULL */
	char *problem;           /* why it cannot be edited; NULL: it can */
	int *clock_lines;        /* one a def; -1: not looked at yet */
};

struct test_sources {
	char *root; /* real path */
	struct strings names;                 /* asked for so far … */
	VEC(struct test_source *) by_name;    /* … and what they are */
	VEC(struct test_source *) files;      /* owned, each once */
};
#define TEST_SOURCES_INIT { .root = NULL }

int test_sources_open(struct test_sources *sources, const char *root, struct err *err);
void test_sources_release(struct test_sources *sources);
#define cleanup_test_sources __attribute__((cleanup(test_sources_release)))

/* NULL only when out of memory. path: relative to the root, or absolute. */
struct test_source *test_sources_get(struct test_sources *sources, const char *path, struct err *err);
/*
 * The def of a test's function, when Python and the syntax tree agree that it
 * stands there under that name, in classes or at module level; else PYTHON_NONE.
 */
size_t test_source_def(const struct test_source *source, const struct test *test);
/* "A::B" of the classes around a def; empty at module level. -1: a function is around it, or no memory. */
int test_source_class_path(const struct test_source *source, size_t def, struct str *out);
/* The line in which a test asserts on elapsed time, or 0. -1 when out of memory. */
int test_sources_clock_line(struct test_sources *sources, const struct test *test, struct err *err);

#endif
