/* draft.h: several editors at work on one file before it is written: each goes on from what the last one made. */
#ifndef COMB_PROJECT_DRAFT_H
#define COMB_PROJECT_DRAFT_H

#include "base/err.h"
#include "base/str.h"
#include "source/edit.h"

/* Replaces *out by the content so far: what waits in the set, else the file's own; empty where there is no file. */
int draft_read(struct changeset *set, const char *path, struct str *out, struct err *err);
/* Applies edits to text, which draft_read() gave, and lets the result wait in the set. */
int draft_apply(struct changeset *set, const char *path, const struct str *text, struct edits *edits,
		struct err *err);

#endif
