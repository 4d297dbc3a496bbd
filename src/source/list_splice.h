/*
 * list_splice.h: insert into a bracketed list of any language whose comments
 * start with '#' and whose elements are parted by commas (Python, TOML),
 * in the list's own style.
 */
#ifndef COMB_SOURCE_LIST_SPLICE_H
#define COMB_SOURCE_LIST_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/edit.h"

struct byte_range {
	size_t start, end;
};

struct list_place {
	struct slice text;                 /* the file; lines end at '\n' */
	struct byte_range value;           /* with its brackets, if it has any */
	const struct byte_range *elements; /* at least one */
	size_t count;
	const char *eol;
};

/* Inserts items behind the element at index: one a line where that element has a line of its own. */
int list_insert_after(const struct list_place *list, size_t index, const struct strings *items, struct edits *edits,
		      struct err *err);

size_t list_line_start(struct slice text, size_t at);
size_t list_skip_blanks(struct slice text, size_t at);
/* Behind the line end when only blanks and a comment follow at; 0 when something else does, or the file ends. */
size_t list_rest_of_line(struct slice text, size_t at);
/* Only blanks stand before at in its line. */
bool list_starts_line(struct slice text, size_t at);
/* Behind the comma that follows the element which ends at byte at; 0 when none comes before limit. */
size_t list_comma_after(struct slice text, size_t at, size_t limit);

#endif
