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
	char *text;        /* owned; may hold NUL bytes */
	size_t len;
};

struct edits {
	VEC(struct splice) splices;
};
#define EDITS_INIT { .splices = VEC_INIT }

/* Copies text. 0, or -1 when out of memory. */
int edits_add(struct edits *edits, size_t start, size_t end, struct slice text);
/*
 * Replaces *out. Overlapping splices and such beyond the end are ERR_INTERNAL;
 * insertions at one place keep their order and come before what is replaced there.
 */
int edits_apply(const struct edits *edits, struct slice original, struct str *out, struct err *err);
void edits_release(struct edits *edits);
#define cleanup_edits __attribute__((cleanup(edits_release)))

struct change {
	char *path;          /* absolute */
	struct str before;   /* content when it was first read */
	struct str after;
	struct str on_disk;  /* what the file is known to hold now */
	char *made_dir;      /* topmost folder created for it, or NULL */
	bool existed;
	bool exists;         /* now */
	bool written;        /* the file differs from before, by our hand */
};

struct changeset {
	VEC(struct change) changes;
	char *backup_dir;    /* owned; old contents go there, each under its absolute path; NULL: no backup */
};
#define CHANGESET_INIT { .changes = VEC_INIT }

/*
 * Takes over after's buffer; copies before. A file given twice keeps its first
 * `before` for undo; this one says what the file holds now.
 */
int changeset_add(struct changeset *set, const char *path, struct slice before, bool existed, struct str *after,
		  struct err *err);
/*
 * All or nothing: when one write fails, those done by this call are put back. A file
 * that changed since it was read is ERR_INPUT. May be called again after more
 * changeset_add(): only what differs is written.
 */
int changeset_write(struct changeset *set, struct err *err);
/*
 * Puts everything written back as it was, new files and folders removed. A file
 * that somebody else changed in between is left and is ERR_INPUT; the others are
 * put back nevertheless.
 */
int changeset_undo(struct changeset *set, struct err *err);
/* The same for one file of the set; a path that is not in it is fine. It will not be written again. */
int changeset_undo_file(struct changeset *set, const char *path, struct err *err);
/* A unified diff (as diff -u, git apply takes it) of all changes, with paths relative to root. */
int changeset_diff(const struct changeset *set, const char *root, struct str *out, struct err *err);
void changeset_release(struct changeset *set);
#define cleanup_changeset __attribute__((cleanup(changeset_release)))

#endif
