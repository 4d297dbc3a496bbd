/* What others may want to know of a scheduler, and who runs what when it is not the scheduler who decides. */
#include "engine/sched_layout.h"

#include "base/banned.h"

void sched_costs(const struct sched *self, double *done_s, double *left_s)
{
	static const double shares_done[] = {
		[SCHED_TEST_WAITING] = 0, [SCHED_TEST_CLAIMED] = 0, [SCHED_TEST_RUNNING] = 0.5,
		[SCHED_TEST_DONE] = 1,    [SCHED_TEST_LOST] = 1,    [SCHED_TEST_OMITTED] = 1,
	};
	*done_s = *left_s = 0;
	for (uint32_t i = 0; i < self->tests; i++) {
		const struct entry *entry = &entries_of(self)[i];
		double done = shares_done[entry->state] * (double)entry->cost_s;
		*done_s += done;
		*left_s += (double)entry->cost_s - done;
	}
}

uint32_t sched_uses(const struct sched *self, uint32_t test, const struct sched_use **uses)
{
	const struct profile *profile = profile_of(self, test);
	*uses = uses_of(self) + profile->first_use;
	return profile->use_count;
}

uint32_t sched_scope(const struct sched *self, uint32_t test)
{
	return entries_of(self)[test].scope;
}

bool sched_is_serial(const struct sched *self, uint32_t test)
{
	return profile_of(self, test)->serial;
}

uint32_t sched_resources(const struct sched *self)
{
	return self->resources;
}

uint32_t sched_cap(const struct sched *self, uint32_t resource)
{
	return resources_of(self)[resource].cap;
}

bool sched_is_alone(const struct sched *self, uint32_t worker)
{
	uint32_t test = sched_running(self, worker);
	if (test == SCHED_NONE)
		return false;
	const struct sched_use *uses;
	uint32_t count = sched_uses(self, test, &uses);
	for (uint32_t i = 0; i < count; i++)
		if (uses[i].exclusive)
			return true;
	return sched_is_serial(self, test);
}

enum sched_how sched_how(const struct sched *self, uint32_t worker, uint32_t *from)
{
	*from = workers_of(self)[worker].from;
	return (enum sched_how)workers_of(self)[worker].how;
}

bool sched_assign(struct sched *self, uint32_t worker, uint32_t test)
{
	struct worker *me = &workers_of(self)[worker];
	struct entry *entry = &entries_of(self)[test];
	if (self->stopped || me->claimed != SCHED_NONE || entry->state != SCHED_TEST_WAITING)
		return false;
	resources_release(self, worker);
	entry->worker = worker;
	entry->state = SCHED_TEST_CLAIMED;
	me->claimed = test;
	me->how = SCHED_HOW_ASSIGNED;
	waiting_remove(self, test);
	self->busy++;
	self->busy_serial += profile_of(self, test)->serial;
	resources_hold(self, worker);
	return true;
}

void sched_omit(struct sched *self, uint32_t test)
{
	struct entry *entry = test < self->tests ? &entries_of(self)[test] : NULL;
	if (!entry || entry->state != SCHED_TEST_WAITING)
		return;
	waiting_remove(self, test);
	entry->cost_s = 0;
	entry->state = SCHED_TEST_OMITTED;
}

bool sched_is_fallback(const struct sched *self, uint32_t worker)
{
	for (uint32_t w = 0; w < self->workers && self->held_scopes > 0; w++) {
		uint32_t test = workers_of(self)[w].claimed;
		uint32_t scope = w == worker || test == SCHED_NONE ? SCHED_NONE : entries_of(self)[test].scope;
		if (scope < self->held_scopes && holders_of(self)[scope] == worker)
			return true;
	}
	return false;
}

uint32_t sched_claimed(const struct sched *self, uint32_t worker)
{
	return worker < self->workers ? workers_of(self)[worker].claimed : SCHED_NONE;
}
