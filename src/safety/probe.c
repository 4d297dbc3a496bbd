#include "safety/probe.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/os.h"

#include "base/banned.h"

int probe_sequence(struct probe *probe, const size_t *sequence, size_t count, enum outcome *outcomes, struct err *err)
{
	if (probe->deadline_ns && clock_now_ns() > probe->deadline_ns) {
		probe->late = true;
		return 0;
	}
	probe->runs++;
	return probe->run(probe->context, sequence, count, outcomes, err) < 0 ? -1 : 1;
}

int probe_last_fails(struct probe *probe, const size_t *sequence, size_t count, struct err *err)
{
	cleanup_free enum outcome *outcomes = os_calloc(count + 1, sizeof(*outcomes));
	if (!outcomes)
		return err_no_memory(err);
	int ran = probe_sequence(probe, sequence, count, outcomes, err);
	return ran <= 0 ? ran : outcomes[count - 1] != probe->expected[sequence[count - 1]];
}

static int run_serially(void *context, const size_t *sequence, size_t count, enum outcome *outcomes, struct err *err)
{
	const struct serial_probe *how = context;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	if (serial_run(how->serial, sequence, count, how->timeout_s, &run, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		outcomes[i] = run.tests.at[sequence[i]].outcome;
	return 0;
}

struct probe serial_probe_open(struct serial_probe *how, const enum outcome *expected)
{
	return (struct probe){ .run = run_serially, .context = how, .expected = expected };
}
