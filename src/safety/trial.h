/*
 * trial.h: run a suite in other orders and in parallel, and note every test that then does something else.
 *
 * The base is a serial run in the suite's own order. Each victim keeps the
 * shortest list of tests that ran before it in its process when it failed.
 */
#ifndef COMB_SAFETY_TRIAL_H
#define COMB_SAFETY_TRIAL_H

#include "base/sink.h"
#include "base/vec.h"
#include "project/suite.h"
#include "safety/serial.h"

struct test_list {
	size_t *at;
	size_t len;
	size_t capacity;
};

struct victim {
	size_t test;
	size_t serial_failures;
	size_t parallel_failures;
	struct test_list before; /* of the failure with fewest tests before it; a serial one wins */
	bool before_serial;
	enum outcome outcome; /* of that failure */
	char *failure; /* its text, hostile; NULL */
	bool explained;
};

struct trials {
	const struct project *project;
	const struct suite_run *base;
	const bool *unsteady; /* one a test: not to be counted; NULL: none */
	const struct progress_sink *sink;
	double timeout_s; /* of a run */
	enum suite_engine engine; /* of parallel runs; ENGINE_SERIAL: pytest-xdist */
	VEC(struct victim) victims;
	size_t serial_runs, parallel_runs;
	size_t differing_runs; /* in which some test did something else */
	size_t missing; /* tests that the base ran and some trial did not, summed over trials */
	bool groups_parted; /* tests of one group ran on several workers */
	struct strings troubles; /* what went wrong with whole runs, for a person */
	struct serial serial; /* call trials_serial() */
};
#define TRIALS_INIT                                                                                                    \
	{                                                                                                              \
		.project = NULL                                                                                        \
	}
void trials_release(struct trials *trials);
#define cleanup_trials __attribute__((cleanup(trials_release)))

/* For runs in other orders, and for probes; lives as long as the trials. */
struct serial *trials_serial(struct trials *trials);

struct trial {
	int workers; /* 0: serial */
	const char *dist; /* of a parallel run */
	uint64_t seed; /* 0: none; else the suite shuffled with scopes kept */
	const size_t *order; /* NULL: none */
	size_t order_count;
	const int *labels; /* one a test: equal numbers but 0 belong on one worker; NULL: none do */
	const char *name; /* "4 workers, shuffled" */
};

/*
 * Runs once and adds what differs. *differing (may be NULL): how many tests did. A time limit is no error.
 * ERR_ENVIRONMENT: pytest-xdist ends with an internal error before it runs a test.
 */
int trial_run(struct trials *trials, const struct trial *trial, size_t *differing, struct err *err);
/* NULL: it is none. */
struct victim *trials_victim(const struct trials *trials, size_t test);

/* All tests of the base in reverse. The caller frees; NULL: out of memory. */
size_t *order_reversed(size_t count);
/* A permutation by a seed: tests of one group (labels[i] != 0) keep their order among each other. labels NULL: none. */
size_t *order_shuffled(size_t count, const int *labels, uint64_t seed);

#endif
