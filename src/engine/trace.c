#include "engine/trace.h"

#include <string.h>

#include "base/banned.h"

static size_t aligned(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

size_t trace_bytes(uint32_t tests)
{
	return aligned(sizeof(struct trace)) + aligned(sizeof(struct trace_entry) * tests) +
	       sizeof(struct trace_step) * 2 * (size_t)tests;
}

struct trace_entry *trace_entries(const struct trace *self)
{
	return (struct trace_entry *)((char *)self + aligned(sizeof(*self)));
}

struct trace_step *trace_steps(const struct trace *self)
{
	return (struct trace_step *)((char *)trace_entries(self) + aligned(sizeof(struct trace_entry) * self->tests));
}

void trace_init(struct trace *self, uint32_t tests)
{
	memset(self, 0, aligned(sizeof(*self)));
	self->tests = tests;
	for (uint32_t i = 0; i < tests; i++)
		trace_entries(self)[i] = (struct trace_entry){ .slot = SCHED_NONE, .from = SCHED_NONE, .next = SCHED_NONE };
}

/* Steps of tests that ended out of their turn (their worker died) are passed over. */
static void advance(struct trace *self)
{
	while (self->steps_done < self->wanted_steps) {
		const struct trace_step *step = &trace_steps(self)[self->steps_done];
		const struct trace_entry *entry = &trace_entries(self)[step->test];
		if (!(step->is_end ? entry->ended : entry->begun || entry->ended))
			return;
		self->steps_done++;
	}
}

void trace_begin(struct trace *self, uint32_t test)
{
	struct trace_entry *entry = &trace_entries(self)[test];
	self->steps++;
	entry->begin = entry->wanted_begin ? entry->wanted_begin : self->steps;
	entry->end = 0;
	entry->call_ns = entry->teardown_ns = entry->end_ns = 0;
	entry->lost = false;
	entry->begun = true;
	advance(self);
}

void trace_end(struct trace *self, uint32_t test, bool lost)
{
	struct trace_entry *entry = &trace_entries(self)[test];
	self->steps++;
	entry->end = entry->wanted_end ? entry->wanted_end : self->steps; /* a death may be noticed out of turn */
	entry->lost = lost;
	entry->ended = true;
	advance(self);
}

static bool is_turn(const struct trace *self, uint32_t step)
{
	return !trace_is_replay(self) || step == 0 || self->steps_done + 1 >= step;
}

bool trace_may_begin(const struct trace *self, uint32_t test)
{
	return is_turn(self, trace_entries(self)[test].wanted_begin);
}

bool trace_may_end(const struct trace *self, uint32_t test)
{
	return is_turn(self, trace_entries(self)[test].wanted_end);
}
