/*
 * guard.h: what is to be done when this process is killed.
 *
 * guard_start() forks a small process that sleeps until we are gone. When that
 * happens without guard_dismiss() – SIGKILL, a crash – it does its work; else
 * it just ends. It has a session of its own and heeds no Ctrl-C or SIGTERM,
 * stands in "/", and holds no descriptor of ours: neither a pipe that somebody
 * reads nor a lock.
 *
 * The work is done by a fork: only for programs with one thread. It sees memory
 * as it was at guard_start().
 */
#ifndef COMB_BASE_GUARD_H
#define COMB_BASE_GUARD_H

#include <sys/types.h>

#include "base/err.h"

/* Tries to do the work. 0: done. -1: to be tried again, a little later, for GUARD_PATIENCE_S at most. */
typedef int guard_work(void *context);
#define GUARD_PATIENCE_S 20

struct guard {
	pid_t pid; /* -1: none */
	int link;  /* closed by our death, whatever it was */
};
#define GUARD_INIT { .pid = -1, .link = -1 }

int guard_start(struct guard *guard, guard_work *work, void *context, struct err *err);
/* Nothing is to be done any more. Safe on GUARD_INIT, safe twice. */
void guard_dismiss(struct guard *guard);

#endif
