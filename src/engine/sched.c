#include "engine/sched.h"

#include <stdatomic.h>

#include "engine/sched_layout.h"

#include "base/banned.h"

/* What the tests that other workers hold forbid. */
struct held {
	uint64_t exclusive, shared;
	bool any, serial;
};

static void add_held(const struct sched *self, struct held *held, uint32_t test)
{
	if (test == SCHED_NONE)
		return;
	const struct entry *entry = &entries_of(self)[test];
	held->any = true;
	held->exclusive |= entry->exclusive;
	held->shared |= entry->shared;
	held->serial |= entry->serial;
}

static struct held held_by_others(const struct sched *self, uint32_t worker)
{
	struct held held = { .any = false };
	for (uint32_t w = 0; self->constrained && w < self->workers; w++) {
		if (w == worker)
			continue;
		add_held(self, &held, workers_of(self)[w].claimed);
		add_held(self, &held, workers_of(self)[w].running);
	}
	return held;
}

static bool is_eligible(const struct entry *entry, const struct held *held)
{
	if (entry->state != SCHED_TEST_WAITING || held->serial || (entry->serial && held->any))
		return false;
	return !(entry->exclusive & (held->exclusive | held->shared)) && !(entry->shared & held->exclusive);
}

/* Position of the first eligible test in a chunk, or SCHED_NONE. */
static uint32_t find_in_chunk(struct sched *self, struct chunk *chunk, const struct held *held)
{
	const uint32_t *order = order_of(self);
	const struct entry *entries = entries_of(self);
	while (chunk->next < chunk->end && entries[order[chunk->next]].state != SCHED_TEST_WAITING)
		chunk->next++;
	for (uint32_t at = chunk->next; at < chunk->end; at++)
		if (is_eligible(&entries[order[at]], held))
			return at;
	return SCHED_NONE;
}

static int64_t claim(struct sched *self, uint32_t worker, uint32_t chunk_index, uint32_t at)
{
	struct worker *me = &workers_of(self)[worker];
	struct chunk *chunk = &chunks_of(self)[chunk_index];
	uint32_t test = order_of(self)[at];
	struct entry *entry = &entries_of(self)[test];
	if (me->chunk != SCHED_NONE && me->chunk != chunk_index)
		chunks_of(self)[me->chunk].owner = SCHED_NONE;
	if (me->chunk != SCHED_NONE && me->chunk < self->free_hint && me->chunk != chunk_index)
		self->free_hint = me->chunk;
	me->chunk = chunk_index;
	chunk->owner = worker;
	chunk->left_s -= entry->cost_s;
	entry->worker = worker;
	entry->state = SCHED_TEST_CLAIMED;
	me->claimed = test;
	self->waiting--;
	self->busy++;
	return test;
}

/* The first free chunk with an eligible test; *at its position. */
static uint32_t find_free_chunk(struct sched *self, uint32_t worker, const struct held *held, uint32_t *at)
{
	struct chunk *chunks = chunks_of(self);
	bool all_done_before = true;
	for (uint32_t c = self->free_hint; c < self->chunks; c++) {
		struct chunk *chunk = &chunks[c];
		bool mine = chunk->owner == SCHED_NONE && (chunk->only == SCHED_NONE || chunk->only == worker);
		*at = mine ? find_in_chunk(self, chunk, held) : SCHED_NONE;
		if (*at != SCHED_NONE)
			return c;
		if (chunk->owner == SCHED_NONE && chunk->next < chunk->end)
			all_done_before = false;
		if (all_done_before)
			self->free_hint = c + 1;
	}
	return SCHED_NONE;
}

/* The chunk of another worker with most left; only one that may be split. */
static uint32_t find_victim(struct sched *self, uint32_t worker, const struct held *held)
{
	uint32_t best = SCHED_NONE;
	for (uint32_t w = 0; w < self->workers; w++) {
		uint32_t c = workers_of(self)[w].chunk;
		if (w == worker || c == SCHED_NONE)
			continue;
		struct chunk *chunk = &chunks_of(self)[c];
		if (chunk->pinned || find_in_chunk(self, chunk, held) == SCHED_NONE)
			continue;
		if (best == SCHED_NONE || chunk->left_s > chunks_of(self)[best].left_s)
			best = c;
	}
	return best;
}

/* A record for another chunk: the exhausted one of this worker (SCHED_NONE: no worker), or a new one. */
static uint32_t spare_chunk(struct sched *self, uint32_t worker)
{
	uint32_t own = worker == SCHED_NONE ? SCHED_NONE : workers_of(self)[worker].chunk;
	if (own != SCHED_NONE && chunks_of(self)[own].next >= chunks_of(self)[own].end)
		return own;
	return self->chunks < self->tests + self->workers ? self->chunks++ : SCHED_NONE;
}

/* Cuts the later half, by cost, off the victim's chunk. */
static uint32_t split_chunk(struct sched *self, uint32_t worker, uint32_t victim)
{
	struct chunk *from = &chunks_of(self)[victim];
	const struct entry *entries = entries_of(self);
	float half = 0;
	uint32_t cut = from->end;
	while (cut > from->next && (half == 0 || half < from->left_s / 2)) {
		const struct entry *entry = &entries[order_of(self)[--cut]];
		if (entry->state == SCHED_TEST_WAITING)
			half += entry->cost_s;
	}
	if (half <= self->scope_setup_s)
		return SCHED_NONE;
	uint32_t made = spare_chunk(self, worker);
	if (made == SCHED_NONE)
		return SCHED_NONE;
	chunks_of(self)[made] = (struct chunk){ .first = cut, .next = cut, .end = from->end, .owner = worker,
						.only = SCHED_NONE, .left_s = half };
	atomic_signal_fence(memory_order_seq_cst); /* a death here leaves positions twice, never nowhere */
	from->end = cut;
	from->left_s -= half;
	return made;
}

static int64_t steal(struct sched *self, uint32_t worker, const struct held *held)
{
	uint32_t victim = find_victim(self, worker, held);
	uint32_t made = victim == SCHED_NONE ? SCHED_NONE : split_chunk(self, worker, victim);
	if (made == SCHED_NONE)
		return SCHED_WAIT;
	uint32_t at = find_in_chunk(self, &chunks_of(self)[made], held);
	if (at != SCHED_NONE)
		return claim(self, worker, made, at);
	chunks_of(self)[made].owner = SCHED_NONE; /* eligible tests are all in the earlier half */
	if (made < self->free_hint)
		self->free_hint = made;
	if (workers_of(self)[worker].chunk == made)
		workers_of(self)[worker].chunk = SCHED_NONE;
	at = find_in_chunk(self, &chunks_of(self)[victim], held);
	if (at == SCHED_NONE)
		return SCHED_WAIT;
	uint32_t owner = chunks_of(self)[victim].owner;
	int64_t test = claim(self, worker, victim, at);
	chunks_of(self)[victim].owner = owner; /* taken out of it, but it stays the other's */
	workers_of(self)[worker].chunk = SCHED_NONE;
	return test;
}

int64_t sched_take(struct sched *self, uint32_t worker)
{
	if (worker >= self->workers)
		return SCHED_DONE;
	struct worker *me = &workers_of(self)[worker];
	if (me->claimed != SCHED_NONE)
		return me->claimed;
	if (self->stopped || self->waiting == 0)
		return SCHED_DONE;
	struct held held = held_by_others(self, worker);
	uint32_t chunk = me->chunk;
	uint32_t at = chunk == SCHED_NONE ? SCHED_NONE : find_in_chunk(self, &chunks_of(self)[chunk], &held);
	if (at == SCHED_NONE)
		chunk = find_free_chunk(self, worker, &held, &at);
	if (chunk != SCHED_NONE && at != SCHED_NONE)
		return claim(self, worker, chunk, at);
	return steal(self, worker, &held);
}

void sched_begin(struct sched *self, uint32_t worker)
{
	struct worker *me = &workers_of(self)[worker];
	if (worker >= self->workers || me->claimed == SCHED_NONE)
		return;
	me->running = me->claimed;
	entries_of(self)[me->running].state = SCHED_TEST_RUNNING;
	me->claimed = SCHED_NONE;
}

static uint32_t end_running(struct sched *self, uint32_t worker, enum sched_state state)
{
	struct worker *me = &workers_of(self)[worker];
	uint32_t test = me->running;
	if (test == SCHED_NONE)
		return test;
	entries_of(self)[test].state = (uint8_t)state;
	me->running = SCHED_NONE;
	self->busy--;
	return test;
}

void sched_end(struct sched *self, uint32_t worker)
{
	if (worker < self->workers)
		end_running(self, worker, SCHED_TEST_DONE);
}

/* The chunk that covers a position now, for splits move positions; a new one where its record was used again. */
static struct chunk *chunk_at(struct sched *self, uint32_t at)
{
	struct chunk *chunks = chunks_of(self);
	for (uint32_t c = 0; c < self->chunks; c++)
		if (chunks[c].first <= at && at < chunks[c].end)
			return &chunks[c];
	uint32_t made = spare_chunk(self, SCHED_NONE);
	if (made == SCHED_NONE)
		return NULL;
	chunks[made] = (struct chunk){ .first = at, .next = at, .end = at + 1, .owner = SCHED_NONE, .only = SCHED_NONE };
	return &chunks[made];
}

static void give_back(struct sched *self, uint32_t test)
{
	struct entry *entry = &entries_of(self)[test];
	uint32_t at = entry->position;
	struct chunk *chunk = chunk_at(self, at);
	entry->state = SCHED_TEST_WAITING;
	entry->worker = SCHED_NONE;
	self->waiting++;
	self->busy--;
	if (!chunk)
		return;
	if (at < chunk->next)
		chunk->next = at;
	chunk->left_s += entry->cost_s;
	self->free_hint = 0;
}

uint32_t sched_leave(struct sched *self, uint32_t worker)
{
	if (worker >= self->workers)
		return SCHED_NONE;
	struct worker *me = &workers_of(self)[worker];
	uint32_t lost = end_running(self, worker, SCHED_TEST_LOST);
	uint32_t claimed = me->claimed, chunk = me->chunk;
	me->claimed = me->chunk = SCHED_NONE;
	if (claimed != SCHED_NONE)
		give_back(self, claimed);
	if (chunk != SCHED_NONE && chunks_of(self)[chunk].owner == worker)
		chunks_of(self)[chunk].owner = SCHED_NONE;
	self->free_hint = 0;
	return lost;
}

bool sched_revive(struct sched *self, uint32_t test)
{
	if (test >= self->tests || entries_of(self)[test].state != SCHED_TEST_LOST)
		return false;
	self->busy++; /* give_back() takes it from who holds a test */
	give_back(self, test);
	return true;
}

void sched_stop(struct sched *self)
{
	self->stopped = true;
}

bool sched_is_drained(const struct sched *self)
{
	return self->busy == 0 && (self->waiting == 0 || self->stopped);
}

uint32_t sched_running(const struct sched *self, uint32_t worker)
{
	return worker < self->workers ? workers_of(self)[worker].running : SCHED_NONE;
}

enum sched_state sched_state(const struct sched *self, uint32_t test)
{
	return (enum sched_state)entries_of(self)[test].state;
}

uint32_t sched_waiting(const struct sched *self)
{
	return self->waiting;
}

uint32_t sched_count(const struct sched *self)
{
	return self->tests;
}
