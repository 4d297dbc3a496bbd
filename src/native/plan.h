/*
 * plan.h: what Python tells about a suite, as the scheduler wants it.
 *
 * Arguments of Board.plan(): rows, workers, each, longest_first, digest,
 * setups, caps, holders. A row is (scope, run, group or -1, cost_s, uses, serial), its
 * uses a tuple of 2 * resource + (1 where it is held alone); setups are
 * seconds by scope, caps numbers by resource (0: none), holders workers by
 * scope (-1: none; an empty list: nobody holds anything). See engine/sched.h.
 */
#ifndef COMB_NATIVE_PLAN_H
#define COMB_NATIVE_PLAN_H

#include "engine/sched.h"
#include "native/native.h"

struct native_plan {
	struct sched_test *tests;
	uint32_t count;
	struct sched_options options;
	unsigned long long digest;
	struct sched_use *uses;
	float *setups;
	uint32_t *caps, *holders;
};

/* 0, or -1 with an exception set. Release it in both cases. */
int native_plan_read(struct native_plan *plan, PyObject *args);
void native_plan_release(struct native_plan *plan);
#define cleanup_plan __attribute__((cleanup(native_plan_release)))

#endif
