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

static int run_suite(void *context, const size_t *sequence, size_t count, enum outcome *outcomes, struct err *err)
{
	const struct suite_probe *suite = context;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	cleanup_strings struct strings arguments = STRINGS_INIT;
	/* A maximum of failures in the project's own options would cut the sequence short. */
	if (strings_add(&arguments, "--maxfail=0") < 0)
		return err_no_memory(err);
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.order = sequence,
		.order_count = count,
		.timeout_s = suite->timeout_s,
		.arguments = &arguments,
	};
	if (suite_run(suite->project, &options, &run, err) < 0)
		return -1;
	cleanup_free size_t *match = suite_match(suite->base, &run);
	cleanup_free enum outcome *by_base = os_calloc(suite->base->tests.len + 1, sizeof(*by_base));
	if (!match || !by_base)
		return err_no_memory(err);
	for (size_t i = 0; i < run.tests.len; i++)
		if (match[i] < suite->base->tests.len)
			by_base[match[i]] = run.tests.at[i].outcome;
	for (size_t i = 0; i < count; i++)
		outcomes[i] = by_base[sequence[i]];
	return 0;
}

struct probe suite_probe_open(struct suite_probe *suite, const enum outcome *expected)
{
	return (struct probe){ .run = run_suite, .context = suite, .expected = expected };
}
