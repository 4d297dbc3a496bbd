/* Durations of engine runs: averages, siblings, set-ups, and a database that is damaged, busy or not there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/os.h"
#include "history/database.h"
#include "history/durations.h"

struct place {
	struct str dir;
	struct durations durations;
};

static int set_up(void **state)
{
	struct err err = ERR_INIT;
	struct place *place = calloc(1, sizeof(*place));
	assert_int_equal(fs_make_temp_dir("comb-test-", &place->dir, &err), 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct err err = ERR_INIT;
	struct place *place = *state;
	fs_remove_all(place->dir.buf, &err);
	str_release(&place->dir);
	vec_release(&place->durations.tests);
	vec_release(&place->durations.setups);
	free(place);
	return 0;
}

static void ran(struct place *place, const char *id, double call_s, enum outcome outcome)
{
	struct duration duration = { .id = id, .outcome = outcome, .call_s = call_s };
	assert_int_equal(vec_push(&place->durations.tests, duration), 0);
}

static void paid(struct place *place, const char *path, const char *fixture, double seconds)
{
	struct module_setup setup = { path, fixture, seconds };
	assert_int_equal(vec_push(&place->durations.setups, setup), 0);
}

static int write_noting(struct place *place, struct str *note, struct err *err)
{
	struct durations_run run = { .what = { .purpose = "run", .engine = ENGINE_COMB, .workers = 2 }, .green = true,
				     .wall_s = 1, .collected = place->durations.tests.len };
	int failed = durations_write(place->dir.buf, &run, &place->durations, note, err);
	place->durations.tests.len = place->durations.setups.len = 0;
	return failed;
}

static void write_run(struct place *place)
{
	cleanup_str struct str note = STR_INIT;
	struct err err = ERR_INIT;
	if (write_noting(place, &note, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(note.len, 0);
}

static size_t expect(struct place *place, const char *const *ids, size_t count, float *costs_s)
{
	cleanup_history struct history *history = NULL;
	struct err err = ERR_INIT;
	size_t known = 0;
	assert_int_equal(history_open_quickly(&history, place->dir.buf, true, &err), 0);
	assert_non_null(history);
	assert_int_equal(durations_expect(history, ids, count, costs_s, &known, &err), 0);
	return known;
}

static void assert_near(double value, double expected)
{
	if (fabs(value - expected) > 0.001 * expected + 1e-5)
		fail_msg("%g is not %g", value, expected);
}

static void test_nothing_is_made_for_reading(void **state)
{
	struct place *place = *state;
	cleanup_history struct history *history = NULL;
	cleanup_str struct str folder = STR_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(history_open_quickly(&history, place->dir.buf, true, &err), 0);
	assert_null(history);
	fs_join(&folder, place->dir.buf, ".comb");
	assert_false(fs_exists(folder.buf));
}

static int64_t process_bytes_after(struct place *place, int64_t bytes)
{
	cleanup_history struct history *history = NULL;
	cleanup_str struct str note = STR_INIT;
	struct durations_run run = { .what = { .purpose = "run", .engine = ENGINE_COMB }, .process_bytes = bytes };
	struct err err = ERR_INIT;
	int64_t known = -1;
	assert_int_equal(durations_write(place->dir.buf, &run, &place->durations, &note, &err), 0);
	assert_int_equal(history_open_quickly(&history, place->dir.buf, true, &err), 0);
	assert_int_equal(durations_process_bytes(history, &known, &err), 0);
	return known;
}

static void test_the_size_of_a_process_grows_at_once_and_shrinks_slowly(void **state)
{
	struct place *place = *state;
	assert_int_equal(process_bytes_after(place, 0), 0);
	assert_int_equal(process_bytes_after(place, 8000), 8000);
	assert_int_equal(process_bytes_after(place, 100), 7000);
	assert_int_equal(process_bytes_after(place, 0), 7000);
	assert_int_equal(process_bytes_after(place, 9000), 9000);
}

static void test_averages_move_by_three_tenths_of_the_logarithm(void **state)
{
	struct place *place = *state;
	static const char *const ids[] = { "a.py::test_x" };
	float cost_s;
	ran(place, ids[0], 1, TEST_PASSED);
	write_run(place);
	assert_int_equal(expect(place, ids, 1, &cost_s), 1);
	assert_near((double)cost_s, 1);
	ran(place, ids[0], 4, TEST_PASSED);
	write_run(place);
	expect(place, ids, 1, &cost_s);
	assert_near((double)cost_s, pow(4, 0.3));
}

static void test_short_tests_are_left_alone_until_they_are_long(void **state)
{
	struct place *place = *state;
	static const char *const ids[] = { "a.py::test_x" };
	float cost_s, again_s;
	ran(place, ids[0], 0.001, TEST_PASSED);
	write_run(place);
	expect(place, ids, 1, &cost_s);
	ran(place, ids[0], 0.002, TEST_PASSED);
	write_run(place);
	expect(place, ids, 1, &again_s);
	assert_true(again_s == cost_s);
	ran(place, ids[0], 2, TEST_PASSED);
	write_run(place);
	expect(place, ids, 1, &again_s);
	assert_true(again_s > cost_s * 2);
}

static void test_equal_ids_stay_apart(void **state)
{
	struct place *place = *state;
	static const char *const ids[] = { "a.py::test_x", "b.py::test_x", "a.py::test_x" };
	float costs_s[3];
	ran(place, ids[0], 1, TEST_PASSED);
	ran(place, ids[1], 2, TEST_PASSED);
	ran(place, ids[2], 3, TEST_PASSED);
	write_run(place);
	ran(place, ids[0], 0, TEST_NOT_RUN);
	ran(place, ids[2], 3, TEST_PASSED);
	write_run(place);
	assert_int_equal(expect(place, ids, 3, costs_s), 3);
	for (int i = 0; i < 3; i++)
		assert_near((double)costs_s[i], i + 1);
}

static void test_a_crash_tells_no_duration(void **state)
{
	struct place *place = *state;
	static const char *const ids[] = { "a.py::test_x", "a.py::test_y" };
	float costs_s[2];
	ran(place, ids[0], 1, TEST_PASSED);
	write_run(place);
	ran(place, ids[0], 0, TEST_CRASHED);
	ran(place, ids[1], 0, TEST_CRASHED);
	write_run(place);
	assert_int_equal(expect(place, ids, 2, costs_s), 1);
	assert_near((double)costs_s[0], 1);
}

static void test_unknown_tests_are_as_their_nearest_siblings(void **state)
{
	struct place *place = *state;
	static const char *const ids[] = { "d/a.py::test_p[new]", "d/a.py::test_new", "d/new.py::test_x", "new.py::test_x" };
	float costs_s[4];
	ran(place, "d/a.py::test_p[0]", 1, TEST_PASSED);
	ran(place, "d/a.py::test_p[1]", 2, TEST_PASSED);
	ran(place, "d/a.py::test_p[2]", 3, TEST_PASSED);
	ran(place, "d/a.py::test_p[3]", 4, TEST_PASSED);
	ran(place, "d/a.py::test_p[4]", 5, TEST_PASSED);
	for (int i = 0; i < 20; i++)
		ran(place, "d/a.py::test_other", 7, TEST_PASSED);
	for (int i = 0; i < 100; i++)
		ran(place, "d/b.py::test_b", 9, TEST_PASSED);
	for (int i = 0; i < 1000; i++)
		ran(place, "e/c.py::test_c", 11, TEST_PASSED);
	write_run(place);
	const char *all[4 + 5 + 20 + 100 + 1000];
	float all_s[sizeof(all) / sizeof(*all)];
	size_t count = 0;
	for (int i = 0; i < 4; i++)
		all[count++] = ids[i];
	static const char *const parameters[] = { "d/a.py::test_p[0]", "d/a.py::test_p[1]", "d/a.py::test_p[2]",
						  "d/a.py::test_p[3]", "d/a.py::test_p[4]" };
	for (int i = 0; i < 5; i++)
		all[count++] = parameters[i];
	for (int i = 0; i < 20; i++)
		all[count++] = "d/a.py::test_other";
	for (int i = 0; i < 100; i++)
		all[count++] = "d/b.py::test_b";
	for (int i = 0; i < 1000; i++)
		all[count++] = "e/c.py::test_c";
	assert_int_equal(expect(place, all, count, all_s), count - 4);
	assert_near((double)all_s[0], 4);  /* of 1 … 5 */
	assert_near((double)all_s[1], 7);  /* of the file */
	assert_near((double)all_s[2], 9);  /* of the folder */
	assert_near((double)all_s[3], 11); /* of the suite */
	/* A single test in a project that has many asks another way. */
	assert_int_equal(expect(place, parameters, 1, costs_s), 1);
	assert_near((double)costs_s[0], 1);
}

static double setup_of_module(struct place *place, const char *path)
{
	cleanup_history struct history *history = NULL;
	cleanup_module_costs struct module_costs costs = { .list = VEC_INIT };
	struct err err = ERR_INIT;
	assert_int_equal(history_open_quickly(&history, place->dir.buf, true, &err), 0);
	assert_int_equal(durations_setups(history, &costs, &err), 0);
	for (size_t i = 0; i < costs.list.len; i++)
		if (strcmp(costs.list.at[i].path, path) == 0)
			return costs.list.at[i].seconds;
	return -1;
}

static void test_setups_of_a_module_are_added_and_of_a_fixture_the_least_counts(void **state)
{
	struct place *place = *state;
	ran(place, "a.py::test_x", 1, TEST_PASSED);
	paid(place, "a.py", "one", 2);
	paid(place, "a.py", "other", 4);
	paid(place, "a.py", "one", 1); /* by another worker */
	paid(place, "b.py", "one", 8);
	write_run(place);
	assert_near(setup_of_module(place, "a.py"), 5);
	assert_near(setup_of_module(place, "b.py"), 8);
	ran(place, "a.py::test_x", 1, TEST_PASSED); /* now without its fixtures */
	write_run(place);
	assert_near(setup_of_module(place, "a.py"), 2.5);
	assert_near(setup_of_module(place, "b.py"), 8);
}

static void test_a_damaged_database_is_put_aside(void **state)
{
	struct place *place = *state;
	cleanup_str struct str path = STR_INIT, note = STR_INIT;
	struct err err = ERR_INIT;
	char garbage[8192];
	memset(garbage, 'x', sizeof(garbage));
	ran(place, "a.py::test_x", 1, TEST_PASSED);
	write_run(place);
	str_addf(&path, "%s/.comb/history.db", place->dir.buf);
	assert_int_equal(fs_write(path.buf, (struct slice){ garbage, sizeof(garbage) }, &err), 0);
	str_clear(&path);
	str_addf(&path, "%s/.comb/history.db-wal", place->dir.buf);
	os_unlink(path.buf);
	str_clear(&path);
	str_addf(&path, "%s/.comb/history.db-shm", place->dir.buf);
	os_unlink(path.buf);
	ran(place, "a.py::test_x", 1, TEST_PASSED);
	assert_int_equal(write_noting(place, &note, &err), 0);
	assert_non_null(strstr(note.buf, "damaged"));
	static const char *const ids[] = { "a.py::test_x" };
	float cost_s;
	assert_int_equal(expect(place, ids, 1, &cost_s), 1);
}

static void test_a_busy_database_is_given_up_soon(void **state)
{
	struct place *place = *state;
	cleanup_history struct history *other = NULL;
	cleanup_str struct str note = STR_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(history_open(&other, place->dir.buf, NULL, &err), 0);
	assert_int_equal(database_begin(other, &err), 0);
	ran(place, "a.py::test_x", 1, TEST_PASSED);
	assert_int_equal(write_noting(place, &note, &err), -1);
	assert_non_null(strstr(err.text, "locked"));
	assert_int_equal(note.len, 0);
	database_rollback(other);
	ran(place, "a.py::test_x", 1, TEST_PASSED);
	write_run(place);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_is_made_for_reading),
		TEST(test_the_size_of_a_process_grows_at_once_and_shrinks_slowly),
		TEST(test_averages_move_by_three_tenths_of_the_logarithm),
		TEST(test_short_tests_are_left_alone_until_they_are_long),
		TEST(test_equal_ids_stay_apart),
		TEST(test_a_crash_tells_no_duration),
		TEST(test_unknown_tests_are_as_their_nearest_siblings),
		TEST(test_setups_of_a_module_are_added_and_of_a_fixture_the_least_counts),
		TEST(test_a_damaged_database_is_put_aside),
		TEST(test_a_busy_database_is_given_up_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
