/*
 * lock.h: one comb at a time changes a project.
 *
 * The lock is flock() on .comb/lock in the project's root: the kernel drops it
 * when its holder dies, however it dies. The file tells the holder's process id
 * and stays there; it is the lock on it that counts.
 */
#ifndef COMB_PHASES_LOCK_H
#define COMB_PHASES_LOCK_H

#include <sys/types.h>

#include "base/err.h"

struct lock {
	int fd; /* -1: not held */
};
#define LOCK_INIT { .fd = -1 }

/*
 * Creates .comb where it is missing. ERR_ENVIRONMENT names the process that holds it. Waits where a killed comb is
 * still being cleaned up after.
 */
int lock_acquire(struct lock *lock, const char *root, struct err *err);
/*
 * To clean up after the process `dead`, which held the lock when it was killed: names no holder, waits for nobody.
 * 1: held. 0: another comb is at work already. -1: not yet. A child that was forked and has not become another program
 * holds what its parent held for a moment longer.
 */
int lock_acquire_for_clean_up(struct lock *lock, const char *root, pid_t dead);
/* Safe on LOCK_INIT, safe twice. */
void lock_release(struct lock *lock);
#define cleanup_lock __attribute__((cleanup(lock_release)))

/* Creates root/.comb, which git ignores by a .gitignore of its own. */
int state_dir_make(const char *root, struct err *err);

#endif
