#include "engine/sched.h"

#include <stdatomic.h>

#include "engine/sched_layout.h"

#include "base/banned.h"

/* So much work is worth to be prepared by a worker that does not hold it, where durations are known. */
#define PREPARED_S 0.25f
/* A chunk with so much of the makespan must not wait for its holder, which may start last of all. */
#define DECISIVE_SHARE 0.85f

/* Position of the first eligible test in a chunk that uses the resource (SCHED_NONE: any test), or SCHED_NONE. */
static uint32_t find_in_chunk(struct sched *self, uint32_t worker, struct chunk *chunk, uint32_t resource)
{
	const uint32_t *order = order_of(self);
	const struct entry *entries = entries_of(self);
	while (chunk->next < chunk->end && entries[order[chunk->next]].state != SCHED_TEST_WAITING)
		chunk->next++;
	for (uint32_t at = chunk->next; at < chunk->end; at++) {
		const struct entry *entry = &entries[order[at]];
		if (entry->state == SCHED_TEST_WAITING && profile_is_eligible(self, worker, entry->profile) &&
		    (resource == SCHED_NONE || profile_uses(self, entry->profile, resource)))
			return at;
	}
	return SCHED_NONE;
}

/* Whether --dist lets the worker run tests of a chunk, whoever owns it. */
static bool may_enter(const struct sched *self, uint32_t worker, const struct chunk *chunk)
{
	if (chunk->only != SCHED_NONE && chunk->only != worker)
		return false;
	uint32_t home = chunk->group == SCHED_NONE ? SCHED_NONE : homes_of(self)[chunk->group];
	return home == SCHED_NONE || home == worker;
}

static bool is_open(const struct sched *self, uint32_t worker, const struct chunk *chunk)
{
	return chunk->owner == SCHED_NONE && may_enter(self, worker, chunk);
}

static void give_up_chunk(struct sched *self, uint32_t worker)
{
	struct worker *me = &workers_of(self)[worker];
	if (me->chunk == SCHED_NONE)
		return;
	if (chunks_of(self)[me->chunk].owner == worker)
		chunks_of(self)[me->chunk].owner = SCHED_NONE;
	if (me->chunk < self->free_hint)
		self->free_hint = me->chunk;
	me->chunk = SCHED_NONE;
}

/* Without taking the chunk over. */
static int64_t claim_test(struct sched *self, uint32_t worker, struct chunk *chunk, uint32_t at)
{
	uint32_t test = order_of(self)[at];
	struct entry *entry = &entries_of(self)[test];
	if (chunk->group != SCHED_NONE)
		homes_of(self)[chunk->group] = worker;
	chunk->left_s -= entry->cost_s;
	entry->worker = worker;
	entry->state = SCHED_TEST_CLAIMED;
	workers_of(self)[worker].claimed = test;
	waiting_remove(self, test);
	self->busy++;
	self->busy_serial += profile_of(self, test)->serial;
	return test;
}

static int64_t claim(struct sched *self, uint32_t worker, uint32_t chunk, uint32_t at)
{
	struct worker *me = &workers_of(self)[worker];
	if (me->chunk != chunk)
		give_up_chunk(self, worker);
	me->chunk = chunk;
	chunks_of(self)[chunk].owner = worker;
	return claim_test(self, worker, &chunks_of(self)[chunk], at);
}

/*
 * Whether a worker had better run a chunk it holds than an earlier one that it
 * would have to prepare first: the other is short, or not much longer.
 */
static bool is_preferred(const struct sched *self, const struct chunk *held, const struct chunk *earlier)
{
	float enough = earlier->left_s >= self->planned_s * DECISIVE_SHARE ? DECISIVE_SHARE : 0.5f;
	return self->planned_s <= 0 || earlier->left_s < PREPARED_S || held->left_s >= earlier->left_s * enough;
}

/* The first free chunk with an eligible test, rather one that no other worker holds; *at its position. */
static uint32_t find_free_chunk(struct sched *self, uint32_t worker, uint32_t *at)
{
	struct chunk *chunks = chunks_of(self);
	uint32_t other = SCHED_NONE, other_at = SCHED_NONE;
	bool all_done_before = true;
	for (uint32_t c = self->free_hint; c < self->chunks; c++) {
		struct chunk *chunk = &chunks[c];
		*at = is_open(self, worker, chunk) ? find_in_chunk(self, worker, chunk, SCHED_NONE) : SCHED_NONE;
		bool held = *at != SCHED_NONE && is_held_by_other(self, worker, chunk->scope);
		if (*at != SCHED_NONE && !held) {
			if (other == SCHED_NONE || is_preferred(self, chunk, &chunks[other]))
				return c;
			break;
		}
		if (held && other == SCHED_NONE) {
			other = c;
			other_at = *at;
		}
		if (chunk->owner == SCHED_NONE && chunk->next < chunk->end)
			all_done_before = false;
		if (all_done_before)
			self->free_hint = c + 1;
	}
	*at = other_at;
	return other;
}

/* Half of what a worker runs now: as long as it is going to take when nothing is known of its start. */
static float running_left_s(const struct sched *self, uint32_t worker)
{
	const struct worker *it = &workers_of(self)[worker];
	uint32_t test = it->running != SCHED_NONE ? it->running : it->claimed;
	return test == SCHED_NONE ? 0 : entries_of(self)[test].cost_s / 2;
}

/* How much of a chunk to take over, in seconds, so that both end together; <= 0: not worth another set-up. */
static float worth_stealing_s(const struct sched *self, uint32_t owner, const struct chunk *chunk)
{
	float ahead = chunk->left_s + running_left_s(self, owner), setup = setup_of(self, chunk->scope);
	return ahead / 2 > setup ? (ahead - setup) / 2 : 0;
}

/* The chunk of another worker from which most can be taken. */
static uint32_t find_victim(struct sched *self, uint32_t worker)
{
	uint32_t best = SCHED_NONE;
	float most = -1;
	for (uint32_t w = 0; w < self->workers; w++) {
		uint32_t c = workers_of(self)[w].chunk;
		if (w == worker || c == SCHED_NONE)
			continue;
		struct chunk *chunk = &chunks_of(self)[c];
		if (chunk->group != SCHED_NONE || chunk->only != SCHED_NONE ||
		    find_in_chunk(self, worker, chunk, SCHED_NONE) == SCHED_NONE)
			continue;
		float worth = worth_stealing_s(self, w, chunk);
		if (worth > 0 && worth > most) {
			best = c;
			most = worth;
		}
	}
	return best;
}

/*
 * A record for another chunk: the exhausted one of this worker (SCHED_NONE: no
 * worker), or a new one. That of a group is kept: a test that comes back later
 * finds its group there alone.
 */
static uint32_t spare_chunk(struct sched *self, uint32_t worker)
{
	uint32_t own = worker == SCHED_NONE ? SCHED_NONE : workers_of(self)[worker].chunk;
	const struct chunk *chunk = own == SCHED_NONE ? NULL : &chunks_of(self)[own];
	if (chunk && chunk->next >= chunk->end && chunk->group == SCHED_NONE)
		return own;
	return self->chunks < self->tests + self->workers ? self->chunks++ : SCHED_NONE;
}

static bool within_run(const struct sched *self, uint32_t at)
{
	const uint32_t *order = order_of(self);
	return entries_of(self)[order[at - 1]].run == entries_of(self)[order[at]].run;
}

/*
 * Where to cut so that what lies behind costs about `wanted`: a class or a
 * parameter of a wider fixture is cut apart only when no boundary is between
 * half and one and a half of it. *cost_s: of the waiting tests behind.
 */
static uint32_t find_cut(const struct sched *self, const struct chunk *from, float wanted, float *cost_s)
{
	uint32_t exact = SCHED_NONE, below = SCHED_NONE, cut = from->end;
	float behind = 0, exact_s = 0, below_s = 0;
	while (cut > from->next && behind < wanted * 1.5f) {
		const struct entry *entry = &entries_of(self)[order_of(self)[--cut]];
		behind += entry->state == SCHED_TEST_WAITING ? entry->cost_s : 0;
		bool boundary = cut == from->first || !within_run(self, cut);
		if (behind < wanted && boundary && behind >= wanted / 2) {
			below = cut;
			below_s = behind;
		}
		if (behind >= wanted && exact == SCHED_NONE) {
			exact = cut;
			exact_s = behind;
		}
		if (behind >= wanted && boundary)
			break;
	}
	bool at_boundary = cut == from->first || !within_run(self, cut);
	if (exact == SCHED_NONE || at_boundary) {
		*cost_s = behind;
		return cut;
	}
	*cost_s = below == SCHED_NONE ? exact_s : below_s;
	return below == SCHED_NONE ? exact : below;
}

/* Cuts the later part off the victim's chunk. */
static uint32_t split_chunk(struct sched *self, uint32_t worker, uint32_t victim)
{
	struct chunk *from = &chunks_of(self)[victim];
	float taken;
	uint32_t cut = find_cut(self, from, worth_stealing_s(self, from->owner, from), &taken);
	uint32_t made = spare_chunk(self, worker);
	if (made == SCHED_NONE)
		return SCHED_NONE;
	chunks_of(self)[made] = (struct chunk){ .first = cut, .next = cut, .end = from->end, .owner = worker,
						.only = SCHED_NONE, .group = SCHED_NONE, .scope = from->scope,
						.left_s = taken, .serial = from->serial };
	atomic_signal_fence(memory_order_seq_cst); /* a death here leaves positions twice, never nowhere */
	from->end = cut;
	from->left_s -= taken;
	return made;
}

static int64_t steal(struct sched *self, uint32_t worker)
{
	uint32_t victim = find_victim(self, worker);
	workers_of(self)[worker].from = victim == SCHED_NONE ? SCHED_NONE : chunks_of(self)[victim].owner;
	uint32_t made = victim == SCHED_NONE ? SCHED_NONE : split_chunk(self, worker, victim);
	if (made == SCHED_NONE)
		return SCHED_WAIT;
	uint32_t at = find_in_chunk(self, worker, &chunks_of(self)[made], SCHED_NONE);
	if (at != SCHED_NONE)
		return claim(self, worker, made, at);
	chunks_of(self)[made].owner = SCHED_NONE; /* eligible tests are all in the earlier part */
	if (made < self->free_hint)
		self->free_hint = made;
	if (workers_of(self)[worker].chunk == made)
		workers_of(self)[worker].chunk = SCHED_NONE;
	at = find_in_chunk(self, worker, &chunks_of(self)[victim], SCHED_NONE);
	return at == SCHED_NONE ? SCHED_WAIT : claim_test(self, worker, &chunks_of(self)[victim], at);
}

/* Index of the chunk that covers a position now, for splits move positions; SCHED_NONE: its record was used again. */
static uint32_t find_chunk(const struct sched *self, uint32_t at)
{
	const struct chunk *chunks = chunks_of(self);
	for (uint32_t c = 0; c < self->chunks; c++)
		if (chunks[c].first <= at && at < chunks[c].end)
			return c;
	return SCHED_NONE;
}

/* A test that uses a resource which is about to decide the makespan: of the own chunk, else of any. */
static int64_t take_urgent(struct sched *self, uint32_t worker)
{
	bool decides = false;
	uint32_t index = self->constrained ? resource_most_urgent(self, &decides) : SCHED_NONE;
	uint32_t own = workers_of(self)[worker].chunk;
	if (index == SCHED_NONE)
		return SCHED_WAIT;
	uint32_t at = own == SCHED_NONE ? SCHED_NONE : find_in_chunk(self, worker, &chunks_of(self)[own], index);
	if (at != SCHED_NONE)
		return claim(self, worker, own, at);
	struct resource *resource = &resources_of(self)[index];
	const struct entry *entries = entries_of(self);
	const uint32_t *members = members_of(self);
	while (resource->next < resource->end && entries[members[resource->next]].state != SCHED_TEST_WAITING)
		resource->next++;
	for (uint32_t m = resource->next; m < resource->end; m++) {
		const struct entry *entry = &entries[members[m]];
		if (entry->state != SCHED_TEST_WAITING || !profile_is_eligible(self, worker, entry->profile))
			continue;
		uint32_t c = find_chunk(self, entry->position);
		if (c == SCHED_NONE || !may_enter(self, worker, &chunks_of(self)[c]))
			continue;
		bool is_free = chunks_of(self)[c].owner == SCHED_NONE;
		if (!is_free && !decides && setup_of(self, entry->scope) > 0)
			continue; /* not worth another set-up */
		return is_free ? claim(self, worker, c, entry->position) :
				 claim_test(self, worker, &chunks_of(self)[c], entry->position);
	}
	return SCHED_WAIT;
}

/* For a worker whose resources are released. */
static int64_t pick(struct sched *self, uint32_t worker)
{
	struct worker *me = &workers_of(self)[worker];
	enum sched_wait why;
	self->pick++;
	me->wait = SCHED_WAIT_TAIL;
	me->how = SCHED_HOW_URGENT;
	me->from = SCHED_NONE;
	if (!anything_is_eligible(self, worker, &why)) {
		me->wait = why;
		return SCHED_WAIT;
	}
	int64_t urgent = take_urgent(self, worker);
	if (urgent >= 0)
		return urgent;
	uint32_t chunk = me->chunk;
	uint32_t at = chunk == SCHED_NONE ? SCHED_NONE :
					    find_in_chunk(self, worker, &chunks_of(self)[chunk], SCHED_NONE);
	me->how = at == SCHED_NONE ? SCHED_HOW_FREE : SCHED_HOW_OWN;
	if (at == SCHED_NONE)
		chunk = find_free_chunk(self, worker, &at);
	if (chunk != SCHED_NONE && at != SCHED_NONE)
		return claim(self, worker, chunk, at);
	me->how = SCHED_HOW_STOLEN;
	return steal(self, worker);
}

int64_t sched_take(struct sched *self, uint32_t worker)
{
	if (worker >= self->workers)
		return SCHED_DONE;
	struct worker *me = &workers_of(self)[worker];
	if (me->claimed != SCHED_NONE)
		return me->claimed;
	me->wait = SCHED_WAIT_TAIL;
	if (self->stopped || self->waiting == 0)
		return SCHED_DONE;
	resources_release(self, worker);
	int64_t answer = pick(self, worker);
	resources_hold(self, worker);
	return answer;
}

/* Of a chunk, or SCHED_NONE. */
static uint32_t first_waiting(const struct sched *self, const struct chunk *chunk)
{
	for (uint32_t at = chunk->next; at < chunk->end; at++)
		if (entries_of(self)[order_of(self)[at]].state == SCHED_TEST_WAITING)
			return order_of(self)[at];
	return SCHED_NONE;
}

uint32_t sched_guess(const struct sched *self, uint32_t worker)
{
	if (worker >= self->workers || self->stopped || self->waiting == 0)
		return SCHED_NONE;
	const struct chunk *chunks = chunks_of(self);
	uint32_t own = workers_of(self)[worker].chunk;
	uint32_t test = own == SCHED_NONE ? SCHED_NONE : first_waiting(self, &chunks[own]), of_another = SCHED_NONE;
	for (uint32_t c = 0; c < self->chunks && test == SCHED_NONE; c++) {
		uint32_t first = may_enter(self, worker, &chunks[c]) ? first_waiting(self, &chunks[c]) : SCHED_NONE;
		if (chunks[c].owner == SCHED_NONE)
			test = first;
		else if (of_another == SCHED_NONE)
			of_another = first;
	}
	return test != SCHED_NONE ? test : of_another;
}

enum sched_wait sched_wait(const struct sched *self, uint32_t worker)
{
	return worker < self->workers ? (enum sched_wait)workers_of(self)[worker].wait : SCHED_WAIT_TAIL;
}

bool sched_could_run(struct sched *self, uint32_t worker, uint32_t test)
{
	self->pick++;
	resources_release(self, worker);
	bool could = sched_state(self, test) == SCHED_TEST_WAITING &&
		     profile_is_eligible(self, worker, entries_of(self)[test].profile);
	resources_hold(self, worker);
	return could;
}

void sched_begin(struct sched *self, uint32_t worker)
{
	struct worker *me = &workers_of(self)[worker];
	if (worker >= self->workers || me->claimed == SCHED_NONE)
		return;
	resources_release(self, worker);
	me->running = me->claimed;
	entries_of(self)[me->running].state = SCHED_TEST_RUNNING;
	me->claimed = SCHED_NONE;
	resources_hold(self, worker);
}

static uint32_t end_running(struct sched *self, uint32_t worker, enum sched_state state)
{
	struct worker *me = &workers_of(self)[worker];
	uint32_t test = me->running;
	if (test == SCHED_NONE)
		return test;
	resources_release(self, worker);
	entries_of(self)[test].state = (uint8_t)state;
	me->running = SCHED_NONE;
	self->busy--;
	self->busy_serial -= profile_of(self, test)->serial;
	resources_hold(self, worker);
	return test;
}

void sched_end(struct sched *self, uint32_t worker)
{
	if (worker < self->workers)
		end_running(self, worker, SCHED_TEST_DONE);
}

uint32_t sched_lose(struct sched *self, uint32_t worker)
{
	return worker < self->workers ? end_running(self, worker, SCHED_TEST_LOST) : SCHED_NONE;
}

/* A test that nobody holds any more waits again, in its chunk, or in a new one where that record was used again. */
static void put_back(struct sched *self, uint32_t test)
{
	struct entry *entry = &entries_of(self)[test];
	uint32_t at = entry->position, c = find_chunk(self, at);
	entry->state = SCHED_TEST_WAITING;
	entry->worker = SCHED_NONE;
	waiting_add(self, test);
	self->free_hint = 0;
	if (c == SCHED_NONE) {
		c = spare_chunk(self, SCHED_NONE);
		if (c == SCHED_NONE)
			return;
		chunks_of(self)[c] = (struct chunk){ .first = at, .next = at, .end = at + 1, .owner = SCHED_NONE,
						     .only = SCHED_NONE, .group = SCHED_NONE, .scope = entry->scope,
						     .serial = profile_of(self, test)->serial };
	}
	struct chunk *chunk = &chunks_of(self)[c];
	if (at < chunk->next)
		chunk->next = at;
	chunk->left_s += entry->cost_s;
}

static void drop_claim(struct sched *self, uint32_t worker)
{
	uint32_t test = workers_of(self)[worker].claimed;
	if (test == SCHED_NONE)
		return;
	resources_release(self, worker);
	workers_of(self)[worker].claimed = SCHED_NONE;
	self->busy--;
	self->busy_serial -= profile_of(self, test)->serial;
	resources_hold(self, worker);
	put_back(self, test);
}

uint32_t sched_hand_over(struct sched *self, uint32_t worker)
{
	uint32_t test = sched_claimed(self, worker);
	uint32_t scope = test == SCHED_NONE ? SCHED_NONE : sched_scope(self, test);
	uint32_t holder = scope < self->held_scopes ? holders_of(self)[scope] : SCHED_NONE;
	if (holder >= self->workers || holder == worker)
		return SCHED_NONE;
	drop_claim(self, worker);
	give_up_chunk(self, worker);
	uint32_t its_chunk = find_chunk(self, entries_of(self)[test].position);
	for (uint32_t c = 0; c < self->chunks; c++) {
		struct chunk *chunk = &chunks_of(self)[c];
		if (c != its_chunk && (chunk->scope != scope || chunk->next >= chunk->end))
			continue;
		chunk->only = holder;
		if (chunk->group != SCHED_NONE)
			homes_of(self)[chunk->group] = holder;
	}
	self->free_hint = 0;
	return holder;
}

void sched_abandon(struct sched *self, uint32_t worker)
{
	uint32_t test = sched_claimed(self, worker);
	if (test == SCHED_NONE)
		return;
	drop_claim(self, worker);
	for (uint32_t i = 0; i < self->tests; i++)
		if (entries_of(self)[i].scope == entries_of(self)[test].scope)
			sched_omit(self, i);
}

uint32_t sched_leave(struct sched *self, uint32_t worker)
{
	if (worker >= self->workers)
		return SCHED_NONE;
	uint32_t lost = end_running(self, worker, SCHED_TEST_LOST);
	drop_claim(self, worker);
	give_up_chunk(self, worker);
	for (uint32_t g = 0; g < self->groups; g++)
		if (homes_of(self)[g] == worker)
			homes_of(self)[g] = SCHED_NONE;
	self->free_hint = 0;
	return lost;
}

bool sched_revive(struct sched *self, uint32_t test)
{
	if (test >= self->tests || entries_of(self)[test].state != SCHED_TEST_LOST)
		return false;
	put_back(self, test);
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

float sched_cost_s(const struct sched *self, uint32_t test)
{
	return test < self->tests ? entries_of(self)[test].cost_s : 0;
}

float sched_waiting_s(const struct sched *self)
{
	return self->waiting_s;
}

float sched_planned_s(const struct sched *self)
{
	return self->planned_s;
}
