/*
 * edit.h: change a file by splices, and nothing else of it.
 *
 * Editors (marks, TOML, INI, requirements) compute splices: a byte range of the
 * original and the text that takes its place. edits_apply() makes the new
 * content in one pass; every byte outside the splices is the original's.
 * A struct changeset collects new contents of several files, saves the old ones
 * to a backup folder, writes each atomically, and can put all of them back.
 */
#ifndef COMB_SOURCE_EDIT_H
#define COMB_SOURCE_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct splice {
	size_t start, end; /* bytes of the original; start == end inserts */
	char *text;        /* owned */
};

struct edits {
	VEC(struct splice) splices;
};
#define EDITS_INIT { .splices = VEC_INIT }

/* Copies text. 0, or -1 when out of memory. */
int edits_add(struct edits *edits, size_t start, size_t end, struct slice text);
/* Replaces *out. Overlapping splices are ERR_INTERNAL; insertions at one place keep their order. */
int edits_apply(struct edits *edits, struct slice original, struct str *out, struct err *err);
void edits_release(struct edits *edits);
#define cleanup_edits __attribute__((cleanup(edits_release)))

struct change {
	char *path;          /* absolute */
	struct str before;   /* content when it was read */
	struct str after;
	bool existed;
	bool written;
};

struct changeset {
	VEC(struct change) changes;
	char *backup_dir;    /* where old contents go before anything is written; NULL: no backup */
};
#define CHANGESET_INIT { .changes = VEC_INIT }

/* Takes over after's buffer. A file given twice keeps its first `before`. */
int changeset_add(struct changeset *set, const char *path, struct slice before, bool existed, struct str *after,
		  struct err *err);
/* All or nothing: when one write fails, those done are put back. A file that changed since it was read is ERR_INPUT. */
int changeset_write(struct changeset *set, struct err *err);
/* Puts everything written back as it was. */
int changeset_undo(struct changeset *set, struct err *err);
/* A unified diff of all changes, with paths relative to root. */
int changeset_diff(const struct changeset *set, const char *root, struct str *out, struct err *err);
void changeset_release(struct changeset *set);
#define cleanup_changeset __attribute__((cleanup(changeset_release)))

#endif
