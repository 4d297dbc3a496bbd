/*
 * scratch.h: a temporary folder that does not outlive us, however we end.
 *
 * scratch_release() removes it. When we are killed, a guard (guard.h) ends the
 * processes that were started with the folder's name in their environment and
 * removes it. Should the guard be killed too, the next scratch_make() of the
 * same user does: a folder that nobody holds the lock of is nobody's.
 */
#ifndef COMB_BASE_SCRATCH_H
#define COMB_BASE_SCRATCH_H

#include "base/err.h"
#include "base/guard.h"
#include "base/str.h"

struct scratch {
	struct str path; /* in $TMPDIR; "" before scratch_make() */
	int lock;        /* the folder itself, locked */
	struct guard guard;
};
#define SCRATCH_INIT { .path = STR_INIT, .lock = -1, .guard = GUARD_INIT }

/* A new private folder, named prefix + random. The prefix is all that tells whose folders may be removed. */
int scratch_make(struct scratch *scratch, const char *prefix, struct err *err);
/* Kills those that were started with the folder's name in their environment; how many there were. */
size_t scratch_end_processes(const struct scratch *scratch);
/* Safe on SCRATCH_INIT, safe twice. */
void scratch_release(struct scratch *scratch);

#endif
