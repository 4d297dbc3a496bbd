/*
 * sched.h: which worker runs which test next.
 *
 * A pure data structure in one block of memory without pointers, so that it can
 * lie in memory shared by processes. It does no I/O, takes no lock and reads no
 * clock: the caller serialises calls (board_lock()) and passes what is needed,
 * so that whole suites can be simulated in virtual time (sched_simulate()).
 *
 * Terms. A test is known by its index. Tests are cut into chunks: runs of tests
 * of one scope (a module) that a worker takes as a whole, in order. A worker
 * without a chunk takes the next free one, or steals the later part of the
 * chunk of the worker that would be busy longest. Tests of one group
 * (--dist loadfile, loadscope, loadgroup) stay on the worker that ran the first
 * of them, its home. Where costs are known, sched_init() tries several ways to
 * cut, simulates each, and keeps the best; chunks with most work come first
 * then. docs/adr/0013-order-of-tests.md says which order is kept and which not.
 *
 * A resource is a lock, or the places of a capped category. A test holds all it
 * uses or none, so there is no deadlock. Where the work that needs a resource
 * is about to decide how long the rest takes, its tests go first.
 *
 * Life of a test: WAITING -> CLAIMED by a worker -> RUNNING -> DONE. A claimed
 * test can be given back, a running one cannot: when its worker dies it is LOST
 * and never runs again, unless sched_revive() asks for it. A waiting one can be
 * left out (OMITTED), for good.
 *
 * Invariants, which sched_check() verifies:
 *  - every test is in exactly one chunk;
 *  - a worker runs at most one test and claims at most one more;
 *  - a test that uses a resource alone is beside no other that uses it, and
 *    no more tests share a resource than its cap allows;
 *  - a serial test is beside no other at all; serial tests come last;
 *  - a worker is told SCHED_DONE only when no test is WAITING, or after a stop.
 */
#ifndef COMB_ENGINE_SCHED_H
#define COMB_ENGINE_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCHED_NONE UINT32_MAX

enum sched_state {
	SCHED_TEST_WAITING,
	SCHED_TEST_CLAIMED,
	SCHED_TEST_RUNNING,
	SCHED_TEST_DONE,
	SCHED_TEST_LOST,
	SCHED_TEST_OMITTED,
};

/* What sched_take() says instead of an index. */
enum sched_answer {
	SCHED_DONE = -1, /* nothing left that this worker could ever run */
	SCHED_WAIT = -2, /* something is left, but not now (sched_wait()). Ask again after the next sched_end() */
};

/* Why a worker that was told SCHED_WAIT or SCHED_DONE has nothing to do. */
enum sched_wait {
	SCHED_WAIT_TAIL,   /* others hold or keep all that is left */
	SCHED_WAIT_LOCK,
	SCHED_WAIT_CAP,
	SCHED_WAIT_SERIAL, /* a serial test runs, or is about to */
	SCHED_WAITS,
};

/* How a worker came to the test it claimed. */
enum sched_how {
	SCHED_HOW_OWN,      /* the next of its chunk */
	SCHED_HOW_FREE,     /* the first of a chunk that nobody had */
	SCHED_HOW_STOLEN,   /* out of the chunk of another worker */
	SCHED_HOW_URGENT,   /* it holds a resource that decides the makespan */
	SCHED_HOW_ASSIGNED, /* sched_assign() */
	SCHED_HOWS,
};

struct sched_use {
	uint32_t resource; /* from 0 */
	bool exclusive;
};

/* A test as the planner sees it. */
struct sched_test {
	uint32_t scope;     /* tests of one scope share fixtures: its module */
	uint32_t run;       /* neighbours with the same run share a class, or a parameter of a wider fixture */
	uint32_t group;     /* tests of one group run on one worker; SCHED_NONE: none */
	float cost_s;       /* expected duration without the set-up of its scope; <= 0: unknown */
	const struct sched_use *uses; /* no resource twice */
	uint32_t use_count;
	bool serial;        /* runs beside no other test */
};

struct sched_options {
	uint32_t workers;
	bool each;          /* every worker runs every test (--dist each) */
	bool longest_first; /* costs are known and the order of scopes is free */
	uint32_t scopes;    /* how many setup_s and holders have */
	const float *setup_s; /* by scope: what each worker pays that runs tests of it; NULL: nothing known */
	const uint32_t *holders; /* by scope: the worker that has it at hand, or SCHED_NONE; NULL: all alike */
	uint32_t resources; /* all uses are below this */
	const uint32_t *caps; /* by resource: how many tests may share it; 0: any number; NULL: no caps */
};

/* A zeroed block is a scheduler without tests and workers; a worker it does not know has nothing to do. */
struct sched;

/* In the mode `each` a test has one index a worker: worker * tests + index. */
size_t sched_bytes(const struct sched_test *tests, uint32_t count, const struct sched_options *options);
/* block: sched_bytes() large and aligned to 16. ERR_INTERNAL for impossible input, or out of memory. */
int sched_init(struct sched *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       struct err *err);

/*
 * The next test for a worker, which is CLAIMED then, with its resources held.
 * A worker that already holds a claim gets the same answer again.
 */
int64_t sched_take(struct sched *self, uint32_t worker);
/* Why the worker's last sched_take() gave it nothing. */
enum sched_wait sched_wait(const struct sched *self, uint32_t worker);
/* How it came to the test it claimed last; *from: of which worker it was stolen, or SCHED_NONE. */
enum sched_how sched_how(const struct sched *self, uint32_t worker, uint32_t *from);
/*
 * Instead of sched_take(): this worker claims this test, whatever resources
 * others hold. False when it does not wait, or after a stop.
 */
bool sched_assign(struct sched *self, uint32_t worker, uint32_t test);
/* A test that waits never runs, and costs nothing. Nothing happens to one that does not wait. */
void sched_omit(struct sched *self, uint32_t test);
/* The claimed test starts. */
void sched_begin(struct sched *self, uint32_t worker);
/* The running test ended; its resources are free. */
void sched_end(struct sched *self, uint32_t worker);
/* The process of the running test is gone, its worker is not: the test is LOST. The test, or SCHED_NONE. */
uint32_t sched_lose(struct sched *self, uint32_t worker);
/*
 * The worker does not have the test it claimed: what waits of its scope, this
 * one included, is for the scope's holder alone from now on. The holder; or
 * SCHED_NONE, and nothing is changed, where it has none or is the worker itself.
 */
uint32_t sched_hand_over(struct sched *self, uint32_t worker);
/* Nobody has the test that the worker claimed: what waits of its scope, this one included, is OMITTED. */
void sched_abandon(struct sched *self, uint32_t worker);
/* Whether another worker has claimed, and not begun, what could be handed over to this one. */
bool sched_is_fallback(const struct sched *self, uint32_t worker);
/*
 * The worker is gone, or ends. The test it ran, which is LOST now, or
 * SCHED_NONE; a claim, the rest of its chunk and its groups go to the others.
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
/* The same for the claimed one. */
uint32_t sched_claimed(const struct sched *self, uint32_t worker);
enum sched_state sched_state(const struct sched *self, uint32_t test);
uint32_t sched_waiting(const struct sched *self);
uint32_t sched_count(const struct sched *self);
/* Expected seconds of tests that are done, and of those that wait or run (a running one counts half). */
void sched_costs(const struct sched *self, double *done_s, double *left_s);
/* What a test uses; valid as long as the scheduler. */
uint32_t sched_uses(const struct sched *self, uint32_t test, const struct sched_use **uses);
uint32_t sched_scope(const struct sched *self, uint32_t test);
bool sched_is_serial(const struct sched *self, uint32_t test);
uint32_t sched_resources(const struct sched *self);
uint32_t sched_cap(const struct sched *self, uint32_t resource); /* 0: none */
/* Expected cost of a test; one of unknown cost has that of the average. */
float sched_cost_s(const struct sched *self, uint32_t test);
/* Expected work of all tests that wait. */
float sched_waiting_s(const struct sched *self);
/* How long the plan takes in simulation; 0 where costs are not known. */
float sched_planned_s(const struct sched *self);
/* Whether resources and serial tests let this worker run a test now, whoever's chunk it is in. For checks. */
bool sched_could_run(struct sched *self, uint32_t worker, uint32_t test);
/*
 * For a worker that was told SCHED_WAIT: the waiting test that it runs next if
 * no other worker takes it, whatever resources are held now; SCHED_NONE where
 * --dist leaves it none.
 */
uint32_t sched_guess(const struct sched *self, uint32_t worker);
/* Whether the running test holds a lock exclusively, or is a serial one. */
bool sched_is_alone(const struct sched *self, uint32_t worker);

/* Derived values (counts, resources held) made anew from the states: after a worker died inside a call. */
void sched_recover(struct sched *self);
/* 0, or -1 naming the invariant that is broken. */
int sched_check(const struct sched *self, struct err *err);

/*
 * Runs a fresh scheduler to its end in virtual time: each test takes its cost,
 * and the set-up of its scope where its worker ran another before; a worker
 * starts apart_s after the one before it. Seconds, or -1 when out of memory.
 */
float sched_simulate(struct sched *self, float apart_s);

#endif
