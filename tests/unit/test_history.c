/* The history: identity of tests, paces, touches, damage, concurrent writers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/os.h"
#include "history/history.h"

struct place {
	struct str dir;
	struct history *history;
};

static void reopen(struct place *place, struct str *note)
{
	struct err err = ERR_INIT;
	history_close(place->history);
	assert_int_equal(history_open(&place->history, place->dir.buf, note, &err), 0);
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;
	struct place *place = calloc(1, sizeof(*place));
	assert_int_equal(fs_make_temp_dir("comb-test-", &place->dir, &err), 0);
	reopen(place, NULL);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct err err = ERR_INIT;
	struct place *place = *state;
	history_close(place->history);
	fs_remove_all(place->dir.buf, &err);
	str_release(&place->dir);
	free(place);
	return 0;
}

static void add_test(struct suite_run *run, const char *id, double call_s, enum outcome outcome)
{
	struct test test = { .outcome = outcome, .call_s = call_s, .setup_s = 0.001, .teardown_s = 0.001, .worker = -1 };
	cleanup_str struct str path = STR_INIT;
	str_add(&path, id, strcspn(id, ":"));
	test.id = os_strdup(id);
	test.path = os_strdup(path.buf);
	assert_int_equal(vec_push(&run->tests, test), 0);
}

static void add_touch(struct suite_run *run, size_t test, enum touch_kind kind, const char *what)
{
	struct touch touch = { .kind = kind, .phase = 'c', .test = test, .line = 7 };
	touch.what = os_strdup(what);
	touch.file = os_strdup("t.py");
	assert_int_equal(vec_push(&run->touches, touch), 0);
}

static const struct history_run serial = { .purpose = "mark", .engine = ENGINE_SERIAL };

static void keep(struct place *place, const struct history_run *what, const struct suite_run *run)
{
	struct err err = ERR_INIT;
	assert_int_equal(history_record(place->history, what, run, NULL, &err), 0);
}

static void test_paces_move_towards_the_newest_run(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct pace pace;
	for (int i = 0; i < 20; i++) {
		cleanup_suite_run struct suite_run run = { .exit_code = 0 };
		add_test(&run, "t.py::a", i < 10 ? 1.0 : 0.1, i < 10 ? TEST_PASSED : TEST_FAILED);
		keep(place, &serial, &run);
	}
	reopen(place, NULL);
	cleanup_suite_run struct suite_run run = { .exit_code = 0 };
	add_test(&run, "t.py::a", 0, TEST_NOT_RUN);
	assert_int_equal(history_paces(place->history, &run, &pace, &err), 0);
	assert_int_equal(pace.samples, 20);
	assert_true(pace.call_s > 0.1 && pace.call_s < 0.11);
	assert_int_equal(pace.last_outcome, TEST_FAILED);
	assert_true(pace.log_variance > 0);
}

static void test_equal_ids_are_told_apart_and_order_does_not_matter(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct pace paces[3];
	cleanup_suite_run struct suite_run run = { .exit_code = 0 }, later = { .exit_code = 0 };
	add_test(&run, "t.py::same", 1, TEST_PASSED);
	add_test(&run, "t.py::other", 2, TEST_PASSED);
	add_test(&run, "t.py::same", 3, TEST_PASSED);
	keep(place, &serial, &run);
	add_test(&later, "t.py::other", 0, TEST_NOT_RUN);
	add_test(&later, "t.py::same", 0, TEST_NOT_RUN);
	add_test(&later, "t.py::same", 0, TEST_NOT_RUN);
	assert_int_equal(history_paces(place->history, &later, paces, &err), 0);
	assert_true(paces[0].call_s > 1.99 && paces[0].call_s < 2.01);
	assert_true(paces[1].call_s > 0.99 && paces[1].call_s < 1.01);
	assert_true(paces[2].call_s > 2.99 && paces[2].call_s < 3.01);
}

static void test_texts_that_are_no_text_are_kept(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct pace pace;
	cleanup_suite_run struct suite_run run = { .exit_code = 0, .watched = true };
	add_test(&run, "t\xff.py::x[\xed\xa0\x80']", 1, TEST_PASSED);
	add_touch(&run, 0, TOUCH_WRITE, "/tmp/\xfe");
	keep(place, &serial, &run);
	assert_int_equal(history_paces(place->history, &run, &pace, &err), 0);
	assert_int_equal(pace.samples, 1);
}

static void test_touches_come_back_unless_the_run_has_its_own(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	cleanup_suite_run struct suite_run first = { .watched = true }, later = { .exit_code = 0 };
	add_test(&first, "t.py::a", 1, TEST_PASSED);
	add_test(&first, "t.py::b", 1, TEST_PASSED);
	add_touch(&first, 0, TOUCH_WRITE, "/tmp/a");
	add_touch(&first, 1, TOUCH_BIND, "tcp:127.0.0.1:80");
	add_touch(&first, SIZE_MAX, TOUCH_WRITE, "/tmp/import");
	keep(place, &serial, &first);
	add_test(&later, "t.py::b", 1, TEST_PASSED);
	add_test(&later, "t.py::a", 1, TEST_PASSED);
	add_touch(&later, 1, TOUCH_SPAWN, "git");
	assert_int_equal(history_touches(place->history, &later, &err), 0);
	assert_int_equal(later.touches.len, 2);
	assert_int_equal(later.touches.at[1].kind, TOUCH_BIND);
	assert_int_equal(later.touches.at[1].test, 0);
	assert_string_equal(later.touches.at[1].file, "t.py");
}

static void test_a_watching_run_replaces_touches_and_an_unwatched_one_keeps_them(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	cleanup_suite_run struct suite_run watched = { .watched = true }, again = { .watched = true };
	cleanup_suite_run struct suite_run plain = { .exit_code = 0 };
	add_test(&watched, "t.py::a", 1, TEST_PASSED);
	add_touch(&watched, 0, TOUCH_WRITE, "/tmp/a");
	keep(place, &serial, &watched);
	add_test(&plain, "t.py::a", 1, TEST_PASSED);
	keep(place, &serial, &plain);
	assert_int_equal(history_touches(place->history, &plain, &err), 0);
	assert_int_equal(plain.touches.len, 1);
	add_test(&again, "t.py::a", 1, TEST_PASSED);
	keep(place, &serial, &again);
	assert_int_equal(history_touches(place->history, &again, &err), 0);
	assert_int_equal(again.touches.len, 0);
}

static void test_outcomes_of_a_purpose_outlive_other_runs(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct history_run other = { .purpose = "run", .engine = ENGINE_SERIAL };
	unsigned seen[2];
	for (int i = 0; i < 60; i++) {
		cleanup_suite_run struct suite_run run = { .exit_code = 0 };
		add_test(&run, "t.py::a", 1, i % 2 ? TEST_PASSED : TEST_FAILED);
		keep(place, i < 2 ? &serial : &other, &run);
	}
	cleanup_suite_run struct suite_run run = { .exit_code = 0 };
	add_test(&run, "t.py::new", 1, TEST_PASSED);
	add_test(&run, "t.py::a", 1, TEST_PASSED);
	assert_int_equal(history_outcomes(place->history, "mark", &run, seen, &err), 0);
	assert_int_equal(seen[0], 0);
	assert_int_equal(seen[1], OUTCOME_BIT(TEST_PASSED));
	assert_int_equal(history_outcomes(place->history, "run", &run, seen, &err), 0);
	assert_int_equal(seen[1], OUTCOME_BIT(TEST_PASSED) | OUTCOME_BIT(TEST_FAILED));
}

static void test_walls_are_those_of_green_runs_of_one_configuration(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct history_run two = { .purpose = "tune", .engine = ENGINE_XDIST, .workers = 2, .dist = "load" };
	double walls[8];
	size_t count;
	for (int i = 0; i < 5; i++) {
		cleanup_suite_run struct suite_run run = { .exit_code = i == 4, .wall_s = i };
		add_test(&run, "t.py::a", 1, TEST_PASSED);
		keep(place, i % 2 ? &two : &serial, &run);
	}
	assert_int_equal(history_walls(place->history, &serial, walls, 8, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_true(walls[0] == 2 && walls[1] == 0);
	assert_int_equal(history_walls(place->history, &two, walls, 1, &count, &err), 0);
	assert_int_equal(count, 1);
}

static void test_meta_is_kept_and_forgotten(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	cleanup_str struct str value = STR_INIT;
	assert_int_equal(history_meta_get(place->history, "k", &value, &err), 0);
	assert_int_equal(history_meta_set(place->history, "k", "one", &err), 0);
	assert_int_equal(history_meta_set(place->history, "k", "two", &err), 0);
	reopen(place, NULL);
	assert_int_equal(history_meta_get(place->history, "k", &value, &err), 1);
	assert_string_equal(value.buf, "two");
	assert_int_equal(history_meta_set(place->history, "k", NULL, &err), 0);
	assert_int_equal(history_meta_get(place->history, "k", &value, &err), 0);
}

static void damage(struct place *place, size_t from)
{
	struct err err = ERR_INIT;
	cleanup_str struct str path = STR_INIT, content = STR_INIT;
	history_close(place->history);
	place->history = NULL;
	str_addf(&path, "%s/.comb/history.db", place->dir.buf);
	assert_int_equal(fs_read(path.buf, &content, &err), 0);
	memset(content.buf + from, 'x', content.len - from);
	assert_int_equal(fs_write(path.buf, str_slice(&content), &err), 0);
}

static void test_a_damaged_database_is_put_aside_and_told(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	cleanup_str struct str aside = STR_INIT, value = STR_INIT;
	static const size_t offsets[] = { 0, 4096 };
	for (size_t i = 0; i < 2; i++) {
		cleanup_str struct str note = STR_INIT;
		assert_int_equal(history_meta_set(place->history, "k", "v", &err), 0);
		damage(place, offsets[i]);
		reopen(place, &note);
		str_clear(&aside);
		str_addf(&aside, "%s/.comb/history.db.damaged-%zu", place->dir.buf, i + 1);
		assert_true(fs_is_file(aside.buf));
		assert_non_null(strstr(note.buf, aside.buf));
		assert_int_equal(history_meta_get(place->history, "k", &value, &err), 0);
	}
}

static void test_a_folder_that_cannot_be_written_is_an_environment_error(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct history *history;
	cleanup_str struct str folder = STR_INIT, file = STR_INIT;
	str_addf(&folder, "%s/other", place->dir.buf);
	str_addf(&file, "%s/.comb", folder.buf);
	assert_int_equal(fs_make_dirs(folder.buf, &err), 0);
	assert_int_equal(fs_write(file.buf, SLICE("in the way"), &err), 0);
	assert_int_equal(history_open(&history, folder.buf, NULL, &err), -1);
	assert_int_equal(err_exit_status(&err), 3);
	assert_true(err.hint[0]);
	assert_null(history);
}

static void test_git_ignores_the_folder_by_itself(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	cleanup_str struct str path = STR_INIT, content = STR_INIT;
	str_addf(&path, "%s/.comb/.gitignore", place->dir.buf);
	assert_int_equal(fs_read(path.buf, &content, &err), 0);
	assert_string_equal(content.buf, "*\n");
}

#define WRITERS 4
#define RUNS_EACH 25

static int write_many(const char *dir, int writer)
{
	struct err err = ERR_INIT;
	struct history *history;
	cleanup_suite_run struct suite_run run = { .exit_code = 0 };
	char id[32];
	snprintf(id, sizeof(id), "t.py::w%d", writer);
	add_test(&run, "t.py::shared", 1, TEST_PASSED);
	add_test(&run, id, 1, TEST_PASSED);
	if (history_open(&history, dir, NULL, &err) < 0)
		return 1;
	int failed = 0;
	for (int i = 0; i < RUNS_EACH; i++)
		failed |= history_record(history, &serial, &run, NULL, &err);
	history_close(history);
	return failed ? 1 : 0;
}

static void test_concurrent_writers_lose_nothing(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	struct pace paces[WRITERS + 1];
	cleanup_suite_run struct suite_run run = { .exit_code = 0 };
	pid_t pids[WRITERS];
	history_close(place->history);
	place->history = NULL;
	for (int i = 0; i < WRITERS; i++)
		if ((pids[i] = fork()) == 0)
			_exit(write_many(place->dir.buf, i));
	for (int i = 0; i < WRITERS; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	reopen(place, NULL);
	add_test(&run, "t.py::shared", 0, TEST_NOT_RUN);
	for (int i = 0; i < WRITERS; i++) {
		char id[32];
		snprintf(id, sizeof(id), "t.py::w%d", i);
		add_test(&run, id, 0, TEST_NOT_RUN);
	}
	assert_int_equal(history_paces(place->history, &run, paces, &err), 0);
	assert_int_equal(paces[0].samples, WRITERS * RUNS_EACH);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(paces[i + 1].samples, RUNS_EACH);
}

/* Whatever allocation fails, the run is there as a whole or not at all. */
static void test_recording_is_all_or_nothing_under_every_fault(void **state)
{
	struct place *place = *state;
	cleanup_suite_run struct suite_run run = { .exit_code = 0 };
	struct pace paces[2];
	add_test(&run, "t.py::a", 1, TEST_PASSED);
	add_test(&run, "t.py::b", 1, TEST_PASSED);
	for (long nth = 1;; nth++) {
		struct err err = ERR_INIT;
		struct pace before = { 0 }, after;
		assert_int_equal(history_paces(place->history, &run, paces, &err), 0);
		before = paces[0];
		os_fault_arm(nth, 12);
		int failed = history_record(place->history, &serial, &run, NULL, &err);
		bool fired = os_fault_fired();
		os_fault_arm(0, 0);
		err_clear(&err);
		assert_int_equal(history_paces(place->history, &run, paces, &err), 0);
		after = paces[0];
		assert_int_equal(after.samples, before.samples + (failed ? 0 : 1));
		if (!fired)
			break;
		assert_int_equal(failed, -1);
	}
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		UNIT(test_paces_move_towards_the_newest_run),
		UNIT(test_equal_ids_are_told_apart_and_order_does_not_matter),
		UNIT(test_texts_that_are_no_text_are_kept),
		UNIT(test_touches_come_back_unless_the_run_has_its_own),
		UNIT(test_a_watching_run_replaces_touches_and_an_unwatched_one_keeps_them),
		UNIT(test_outcomes_of_a_purpose_outlive_other_runs),
		UNIT(test_walls_are_those_of_green_runs_of_one_configuration),
		UNIT(test_meta_is_kept_and_forgotten),
		UNIT(test_a_damaged_database_is_put_aside_and_told),
		UNIT(test_a_folder_that_cannot_be_written_is_an_environment_error),
		UNIT(test_git_ignores_the_folder_by_itself),
		UNIT(test_concurrent_writers_lose_nothing),
		UNIT(test_recording_is_all_or_nothing_under_every_fault),
	};
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
