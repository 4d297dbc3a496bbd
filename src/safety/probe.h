/*
 * probe.h: "run these tests in this order, in a process of their own, and tell the outcomes".
 *
 * The order search only knows this interface. serial_probe_open() fills it with
 * runs of serial.h, which fork after one collection where they can.
 */
#ifndef COMB_SAFETY_PROBE_H
#define COMB_SAFETY_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "safety/serial.h"

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

/* Probes one at a time: what they reach outside their process is nobody else's meanwhile. Borrowed; seconds a run. */
struct serial_probe {
	struct serial *serial;
	double timeout_s;
};
struct probe serial_probe_open(struct serial_probe *how, const enum outcome *expected);

#endif
