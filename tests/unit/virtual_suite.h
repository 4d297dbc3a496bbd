/*
 * virtual_suite.h: a random suite, run by the scheduler in virtual time, with
 * every promise of sched.h checked at every step. Fails the running cmocka test.
 */
#ifndef COMB_TESTS_VIRTUAL_SUITE_H
#define COMB_TESTS_VIRTUAL_SUITE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/sched.h"

#define MAX_WORKERS 16
#define MAX_TESTS 2000
#define MAX_USES 5
#define MAX_SCOPES 64
#define MAX_RESOURCES 200

struct virtual_suite {
	uint64_t chance;
	struct sched *sched;
	struct sched_test tests[MAX_TESTS];
	struct sched_use uses[MAX_TESTS][MAX_USES];
	float takes_s[MAX_TESTS]; /* what a test really takes */
	float setups[MAX_SCOPES];
	uint32_t caps[MAX_RESOURCES];
	struct sched_options options;
	uint32_t count;
	uint32_t deaths;          /* how many workers die in the middle of a test */
	bool claims_early;        /* a worker may ask for the next test while one runs */
	bool disturbed;           /* derived values are lost now and then, and LOST tests are asked for again */
	uint32_t check_every;     /* of so many steps one is checked, for large suites; 0: each */
	/* Filled by the run. */
	double now_s, busy_s, setup_s;
	double ends_at[MAX_WORKERS];
	int64_t running[MAX_WORKERS]; /* index; -1: idle */
	uint32_t scope[MAX_WORKERS];
	uint32_t home[MAX_TESTS];  /* by group */
	unsigned char ran[MAX_TESTS * MAX_WORKERS];
	bool visited[MAX_WORKERS][MAX_SCOPES]; /* the worker has run a test of the scope */
	uint32_t steps, lost[MAX_WORKERS], lost_count, late_revivals;
};

/* Below `below`, from the suite's own chance. */
uint32_t draw(struct virtual_suite *suite, uint32_t below);
double draw_unit(struct virtual_suite *suite);
/* Log-normal around a median. */
double draw_duration(struct virtual_suite *suite, double median_s, double sigma);
/* Tests in neighbouring scopes with random costs that history knows or not, on random workers; nothing else. */
void suite_make(struct virtual_suite *suite, uint64_t seed, uint32_t most_tests, uint32_t most_workers);
/* Adds one use, unless the test has the resource or MAX_USES already. */
void suite_use(struct virtual_suite *suite, uint32_t test, uint32_t resource, bool exclusive);
/* Plans. */
void suite_open(struct virtual_suite *suite);
void suite_close(struct virtual_suite *suite);
/* To the end; opens and closes. */
void suite_run_all(struct virtual_suite *suite);
void suite_check(struct virtual_suite *suite);

#endif
