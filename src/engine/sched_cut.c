/*
 * Cutting segments into chunks, in several ways; the best one in simulation is kept.
 *
 * A scope with work P and set-up s makes ceil(P / (T - s)) chunks for a target
 * T, neighbours staying neighbours; tests of at least `longest` stand alone.
 * Chunks are handed out longest first (Graham 1969).
 */
#include "engine/sched_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

/* As factors of the lower bound. */
struct cutting {
	float target;  /* T */
	float longest; /* tests from here on stand alone */
	float free;    /* scopes without a set-up are cut into parts of at most this */
};

/* From what leaves the order of the suite alone to what does so least. */
static const struct cutting cuttings[] = {
	{ INFINITY, INFINITY, INFINITY }, { 1, INFINITY, INFINITY },    { 1.1f, INFINITY, INFINITY },
	{ INFINITY, 0.5f, INFINITY },     { INFINITY, 0.25f, INFINITY }, { 1, 0.25f, INFINITY },
	{ INFINITY, 0.1f, INFINITY },     { 1, 0.1f, INFINITY },	 { 1, 0.1f, 0.1f },
	{ 1.02f, 0.1f, 0.1f },		  { 1.05f, 0.1f, 0.1f },	 { 1.1f, 0.1f, 0.1f },
	{ 1.2f, 0.1f, 0.1f },		  { 1.5f, 0.1f, 0.1f },		 { INFINITY, 0.1f, 0.1f },
	{ 1.02f, INFINITY, 0.05f },	  { 1.05f, INFINITY, 0.05f },	 { 1.1f, INFINITY, 0.05f },
	{ 1.2f, INFINITY, 0.05f },	  { 1.5f, INFINITY, 0.05f },	 { 0.5f, 0.1f, 0.05f },
	{ 0.25f, 0.05f, 0.05f },
};
#define CUTTINGS (sizeof(cuttings) / sizeof(*cuttings))

/* Another way has to be better by so much than one that leaves more of the order alone. */
#define WORTH_IT 0.995f
/* So near to the lower bound there is nothing to look for. */
#define GOOD_ENOUGH 1.005f
/* Workers are forked one after the other. */
#define STARTS_APART_S 0.004f
/* How many tests all simulations together may run: some tens of milliseconds. */
#define SIMULATED_TESTS 200000

static void put(struct sched *self, uint32_t at, uint32_t test)
{
	order_of(self)[at] = test;
	entries_of(self)[test].position = at;
}

static void add_chunk(struct sched *self, uint32_t first, uint32_t end, const struct place *place)
{
	struct chunk *chunk = &chunks_of(self)[self->chunks++];
	*chunk = (struct chunk){ .first = first, .next = first, .end = end, .owner = SCHED_NONE, .only = SCHED_NONE,
				 .group = place->group, .scope = entries_of(self)[place->index].scope,
				 .serial = place->serial };
	for (uint32_t at = first; at < end; at++)
		chunk->left_s += entries_of(self)[order_of(self)[at]].cost_s;
}

static bool ends_run(const struct sched *self, uint32_t at, uint32_t end)
{
	const struct entry *entries = entries_of(self);
	const uint32_t *order = order_of(self);
	return at + 1 == end || entries[order[at]].run != entries[order[at + 1]].run;
}

/* Parts of about equal work; a run is cut apart only where it is longer than half a part. */
static void add_parts(struct sched *self, uint32_t first, uint32_t end, double work_s, uint32_t parts,
		      const struct place *place)
{
	double done_s = 0, part_s = work_s / parts, due_s = part_s;
	uint32_t begin = first;
	for (uint32_t at = first; at < end; at++) {
		done_s += (double)entries_of(self)[order_of(self)[at]].cost_s;
		bool cut = done_s >= due_s - part_s * 1e-4 && (ends_run(self, at, end) || done_s >= due_s + part_s / 2);
		if (!cut && at + 1 < end)
			continue;
		add_chunk(self, begin, at + 1, place);
		begin = at + 1;
		while (due_s <= done_s + part_s * 1e-4)
			due_s += part_s;
	}
}

static uint32_t count_parts(double work_s, double setup_s, double target_s, uint32_t most)
{
	if (!isfinite(target_s) || target_s <= setup_s)
		return 1;
	double parts = ceil(work_s / (target_s - setup_s) - 1e-6);
	return parts < 1 ? 1 : parts > most ? most : (uint32_t)parts;
}

/* One segment of places without a group. */
static void cut_segment(struct sched *self, const struct place *places, uint32_t first, uint32_t end,
			const struct cutting *seconds)
{
	float setup_s = setup_of(self, entries_of(self)[places[first].index].scope), longest_s = seconds->longest;
	float target_s = setup_s > 0 ? seconds->target : fminf(seconds->target, seconds->free);
	uint32_t at = first, alone = end;
	double work_s = 0;
	for (uint32_t i = first; i < end; i++) {
		float cost_s = entries_of(self)[places[i].index].cost_s;
		if (cost_s >= longest_s)
			continue;
		work_s += (double)cost_s;
		put(self, at++, places[i].index);
	}
	for (uint32_t i = end; at < alone && i-- > first;)
		if (entries_of(self)[places[i].index].cost_s >= longest_s)
			put(self, --alone, places[i].index);
	if (at > first)
		add_parts(self, first, at, work_s,
			  count_parts(work_s, (double)setup_s, (double)target_s, at - first), &places[first]);
	for (; at < end; at++)
		add_chunk(self, at, at + 1, &places[first]);
}

static int compare_chunks(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;
	if (x->serial != y->serial)
		return x->serial ? 1 : -1;
	if (x->left_s != y->left_s)
		return x->left_s > y->left_s ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* With the set-up that its first test is going to pay. */
static void add_setups(struct sched *self, float sign)
{
	for (uint32_t c = 0; c < self->chunks; c++)
		chunks_of(self)[c].left_s += sign * setup_of(self, chunks_of(self)[c].scope);
}

static void cut_all(struct sched *self, const struct place *places, uint32_t count, const struct cutting *seconds)
{
	self->chunks = 0;
	for (uint32_t first = 0, end; first < count; first = end) {
		const struct place *place = &places[first];
		for (end = first + 1; end < count; end++)
			if (places[end].key != place->key || places[end].serial != place->serial)
				break;
		if (place->group == SCHED_NONE && !place->serial) {
			cut_segment(self, places, first, end, seconds);
			continue;
		}
		for (uint32_t at = first; at < end; at++)
			put(self, at, places[at].index);
		add_chunk(self, first, end, place);
	}
	index_members(self);
}

static void cut_and_sort(struct sched *self, const struct place *places, uint32_t count, const struct cutting *cutting,
			 float bound_s)
{
	struct cutting seconds = { cutting->target * bound_s, cutting->longest * bound_s, cutting->free * bound_s };
	cut_all(self, places, count, &seconds);
	add_setups(self, 1);
	qsort(chunks_of(self), self->chunks, sizeof(struct chunk), compare_chunks);
	add_setups(self, -1);
}

/* Of the tests that may overlap: area, longest test, resources; and the serial ones. Cheaper than tune/bound.h, and looser. */
static int lower_bound(const struct sched *self, float *bound_s)
{
	cleanup_free bool *counted = os_calloc((size_t)self->scopes + 1, sizeof(*counted));
	double area = 0, longest = 0, serial = 0, most = 0;
	if (!counted)
		return -1;
	for (uint32_t i = 0; i < self->tests; i++) {
		const struct entry *entry = &entries_of(self)[i];
		double cost_s = (double)entry->cost_s, setup_s = (double)setup_of(self, entry->scope);
		if (profile_of(self, i)->serial) {
			serial += cost_s;
			continue;
		}
		area += cost_s;
		longest = fmax(longest, cost_s + setup_s);
		if (entry->scope < self->scopes && !counted[entry->scope]) {
			counted[entry->scope] = true;
			area += setup_s;
		}
	}
	for (uint32_t r = 0; r < self->resources; r++)
		most = fmax(most, (double)resources_of(self)[r].left_s);
	*bound_s = (float)(serial + fmax(area / self->workers, fmax(longest, most)));
	return 0;
}

/* On a copy. Seconds, or -1 when out of memory. */
static float simulate_copy(const struct sched *self, float apart_s)
{
	cleanup_free struct sched *copy = os_malloc(self->bytes);
	if (!copy)
		return -1;
	memcpy(copy, self, self->bytes);
	return sched_simulate(copy, apart_s);
}

/* A plan that is good only when all workers begin at once, or only when they do not, is not good. */
static float try_out(const struct sched *self)
{
	float at_once_s = simulate_copy(self, 0), apart_s = simulate_copy(self, STARTS_APART_S);
	return at_once_s < 0 || apart_s < 0 ? -1 : fmaxf(at_once_s, apart_s - STARTS_APART_S);
}

struct search {
	struct sched *sched;
	uint32_t left; /* tests that simulations may still run */
	uint32_t steps; /* that one takes */
	float bound_s;
};

static bool is_over(const struct search *search)
{
	const struct sched *self = search->sched;
	return self->planned_s > 0 &&
	       (search->left < search->steps || self->planned_s <= search->bound_s * GOOD_ENOUGH);
}

/* -1: out of memory; 1: better than the best before; 0: not. */
static int try_one(struct search *search)
{
	struct sched *self = search->sched;
	float took_s = try_out(self);
	if (took_s < 0)
		return -1;
	search->left -= search->left < search->steps ? search->left : search->steps;
	if (self->planned_s > 0 && took_s > self->planned_s * WORTH_IT)
		return 0;
	self->planned_s = took_s;
	return 1;
}

/* When tests of a lock or category go first. */
static int search_urgency(struct search *search)
{
	static const float shares[] = { 0.3f, 0.8f, 1, 1.5f, INFINITY };
	struct sched *self = search->sched;
	float best = self->urgent_share;
	for (size_t s = 0; self->resources && s < sizeof(shares) / sizeof(*shares) && !is_over(search); s++) {
		self->urgent_share = shares[s];
		int better = try_one(search);
		if (better < 0)
			return -1;
		best = better ? shares[s] : best;
	}
	self->urgent_share = best;
	return 0;
}

static int search(struct sched *self, const struct place *places, uint32_t count)
{
	struct search search = { .sched = self, .left = SIMULATED_TESTS,
				 .steps = self->constrained ? count * 8 : count * 2 };
	size_t best = 0;
	if (lower_bound(self, &search.bound_s) < 0)
		return -1;
	for (size_t c = 0; c < CUTTINGS && !is_over(&search); c++) {
		cut_and_sort(self, places, count, &cuttings[c], search.bound_s);
		int better = try_one(&search);
		if (better < 0)
			return -1;
		best = better ? c : best;
	}
	cut_and_sort(self, places, count, &cuttings[best], search.bound_s);
	return search_urgency(&search);
}

int cut_chunks(struct sched *self, const struct place *places, uint32_t count, bool longest_first)
{
	if (!longest_first) {
		cut_all(self, places, count, &(struct cutting){ INFINITY, INFINITY, INFINITY });
		return 0;
	}
	if (search(self, places, count) < 0)
		return -1;
	/* What other cuttings left there: records are taken without a look when a chunk is split. */
	memset(&chunks_of(self)[self->chunks], 0,
	       sizeof(struct chunk) * (self->tests + self->workers - self->chunks));
	return 0;
}
