/* diff.h: a unified diff of two texts, as diff -u prints it and patch takes it. */
#ifndef COMB_SOURCE_DIFF_H
#define COMB_SOURCE_DIFF_H

#include "base/err.h"
#include "base/str.h"

/*
 * Appends to *out; nothing where the texts are equal. Lines end at '\n' (a CR
 * before it is part of the line). The names follow "--- " and "+++ " as they
 * are, quoted as git does where they hold a quote, a backslash or a control character.
 */
int diff_unified(struct str *out, const char *before_name, const char *after_name, struct slice before,
		 struct slice after, struct err *err);

#endif
