/*
 * marks.h: put pytest marks into a test file, and take them out again.
 *
 * Both functions only compute splices on one file. Whatever they do, the file
 * means the same to Python but for the marks: indentation, line endings, byte
 * order mark, encoding, comments and other decorators stay. A new line ends as
 * the one above it.
 *
 * Where a mark goes:
 *   function, class  a decorator line directly above `def` or `class`, below
 *                    the other decorators; but above the first pytest mark that
 *                    stands there already (a place that is known to work even
 *                    when another decorator returns a new function)
 *   module           pytestmark. A list or tuple gets an element; a single
 *                    value x becomes [new, x]; without one, `pytestmark = new`
 *                    follows the block of imports that holds pytest's
 * It is written with the name by which the file knows pytest at that place
 * (pt.mark.unit, mark.unit); `import pytest` is added where none is in force.
 *
 * What insert did, remove undoes to the byte, with these exceptions, where what
 * was there cannot be told from the file (use changeset_undo() or git there):
 *   - the mark was there before: insert changes nothing, remove takes it out;
 *   - an unused `import pytest` that ended the block of imports is taken for comb's;
 *   - marks are removed in another grouping or order than they were inserted.
 */
#ifndef COMB_SOURCE_MARKS_H
#define COMB_SOURCE_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "source/edit.h"

struct mark_request {
	const char *class_path; /* "A::B"; NULL: none */
	const char *function;   /* NULL: the class, or the module when class_path is NULL too */
	int line;               /* chooses among defs of one name, as python_tree_find(); 0: the last */
	const char *mark;       /* "unit" or "xdist_group(\"db\")" */
	bool anywhere;          /* for marks_remove(): every level, whatever class_path and function say */
};

/*
 * Idempotent: a mark that is in force at that very level adds nothing.
 * path is only for messages. ERR_INPUT: a syntax error, no such class or
 * function (python_tree_find() tells beforehand), a mark that is no expression.
 */
int marks_insert(struct slice source, const char *path, const struct mark_request *requests, size_t count,
		 struct edits *edits, struct err *err);
/*
 * Takes out whole decorators and elements of pytestmark, by any name the file
 * has for pytest. A mark without parentheses is meant with any arguments.
 * Not finding one is no error.
 */
int marks_remove(struct slice source, const char *path, const struct mark_request *requests, size_t count,
		 struct edits *edits, struct err *err);
/* Whether that mark stands at that very level. 1, 0, or -1. */
int marks_has(struct slice source, const char *path, const struct mark_request *request, struct err *err);

#endif
