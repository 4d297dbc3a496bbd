/*
 * probe.h: "run these tests in this order, in a process of their own, and tell the outcomes".
 *
 * The order search only knows this interface. suite_probe_open() fills it with
 * full pytest runs; an engine that forks after collection can fill it with
 * something a hundred times cheaper.
 */
#ifndef COMB_SAFETY_PROBE_H
#define COMB_SAFETY_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "project/suite.h"

/* outcomes[i] is that of sequence[i]. The sequence names tests by their index and holds none twice. */
typedef int probe_run(void *context, const size_t *sequence, size_t count, enum outcome *outcomes, struct err *err);

struct probe {
	probe_run *run;
	void *context;
	const enum outcome *expected; /* one a test: what it does in the suite's own order; anything else is "fails" */
	int64_t deadline_ns; /* clock_now_ns() after which no probe starts; 0: none */
	size_t runs; /* made so far */
	bool late; /* a probe was refused because of the deadline */
};

/*
 * 1: the last test of the sequence fails, that is: does not do what is expected; 0: it does; -1. Behind the
 * deadline it answers 0 and sets late: look at it before believing an answer.
 */
int probe_last_fails(struct probe *probe, const size_t *sequence, size_t count, struct err *err);
/* All outcomes. 1: ran; 0: too late; -1. */
int probe_sequence(struct probe *probe, const size_t *sequence, size_t count, enum outcome *outcomes, struct err *err);

/* Probes by suite_run(), serially. The project, its base run and the time limit of a run are borrowed. */
struct suite_probe {
	const struct project *project;
	const struct suite_run *base; /* index means the index there */
	double timeout_s;
};
struct probe suite_probe_open(struct suite_probe *suite, const enum outcome *expected);

#endif
