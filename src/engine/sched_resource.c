/* Locks and capped categories: what is held, what that lets run, and what is about to become a bottleneck. */
#include "engine/sched_layout.h"

#include "base/banned.h"

static const struct sched_use *find_use(const struct sched *self, const struct profile *profile, uint32_t resource)
{
	const struct sched_use *uses = &uses_of(self)[profile->first_use];
	for (uint32_t i = 0; i < profile->use_count; i++)
		if (uses[i].resource == resource)
			return &uses[i];
	return NULL;
}

bool profile_uses(const struct sched *self, uint32_t profile, uint32_t resource)
{
	return find_use(self, &profiles_of(self)[profile], resource) != NULL;
}

bool tests_collide(const struct sched *self, uint32_t a, uint32_t b)
{
	const struct profile *x = profile_of(self, a), *y = profile_of(self, b);
	if (x->serial || y->serial)
		return true;
	for (uint32_t i = 0; i < x->use_count; i++) {
		const struct sched_use *use = &uses_of(self)[x->first_use + i], *other = find_use(self, y, use->resource);
		if (other && (use->exclusive || other->exclusive))
			return true;
	}
	return false;
}

/* other: the worker's second test. A resource that both use counts once, with the stronger of both. */
static void count_test(struct sched *self, uint32_t test, uint32_t other, bool yields, uint32_t change)
{
	if (test == SCHED_NONE)
		return;
	const struct profile *profile = profile_of(self, test);
	for (uint32_t i = 0; i < profile->use_count; i++) {
		const struct sched_use *use = &uses_of(self)[profile->first_use + i];
		const struct sched_use *twin =
			other == SCHED_NONE ? NULL : find_use(self, profile_of(self, other), use->resource);
		if (twin && (twin->exclusive != use->exclusive ? twin->exclusive : yields))
			continue;
		struct resource *resource = &resources_of(self)[use->resource];
		if (use->exclusive)
			resource->exclusive += change;
		else
			resource->shared += change;
	}
}

static void count_worker(struct sched *self, uint32_t worker, uint32_t change)
{
	const struct worker *me = &workers_of(self)[worker];
	if (!self->constrained)
		return;
	count_test(self, me->claimed, me->running, false, change);
	count_test(self, me->running, me->claimed, true, change);
}

void resources_hold(struct sched *self, uint32_t worker)
{
	count_worker(self, worker, 1);
}

void resources_release(struct sched *self, uint32_t worker)
{
	count_worker(self, worker, (uint32_t)-1);
}

static uint32_t held_by(const struct sched *self, uint32_t worker, bool serial_only)
{
	const struct worker *me = &workers_of(self)[worker];
	const uint32_t tests[] = { me->claimed, me->running };
	uint32_t count = 0;
	for (int i = 0; i < 2; i++)
		if (tests[i] != SCHED_NONE)
			count += !serial_only || profile_of(self, tests[i])->serial;
	return count;
}

/* SCHED_WAITS: it may run. */
static enum sched_wait obstacle(const struct sched *self, uint32_t worker, const struct profile *profile)
{
	if (self->busy_serial > held_by(self, worker, true))
		return SCHED_WAIT_SERIAL;
	if (profile->serial && (self->busy > held_by(self, worker, false) || self->waiting > self->waiting_serial))
		return SCHED_WAIT_SERIAL;
	for (uint32_t i = 0; i < profile->use_count; i++) {
		const struct sched_use *use = &uses_of(self)[profile->first_use + i];
		const struct resource *resource = &resources_of(self)[use->resource];
		if (resource->exclusive || (use->exclusive && resource->shared))
			return SCHED_WAIT_LOCK;
		if (resource->cap && resource->shared >= resource->cap)
			return SCHED_WAIT_CAP;
	}
	return SCHED_WAITS;
}

bool profile_is_eligible(struct sched *self, uint32_t worker, uint32_t index)
{
	if (!self->constrained)
		return true;
	struct profile *profile = &profiles_of(self)[index];
	if (profile->judged != self->pick) {
		profile->judged = self->pick;
		profile->eligible = obstacle(self, worker, profile) == SCHED_WAITS;
	}
	return profile->eligible;
}

bool anything_is_eligible(struct sched *self, uint32_t worker, enum sched_wait *why)
{
	*why = SCHED_WAIT_TAIL;
	if (!self->constrained)
		return self->waiting > 0;
	for (uint32_t p = 0; p < self->profiles; p++) {
		const struct profile *profile = &profiles_of(self)[p];
		if (profile->waiting == 0)
			continue;
		enum sched_wait found = obstacle(self, worker, profile);
		if (found == SCHED_WAITS)
			return true;
		if (*why == SCHED_WAIT_TAIL || found != SCHED_WAIT_SERIAL)
			*why = found;
	}
	return false;
}

uint32_t resource_most_urgent(struct sched *self, bool *decides)
{
	float rest_s = self->waiting_s / (float)self->workers, least = self->urgent_share * rest_s;
	uint32_t most = SCHED_NONE;
	for (uint32_t r = 0; r < self->resources; r++) {
		const struct resource *resource = &resources_of(self)[r];
		bool is_free = !resource->exclusive && (!resource->cap || resource->shared < resource->cap);
		if (resource->left_s <= least || !is_free)
			continue;
		least = resource->left_s;
		most = r;
	}
	*decides = least >= rest_s;
	return most;
}

static void count_waiting(struct sched *self, uint32_t test, bool added)
{
	const struct entry *entry = &entries_of(self)[test];
	struct profile *profile = &profiles_of(self)[entry->profile];
	uint32_t change = added ? 1 : (uint32_t)-1;
	float cost_s = added ? entry->cost_s : -entry->cost_s;
	self->waiting += change;
	self->waiting_serial += profile->serial ? change : 0;
	self->waiting_s += profile->serial ? 0 : cost_s;
	profile->waiting += change;
	for (uint32_t i = 0; i < profile->use_count; i++) {
		const struct sched_use *use = &uses_of(self)[profile->first_use + i];
		struct resource *resource = &resources_of(self)[use->resource];
		if (use->exclusive)
			resource->left_s += cost_s;
		else if (resource->cap)
			resource->left_s += cost_s / (float)resource->cap;
		if (added)
			resource->next = resource->first;
	}
}

void waiting_add(struct sched *self, uint32_t test)
{
	count_waiting(self, test, true);
}

void waiting_remove(struct sched *self, uint32_t test)
{
	count_waiting(self, test, false);
}
