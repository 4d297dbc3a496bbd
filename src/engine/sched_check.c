/* What sched.h promises, verified; and derived values made anew after a death in the middle of a change. */
#include "engine/sched_layout.h"

#include "base/os.h"

#include "base/banned.h"

static void recover_workers(struct sched *self)
{
	for (uint32_t w = 0; w < self->workers; w++)
		workers_of(self)[w].claimed = workers_of(self)[w].running = SCHED_NONE;
	self->waiting = self->busy = 0;
	for (uint32_t i = 0; i < self->tests; i++) {
		struct entry *entry = &entries_of(self)[i];
		bool held = entry->state == SCHED_TEST_CLAIMED || entry->state == SCHED_TEST_RUNNING;
		if (held && entry->worker >= self->workers) {
			entry->state = SCHED_TEST_WAITING;
			held = false;
		}
		if (held && entry->state == SCHED_TEST_CLAIMED)
			workers_of(self)[entry->worker].claimed = i;
		else if (held)
			workers_of(self)[entry->worker].running = i;
		self->waiting += entry->state == SCHED_TEST_WAITING;
		self->busy += held;
	}
}

void sched_recover(struct sched *self)
{
	recover_workers(self);
	self->free_hint = 0;
	for (uint32_t c = 0; c < self->chunks; c++) {
		struct chunk *chunk = &chunks_of(self)[c];
		chunk->owner = SCHED_NONE;
		chunk->next = chunk->first;
		chunk->left_s = 0;
		for (uint32_t at = chunk->first; at < chunk->end; at++) {
			const struct entry *entry = &entries_of(self)[order_of(self)[at]];
			chunk->left_s += entry->state == SCHED_TEST_WAITING ? entry->cost_s : 0;
		}
	}
	for (uint32_t w = 0; w < self->workers; w++) {
		struct worker *worker = &workers_of(self)[w];
		if (worker->chunk >= self->chunks || chunks_of(self)[worker->chunk].owner != SCHED_NONE)
			worker->chunk = SCHED_NONE;
		else
			chunks_of(self)[worker->chunk].owner = w;
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

static bool collide(const struct entry *a, const struct entry *b)
{
	return a->serial || b->serial || (a->exclusive & (b->exclusive | b->shared)) || (a->shared & b->exclusive);
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
		if (w != worker && other != SCHED_NONE && collide(entry, &entries_of(self)[other]))
			return err_set(err, ERR_INTERNAL, "tests %u and %u must not overlap", test, other);
	}
	return 0;
}

int sched_check(const struct sched *self, struct err *err)
{
	uint32_t waiting = 0, busy = 0;
	for (uint32_t i = 0; i < self->tests; i++) {
		enum sched_state state = sched_state(self, i);
		waiting += state == SCHED_TEST_WAITING;
		busy += state == SCHED_TEST_CLAIMED || state == SCHED_TEST_RUNNING;
	}
	if (waiting != self->waiting || busy != self->busy)
		return err_set(err, ERR_INTERNAL, "%u tests wait and %u are held, counted %u and %u", waiting, busy,
			       self->waiting, self->busy);
	for (uint32_t w = 0; w < self->workers; w++) {
		const struct worker *worker = &workers_of(self)[w];
		if (check_held(self, w, worker->running, SCHED_TEST_RUNNING, err) < 0 ||
		    check_held(self, w, worker->claimed, SCHED_TEST_CLAIMED, err) < 0)
			return -1;
	}
	return check_chunks(self, err);
}
