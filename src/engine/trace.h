/*
 * trace.h: who ran which test, when, and why: written while it happens.
 *
 * One entry a test in shared memory, so that nothing is lost when a worker
 * dies. Beginnings and ends of tests are numbered through: a step. A replay is
 * given the steps of another run and lets each worker go on only when all
 * earlier steps were done, so that what ran before, after and beside what is
 * the same again.
 *
 * Pure data: the caller holds the lock of the board and reads the clock.
 */
#ifndef COMB_ENGINE_TRACE_H
#define COMB_ENGINE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sched.h"

#define TRACE_NAMES_BYTES 65536

struct trace_entry {
	uint32_t slot;          /* SCHED_NONE: the test never began */
	uint32_t number;        /* of the worker: gw<number> */
	uint32_t begin, end;    /* steps, from 1; 0: not yet */
	uint32_t how, from;     /* enum sched_how; number of the worker it was stolen from, or SCHED_NONE */
	uint32_t waited_for;    /* enum sched_wait: what its worker waited for before, if it did */
	bool early;             /* claimed while its worker's last test was torn down */
	bool lost;              /* its worker died in it */
	int64_t idle_ns;        /* since when its worker had nothing to do; clock_now_ns(), as all times here */
	int64_t taken_ns, begin_ns, call_ns, teardown_ns, end_ns;
	/* What a replay demands: */
	bool wanted, wanted_early, begun, ended;
	uint32_t wanted_begin, wanted_end; /* 0: none */
	uint32_t next;          /* test of the same slot, or SCHED_NONE */
};

/* A step of a replay. */
struct trace_step {
	uint32_t test;
	bool is_end;
};

struct trace {
	uint32_t tests;
	uint32_t steps;         /* taken */
	uint32_t wanted_steps;  /* of a replay; 0: no replay */
	uint32_t steps_done;    /* of a replay: all up to this one */
	char names[TRACE_NAMES_BYTES]; /* of resources, each with a newline behind it */
};

size_t trace_bytes(uint32_t tests);
void trace_init(struct trace *self, uint32_t tests);
struct trace_entry *trace_entries(const struct trace *self);
struct trace_step *trace_steps(const struct trace *self);

void trace_begin(struct trace *self, uint32_t test);
void trace_end(struct trace *self, uint32_t test, bool lost);

/* Whether a replay lets this step happen now. True without a replay, and for tests it does not know. */
bool trace_may_begin(const struct trace *self, uint32_t test);
bool trace_may_end(const struct trace *self, uint32_t test);
static inline bool trace_is_replay(const struct trace *self)
{
	return self->wanted_steps > 0;
}

#endif
