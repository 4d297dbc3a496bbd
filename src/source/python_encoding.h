/*
 * python_encoding.h: the bytes of a Python file, as Python decodes them.
 *
 * PEP 263: a byte order mark, a cookie in the first two lines, else UTF-8.
 */
#ifndef COMB_SOURCE_PYTHON_ENCODING_H
#define COMB_SOURCE_PYTHON_ENCODING_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Replaces *name by the encoding ("utf-8", "iso-8859-1", or as the cookie has
 * it, lower case, '-' for '_') and *text_start by the place behind a byte order
 * mark. ERR_INPUT with path and line: the mark and the cookie disagree, the
 * encoding is no superset of ASCII, the bytes are not valid UTF-8 where they should be.
 */
int python_encoding_detect(struct slice source, const char *path, struct str *name, size_t *text_start,
			   struct err *err);
/*
 * Replaces *out by a copy of source, as long as it, in which every character
 * that is not ASCII is a letter where the encoding is not UTF-8, and a lone CR is a newline.
 */
int python_encoding_mask(struct slice source, const char *encoding, struct str *out);
/* Appends bytes as UTF-8; as they are when the encoding is unknown here. 0, or -1 when out of memory. */
int python_encoding_add(struct str *out, struct slice bytes, const char *encoding);

#endif
