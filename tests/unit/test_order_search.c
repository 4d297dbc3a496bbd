/* The search for polluters and setters, against suites that are only imagined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "safety/order_search.h"

#define TESTS 300

/* A suite in which test `victim` fails behind all polluters, or without all setters. */
struct imagined {
	size_t victim;
	size_t polluters[4], polluter_count;
	size_t setters[4], setter_count;
	size_t cleaner; /* behind the last polluter it heals; SIZE_MAX: none */
	size_t also; /* a second victim of the same; SIZE_MAX: none */
	size_t tests_run;
};

static size_t place(const size_t *sequence, size_t count, size_t test)
{
	for (size_t i = 0; i < count; i++)
		if (sequence[i] == test)
			return i;
	return SIZE_MAX;
}

static bool all_before(const size_t *sequence, size_t at, const size_t *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (place(sequence, at, tests[i]) == SIZE_MAX)
			return false;
	return true;
}

static int run_imagined(void *context, const size_t *sequence, size_t count, enum outcome *outcomes, struct err *err)
{
	struct imagined *suite = context;
	(void)err;
	suite->tests_run += count;
	for (size_t i = 0; i < count; i++) {
		outcomes[i] = TEST_PASSED;
		if (sequence[i] != suite->victim && sequence[i] != suite->also)
			continue;
		size_t healed = place(sequence, i, suite->cleaner);
		bool polluted =
			suite->polluter_count && all_before(sequence, i, suite->polluters, suite->polluter_count);
		if (polluted && healed != SIZE_MAX)
			polluted = place(sequence, i, suite->polluters[0]) > healed;
		bool unprepared = suite->setter_count && !all_before(sequence, i, suite->setters, suite->setter_count);
		if (polluted || unprepared)
			outcomes[i] = TEST_FAILED;
	}
	return 0;
}

static struct imagined imagine(size_t victim)
{
	return (struct imagined){ .victim = victim, .cleaner = SIZE_MAX, .also = SIZE_MAX };
}

static enum outcome expected[TESTS];
static size_t all[TESTS];

static int set_up(void **state)
{
	for (size_t i = 0; i < TESTS; i++) {
		expected[i] = TEST_PASSED;
		all[i] = i;
	}
	return 0;
}

static struct probe probe_of(struct imagined *suite)
{
	return (struct probe){ .run = run_imagined, .context = suite, .expected = expected };
}

/* What runs before the victim: everything else in reverse when it failed, what precedes it when it passes. */
static struct order_verdict ask(struct imagined *suite, struct probe *probe, const struct order_guess *guesses,
				size_t guess_count)
{
	static size_t reversed[TESTS];
	size_t count = 0;
	struct err err = ERR_INIT;
	struct order_verdict verdict = ORDER_VERDICT_INIT;
	for (size_t i = TESTS; i-- > 0;)
		if (i != suite->victim)
			reversed[count++] = i;
	struct order_question question = { .test = suite->victim,
					   .before = reversed,
					   .before_count = count,
					   .good = all,
					   .good_count = suite->victim,
					   .guesses = guesses,
					   .guess_count = guess_count };
	assert_int_equal(order_explain(probe, &question, &verdict, &err), 0);
	return verdict;
}

static bool holds(const struct order_verdict *verdict, const size_t *tests, size_t count)
{
	if (verdict->culprits.len != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (place(verdict->culprits.at, count, tests[i]) == SIZE_MAX)
			return false;
	return true;
}

static void test_one_polluter_anywhere(void **state)
{
	for (size_t polluter = 0; polluter < TESTS; polluter += 7) {
		struct imagined suite = imagine(150);
		if (polluter == suite.victim)
			continue;
		suite.polluters[suite.polluter_count++] = polluter;
		struct probe probe = probe_of(&suite);
		struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
		assert_int_equal(verdict.kind, ORDER_VICTIM);
		assert_true(holds(&verdict, &polluter, 1));
		assert_in_range(probe.runs, 1, 22);
		order_verdict_release(&verdict);
	}
}

static void test_polluters_together(void **state)
{
	struct imagined suite = imagine(10);
	suite.polluters[0] = 200;
	suite.polluters[1] = 40;
	suite.polluters[2] = 7;
	suite.polluter_count = 3;
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_VICTIM);
	assert_true(holds(&verdict, suite.polluters, 3));
	assert_in_range(probe.runs, 1, 120);
	order_verdict_release(&verdict);
}

static void test_setters(void **state)
{
	struct imagined suite = imagine(120);
	suite.setters[0] = 3;
	suite.setters[1] = 77;
	suite.setter_count = 2;
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_BRITTLE);
	assert_true(holds(&verdict, suite.setters, 2));
	order_verdict_release(&verdict);
}

static void test_cleaner_between(void **state)
{
	struct imagined suite = imagine(250);
	suite.polluters[suite.polluter_count++] = 20; /* in reverse, behind the cleaner */
	suite.cleaner = 100;
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_VICTIM);
	assert_true(holds(&verdict, suite.polluters, 1));
	order_verdict_release(&verdict);
}

static void test_good_guess_is_cheap(void **state)
{
	struct imagined suite = imagine(10);
	suite.polluters[suite.polluter_count++] = 200;
	static const size_t wrong[] = { 5, 6 }, right[] = { 199, 200, 201 };
	struct order_guess guesses[] = { { wrong, 2 }, { NULL, 0 }, { right, 3 } };
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, guesses, 3);
	assert_int_equal(verdict.kind, ORDER_VICTIM);
	assert_true(holds(&verdict, suite.polluters, 1));
	assert_in_range(suite.tests_run, 1, 20);
	order_verdict_release(&verdict);
}

static void test_order_is_not_to_blame(void **state)
{
	struct imagined suite = imagine(10);
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_STEADY);
	assert_int_equal(verdict.culprits.len, 0);
	order_verdict_release(&verdict);
}

static void test_fails_everywhere(void **state)
{
	struct imagined suite = imagine(10);
	suite.setters[suite.setter_count++] = 299; /* runs behind it in the suite's own order */
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_BROKEN);
	order_verdict_release(&verdict);
}

static void test_expected_failure_that_passes(void **state)
{
	struct imagined suite = imagine(120);
	suite.setters[suite.setter_count++] = 110;
	expected[120] = TEST_FAILED; /* fails in the suite's own order, whatever the reason */
	suite.polluters[0] = 0;
	struct probe probe = probe_of(&suite);
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_VICTIM);
	assert_true(holds(&verdict, suite.setters, 1));
	order_verdict_release(&verdict);
}

static void test_deadline(void **state)
{
	struct imagined suite = imagine(10);
	suite.polluters[suite.polluter_count++] = 200;
	struct probe probe = probe_of(&suite);
	probe.deadline_ns = clock_now_ns() - 1;
	struct order_verdict verdict = ask(&suite, &probe, NULL, 0);
	assert_int_equal(verdict.kind, ORDER_UNKNOWN);
	assert_int_equal(verdict.culprits.len, 0);
	assert_int_equal(suite.tests_run, 0);
	order_verdict_release(&verdict);
}

static void test_others_of_the_same_polluter(void **state)
{
	struct imagined suite = imagine(10);
	struct err err = ERR_INIT;
	suite.polluters[suite.polluter_count++] = 200;
	suite.also = 50;
	struct probe probe = probe_of(&suite);
	static const size_t candidates[] = { 10, 30, 50 };
	bool fails[3];
	assert_int_equal(order_also_fail(&probe, suite.polluters, 1, candidates, 3, fails, &err), 0);
	assert_true(fails[0] && !fails[1] && fails[2]);
	assert_int_equal(probe.runs, 2);
}

/* A candidate that fails without the polluter as well is none of its victims. */
static void test_others_that_fail_anyway(void **state)
{
	struct imagined suite = imagine(10);
	struct err err = ERR_INIT;
	suite.setters[suite.setter_count++] = 5;
	struct probe probe = probe_of(&suite);
	static const size_t polluters[] = { 200 }, candidates[] = { 10 };
	bool fails[1];
	assert_int_equal(order_also_fail(&probe, polluters, 1, candidates, 1, fails, &err), 0);
	assert_false(fails[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_polluter_anywhere, set_up),
		cmocka_unit_test_setup(test_polluters_together, set_up),
		cmocka_unit_test_setup(test_setters, set_up),
		cmocka_unit_test_setup(test_cleaner_between, set_up),
		cmocka_unit_test_setup(test_good_guess_is_cheap, set_up),
		cmocka_unit_test_setup(test_order_is_not_to_blame, set_up),
		cmocka_unit_test_setup(test_fails_everywhere, set_up),
		cmocka_unit_test_setup(test_expected_failure_that_passes, set_up),
		cmocka_unit_test_setup(test_deadline, set_up),
		cmocka_unit_test_setup(test_others_of_the_same_polluter, set_up),
		cmocka_unit_test_setup(test_others_that_fail_anyway, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
