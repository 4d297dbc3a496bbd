/*
 * The scheduler: whole suites in virtual time, from seeds, with every invariant
 * checked at every step, and makespans against the lower bounds.
 * COMB_SCHED_SUITES=N runs N times as many (default 1).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/bound.h"
#include "virtual_suite.h"

static struct virtual_suite suite;

static uint64_t suites(uint64_t usual)
{
	const char *times = getenv("COMB_SCHED_SUITES");
	return times && atoi(times) > 0 ? usual * (uint64_t)atoi(times) : usual;
}

static void test_every_test_runs_once_and_nobody_idles(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < suites(600); seed++) {
		suite_make(&suite, seed, 150, 8);
		suite.claims_early = seed % 2;
		double longest = 0, total = 0;
		for (uint32_t i = 0; i < suite.count; i++) {
			longest = fmax(longest, (double)suite.takes_s[i]);
			total += (double)suite.takes_s[i];
		}
		suite_run_all(&suite);
		/* Graham: no schedule without idle workers beside work is longer than this. */
		assert_true(suite.now_s <= total / suite.options.workers + longest + 1e-3);
	}
}

static void add_constraints(uint32_t locks, uint32_t caps)
{
	for (uint32_t c = 0; c < caps; c++)
		suite.caps[locks + c] = 1 + draw(&suite, 3);
	for (uint32_t i = 0; i < suite.count; i++) {
		if (locks && draw(&suite, 3) == 0)
			suite_use(&suite, i, draw(&suite, locks), draw(&suite, 2));
		if (locks && draw(&suite, 6) == 0)
			suite_use(&suite, i, draw(&suite, locks), draw(&suite, 2));
		for (uint32_t c = 0; c < caps; c++) /* of several categories, or of none */
			if (draw(&suite, 3) == 0)
				suite_use(&suite, i, locks + c, false);
		suite.tests[i].serial = draw(&suite, 20) == 0;
	}
}

static void test_locks_caps_and_serial_tests(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < suites(600); seed++) {
		suite_make(&suite, seed, 120, 8);
		add_constraints(1 + draw(&suite, 4), draw(&suite, 4));
		suite.claims_early = seed % 2;
		suite_run_all(&suite);
	}
}

static void test_more_locks_than_a_word_has_bits(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < suites(20); seed++) {
		suite_make(&suite, seed, 150, 8);
		for (uint32_t i = 0; i < suite.count; i++)
			suite_use(&suite, i, draw(&suite, MAX_RESOURCES), true);
		suite_run_all(&suite);
	}
	/* A lock of its own for each of 128 tests that all take a second: none waits for another. */
	memset(&suite, 0, sizeof(suite));
	suite.count = 128;
	suite.options.workers = 8;
	for (uint32_t i = 0; i < suite.count; i++) {
		suite.takes_s[i] = 1;
		suite.tests[i] = (struct sched_test){ .run = i, .group = SCHED_NONE, .cost_s = 1, .uses = suite.uses[i] };
		suite_use(&suite, i, i, true);
	}
	suite_run_all(&suite);
	assert_true(suite.now_s < 16.001);
}

static void test_groups_stay_on_one_worker(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < suites(500); seed++) {
		suite_make(&suite, seed, 120, 8);
		for (uint32_t i = 0; i < suite.count; i++)
			suite.tests[i].group = draw(&suite, 3) ? draw(&suite, suite.count) : SCHED_NONE;
		if (seed % 2)
			add_constraints(1 + draw(&suite, 3), draw(&suite, 2));
		suite.claims_early = seed % 3;
		suite_run_all(&suite);
	}
}

static void test_each_worker_runs_all(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < suites(100); seed++) {
		suite_make(&suite, seed, 60, 8);
		suite.options.each = true;
		if (seed % 2)
			add_constraints(2, 1);
		suite_run_all(&suite);
	}
}

static void test_a_worker_idles_only_where_setups_are_not_worth_it(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < suites(300); seed++) {
		suite_make(&suite, seed, 150, 8);
		suite.options.setup_s = suite.setups;
		suite.options.scopes = MAX_SCOPES;
		for (uint32_t scope = 0; scope < MAX_SCOPES; scope++)
			suite.setups[scope] = draw(&suite, 3) ? (float)draw(&suite, 60) / 10 : 0;
		if (seed % 2)
			add_constraints(1 + draw(&suite, 3), 1);
		suite_run_all(&suite);
	}
}

static void test_deaths_lose_one_test_and_no_other(void **state)
{
	(void)state;
	uint32_t late_revivals = 0;
	for (uint64_t seed = 0; seed < suites(600); seed++) {
		suite_make(&suite, seed, 120, 8);
		for (uint32_t i = 0; i < suite.count; i++)
			suite.tests[i].group = draw(&suite, 3) == 0 ? draw(&suite, suite.count) : SCHED_NONE;
		add_constraints(draw(&suite, 3), draw(&suite, 2));
		suite.options.each = seed % 8 == 0;
		if (suite.options.each)
			suite.count = suite.count > 40 ? 40 : suite.count;
		for (uint32_t i = 0; i < suite.count; i++)
			if (suite.tests[i].group != SCHED_NONE)
				suite.tests[i].group %= suite.count;
		suite.claims_early = seed % 2;
		suite.deaths = draw(&suite, 6);
		suite.disturbed = seed % 3;
		suite_run_all(&suite);
		late_revivals += suite.late_revivals;
	}
	assert_true(late_revivals > 20); /* beside a serial test, which was to be seen */
}

static void test_a_lock_that_decides_goes_first(void **state)
{
	(void)state;
	memset(&suite, 0, sizeof(suite));
	suite.count = 400;
	suite.options.workers = 4;
	suite.options.longest_first = true;
	for (uint32_t i = 0; i < suite.count; i++) {
		suite.takes_s[i] = 1;
		suite.tests[i] = (struct sched_test){ .scope = i / 20, .run = i, .group = SCHED_NONE, .cost_s = 1,
						      .uses = suite.uses[i] };
		if (i % 4 == 3) /* a quarter of the work, at the end of each scope as much as anywhere: 100 of 100 s */
			suite_use(&suite, i, 0, true);
	}
	suite_run_all(&suite);
	assert_true(suite.now_s < 102.5);
}

static void test_a_capped_category_that_decides_goes_first(void **state)
{
	(void)state;
	memset(&suite, 0, sizeof(suite));
	suite.count = 400;
	suite.options.workers = 8;
	suite.options.longest_first = true;
	suite.caps[0] = 2;
	for (uint32_t i = 0; i < suite.count; i++) {
		suite.takes_s[i] = 1;
		suite.tests[i] = (struct sched_test){ .scope = i / 20, .run = i, .group = SCHED_NONE, .cost_s = 1,
						      .uses = suite.uses[i] };
		if (i >= 300) /* 100 s, two at a time: as long as all others on six workers */
			suite_use(&suite, i, 0, false);
	}
	suite_run_all(&suite);
	assert_true(suite.now_s < 52);
}

/* 20 to 40 modules with set-ups of 0 to 6 s, log-normal tests, three locks, a capped category. */
static void make_realistic(uint64_t seed, uint32_t workers)
{
	memset(&suite, 0, sizeof(suite));
	suite.chance = seed * 7919 + 17;
	suite.check_every = 16;
	suite.options = (struct sched_options){ .workers = workers, .longest_first = true, .scopes = MAX_SCOPES,
						.setup_s = suite.setups };
	suite.caps[3] = workers / 2;
	uint32_t scopes = 20 + draw(&suite, 20);
	for (uint32_t scope = 0; scope < scopes; scope++) {
		suite.setups[scope] = draw(&suite, 2) ? (float)(6 * draw_unit(&suite)) : 0;
		for (uint32_t tests = 5 + draw(&suite, 45); tests; tests--) {
			uint32_t i = suite.count++;
			suite.takes_s[i] = (float)draw_duration(&suite, 0.5, 1);
			suite.tests[i] = (struct sched_test){ .scope = scope, .run = i, .group = SCHED_NONE,
							      .cost_s = suite.takes_s[i], .uses = suite.uses[i] };
			if (draw(&suite, 15) == 0)
				suite_use(&suite, i, draw(&suite, 3), true);
			if (draw(&suite, 5) == 0)
				suite_use(&suite, i, 3, false);
		}
	}
}

static double bound_of_suite(void)
{
	cleanup_workload struct workload load = WORKLOAD_INIT;
	struct machine machine = { (int)suite.options.workers, INFINITY };
	struct bound bound;
	struct err err = ERR_INIT;
	load.lock_total = 3;
	assert_int_equal(vec_push(&load.caps, (int)suite.caps[3]), 0);
	for (uint32_t scope = 0; scope < MAX_SCOPES; scope++)
		assert_int_equal(vec_push(&load.scopes, ((struct scope){ .setup_s = (double)suite.setups[scope] })), 0);
	for (uint32_t i = 0; i < suite.count; i++) {
		struct job job = JOB_INIT;
		job.wall_s = (double)suite.takes_s[i];
		job.scope = (int)suite.tests[i].scope;
		job.first_lock = load.locks.len;
		for (uint32_t u = 0; u < suite.tests[i].use_count; u++) {
			if (suite.uses[i][u].resource == 3)
				job.categories = 1;
			else
				assert_int_equal(vec_push(&load.locks, (int)suite.uses[i][u].resource), 0);
		}
		job.lock_count = load.locks.len - job.first_lock;
		assert_int_equal(vec_push(&load.jobs, job), 0);
	}
	assert_int_equal(bound_compute(&bound, &load, &machine, &err), 0);
	return bound.total_s;
}

static void test_makespans_are_near_the_lower_bound(void **state)
{
	(void)state;
	static const struct {
		uint32_t workers;
		double most; /* mean of makespan / bound */
	} rows[] = { { 4, 1.01 }, { 8, 1.02 }, { 16, 1.04 } };
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		double sum = 0, worst = 0;
		for (uint64_t seed = 0; seed < suites(40); seed++) {
			make_realistic(seed, rows[r].workers);
			double bound_s = bound_of_suite();
			suite_run_all(&suite);
			assert_true(suite.now_s >= bound_s * 0.999);
			sum += suite.now_s / bound_s;
			worst = fmax(worst, suite.now_s / bound_s);
		}
		double mean = sum / (double)suites(40);
		print_message("%u workers: makespan / lower bound %.4f (worst %.3f)\n", rows[r].workers, mean, worst);
		assert_true(mean <= rows[r].most);
	}
}

/* Durations that history has only nearly right, a tenth of them unknown. */
static void test_makespans_stay_near_with_uncertain_costs(void **state)
{
	(void)state;
	double sum = 0;
	for (uint64_t seed = 0; seed < suites(40); seed++) {
		make_realistic(seed, 8);
		double bound_s = bound_of_suite();
		for (uint32_t i = 0; i < suite.count; i++)
			suite.tests[i].cost_s = draw(&suite, 10) ? suite.takes_s[i] *
									 (float)draw_duration(&suite, 1, 0.2) : 0;
		suite_run_all(&suite);
		sum += suite.now_s / bound_s;
	}
	print_message("8 workers, uncertain costs: %.4f\n", sum / (double)suites(40));
	assert_true(sum / (double)suites(40) <= 1.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_test_runs_once_and_nobody_idles),
		cmocka_unit_test(test_locks_caps_and_serial_tests),
		cmocka_unit_test(test_more_locks_than_a_word_has_bits),
		cmocka_unit_test(test_groups_stay_on_one_worker),
		cmocka_unit_test(test_each_worker_runs_all),
		cmocka_unit_test(test_a_worker_idles_only_where_setups_are_not_worth_it),
		cmocka_unit_test(test_deaths_lose_one_test_and_no_other),
		cmocka_unit_test(test_a_lock_that_decides_goes_first),
		cmocka_unit_test(test_a_capped_category_that_decides_goes_first),
		cmocka_unit_test(test_makespans_are_near_the_lower_bound),
		cmocka_unit_test(test_makespans_stay_near_with_uncertain_costs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
