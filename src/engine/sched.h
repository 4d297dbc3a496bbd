/*
 * sched.h: which worker runs which test next.
 *
 * A pure data structure in one block of memory without pointers, so that it can
 * lie in memory shared by processes. It does no I/O, takes no lock and reads no
 * clock: the caller serialises calls (board_lock()) and passes what is needed,
 * so that whole suites can be simulated in virtual time.
 *
 * Terms. A test is known by its index. Tests are cut into chunks: runs of tests
 * of one scope (a module) that a worker takes as a whole, in order; a worker
 * without a chunk takes the next free one, or steals the later half of the
 * largest chunk another worker is in. A pinned chunk is never split (--dist
 * loadfile, loadscope, loadgroup).
 *
 * Life of a test: WAITING -> CLAIMED by a worker -> RUNNING -> DONE. A claimed
 * test can be given back, a running one cannot: when its worker dies it is LOST
 * and never runs again, unless sched_revive() asks for it.
 *
 * Invariants, which sched_check() verifies:
 *  - every test is in exactly one chunk;
 *  - a worker runs at most one test and claims at most one more;
 *  - locks: a test with an exclusive lock is beside no other that has this lock;
 *    a serial test is beside no other at all;
 *  - a worker is told SCHED_DONE only when no test is WAITING, or after a stop.
 */
#ifndef COMB_ENGINE_SCHED_H
#define COMB_ENGINE_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCHED_NONE UINT32_MAX
#define SCHED_MAX_LOCKS 64

enum sched_state {
	SCHED_TEST_WAITING,
	SCHED_TEST_CLAIMED,
	SCHED_TEST_RUNNING,
	SCHED_TEST_DONE,
	SCHED_TEST_LOST,
};

/* What sched_take() says instead of an index. */
enum sched_answer {
	SCHED_DONE = -1, /* nothing left that this worker could ever run */
	SCHED_WAIT = -2, /* something is left, but not now: locks. Ask again after the next sched_end() */
};

/* A test as the planner sees it. */
struct sched_test {
	uint32_t scope;     /* tests of one scope share fixtures: its module */
	uint32_t group;     /* tests of one group run on one worker; SCHED_NONE: none */
	float cost_s;       /* expected duration; <= 0: unknown */
	uint64_t exclusive; /* a bit for each lock that is held alone */
	uint64_t shared;    /* a bit for each lock that is held together with others */
	bool serial;        /* runs beside no other test */
};

struct sched_options {
	uint32_t workers;
	bool each;           /* every worker runs every test (--dist each) */
	bool longest_first;  /* costs are known: take expensive chunks first */
	float scope_setup_s; /* a steal must save at least this; 0: unknown */
};

/* A zeroed block is a scheduler without tests and workers; a worker it does not know has nothing to do. */
struct sched;

/* In the mode `each` a test has one index a worker: worker * tests + index. */
size_t sched_bytes(uint32_t tests, const struct sched_options *options);
/* block: sched_bytes() large and aligned to 16. ERR_INTERNAL for impossible input, or out of memory. */
int sched_init(struct sched *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       struct err *err);

/*
 * The next test for a worker, which is CLAIMED then, with its locks taken. A
 * worker that already holds a claim gets the same answer again.
 */
int64_t sched_take(struct sched *self, uint32_t worker);
/* The claimed test starts. */
void sched_begin(struct sched *self, uint32_t worker);
/* The running test ended; its locks are free. */
void sched_end(struct sched *self, uint32_t worker);
/*
 * The worker is gone, or ends. The test it ran, which is LOST now, or
 * SCHED_NONE; a claim and the rest of its chunk go back to the others.
 */
uint32_t sched_leave(struct sched *self, uint32_t worker);
/* A LOST test waits again: for a plugin that runs crashed tests anew. False when it is not LOST. */
bool sched_revive(struct sched *self, uint32_t test);
/* From now on every sched_take() is SCHED_DONE, except for a claim already held. */
void sched_stop(struct sched *self);
/* Nothing waits and nothing is claimed or running. */
bool sched_is_drained(const struct sched *self);

/* Index of the running test, or SCHED_NONE. */
uint32_t sched_running(const struct sched *self, uint32_t worker);
enum sched_state sched_state(const struct sched *self, uint32_t test);
uint32_t sched_waiting(const struct sched *self);
uint32_t sched_count(const struct sched *self);
/* Expected seconds of tests that are done, and of those that wait or run (a running one counts half). */
void sched_costs(const struct sched *self, double *done_s, double *left_s);

/* Derived values (counts, locks held) made anew from the states: after a worker died inside a call. */
void sched_recover(struct sched *self);
/* 0, or -1 naming the invariant that is broken. */
int sched_check(const struct sched *self, struct err *err);

#endif
