/* The account of a run: what is inevitable, and that the parts add up to the gap. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/gap.h"
#include "virtual_suite.h"

static struct virtual_suite suite;

static void make(uint32_t count, uint32_t workers)
{
	memset(&suite, 0, sizeof(suite));
	suite.count = count;
	suite.options.workers = workers;
	for (uint32_t i = 0; i < count; i++)
		suite.tests[i] = (struct sched_test){ .scope = i / 2, .run = i, .group = SCHED_NONE, .uses = suite.uses[i] };
}

static struct gap account(struct gap_run run, const double *seconds, const struct gap_setup *setups, size_t setup_count)
{
	struct gap_test tests[MAX_WORKERS];
	struct gap gap;
	struct err err = ERR_INIT;
	suite_open(&suite);
	for (uint32_t i = 0; i < suite.count; i++)
		tests[i] = (struct gap_test){ i, seconds[i] };
	run.sched = suite.sched;
	run.workers = (int)suite.options.workers;
	run.cores = INFINITY;
	run.tests = tests;
	run.test_count = suite.count;
	run.setups = setups;
	run.setup_count = setup_count;
	assert_int_equal(gap_compute(&gap, &run, &err), 0);
	suite_close(&suite);
	double parts = gap.setups_s + gap.engine_s;
	for (int kind = 0; kind < SCHED_WAITS; kind++)
		parts += gap.waits_s[kind];
	assert_true(fabs(gap.span_s - gap.bound.total_s - parts) < 1e-9);
	return gap;
}

static bool near(double value, double expected)
{
	return fabs(value - expected) < 1e-6;
}

static void test_idle_workers_and_the_engine(void **state)
{
	(void)state;
	static const double seconds[] = { 1, 1, 1, 1 };
	make(4, 2);
	struct gap gap = account((struct gap_run){ .times = { .span_s = 2.5, .waited_s = { 0.4 } } }, seconds, NULL, 0);
	assert_true(near(gap.bound.total_s, 2));
	assert_true(near(gap.waits_s[SCHED_WAIT_TAIL], 0.2));
	assert_true(near(gap.engine_s, 0.3));
}

static void test_what_the_longest_test_makes_inevitable_is_no_gap(void **state)
{
	(void)state;
	static const double seconds[] = { 3, 1 };
	make(2, 2);
	struct gap gap = account((struct gap_run){ .times = { .span_s = 3, .waited_s = { 2 } } }, seconds, NULL, 0);
	assert_int_equal(gap.bound.binding, BOUND_LONGEST);
	assert_true(near(gap.waits_s[SCHED_WAIT_TAIL], 0));
	assert_true(near(gap.engine_s, 0));
}

static void test_a_test_of_two_categories_counts_in_both(void **state)
{
	(void)state;
	static const double seconds[] = { 1, 1, 1, 1 };
	make(4, 4);
	suite.caps[0] = 2;
	suite.caps[2] = 1;
	for (uint32_t i = 0; i < 4; i++) {
		suite_use(&suite, i, 2, false);
		suite_use(&suite, i, 0, false);
	}
	suite_use(&suite, 0, 1, true);
	struct gap gap = account((struct gap_run){ .times = { .span_s = 4, .waited_s = { 0 } } }, seconds, NULL, 0);
	assert_int_equal(gap.bound.binding, BOUND_CATEGORY);
	assert_true(near(gap.bound.total_s, 4));
}

static void test_serial_tests_hold_the_others_inevitably(void **state)
{
	(void)state;
	static const double seconds[] = { 1, 1, 2 };
	make(3, 2);
	suite.tests[2].serial = true;
	struct gap_run run = { .times = { .span_s = 3.2, .waited_s = { [SCHED_WAIT_SERIAL] = 2.2 } } };
	struct gap gap = account(run, seconds, NULL, 0);
	assert_true(near(gap.bound.total_s, 3));
	assert_true(near(gap.waits_s[SCHED_WAIT_SERIAL], 0.1));
	assert_true(near(gap.engine_s, 0.1));
}

static void test_a_fixture_that_two_workers_set_up_is_paid_once_in_vain(void **state)
{
	(void)state;
	static const double seconds[] = { 1, 1, 1, 1 };
	static const struct gap_setup setups[] = {
		{ 0, true, "wide", 0.5 }, { 1, true, "wide", 0.6 }, /* of one module */
		{ 2, true, "wide", 0.5 },                           /* of another */
		{ 3, false, "session", 0.2 }, { 0, false, "session", 0.2 },
	};
	make(4, 2);
	struct gap gap = account((struct gap_run){ .times = { .span_s = 3 } }, seconds, setups, 5);
	assert_true(near(gap.setups_s, 0.4));
}

static void test_a_person_reads_it(void **state)
{
	(void)state;
	static const double seconds[] = { 1, 1, 1, 1 };
	cleanup_str struct str text = STR_INIT;
	make(4, 2);
	struct gap gap = account((struct gap_run){ .times = { .span_s = 2.5, .waited_s = { 0.4 } } }, seconds, NULL, 0);
	assert_int_equal(gap_describe(&gap, &text), 0);
	assert_string_equal(text.buf,
			    "tests took 2.500 s; the lower bound is 2.000 s (the work shared by all workers): 1.25 x\n"
			    "the gap of 0.500 s:\n"
			    "  0.200 s workers idle at the end, or beside a scope not worth another set-up\n"
			    "  0.300 s pytest and comb: starting workers, and around each test\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_workers_and_the_engine),
		cmocka_unit_test(test_what_the_longest_test_makes_inevitable_is_no_gap),
		cmocka_unit_test(test_a_test_of_two_categories_counts_in_both),
		cmocka_unit_test(test_serial_tests_hold_the_others_inevitably),
		cmocka_unit_test(test_a_fixture_that_two_workers_set_up_is_paid_once_in_vain),
		cmocka_unit_test(test_a_person_reads_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
