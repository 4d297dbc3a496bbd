/*
 * gap.h: how far a run of comb's engine was from the lower bound, and what the
 * time went into.
 *
 * Of m workers over a span each has m times the span to give: to tests, to
 * set-ups, to waiting, and to the engine. What the bound holds of waiting (a
 * test longer than all others, a lock that most tests hold, serial tests) is
 * taken off, and the rest is the gap, without a remainder.
 */
#ifndef COMB_TUNE_GAP_H
#define COMB_TUNE_GAP_H

#include "engine/board.h"
#include "tune/bound.h"

/* A test that ran, and what shared set-ups it paid. */
struct gap_test {
	uint32_t test; /* index in the scheduler */
	double seconds; /* all phases, without fixtures wider than its class */
};

struct gap_setup {
	uint32_t test; /* that paid it */
	bool of_module; /* else of a package or the session */
	const char *fixture;
	double seconds;
};

struct gap_run {
	const struct sched *sched; /* of the run, which is over */
	struct board_times times;
	int workers;
	double cores;
	const struct gap_test *tests;
	size_t test_count;
	const struct gap_setup *setups;
	size_t setup_count;
};

/* All in seconds of the run's time. */
struct gap {
	struct bound bound;
	double span_s; /* from the plan to the end of the last test */
	double waits_s[SCHED_WAITS]; /* beyond what the bound holds */
	double setups_s; /* of the same fixture by more than one worker, or again by the same */
	double engine_s; /* what is left: starting workers, pytest and comb between tests, teardown of shared fixtures */
};

/* 0, or -1 when out of memory. */
int gap_compute(struct gap *gap, const struct gap_run *run, struct err *err);
/* Lines for a person, each with a newline: parts below half a millisecond are left out. 0, or -1 when out of memory. */
int gap_describe(const struct gap *gap, struct str *text);

#endif
