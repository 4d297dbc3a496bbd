/*
 * param_marks.h: a mark for each case of a parametrised test function.
 *
 * Understands one @pytest.mark.parametrize with a list or tuple written out in
 * the decorator. Each element becomes pytest.param(..., marks=pytest.mark.x);
 * values and ids stay what they were. Functions of another shape are left to
 * the caller. How each element was changed is told by a letter, so that
 * param_marks_remove() restores it to the byte:
 *
 *   w  a value was wrapped:           1          pytest.param(1, marks=...)
 *   s  several values were unpacked:  x          pytest.param(*x, marks=...)
 *   t  a tuple of values was taken:   (1, 2)     pytest.param(1, 2, marks=...)
 *   k  pytest.param got a keyword:    param(1)   param(1, marks=...)
 *   T, K  the same, behind a comma that stood at the end
 */
#ifndef COMB_SOURCE_PARAM_MARKS_H
#define COMB_SOURCE_PARAM_MARKS_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "source/edit.h"
#include "source/python_tree.h"

/* How many cases a function written in that shape has; 0: it is of another. */
size_t param_marks_count(const struct python_tree *tree, size_t def);
/*
 * marks: one a case, such as "unit". Appends the letters to *letters. 1: done;
 * 0: not of that shape, or not of that count: nothing is added; -1: no memory.
 */
int param_marks_insert(const struct python_tree *tree, size_t def, const char *const *marks, size_t count,
		       struct edits *edits, struct str *letters, struct err *err);
/* Elements that do not look as their letter says are left as they are. */
int param_marks_remove(const struct python_tree *tree, size_t def, const char *letters, struct edits *edits,
		       struct err *err);

#endif
