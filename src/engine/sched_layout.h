/* sched_layout.h: how the block of a struct sched is laid out. For the sched*.c files only. */
#ifndef COMB_ENGINE_SCHED_LAYOUT_H
#define COMB_ENGINE_SCHED_LAYOUT_H

#include "engine/sched.h"

struct entry {
	float cost_s;
	uint32_t position; /* in order[]; does not change once the plan is made */
	uint32_t worker;   /* who claimed, runs or ran it */
	uint32_t profile;
	uint32_t scope, run;
	uint8_t state;
};

/* Tests with the same uses have one profile; profile 0 has none. */
struct profile {
	uint32_t first_use, use_count;
	uint32_t waiting;
	bool serial, eligible; /* eligible: found in the pick `judged` */
	uint64_t judged;
};

struct resource {
	uint32_t cap;               /* of tests that share it; 0: none */
	uint32_t exclusive, shared; /* workers that hold it */
	uint32_t first, next, end;  /* members[] that use it; what waits lies at next or later */
	float left_s;               /* time that the waiting ones take at least, one after the other */
};

/* Positions first … end of order[]; what waits lies at next or later. */
struct chunk {
	uint32_t first, next, end;
	uint32_t owner; /* SCHED_NONE: free */
	uint32_t only;  /* the one worker that may run it (`each`), or SCHED_NONE */
	uint32_t group; /* or SCHED_NONE */
	uint32_t scope;
	float left_s;   /* cost of what waits */
	bool serial;
};

struct worker {
	uint32_t chunk, claimed, running; /* SCHED_NONE: none */
	uint32_t wait;                    /* enum sched_wait */
	uint32_t how, from;               /* enum sched_how; the worker it was stolen from, or SCHED_NONE */
};

struct sched {
	uint32_t tests, workers, chunks, groups, scopes, held_scopes, resources, profiles;
	uint32_t free_hint; /* no chunk before this one is free */
	uint32_t waiting, waiting_serial;
	uint32_t busy, busy_serial; /* claimed or running */
	uint64_t pick;              /* how many sched_take() there were */
	float waiting_s, planned_s;
	float urgent_share; /* of the time that the rest takes, from which on a resource's tests go first */
	bool stopped, constrained;
	size_t order_at, chunks_at, workers_at, entries_at, homes_at, setups_at, holders_at, profiles_at, uses_at, resources_at,
		members_at, bytes;
};

#define SCHED_AREA(type, name)                                            \
	static inline type *name##_of(const struct sched *self)           \
	{                                                                 \
		return (type *)((char *)self + self->name##_at);          \
	}
SCHED_AREA(uint32_t, order)
SCHED_AREA(struct chunk, chunks)
SCHED_AREA(struct worker, workers)
SCHED_AREA(struct entry, entries)
SCHED_AREA(uint32_t, homes) /* by group: the worker it belongs to, or SCHED_NONE */
SCHED_AREA(float, setups)   /* by scope */
SCHED_AREA(uint32_t, holders) /* by scope: the worker that has it at hand, or SCHED_NONE */
SCHED_AREA(struct profile, profiles)
SCHED_AREA(struct sched_use, uses)
SCHED_AREA(struct resource, resources)
SCHED_AREA(uint32_t, members)
#undef SCHED_AREA

static inline uint64_t total_of(uint32_t tests, const struct sched_options *options)
{
	return options->each ? (uint64_t)tests * options->workers : tests;
}

static inline float setup_of(const struct sched *self, uint32_t scope)
{
	return scope < self->scopes ? setups_of(self)[scope] : 0;
}

static inline bool is_held_by_other(const struct sched *self, uint32_t worker, uint32_t scope)
{
	uint32_t holder = scope < self->held_scopes ? holders_of(self)[scope] : SCHED_NONE;
	return holder != SCHED_NONE && holder != worker;
}

static inline const struct profile *profile_of(const struct sched *self, uint32_t test)
{
	return &profiles_of(self)[entries_of(self)[test].profile];
}

/* Whether two tests may not run at the same time (caps apart). */
bool tests_collide(const struct sched *self, uint32_t a, uint32_t b);

/* --- sched_resource.c --- */

/* What a worker's claimed and running test hold, each resource once, is counted; or no longer. */
void resources_hold(struct sched *self, uint32_t worker);
void resources_release(struct sched *self, uint32_t worker);
/*
 * Whether this worker, which holds nothing at present (resources_release()),
 * could run a test of the profile now. Remembered until self->pick changes.
 */
bool profile_is_eligible(struct sched *self, uint32_t worker, uint32_t profile);
/* False when no waiting test of any profile is eligible; *why says what it waits for. */
bool anything_is_eligible(struct sched *self, uint32_t worker, enum sched_wait *why);
/*
 * The free resource whose waiting tests are about to decide the makespan, the
 * worst first; SCHED_NONE: none. *decides: they do already.
 */
uint32_t resource_most_urgent(struct sched *self, bool *decides);
bool profile_uses(const struct sched *self, uint32_t profile, uint32_t resource);
/* A test waits (again), or no longer: counts and remaining work. */
void waiting_add(struct sched *self, uint32_t test);
void waiting_remove(struct sched *self, uint32_t test);

/* --- sched_plan.c, sched_cut.c --- */

/* The tests of each resource, in the order of the plan. */
void index_members(struct sched *self);

/* Where a test stands in the plan: neighbours with one key make one segment, which is never cut when it has a group. */
struct place {
	uint32_t key, index, group;
	bool serial;
};

/*
 * Fills order and chunks for the tests at places[0 … count), in the best way
 * that simulation finds when longest_first, else a chunk for each segment.
 * 0, or -1 when out of memory.
 */
int cut_chunks(struct sched *self, const struct place *places, uint32_t count, bool longest_first);

#endif
