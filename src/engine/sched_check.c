/* What sched.h promises, verified; and derived values made anew after a death in the middle of a change. */
#include "engine/sched_layout.h"

#include <math.h>

#include "base/os.h"

#include "base/banned.h"

static void forget_derived(struct sched *self)
{
	self->waiting = self->waiting_serial = self->busy = self->busy_serial = 0;
	self->waiting_s = 0;
	self->free_hint = 0;
	for (uint32_t w = 0; w < self->workers; w++)
		workers_of(self)[w].claimed = workers_of(self)[w].running = SCHED_NONE;
	for (uint32_t p = 0; p < self->profiles; p++) {
		profiles_of(self)[p].waiting = 0;
		profiles_of(self)[p].judged = 0;
	}
	for (uint32_t r = 0; r < self->resources; r++) {
		struct resource *resource = &resources_of(self)[r];
		resource->exclusive = resource->shared = 0;
		resource->left_s = 0;
		resource->next = resource->first;
	}
	for (uint32_t g = 0; g < self->groups; g++)
		if (homes_of(self)[g] >= self->workers)
			homes_of(self)[g] = SCHED_NONE;
}

static void recover_test(struct sched *self, uint32_t test)
{
	struct entry *entry = &entries_of(self)[test];
	bool held = entry->state == SCHED_TEST_CLAIMED || entry->state == SCHED_TEST_RUNNING;
	if (held && entry->worker >= self->workers) {
		entry->state = SCHED_TEST_WAITING;
		held = false;
	}
	if (entry->state == SCHED_TEST_WAITING)
		waiting_add(self, test);
	if (!held)
		return;
	struct worker *worker = &workers_of(self)[entry->worker];
	*(entry->state == SCHED_TEST_CLAIMED ? &worker->claimed : &worker->running) = test;
	self->busy++;
	self->busy_serial += profile_of(self, test)->serial;
}

static void recover_chunk(struct sched *self, struct chunk *chunk)
{
	chunk->owner = SCHED_NONE;
	chunk->next = chunk->first;
	chunk->left_s = 0;
	for (uint32_t at = chunk->first; at < chunk->end; at++) {
		const struct entry *entry = &entries_of(self)[order_of(self)[at]];
		chunk->left_s += entry->state == SCHED_TEST_WAITING ? entry->cost_s : 0;
	}
}

void sched_recover(struct sched *self)
{
	forget_derived(self);
	for (uint32_t i = 0; i < self->tests; i++)
		recover_test(self, i);
	for (uint32_t c = 0; c < self->chunks; c++)
		recover_chunk(self, &chunks_of(self)[c]);
	for (uint32_t w = 0; w < self->workers; w++) {
		struct worker *worker = &workers_of(self)[w];
		if (worker->chunk >= self->chunks || chunks_of(self)[worker->chunk].owner != SCHED_NONE)
			worker->chunk = SCHED_NONE;
		else
			chunks_of(self)[worker->chunk].owner = w;
		resources_hold(self, w);
	}
}

/* Every waiting test lies in a chunk, at its `next` or later; chunks cover no position twice. */
static int check_chunks(const struct sched *self, struct err *err)
{
	cleanup_free unsigned char *covered = os_calloc(self->tests, 1);
	if (!covered)
		return err_no_memory(err);
	for (uint32_t c = 0; c < self->chunks; c++) {
		const struct chunk *chunk = &chunks_of(self)[c];
		for (uint32_t at = chunk->first; at < chunk->end; at++) {
			const struct entry *entry = &entries_of(self)[order_of(self)[at]];
			if (entry->position != at)
				return err_set(err, ERR_INTERNAL, "position %u holds another test", at);
			if (entry->state == SCHED_TEST_WAITING && at < chunk->next)
				return err_set(err, ERR_INTERNAL, "chunk %u has passed a waiting test", c);
			if (covered[at]++ && entry->state == SCHED_TEST_WAITING)
				return err_set(err, ERR_INTERNAL, "position %u is in two chunks", at);
		}
	}
	for (uint32_t i = 0; i < self->tests; i++)
		if (entries_of(self)[i].state == SCHED_TEST_WAITING && !covered[entries_of(self)[i].position])
			return err_set(err, ERR_INTERNAL, "test %u waits and is in no chunk", i);
	return 0;
}

static int check_held(const struct sched *self, uint32_t worker, uint32_t test, enum sched_state state, struct err *err)
{
	if (test == SCHED_NONE)
		return 0;
	const struct entry *entry = &entries_of(self)[test];
	if (entry->worker != worker || entry->state != state)
		return err_set(err, ERR_INTERNAL, "worker %u holds test %u, which does not know it", worker, test);
	for (uint32_t w = 0; w < self->workers; w++) {
		uint32_t other = workers_of(self)[w].running;
		if (w != worker && other != SCHED_NONE && tests_collide(self, test, other))
			return err_set(err, ERR_INTERNAL, "tests %u and %u must not overlap", test, other);
	}
	return 0;
}

/* How many workers hold a resource, counted from what they run and claim. */
static uint32_t holders(const struct sched *self, uint32_t index)
{
	uint32_t count = 0;
	for (uint32_t w = 0; w < self->workers; w++) {
		const struct worker *worker = &workers_of(self)[w];
		count += (worker->running != SCHED_NONE &&
			  profile_uses(self, entries_of(self)[worker->running].profile, index)) ||
			 (worker->claimed != SCHED_NONE &&
			  profile_uses(self, entries_of(self)[worker->claimed].profile, index));
	}
	return count;
}

static int check_resources(const struct sched *self, struct err *err)
{
	for (uint32_t r = 0; r < self->resources; r++) {
		const struct resource *resource = &resources_of(self)[r];
		uint32_t found = holders(self, r);
		if (found != resource->exclusive + resource->shared)
			return err_set(err, ERR_INTERNAL, "%u workers hold resource %u, counted %u and %u", found, r,
				       resource->exclusive, resource->shared);
		if (resource->cap && found > resource->cap)
			return err_set(err, ERR_INTERNAL, "%u tests at once in resource %u, capped at %u", found, r,
				       resource->cap);
	}
	return 0;
}

static int check_counts(const struct sched *self, struct err *err)
{
	uint32_t waiting = 0, busy = 0, serial = 0, busy_serial = 0;
	double waiting_s = 0;
	for (uint32_t i = 0; i < self->tests; i++) {
		const struct entry *entry = &entries_of(self)[i];
		bool is_serial = profile_of(self, i)->serial;
		waiting += entry->state == SCHED_TEST_WAITING;
		serial += entry->state == SCHED_TEST_WAITING && is_serial;
		waiting_s += entry->state == SCHED_TEST_WAITING && !is_serial ? (double)entry->cost_s : 0;
		bool is_held = entry->state == SCHED_TEST_CLAIMED || entry->state == SCHED_TEST_RUNNING;
		busy += is_held;
		busy_serial += is_held && is_serial;
	}
	if (waiting != self->waiting || busy != self->busy || serial != self->waiting_serial)
		return err_set(err, ERR_INTERNAL, "%u tests wait (%u serial) and %u are held, counted %u (%u) and %u",
			       waiting, serial, busy, self->waiting, self->waiting_serial, self->busy);
	if (busy_serial != self->busy_serial)
		return err_set(err, ERR_INTERNAL, "%u serial tests are held, counted %u", busy_serial, self->busy_serial);
	if (fabs(waiting_s - (double)self->waiting_s) > 1e-2 * (1 + waiting_s))
		return err_set(err, ERR_INTERNAL, "%g s wait, counted %g", waiting_s, (double)self->waiting_s);
	return 0;
}

int sched_check(const struct sched *self, struct err *err)
{
	if (check_counts(self, err) < 0 || check_resources(self, err) < 0)
		return -1;
	for (uint32_t w = 0; w < self->workers; w++) {
		const struct worker *worker = &workers_of(self)[w];
		if (check_held(self, w, worker->running, SCHED_TEST_RUNNING, err) < 0 ||
		    check_held(self, w, worker->claimed, SCHED_TEST_CLAIMED, err) < 0)
			return -1;
	}
	return check_chunks(self, err);
}
