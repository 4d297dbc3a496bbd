#include "tune/xdist.h"

#include <stdlib.h>

#include "base/os.h"

#include "base/banned.h"

#define MIN_PENDING 2
#define LONG_TEST_S 0.1 /* load: a worker with tests this long is not sent more while it has two */

static size_t waiting(const struct xdist_worker *worker)
{
	return worker->queue.len - worker->head;
}

static size_t pending_count(const struct xdist *self)
{
	return self->pending.len - self->pending_head;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int send_tests(struct xdist *self, size_t w, size_t count)
{
	count = smaller(count, pending_count(self));
	for (size_t i = 0; i < count; i++)
		if (vec_push(&self->worker[w].queue, self->pending.at[self->pending_head++]) < 0)
			return -1;
	return 0;
}

static void shut_down_all(struct xdist *self)
{
	for (size_t w = 0; w < self->workers; w++)
		self->worker[w].shutdown = true;
}

/* load */

static int load_check(struct xdist *self, size_t w, double duration_s)
{
	struct xdist_worker *worker = &self->worker[w];
	if (worker->shutdown)
		return 0;
	if (pending_count(self) == 0) {
		worker->shutdown = true;
		return 0;
	}
	size_t share = pending_count(self) / self->workers;
	size_t least = larger(2, share / 4), most = larger(2, share / 2);
	if (waiting(worker) >= least || (duration_s >= LONG_TEST_S && waiting(worker) >= MIN_PENDING))
		return 0;
	return send_tests(self, w, most - waiting(worker));
}

static int load_schedule(struct xdist *self)
{
	if (self->tests < 2 * self->workers) {
		for (size_t i = 0; i < self->tests; i++)
			if (send_tests(self, i % self->workers, 1) < 0)
				return -1;
	} else {
		size_t chunk = larger(self->tests / self->workers / 4, 2);
		for (size_t w = 0; w < self->workers; w++)
			if (send_tests(self, w, chunk) < 0)
				return -1;
	}
	if (pending_count(self) == 0)
		shut_down_all(self);
	return 0;
}

/* worksteal */

static bool is_idle(const struct xdist_worker *worker)
{
	return !worker->shutdown && waiting(worker) < MIN_PENDING;
}

static size_t idle_count(const struct xdist *self)
{
	size_t count = 0;
	for (size_t w = 0; w < self->workers; w++)
		count += is_idle(&self->worker[w]);
	return count;
}

static int spread_pending(struct xdist *self)
{
	size_t left = idle_count(self);
	for (size_t w = 0; w < self->workers; w++)
		if (is_idle(&self->worker[w]) && send_tests(self, w, pending_count(self) / left--) < 0)
			return -1;
	return 0;
}

/* The end of the longest queue becomes pending again. False when no queue is worth it. */
static int steal(struct xdist *self, bool *stolen)
{
	struct xdist_worker *from = NULL;
	for (size_t w = 0; w < self->workers; w++)
		if (!self->worker[w].shutdown && (!from || waiting(&self->worker[w]) > waiting(from)))
			from = &self->worker[w];
	size_t queued = from ? waiting(from) : 0;
	size_t count = smaller(queued / 2, queued > MIN_PENDING ? queued - MIN_PENDING : 0);
	*stolen = count > 0;
	for (size_t i = count; i > 0; i--)
		if (vec_push(&self->pending, from->queue.at[from->queue.len - i]) < 0)
			return -1;
	if (count > 0)
		from->queue.len -= count;
	return 0;
}

static int worksteal_check(struct xdist *self)
{
	bool stolen = true;
	while (idle_count(self) > 0) {
		if (pending_count(self) > 0) {
			if (spread_pending(self) < 0)
				return -1;
			if (idle_count(self) == 0)
				return 0;
		}
		if (steal(self, &stolen) < 0)
			return -1;
		if (stolen)
			continue;
		for (size_t w = 0; w < self->workers; w++)
			if (is_idle(&self->worker[w]))
				self->worker[w].shutdown = true;
		return 0;
	}
	return 0;
}

/* loadscope, loadfile, loadgroup */

static int assign_unit(struct xdist *self, size_t w)
{
	const struct xdist_unit *unit = &self->units.at[self->next_unit++];
	for (size_t i = 0; i < unit->count; i++)
		if (vec_push(&self->worker[w].queue, self->members[unit->first + i]) < 0)
			return -1;
	return 0;
}

static int unit_check(struct xdist *self, size_t w)
{
	struct xdist_worker *worker = &self->worker[w];
	if (worker->shutdown)
		return 0;
	if (self->next_unit == self->units.len) {
		worker->shutdown = true;
		return 0;
	}
	return waiting(worker) > 2 ? 0 : assign_unit(self, w);
}

static int unit_schedule(struct xdist *self)
{
	for (size_t w = self->units.len; w < self->workers; w++)
		self->worker[w].shutdown = true;
	for (size_t w = 0; w < self->workers && w < self->units.len; w++)
		if (assign_unit(self, w) < 0)
			return -1;
	for (size_t w = 0; w < self->workers; w++)
		if (unit_check(self, w) < 0)
			return -1;
	if (self->next_unit == self->units.len)
		shut_down_all(self);
	return 0;
}

/* The key by which a test is kept with others; tests without a group stand alone, behind all groups. */
static size_t unit_key(const struct workload *load, enum dist dist, size_t test)
{
	const struct job *job = &load->jobs.at[test];
	if (dist == DIST_LOADFILE)
		return (size_t)job->file;
	if (dist == DIST_LOADSCOPE)
		return (size_t)job->unit;
	return job->group >= 0 ? (size_t)job->group : (size_t)load->group_total + test;
}

static size_t key_total(const struct workload *load, enum dist dist)
{
	if (dist == DIST_LOADFILE)
		return (size_t)load->file_total;
	if (dist == DIST_LOADSCOPE)
		return (size_t)load->unit_total;
	return (size_t)load->group_total + load->jobs.len;
}

/* Most tests first, as --loadscope-reorder (the default) does; equal ones as collected. */
static int most_tests_first(const void *a, const void *b)
{
	const struct xdist_unit *x = a, *y = b;
	if (x->count != y->count)
		return (x->count < y->count) - (x->count > y->count);
	return (x->first > y->first) - (x->first < y->first);
}

static int build_units(struct xdist *self, const struct workload *load)
{
	size_t keys = key_total(load, self->dist), first = 0;
	cleanup_free size_t *unit_of = os_calloc(keys + 1, sizeof(*unit_of)); /* 1 + index into units */
	self->members = os_calloc(self->tests + 1, sizeof(*self->members));
	if (!unit_of || !self->members)
		return -1;
	for (size_t i = 0; i < self->tests; i++) {
		size_t key = unit_key(load, self->dist, i);
		if (unit_of[key] == 0) {
			if (vec_push(&self->units, ((struct xdist_unit){ .count = 0 })) < 0)
				return -1;
			unit_of[key] = self->units.len;
		}
		self->units.at[unit_of[key] - 1].count++;
	}
	for (size_t u = 0; u < self->units.len; u++) {
		self->units.at[u].first = first;
		first += self->units.at[u].count;
		self->units.at[u].count = 0;
	}
	for (size_t i = 0; i < self->tests; i++) {
		struct xdist_unit *unit = &self->units.at[unit_of[unit_key(load, self->dist, i)] - 1];
		self->members[unit->first + unit->count++] = i;
	}
	if (self->units.len > 0)
		qsort(self->units.at, self->units.len, sizeof(*self->units.at), most_tests_first);
	return 0;
}

/* all of them */

static bool keeps_units(const struct xdist *self)
{
	return self->dist != DIST_LOAD && self->dist != DIST_WORKSTEAL;
}

int xdist_init(struct xdist *self, const struct workload *load, enum dist dist, size_t workers)
{
	*self = (struct xdist){ .dist = dist, .workers = workers, .tests = load->jobs.len };
	self->worker = os_calloc(workers, sizeof(*self->worker));
	if (!self->worker)
		return -1;
	if (keeps_units(self))
		return build_units(self, load);
	for (size_t i = 0; i < self->tests; i++)
		if (vec_push(&self->pending, i) < 0)
			return -1;
	return 0;
}

/* DSession.loop_once: once no worker has two tests left, all are told to finish. */
static void finish_if_done(struct xdist *self)
{
	bool left = keeps_units(self) ? self->next_unit < self->units.len : pending_count(self) > 0;
	for (size_t w = 0; w < self->workers; w++)
		left |= waiting(&self->worker[w]) >= MIN_PENDING;
	if (!left)
		shut_down_all(self);
}

int xdist_schedule(struct xdist *self)
{
	int failed = 0;
	if (keeps_units(self))
		failed = unit_schedule(self);
	else
		failed = self->dist == DIST_LOAD ? load_schedule(self) : worksteal_check(self);
	finish_if_done(self);
	return failed;
}

int xdist_complete(struct xdist *self, size_t w, double duration_s)
{
	int failed = 0;
	self->worker[w].head++;
	if (keeps_units(self))
		failed = unit_check(self, w);
	else
		failed = self->dist == DIST_LOAD ? load_check(self, w, duration_s) : worksteal_check(self);
	finish_if_done(self);
	return failed;
}

bool xdist_can_start(const struct xdist *self, size_t w)
{
	const struct xdist_worker *worker = &self->worker[w];
	return waiting(worker) >= MIN_PENDING || (worker->shutdown && waiting(worker) > 0);
}

size_t xdist_head(const struct xdist *self, size_t w)
{
	return self->worker[w].queue.at[self->worker[w].head];
}

void xdist_release(struct xdist *self)
{
	for (size_t w = 0; self->worker && w < self->workers; w++)
		vec_release(&self->worker[w].queue);
	free(self->worker);
	free(self->members);
	vec_release(&self->pending);
	vec_release(&self->units);
	*self = (struct xdist){ .workers = 0 };
}
