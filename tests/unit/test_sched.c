/* The scheduler, call by call; whole suites are in test_sched_suites.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "virtual_suite.h"

static struct virtual_suite suite;

/* Tests in one scope unless said otherwise, without history. */
static void plain(uint32_t count, uint32_t workers)
{
	memset(&suite, 0, sizeof(suite));
	suite.count = count;
	suite.options.workers = workers;
	for (uint32_t i = 0; i < count; i++) {
		suite.takes_s[i] = 1;
		suite.tests[i] = (struct sched_test){ .run = i, .group = SCHED_NONE, .uses = suite.uses[i] };
	}
}

static int64_t take_and_begin(uint32_t worker)
{
	int64_t test = sched_take(suite.sched, worker);
	suite_check(&suite);
	sched_begin(suite.sched, worker);
	suite_check(&suite);
	return test;
}

/* What only the worker has that collected it is run there, also where another claimed it first. */
static void test_a_scope_is_handed_over_to_its_holder(void **state)
{
	static const uint32_t holders[] = { 1, SCHED_NONE };
	(void)state;
	plain(8, 3);
	for (uint32_t i = 4; i < 8; i++)
		suite.tests[i].scope = 1;
	suite.options.scopes = 2;
	suite.options.holders = holders;
	suite_open(&suite);
	assert_int_equal(take_and_begin(1), 0);
	assert_int_equal(take_and_begin(0), 4);
	int64_t stolen = sched_take(suite.sched, 2);
	assert_true(stolen > 0 && stolen < 8);
	while (stolen >= 4) { /* first what nobody holds */
		sched_begin(suite.sched, 2);
		sched_end(suite.sched, 2);
		stolen = sched_take(suite.sched, 2);
	}
	assert_true(stolen > 0 && stolen < 4);
	assert_int_equal(sched_hand_over(suite.sched, 0), SCHED_NONE); /* has claimed nothing */
	assert_true(sched_is_fallback(suite.sched, 1));
	assert_false(sched_is_fallback(suite.sched, 0) || sched_is_fallback(suite.sched, 2));
	assert_int_equal(sched_hand_over(suite.sched, 2), 1);
	suite_check(&suite);
	assert_int_equal(sched_claimed(suite.sched, 2), SCHED_NONE);
	assert_false(sched_is_fallback(suite.sched, 1));
	for (int64_t test; (test = sched_take(suite.sched, 2)) >= 0; sched_end(suite.sched, 2)) {
		assert_true(test >= 4);
		sched_begin(suite.sched, 2);
	}
	sched_end(suite.sched, 1);
	for (int64_t test, next = 1; (test = sched_take(suite.sched, 1)) >= 0 && next < 4; sched_end(suite.sched, 1), next++) {
		assert_int_equal(test, next);
		assert_int_equal(sched_hand_over(suite.sched, 1), SCHED_NONE); /* it is the holder */
		sched_begin(suite.sched, 1);
		suite_check(&suite);
	}
	sched_end(suite.sched, 0);
	suite_close(&suite);
}

static void test_what_nobody_has_of_a_scope_is_left_out(void **state)
{
	(void)state;
	plain(6, 2);
	for (uint32_t i = 3; i < 6; i++)
		suite.tests[i].scope = 1;
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 0);
	assert_int_equal(take_and_begin(1), 3);
	sched_abandon(suite.sched, 1); /* has claimed nothing */
	sched_end(suite.sched, 1);
	assert_int_equal(sched_take(suite.sched, 1), 4);
	sched_abandon(suite.sched, 1);
	suite_check(&suite);
	assert_int_equal(sched_state(suite.sched, 3), SCHED_TEST_DONE);
	assert_int_equal(sched_state(suite.sched, 4), SCHED_TEST_OMITTED);
	assert_int_equal(sched_state(suite.sched, 5), SCHED_TEST_OMITTED);
	assert_true(sched_take(suite.sched, 1) < 3);
	suite_close(&suite);
}

static void test_an_omitted_test_never_runs(void **state)
{
	(void)state;
	plain(3, 1);
	suite_open(&suite);
	sched_omit(suite.sched, 1);
	suite_check(&suite);
	assert_int_equal(take_and_begin(0), 0);
	sched_omit(suite.sched, 0);
	assert_int_equal(sched_state(suite.sched, 0), SCHED_TEST_RUNNING);
	sched_end(suite.sched, 0);
	assert_int_equal(take_and_begin(0), 2);
	sched_end(suite.sched, 0);
	assert_true(sched_is_drained(suite.sched));
	suite_close(&suite);
}

/* A test in a process of its own takes only that with it. */
static void test_a_worker_outlives_a_lost_test(void **state)
{
	(void)state;
	suite_make(&suite, 3, 150, 8);
	suite_open(&suite);
	assert_int_equal(sched_lose(suite.sched, 0), SCHED_NONE);
	assert_int_equal(sched_lose(suite.sched, SCHED_NONE), SCHED_NONE);
	int64_t lost = sched_take(suite.sched, 0);
	assert_true(lost >= 0);
	sched_begin(suite.sched, 0);
	assert_int_equal(sched_lose(suite.sched, 0), lost);
	assert_int_equal(sched_state(suite.sched, (uint32_t)lost), SCHED_TEST_LOST);
	assert_int_equal(sched_running(suite.sched, 0), SCHED_NONE);
	uint32_t ran = 0;
	for (int64_t test; (test = sched_take(suite.sched, 0)) >= 0; sched_end(suite.sched, 0), ran++) {
		assert_int_not_equal(test, lost);
		sched_begin(suite.sched, 0);
	}
	assert_true(sched_is_drained(suite.sched));
	assert_true(ran > 0);
	assert_true(sched_revive(suite.sched, (uint32_t)lost));
	assert_int_equal(sched_take(suite.sched, 0), lost);
	suite_close(&suite);
}

static void test_a_lost_test_can_be_revived(void **state)
{
	(void)state;
	suite_make(&suite, 3, 150, 8);
	suite_open(&suite);
	int64_t lost = sched_take(suite.sched, 0);
	assert_true(lost >= 0);
	assert_false(sched_revive(suite.sched, (uint32_t)lost));
	sched_begin(suite.sched, 0);
	assert_int_equal(sched_leave(suite.sched, 0), lost);
	uint32_t waiting = sched_waiting(suite.sched);
	assert_true(sched_revive(suite.sched, (uint32_t)lost));
	assert_false(sched_revive(suite.sched, (uint32_t)lost));
	assert_int_equal(sched_waiting(suite.sched), waiting + 1);
	suite_check(&suite);
	bool again = false;
	for (int64_t test; (test = sched_take(suite.sched, 0)) >= 0; sched_end(suite.sched, 0)) {
		again = again || test == lost;
		sched_begin(suite.sched, 0);
	}
	assert_true(again);
	assert_true(sched_is_drained(suite.sched));
	suite_close(&suite);
}

/* What a worker holds it runs first, and takes from others what is left. */
static void test_workers_rather_run_what_they_hold(void **state)
{
	(void)state;
	plain(40, 2);
	const uint32_t holders[4] = { 1, 0, 1, SCHED_NONE };
	suite.options.scopes = 4;
	suite.options.setup_s = suite.setups;
	suite.options.holders = holders;
	for (uint32_t i = 0; i < 40; i++)
		suite.tests[i].scope = i / 10;
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 10);
	assert_int_equal(take_and_begin(1), 0);
	for (uint32_t done = 2; done < 20; done++) { /* each to the end of its first scope */
		sched_end(suite.sched, done % 2);
		int64_t test = take_and_begin(done % 2);
		assert_int_equal(test / 10, done % 2 ? 0 : 1);
	}
	sched_end(suite.sched, 0);
	assert_int_equal(take_and_begin(0), 30); /* nobody's, before that of the other */
	for (uint32_t n = 0; n < 9; n++) {
		sched_end(suite.sched, 0);
		take_and_begin(0);
	}
	sched_end(suite.sched, 0);
	assert_int_equal(take_and_begin(0), 20);
	suite_close(&suite);
}

static void test_stop_hands_out_nothing_more(void **state)
{
	(void)state;
	suite_make(&suite, 3, 150, 8);
	suite_open(&suite);
	int64_t claimed = sched_take(suite.sched, 0);
	assert_true(claimed >= 0);
	sched_stop(suite.sched);
	assert_int_equal(sched_take(suite.sched, 0), claimed);
	assert_false(sched_is_drained(suite.sched));
	sched_begin(suite.sched, 0);
	sched_end(suite.sched, 0);
	assert_int_equal(sched_take(suite.sched, 0), SCHED_DONE);
	assert_true(sched_is_drained(suite.sched));
	suite_close(&suite);
}

static void test_two_long_tests_do_not_hold_short_ones(void **state)
{
	(void)state;
	static const float takes[] = { 2, 2, 0.01f, 0.01f };
	for (int known = 0; known < 2; known++) {
		plain(4, 2);
		suite.options.longest_first = known;
		for (uint32_t i = 0; i < 4; i++) {
			suite.takes_s[i] = takes[i];
			suite.tests[i].cost_s = known ? takes[i] : 0;
		}
		suite_run_all(&suite);
		assert_true(suite.now_s < 2.1);
	}
}

static void test_a_worker_nobody_knows_has_nothing_to_do(void **state)
{
	(void)state;
	suite_make(&suite, 5, 150, 8);
	suite_open(&suite);
	uint32_t stranger = suite.options.workers;
	assert_int_equal(sched_take(suite.sched, stranger), SCHED_DONE);
	sched_begin(suite.sched, stranger);
	sched_end(suite.sched, stranger);
	assert_int_equal(sched_leave(suite.sched, stranger), SCHED_NONE);
	assert_int_equal(sched_running(suite.sched, stranger), SCHED_NONE);
	suite_check(&suite);
	suite_close(&suite);
}

static void test_without_history_the_order_of_the_file_is_kept(void **state)
{
	(void)state;
	plain(20, 1);
	suite_open(&suite);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(take_and_begin(0), i);
		sched_end(suite.sched, 0);
	}
	suite_close(&suite);
}

static void test_with_history_modules_change_places_and_tests_in_them_do_not(void **state)
{
	(void)state;
	plain(20, 1);
	suite.options.longest_first = true;
	for (uint32_t i = 0; i < 20; i++) {
		suite.tests[i].scope = i / 10;
		suite.tests[i].cost_s = i < 10 ? 1 : 2;
	}
	suite_open(&suite);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(take_and_begin(0), (i + 10) % 20);
		sched_end(suite.sched, 0);
	}
	suite_close(&suite);
}

static void test_a_steal_takes_the_later_half(void **state)
{
	(void)state;
	plain(9, 2);
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 0);
	assert_int_equal(take_and_begin(1), 4); /* eight wait and half a test runs */
	suite_close(&suite);
}

static void test_a_steal_does_not_tear_a_class_apart(void **state)
{
	(void)state;
	plain(9, 2);
	for (uint32_t i = 0; i < 9; i++)
		suite.tests[i].run = i < 3 ? 0 : 1; /* classes of three and six tests */
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 0);
	assert_int_equal(take_and_begin(1), 3);
	suite_close(&suite);
}

static void test_no_steal_that_costs_more_than_it_gives(void **state)
{
	(void)state;
	plain(4, 2);
	for (uint32_t i = 0; i < 4; i++)
		suite.tests[i].cost_s = 0.1f;
	suite.setups[0] = 2;
	suite.options.setup_s = suite.setups;
	suite.options.scopes = 1;
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 0);
	assert_int_equal(sched_take(suite.sched, 1), SCHED_WAIT);
	assert_int_equal(sched_wait(suite.sched, 1), SCHED_WAIT_TAIL);
	suite_close(&suite);
}

static void test_a_wait_has_a_reason(void **state)
{
	(void)state;
	plain(2, 2);
	suite_use(&suite, 0, 0, true);
	suite_use(&suite, 1, 0, true);
	suite_open(&suite);
	take_and_begin(0);
	assert_int_equal(sched_take(suite.sched, 1), SCHED_WAIT);
	assert_int_equal(sched_wait(suite.sched, 1), SCHED_WAIT_LOCK);
	suite_close(&suite);

	plain(2, 2);
	suite.caps[0] = 1;
	suite_use(&suite, 0, 0, false);
	suite_use(&suite, 1, 0, false);
	suite_open(&suite);
	take_and_begin(0);
	assert_int_equal(sched_take(suite.sched, 1), SCHED_WAIT);
	assert_int_equal(sched_wait(suite.sched, 1), SCHED_WAIT_CAP);
	suite_close(&suite);

	plain(2, 2);
	suite.tests[0].serial = true;
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 1); /* serial tests come last */
	assert_int_equal(sched_take(suite.sched, 1), SCHED_WAIT);
	assert_int_equal(sched_wait(suite.sched, 1), SCHED_WAIT_SERIAL);
	suite_close(&suite);
}

static void test_a_worker_that_waits_has_a_guess(void **state)
{
	(void)state;
	plain(3, 2);
	suite_use(&suite, 0, 0, true);
	suite_use(&suite, 1, 0, true);
	suite_use(&suite, 2, 0, true);
	suite_open(&suite);
	take_and_begin(0);
	assert_true(sched_is_alone(suite.sched, 0));
	assert_false(sched_is_alone(suite.sched, 1));
	assert_int_equal(sched_take(suite.sched, 1), SCHED_WAIT);
	assert_int_equal(sched_guess(suite.sched, 1), 1);
	assert_int_equal(sched_take(suite.sched, 0), 1);
	assert_int_equal(sched_guess(suite.sched, 1), 2);
	sched_stop(suite.sched);
	assert_int_equal(sched_guess(suite.sched, 1), SCHED_NONE);
	suite_close(&suite);

	plain(4, 2);
	for (uint32_t i = 0; i < 4; i++)
		suite.tests[i].group = suite.tests[i].scope = i / 2;
	suite_open(&suite);
	take_and_begin(0);
	take_and_begin(1);
	assert_int_equal(sched_guess(suite.sched, 0), 1); /* of its own group, not the other worker's */
	assert_int_equal(sched_guess(suite.sched, 1), 3);
	suite_close(&suite);
}

static void test_all_locks_of_a_test_or_none(void **state)
{
	(void)state;
	plain(3, 3);
	suite_use(&suite, 0, 0, true);
	suite_use(&suite, 1, 0, true);
	suite_use(&suite, 1, 1, true);
	suite_use(&suite, 2, 1, true);
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 0);
	assert_int_equal(take_and_begin(1), 2); /* test 1 waits for its first lock and does not take the second */
	assert_int_equal(sched_take(suite.sched, 2), SCHED_WAIT);
	sched_end(suite.sched, 0);
	assert_int_equal(sched_take(suite.sched, 2), SCHED_WAIT);
	sched_end(suite.sched, 1);
	assert_int_equal(take_and_begin(2), 1);
	suite_close(&suite);
}

static void test_a_plan_knows_how_long_it_takes(void **state)
{
	(void)state;
	plain(40, 4);
	suite.options.longest_first = true;
	for (uint32_t i = 0; i < 40; i++) {
		suite.tests[i].cost_s = 1;
		suite.tests[i].scope = i / 10;
	}
	suite_open(&suite);
	assert_true(sched_planned_s(suite.sched) > 9.99f && sched_planned_s(suite.sched) < 10.03f);
	assert_true(sched_waiting_s(suite.sched) > 39.9f && sched_waiting_s(suite.sched) < 40.1f);
	suite_close(&suite);
}

/* It was lost, its worker went on, used the record of its chunk for something stolen, and still is the home of its group. */
static void test_a_revived_test_goes_home_to_its_group(void **state)
{
	(void)state;
	plain(12, 3);
	suite.tests[0].group = suite.tests[1].group = 0;
	suite_open(&suite);
	assert_int_equal(take_and_begin(0), 0);
	assert_int_equal(take_and_begin(1), 2);
	assert_int_equal(sched_lose(suite.sched, 0), 0);
	assert_int_equal(take_and_begin(0), 1);
	sched_end(suite.sched, 0);
	assert_true(take_and_begin(0) > 2);
	assert_true(sched_revive(suite.sched, 0));
	for (int64_t test; (test = take_and_begin(2)) >= 0; sched_end(suite.sched, 2))
		assert_int_not_equal(test, 0);
	sched_end(suite.sched, 0);
	assert_int_equal(take_and_begin(0), 0);
	suite_close(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_scope_is_handed_over_to_its_holder),
		cmocka_unit_test(test_a_worker_outlives_a_lost_test),
		cmocka_unit_test(test_a_lost_test_can_be_revived),
		cmocka_unit_test(test_a_revived_test_goes_home_to_its_group),
		cmocka_unit_test(test_a_worker_nobody_knows_has_nothing_to_do),
		cmocka_unit_test(test_workers_rather_run_what_they_hold),
		cmocka_unit_test(test_stop_hands_out_nothing_more),
		cmocka_unit_test(test_two_long_tests_do_not_hold_short_ones),
		cmocka_unit_test(test_without_history_the_order_of_the_file_is_kept),
		cmocka_unit_test(test_with_history_modules_change_places_and_tests_in_them_do_not),
		cmocka_unit_test(test_a_steal_takes_the_later_half),
		cmocka_unit_test(test_a_steal_does_not_tear_a_class_apart),
		cmocka_unit_test(test_no_steal_that_costs_more_than_it_gives),
		cmocka_unit_test(test_what_nobody_has_of_a_scope_is_left_out),
		cmocka_unit_test(test_an_omitted_test_never_runs),
		cmocka_unit_test(test_a_wait_has_a_reason),
		cmocka_unit_test(test_a_worker_that_waits_has_a_guess),
		cmocka_unit_test(test_all_locks_of_a_test_or_none),
		cmocka_unit_test(test_a_plan_knows_how_long_it_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
