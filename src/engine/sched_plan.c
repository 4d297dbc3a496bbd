/* The block of a scheduler, filled from what the planner is told. */
#include "engine/sched_layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

/* When simulation finds nothing better. */
#define URGENT_SHARE 0.6f

/* Upper bounds, known before profiles are. */
struct sizes {
	uint64_t total;
	size_t uses, members, groups;
};

static struct sizes measure(const struct sched_test *tests, uint32_t count, const struct sched_options *options)
{
	struct sizes sizes = { .total = total_of(count, options) };
	for (uint32_t i = 0; i < count; i++) {
		sizes.uses += tests[i].use_count;
		if (tests[i].group != SCHED_NONE && tests[i].group >= sizes.groups)
			sizes.groups = (size_t)tests[i].group + 1;
	}
	sizes.members = options->each ? 0 : sizes.uses;
	return sizes;
}

static size_t place_area(size_t *at, size_t element, uint64_t count)
{
	size_t here = *at;
	*at += (element * count + 15) & ~(size_t)15;
	return here;
}

static size_t lay_out(struct sched *self, const struct sizes *sizes, uint32_t count,
		      const struct sched_options *options)
{
	size_t at = (sizeof(*self) + 15) & ~(size_t)15;
	self->entries_at = place_area(&at, sizeof(struct entry), sizes->total);
	self->order_at = place_area(&at, sizeof(uint32_t), sizes->total);
	self->chunks_at = place_area(&at, sizeof(struct chunk), sizes->total + options->workers);
	self->workers_at = place_area(&at, sizeof(struct worker), options->workers);
	self->homes_at = place_area(&at, sizeof(uint32_t), sizes->groups);
	self->setups_at = place_area(&at, sizeof(float), options->scopes);
	self->holders_at = place_area(&at, sizeof(uint32_t), options->holders ? options->scopes : 0);
	self->profiles_at = place_area(&at, sizeof(struct profile), (uint64_t)count + 1);
	self->uses_at = place_area(&at, sizeof(struct sched_use), sizes->uses);
	self->resources_at = place_area(&at, sizeof(struct resource), options->resources);
	self->members_at = place_area(&at, sizeof(uint32_t), sizes->members);
	return self->bytes = at;
}

size_t sched_bytes(const struct sched_test *tests, uint32_t count, const struct sched_options *options)
{
	struct sched layout;
	struct sizes sizes = measure(tests, count, options);
	return lay_out(&layout, &sizes, count, options);
}

static int compare_uses(const struct sched_test *x, const struct sched_test *y)
{
	if (x->serial != y->serial)
		return x->serial ? 1 : -1;
	if (x->use_count != y->use_count)
		return x->use_count < y->use_count ? -1 : 1;
	for (uint32_t i = 0; i < x->use_count; i++) {
		if (x->uses[i].resource != y->uses[i].resource)
			return x->uses[i].resource < y->uses[i].resource ? -1 : 1;
		if (x->uses[i].exclusive != y->uses[i].exclusive)
			return x->uses[i].exclusive ? 1 : -1;
	}
	return 0;
}

static int compare_pointed(const void *a, const void *b)
{
	return compare_uses(*(const struct sched_test *const *)a, *(const struct sched_test *const *)b);
}

static void add_profile(struct sched *self, const struct sched_test *like, uint32_t *uses)
{
	profiles_of(self)[self->profiles++] = (struct profile){ .first_use = *uses, .use_count = like->use_count,
								.serial = like->serial };
	for (uint32_t i = 0; i < like->use_count; i++)
		uses_of(self)[(*uses)++] = like->uses[i];
}

/* Gives tests with the same constraints the same profile; 0 is the one without any. */
static int add_profiles(struct sched *self, const struct sched_test *tests, uint32_t count, uint32_t resources,
			struct err *err)
{
	cleanup_free const struct sched_test **constrained = os_malloc(sizeof(*constrained) * count);
	uint32_t found = 0, uses = 0;
	if (!constrained)
		return err_no_memory(err);
	profiles_of(self)[self->profiles++] = (struct profile){ .serial = false };
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t u = 0; u < tests[i].use_count; u++)
			if (tests[i].uses[u].resource >= resources)
				return err_set(err, ERR_INTERNAL, "resource %u of test %u is out of range",
					       tests[i].uses[u].resource, i);
		if (tests[i].use_count || tests[i].serial)
			constrained[found++] = &tests[i];
	}
	self->constrained = found > 0;
	qsort(constrained, found, sizeof(*constrained), compare_pointed);
	for (uint32_t k = 0; k < found; k++) {
		if (k == 0 || compare_uses(constrained[k - 1], constrained[k]) != 0)
			add_profile(self, constrained[k], &uses);
		for (uint32_t at = (uint32_t)(constrained[k] - tests); at < self->tests; at += count)
			entries_of(self)[at].profile = self->profiles - 1;
	}
	return 0;
}

static float average_cost(const struct sched_test *tests, uint32_t count)
{
	double known = 0;
	uint32_t known_count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (tests[i].cost_s > 0) {
			known += (double)tests[i].cost_s;
			known_count++;
		}
	return known_count ? (float)(known / known_count) : 0;
}

static void add_entries(struct sched *self, const struct sched_test *tests, uint32_t count, float otherwise)
{
	for (uint32_t i = 0; i < self->tests; i++) {
		const struct sched_test *test = &tests[i % count];
		entries_of(self)[i] = (struct entry){ .cost_s = test->cost_s > 0 ? test->cost_s : otherwise,
						      .worker = SCHED_NONE, .scope = test->scope, .run = test->run };
	}
}

static void add_resources(struct sched *self, const struct sched_options *options)
{
	for (uint32_t r = 0; r < options->resources; r++)
		resources_of(self)[r] = (struct resource){ .cap = options->caps ? options->caps[r] : 0 };
}

void index_members(struct sched *self)
{
	uint32_t first = 0;
	for (uint32_t r = 0; r < self->resources; r++)
		resources_of(self)[r].end = 0;
	for (uint32_t i = 0; i < self->tests; i++)
		for (uint32_t u = 0; u < profile_of(self, i)->use_count; u++)
			resources_of(self)[uses_of(self)[profile_of(self, i)->first_use + u].resource].end++;
	for (uint32_t r = 0; r < self->resources; r++) {
		struct resource *resource = &resources_of(self)[r];
		uint32_t members = resource->end;
		resource->first = resource->next = resource->end = first;
		first += members;
	}
	for (uint32_t at = 0; at < self->tests; at++) {
		uint32_t test = order_of(self)[at];
		for (uint32_t u = 0; u < profile_of(self, test)->use_count; u++) {
			uint32_t used = uses_of(self)[profile_of(self, test)->first_use + u].resource;
			members_of(self)[resources_of(self)[used].end++] = test;
		}
	}
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->serial != y->serial)
		return x->serial ? 1 : -1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A group stands where its first test does; tests without one where the run of their scope began; serial tests last. */
static int make_places(struct place *places, const struct sched_test *tests, uint32_t count, struct err *err)
{
	cleanup_free uint32_t *group_key = os_malloc(sizeof(uint32_t) * count);
	if (!group_key)
		return err_no_memory(err);
	memset(group_key, 0xff, sizeof(uint32_t) * count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t group = tests[i].group;
		places[i] = (struct place){ .key = i, .index = i, .group = group, .serial = tests[i].serial };
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

/* One chunk for each worker, with all tests. */
static void add_chunks_of_each(struct sched *self, const struct place *places, uint32_t count)
{
	for (uint32_t at = 0; at < self->tests; at++) {
		uint32_t worker = at / count, test = worker * count + places[at % count].index;
		if (at % count == 0)
			chunks_of(self)[self->chunks++] = (struct chunk){ .first = at, .next = at, .end = at + count,
									  .owner = SCHED_NONE, .only = worker,
									  .group = SCHED_NONE, .scope = SCHED_NONE };
		order_of(self)[at] = test;
		entries_of(self)[test].position = at;
		chunks_of(self)[worker].left_s += entries_of(self)[test].cost_s;
	}
}

static int plan(struct sched *self, const struct sched_test *tests, uint32_t count,
		const struct sched_options *options, struct err *err)
{
	cleanup_free struct place *places = os_malloc(sizeof(struct place) * count);
	float average = average_cost(tests, count);
	if (!places)
		return err_no_memory(err);
	if (make_places(places, tests, count, err) < 0)
		return -1;
	add_entries(self, tests, count, average > 0 ? average : 1);
	add_resources(self, options);
	if (add_profiles(self, tests, count, options->resources, err) < 0)
		return -1;
	for (uint32_t i = 0; i < self->tests; i++)
		waiting_add(self, i);
	if (options->each) {
		add_chunks_of_each(self, places, count);
		return 0;
	}
	if (cut_chunks(self, places, count, options->longest_first && average > 0) < 0)
		return err_no_memory(err);
	return 0;
}

int sched_init(struct sched *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       struct err *err)
{
	struct sizes sizes = measure(tests, count, options);
	if (options->workers == 0 || sizes.total >= SCHED_NONE || sizes.uses >= SCHED_NONE)
		return err_set(err, ERR_INTERNAL, "cannot schedule %u tests on %u workers", count, options->workers);
	*self = (struct sched){ .tests = (uint32_t)sizes.total, .workers = options->workers,
				.groups = (uint32_t)sizes.groups, .urgent_share = URGENT_SHARE };
	lay_out(self, &sizes, count, options);
	for (uint32_t w = 0; w < self->workers; w++)
		workers_of(self)[w] = (struct worker){ SCHED_NONE, SCHED_NONE, SCHED_NONE, SCHED_WAIT_TAIL };
	if (count == 0)
		return 0;
	self->scopes = options->setup_s ? options->scopes : 0;
	self->resources = options->resources;
	if (self->scopes)
		memcpy(setups_of(self), options->setup_s, sizeof(float) * self->scopes);
	self->held_scopes = options->holders ? options->scopes : 0;
	if (self->held_scopes)
		memcpy(holders_of(self), options->holders, sizeof(uint32_t) * self->held_scopes);
	memset(homes_of(self), 0xff, sizeof(uint32_t) * self->groups);
	return plan(self, tests, count, options, err);
}
