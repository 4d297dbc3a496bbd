/*
 * journal.h: which files comb writes, and what they held before.
 *
 * While a journal watches, every fs_write() below its root is recorded before
 * it happens: the path, and with a folder given also the old content, durably,
 * so that journal_undo() puts the files back even after comb was killed.
 * A write below `forbidden` (the user's own tree while comb works in a checkout)
 * is refused: a symbolic link may lead there.
 *
 *     DIR/manifest    lines "M path" (the old content is in DIR/files/path) or "A path" (there was none)
 *     DIR/after/path  what comb left there, once sealed
 */
#ifndef COMB_PHASES_JOURNAL_H
#define COMB_PHASES_JOURNAL_H

#include "base/err.h"
#include "base/vec.h"

struct journal {
	char *root;            /* absolute, symlinks resolved */
	char *dir;             /* NULL: old contents are not kept */
	char *forbidden;       /* NULL: nothing is */
	struct strings paths;  /* relative to root, in order, each once */
	struct strings kinds;  /* "M" or "A", one for each path; empty without dir */
};
#define JOURNAL_INIT { .root = NULL }

/* Goes on where an earlier journal in dir ended. Nothing is created before the first write. */
int journal_open(struct journal *journal, const char *root, const char *dir, const char *forbidden, struct err *err);
/* What a watcher of writes calls. root/.comb is not recorded. */
int journal_record(struct journal *journal, const char *path, struct err *err);
/* Puts every file back as it was and forgets it; needs dir. */
int journal_undo(struct journal *journal, struct err *err);
/* Keeps what the files hold now, in DIR/after, for journal_undo_own(). Needs dir. */
int journal_seal(const struct journal *journal, struct err *err);
/*
 * As journal_undo(), but a file that is not as journal_seal() saw it was changed
 * by somebody else: it is left, and ERR_INPUT names it and where its old content
 * is, once the others are put back. *count: files put back.
 */
int journal_undo_own(struct journal *journal, size_t *count, struct err *err);
/* Forgets what was recorded and removes dir. */
int journal_clear(struct journal *journal, struct err *err);
void journal_release(struct journal *journal);
#define cleanup_journal __attribute__((cleanup(journal_release)))

#endif
