/* A scheduler run to its end in virtual time. */
#include "engine/sched_layout.h"

#include "base/os.h"

#include "base/banned.h"

struct virtual_worker {
	float ends_at; /* what it runs, or its start; < 0: idle */
	uint32_t scope;
};

static void start_test(struct sched *self, struct virtual_worker *workers, uint32_t worker, uint32_t test, float now)
{
	const struct entry *entry = &entries_of(self)[test];
	bool another = workers[worker].scope != entry->scope;
	sched_begin(self, worker);
	workers[worker].ends_at = now + entry->cost_s + (another ? setup_of(self, entry->scope) : 0);
	workers[worker].scope = entry->scope;
}

/* Without resources a worker that has nothing to do stays so: only the one whose test ended asks. */
static void hand_out(struct sched *self, struct virtual_worker *workers, uint32_t asks, float now)
{
	for (uint32_t w = 0; w < self->workers; w++) {
		if (workers[w].ends_at >= 0 || (w != asks && !self->constrained))
			continue;
		int64_t test = sched_take(self, w);
		if (test >= 0)
			start_test(self, workers, w, (uint32_t)test, now);
	}
}

float sched_simulate(struct sched *self, float apart_s)
{
	cleanup_free struct virtual_worker *workers = os_malloc(sizeof(*workers) * self->workers);
	float now = 0;
	if (!workers)
		return -1;
	for (uint32_t w = 0; w < self->workers; w++)
		workers[w] = (struct virtual_worker){ .ends_at = (float)w * apart_s, .scope = SCHED_NONE };
	for (;;) {
		uint32_t next = SCHED_NONE;
		for (uint32_t w = 0; w < self->workers; w++)
			if (workers[w].ends_at >= 0 && (next == SCHED_NONE || workers[w].ends_at < workers[next].ends_at))
				next = w;
		if (next == SCHED_NONE)
			return now;
		now = workers[next].ends_at;
		workers[next].ends_at = -1;
		sched_end(self, next);
		hand_out(self, workers, next, now);
	}
}
