/* Categories by evidence: durations, touches, shared fixtures, the suite's own selection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "phases/category.h"
#include "phases/measure.h"

static struct test *add_test(struct suite_run *run, const char *id, double setup_s, double call_s)
{
	struct test test = { .outcome = TEST_PASSED, .setup_s = setup_s, .call_s = call_s };
	test.id = os_strdup(id);
	test.path = os_strdup("t.py");
	test.order = (int)run->tests.len;
	assert_int_equal(vec_push(&run->tests, test), 0);
	return &run->tests.at[run->tests.len - 1];
}

static void add_touch(struct suite_run *run, size_t test, enum touch_kind kind, const char *fixture)
{
	struct touch touch = { .kind = kind, .phase = 'c', .test = test, .line = 3 };
	touch.what = os_strdup("/x");
	touch.file = os_strdup("t.py");
	touch.fixture = os_strdup(fixture);
	assert_int_equal(vec_push(&run->touches, touch), 0);
}

static void add_setup(struct suite_run *run, size_t test, const char *name, const char *base, double seconds)
{
	struct fixture_setup setup = { .test = test, .seconds = seconds };
	setup.name = os_strdup(name);
	setup.scope = os_strdup("module");
	setup.base = os_strdup(base);
	assert_int_equal(vec_push(&run->fixture_setups, setup), 0);
}

static enum category category_at(const struct suite_run *run, size_t index, struct verdict *verdict)
{
	struct err err = ERR_INIT;
	struct verdict verdicts[8];
	int clock_lines[8] = { 0 };
	double *seconds = measure_own_seconds(run);
	assert_int_equal(categorise(run, seconds, NULL, clock_lines, verdicts, &err), 0);
	free(seconds);
	if (verdict)
		*verdict = verdicts[index];
	return verdicts[index].category;
}

static void test_durations_have_limits(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	add_test(&run, "t.py::a", 0.04, 0.05);
	add_test(&run, "t.py::b", 0.04, 0.061);
	add_test(&run, "t.py::c", 0.5, 0.51);
	assert_int_equal(category_at(&run, 0, NULL), CATEGORY_UNIT);
	assert_int_equal(category_at(&run, 1, NULL), CATEGORY_INTEGRATION);
	assert_int_equal(category_at(&run, 2, NULL), CATEGORY_SLOW);
}

/* The first test of a module pays for its fixture, and the last for the teardown; neither is slow for it. */
static void test_shared_costs_are_nobodys_own(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	add_test(&run, "t.py::a", 2.0, 0.01);
	add_test(&run, "t.py::b", 0.0, 0.01);
	add_test(&run, "t.py::c", 0.0, 0.01)->teardown_s = 3.0;
	add_setup(&run, 0, "server", "t.py", 2.0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(category_at(&run, i, NULL), CATEGORY_UNIT);
}

static void test_touches_count_but_reading_does_not(void **state)
{
	(void)state;
	static const enum touch_kind kinds[] = { TOUCH_WRITE, TOUCH_BIND, TOUCH_CONNECT, TOUCH_SPAWN, TOUCH_READ };
	for (size_t i = 0; i < 5; i++) {
		cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
		struct verdict verdict;
		add_test(&run, "t.py::a", 0, 0);
		add_touch(&run, 0, kinds[i], NULL);
		bool outside = kinds[i] != TOUCH_READ;
		assert_int_equal(category_at(&run, 0, &verdict), outside ? CATEGORY_INTEGRATION : CATEGORY_UNIT);
		cleanup_str struct str why = STR_INIT;
		assert_int_equal(verdict_explain(&verdict, &run, &why), 0);
		assert_true(!outside || strstr(why.buf, "/x (t.py:3)"));
	}
}

static void test_a_shared_fixture_counts_for_those_who_ask_for_it(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	add_test(&run, "t.py::a", 0, 0);
	strings_add(&add_test(&run, "t.py::b", 0, 0)->requested, "server");
	strings_add(&add_test(&run, "other.py::c", 0, 0)->requested, "server");
	add_setup(&run, 0, "server", "t.py", 0.01);
	add_touch(&run, 0, TOUCH_BIND, "server");
	assert_int_equal(category_at(&run, 0, NULL), CATEGORY_UNIT);
	assert_int_equal(category_at(&run, 1, NULL), CATEGORY_INTEGRATION);
	assert_int_equal(category_at(&run, 2, NULL), CATEGORY_UNIT);
}

static void test_marks_by_hand_stay_and_the_heaviest_counts(void **state)
{
	(void)state;
	bool several;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	struct test *test = add_test(&run, "t.py::a", 0, 5);
	strings_add(&test->marks, "unit");
	assert_int_equal(category_at(&run, 0, NULL), CATEGORY_UNIT);
	assert_int_equal(category_of_marks(test, &several), CATEGORY_UNIT);
	assert_false(several);
	strings_add(&test->marks, "slow");
	strings_add(&test->marks, "network");
	assert_int_equal(category_of_marks(test, &several), CATEGORY_SLOW);
	assert_true(several);
}

static void test_skipped_tests_go_with_their_file(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	add_test(&run, "t.py::a", 0, 0.2);
	add_test(&run, "t.py::b", 0, 0.2);
	add_test(&run, "t.py::c", 0, 0);
	add_test(&run, "t.py::d", 0, 0)->outcome = TEST_SKIPPED;
	assert_int_equal(category_at(&run, 3, NULL), CATEGORY_INTEGRATION);
}

static void test_the_suites_own_selection_bars_marks(void **state)
{
	(void)state;
	struct verdict verdict;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	struct test *test = add_test(&run, "t.py::a", 0, 5);
	strings_add(&test->barred, "slow");
	assert_int_equal(category_at(&run, 0, &verdict), CATEGORY_INTEGRATION);
	assert_int_equal(verdict.reason, REASON_SELECTION);
	strings_add(&test->barred, "integration");
	strings_add(&test->barred, "unit");
	assert_int_equal(category_allowed(test, CATEGORY_SLOW), CATEGORY_SLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_have_limits),
		cmocka_unit_test(test_shared_costs_are_nobodys_own),
		cmocka_unit_test(test_touches_count_but_reading_does_not),
		cmocka_unit_test(test_a_shared_fixture_counts_for_those_who_ask_for_it),
		cmocka_unit_test(test_marks_by_hand_stay_and_the_heaviest_counts),
		cmocka_unit_test(test_skipped_tests_go_with_their_file),
		cmocka_unit_test(test_the_suites_own_selection_bars_marks),
	};
	return cmocka_run_group_tests_name("category", tests, NULL, NULL);
}
