/*
 * xdist.h: what the schedulers of pytest-xdist 3.8 decide, step by step.
 *
 * A transcription of xdist/scheduler/{load,loadscope,loadfile,loadgroup,
 * worksteal}.py and of the parts of dsession.py and remote.py that matter:
 * messages take no time, workers are ready in order, nothing crashes, and node
 * ids are distinct.
 *
 * Caller: xdist_init(), xdist_schedule() once, then whenever a worker ends the
 * test at the head of its queue xdist_complete(). A worker may run its head
 * while xdist_can_start().
 */
#ifndef COMB_TUNE_XDIST_H
#define COMB_TUNE_XDIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "tune/simulate.h"
#include "tune/workload.h"

struct xdist_worker {
	VEC(size_t) queue; /* tests sent to it; those before head are done */
	size_t head;
	bool shutdown; /* was told that nothing more will come */
};

/* Tests that --dist loadscope and its kin keep together. */
struct xdist_unit {
	size_t first, count; /* range of xdist.members */
};

struct xdist {
	enum dist dist;
	size_t workers;
	struct xdist_worker *worker;
	VEC(size_t) pending; /* load, worksteal: tests not sent yet, from pending_head on */
	size_t pending_head;
	VEC(struct xdist_unit) units; /* loadscope and kin, in the order of the work queue */
	size_t next_unit;
	size_t *members; /* test indices, unit by unit */
	size_t tests;
};

/* All return 0, or -1 when out of memory. xdist_release() is right after any of them. */
int xdist_init(struct xdist *self, const struct workload *load, enum dist dist, size_t workers);
int xdist_schedule(struct xdist *self);
int xdist_complete(struct xdist *self, size_t worker, double duration_s);
bool xdist_can_start(const struct xdist *self, size_t worker);
size_t xdist_head(const struct xdist *self, size_t worker);
void xdist_release(struct xdist *self);

#endif
