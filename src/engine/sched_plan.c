/* Cutting tests into chunks. */
#include "engine/sched_layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

static size_t lay_out(struct sched *self, uint64_t tests, uint32_t workers)
{
	size_t at = sizeof(*self);
	self->entries_at = at;
	at += sizeof(struct entry) * tests;
	self->chunks_at = at;
	at += sizeof(struct chunk) * (tests + workers);
	self->workers_at = at;
	at += sizeof(struct worker) * workers;
	self->order_at = at;
	at += sizeof(uint32_t) * tests;
	return self->bytes = at;
}

size_t sched_bytes(uint32_t tests, const struct sched_options *options)
{
	struct sched layout;
	return lay_out(&layout, total_of(tests, options), options->workers);
}

/* Where a test stands in the plan: tests with one key make one chunk. */
struct place {
	uint32_t key, index;
	bool pinned;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A group stands where its first test does; tests without one where the run of their scope began. */
static int make_places(struct place *places, const struct sched_test *tests, uint32_t count, struct err *err)
{
	cleanup_free uint32_t *group_key = os_malloc(sizeof(uint32_t) * count);
	if (!group_key)
		return err_no_memory(err);
	memset(group_key, 0xff, sizeof(uint32_t) * count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t group = tests[i].group;
		places[i] = (struct place){ .key = i, .index = i, .pinned = group != SCHED_NONE };
		if (group == SCHED_NONE) {
			if (i > 0 && tests[i - 1].group == SCHED_NONE && tests[i - 1].scope == tests[i].scope)
				places[i].key = places[i - 1].key;
			continue;
		}
		if (group >= count)
			return err_set(err, ERR_INTERNAL, "group %u of test %u is out of range", group, i);
		if (group_key[group] == SCHED_NONE)
			group_key[group] = i;
		places[i].key = group_key[group];
	}
	qsort(places, count, sizeof(*places), compare_places);
	return 0;
}

static void add_entries(struct sched *self, const struct sched_test *tests, uint32_t count)
{
	double known = 0;
	uint32_t known_count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (tests[i].cost_s > 0) {
			known += tests[i].cost_s;
			known_count++;
		}
	float otherwise = known_count ? (float)(known / known_count) : 1;
	struct entry *entries = entries_of(self);
	for (uint32_t i = 0; i < self->tests; i++) {
		const struct sched_test *test = &tests[i % count];
		entries[i] = (struct entry){ .exclusive = test->exclusive,
					     .shared = test->shared & ~test->exclusive,
					     .cost_s = test->cost_s > 0 ? test->cost_s : otherwise,
					     .worker = SCHED_NONE,
					     .serial = test->serial };
		if (test->exclusive || test->shared || test->serial)
			self->constrained = true;
	}
}

static void add_chunks(struct sched *self, const struct place *places, uint32_t count, uint32_t only)
{
	struct chunk *chunk = NULL;
	uint32_t base = only == SCHED_NONE ? 0 : only * count;
	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || (places[i].key != places[i - 1].key && only == SCHED_NONE)) {
			chunk = &chunks_of(self)[self->chunks++];
			*chunk = (struct chunk){ .first = base + i, .next = base + i, .owner = SCHED_NONE, .only = only };
			chunk->pinned = places[i].pinned || only != SCHED_NONE;
		}
		chunk->end = base + i + 1;
		chunk->left_s += entries_of(self)[base + places[i].index].cost_s;
		order_of(self)[base + i] = base + places[i].index;
		entries_of(self)[base + places[i].index].position = base + i;
	}
}

static int compare_chunks(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;
	if (x->left_s != y->left_s)
		return x->left_s > y->left_s ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

int sched_init(struct sched *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       struct err *err)
{
	uint64_t total = total_of(count, options);
	if (options->workers == 0 || total >= SCHED_NONE)
		return err_set(err, ERR_INTERNAL, "cannot schedule %u tests on %u workers", count, options->workers);
	*self = (struct sched){ .tests = (uint32_t)total, .workers = options->workers, .waiting = (uint32_t)total,
				.scope_setup_s = options->scope_setup_s };
	lay_out(self, total, options->workers);
	for (uint32_t w = 0; w < self->workers; w++)
		workers_of(self)[w] = (struct worker){ SCHED_NONE, SCHED_NONE, SCHED_NONE };
	if (count == 0)
		return 0;
	cleanup_free struct place *places = os_malloc(sizeof(struct place) * count);
	if (!places)
		return err_no_memory(err);
	if (make_places(places, tests, count, err) < 0)
		return -1;
	add_entries(self, tests, count);
	if (!options->each)
		add_chunks(self, places, count, SCHED_NONE);
	for (uint32_t w = 0; options->each && w < options->workers; w++)
		add_chunks(self, places, count, w);
	if (options->longest_first && !options->each)
		qsort(chunks_of(self), self->chunks, sizeof(struct chunk), compare_chunks);
	return 0;
}
