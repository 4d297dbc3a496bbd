/*
 * pytestmark.h: put marks into one `pytestmark = …` statement, and take them out.
 *
 * A list or tuple gets its new element at its end, in its own style; a single
 * value gets it in front, so that taking it out again can tell the two apart.
 */
#ifndef COMB_SOURCE_PYTESTMARK_H
#define COMB_SOURCE_PYTESTMARK_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/edit.h"
#include "source/mark_text.h"
#include "source/python_tree.h"

/* Whether its value holds that mark. 1, 0, or -1 when out of memory. */
int pytestmark_holds(const struct python_tree *tree, const struct python_pytestmark *statement,
		     const struct mark_text *mark);
/* Whether another plain assignment at the same level always comes after it. */
bool pytestmark_is_superseded(const struct python_tree *tree, size_t index);
/* Adds marks ("pytest.mark.unit", at least one) to the statement. */
int pytestmark_insert(const struct python_tree *tree, const struct python_pytestmark *statement,
		      const struct strings *marks, struct edits *edits, struct err *err);
/* Takes out the elements, or the single value, that fits one of the patterns. removed counts them. */
int pytestmark_remove(const struct python_tree *tree, const struct python_pytestmark *statement,
		      const struct mark_text *patterns, size_t count, size_t *removed, struct edits *edits,
		      struct err *err);

#endif
