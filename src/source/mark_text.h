/* mark_text.h: pytest marks as they are written: recognise, compare, spell. */
#ifndef COMB_SOURCE_MARK_TEXT_H
#define COMB_SOURCE_MARK_TEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "source/python_tree.h"

/* A mark without the name of pytest before it. Borrowed. */
struct mark_text {
	struct slice name;      /* "xdist_group" */
	struct slice arguments; /* "\"db\"", without parentheses; empty for none */
	bool called;            /* has parentheses */
};

/* ERR_INPUT where text is not one mark on one line: `name` or `name(arguments)`. */
int mark_text_parse(struct mark_text *mark, const char *text, struct err *err);
/* Whether the expression in range is a pytest mark by a name this file has for pytest; then *mark is what it says. */
bool mark_text_read(const struct python_tree *tree, struct byte_range range, struct mark_text *mark);
/*
 * The same mark with the same arguments: quotes, blanks, an empty pair of parentheses
 * and `name=` of xdist_group make no difference. 1, 0, or -1 when out of memory.
 */
int mark_text_equals(const struct mark_text *a, const struct mark_text *b);
/* The same, but a pattern without parentheses fits any arguments. */
int mark_text_matches(const struct mark_text *mark, const struct mark_text *pattern);

#endif
