/* How much of the expected work is done. */
#include "engine/sched_layout.h"

#include "base/banned.h"

void sched_costs(const struct sched *self, double *done_s, double *left_s)
{
	static const double shares_done[] = {
		[SCHED_TEST_WAITING] = 0, [SCHED_TEST_CLAIMED] = 0, [SCHED_TEST_RUNNING] = 0.5,
		[SCHED_TEST_DONE] = 1,    [SCHED_TEST_LOST] = 1,
	};
	*done_s = *left_s = 0;
	for (uint32_t i = 0; i < self->tests; i++) {
		const struct entry *entry = &entries_of(self)[i];
		double done = shares_done[entry->state] * (double)entry->cost_s;
		*done_s += done;
		*left_s += (double)entry->cost_s - done;
	}
}
