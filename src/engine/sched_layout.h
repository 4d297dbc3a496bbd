/* sched_layout.h: how the block of a struct sched is laid out. For the sched*.c files only. */
#ifndef COMB_ENGINE_SCHED_LAYOUT_H
#define COMB_ENGINE_SCHED_LAYOUT_H

#include "engine/sched.h"

struct entry {
	uint64_t exclusive, shared;
	float cost_s;
	uint32_t position; /* in order[]; never changes */
	uint32_t worker; /* who claimed, runs or ran it */
	uint8_t state;
	bool serial;
};

/* Positions first … end of order[]; what waits lies at next or later. */
struct chunk {
	uint32_t first, next, end;
	uint32_t owner; /* SCHED_NONE: free */
	uint32_t only;  /* the one worker that may run it (`each`), or SCHED_NONE */
	float left_s;   /* cost of what waits */
	bool pinned;
};

struct worker {
	uint32_t chunk, claimed, running; /* SCHED_NONE: none */
};

struct sched {
	uint32_t tests, workers, chunks;
	uint32_t free_hint; /* no chunk before this one is free */
	uint32_t waiting;
	uint32_t busy;      /* claimed or running */
	float scope_setup_s;
	bool stopped, constrained;
	size_t order_at, chunks_at, workers_at, entries_at, bytes;
};

static inline uint32_t *order_of(const struct sched *self)
{
	return (uint32_t *)((char *)self + self->order_at);
}

static inline struct chunk *chunks_of(const struct sched *self)
{
	return (struct chunk *)((char *)self + self->chunks_at);
}

static inline struct worker *workers_of(const struct sched *self)
{
	return (struct worker *)((char *)self + self->workers_at);
}

static inline struct entry *entries_of(const struct sched *self)
{
	return (struct entry *)((char *)self + self->entries_at);
}

static inline uint64_t total_of(uint32_t tests, const struct sched_options *options)
{
	return options->each ? (uint64_t)tests * options->workers : tests;
}

#endif
