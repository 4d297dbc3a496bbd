/* Runs in a chosen order: by forks, by whole pytest runs, and from the one to the other; the outcomes are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/os.h"
#include "safety/serial.h"

static const char suite[] = "import os, threading, time\n"
			    "if os.path.exists('thread'):\n"
			    "    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
			    "state = []\n"
			    "def test_polluter(): state.append(1)\n"
			    "def test_victim(): assert not state, 'spoilt'\n"
			    "def test_brittle(): assert state\n"
			    "def test_kills():\n"
			    "    if not os.path.exists('killed'):\n"
			    "        open('killed', 'w').close()\n"
			    "        os.kill(os.getppid(), 9)\n"
			    "        time.sleep(60)\n";

static struct {
	struct str dir;
	struct project project;
	struct suite_run base;
	struct str notes;
} place;

static void write_file(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	cleanup_str struct str path = STR_INIT;
	assert_int_equal(fs_join(&path, place.dir.buf, name), 0);
	assert_int_equal(fs_write(path.buf, (struct slice){ text, strlen(text) }, &err), 0);
}

static void on_note(void *context, const char *text)
{
	(void)context;
	str_adds(&place.notes, text);
}

static int set_up(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str made = STR_INIT;
	struct suite_options options = { .engine = ENGINE_SERIAL, .collect_only = true };
	setenv("COMB_PLUGIN_DIR", COMB_TREE "/build/plugin", 1);
	place.base = (struct suite_run)SUITE_RUN_INIT;
	if (fs_make_temp_dir("comb-test-", &made, &err) < 0 || fs_real_path(made.buf, &place.dir, &err) < 0)
		return -1;
	write_file("pytest.ini", "[pytest]\naddopts = --maxfail=1\n");
	write_file("test_suite.py", suite);
	if (project_open(&place.project, place.dir.buf, COMB_TREE "/.venv/bin/python", &err) < 0)
		return -1;
	return suite_run(&place.project, &options, &place.base, &err);
}

static int tear_down(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	suite_run_release(&place.base);
	project_release(&place.project);
	fs_remove_all(place.dir.buf, &err);
	str_release(&place.dir);
	str_release(&place.notes);
	return 0;
}

static void check(struct serial *serial, const size_t *order, size_t count, const char *expected)
{
	struct err err = ERR_INIT;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	cleanup_str struct str words = STR_INIT;
	if (serial_run(serial, order, count, 60, &run, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(run.tests.len, place.base.tests.len);
	for (size_t i = 0; i < run.tests.len; i++)
		str_addf(&words, "%s%s", i ? ", " : "", outcome_name(run.tests.at[i].outcome));
	assert_string_equal(str_text(&words), expected);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(run.tests.at[order[i]].order, i);
}

static const size_t forward[] = { 0, 1, 2 }, backward[] = { 2, 1, 0 }, killer[] = { 3 };
static const struct progress_sink sink = { .note = on_note };

static void check_orders(struct serial *serial)
{
	check(serial, forward, 3, "passed, failed, passed, not run");
	check(serial, backward, 3, "passed, passed, failed, not run");
}

static void test_forked(void **state)
{
	(void)state;
	cleanup_serial struct serial serial = { .project = &place.project, .base = &place.base, .sink = &sink };
	check_orders(&serial);
	assert_int_equal(serial.forked, 2);
	assert_int_equal(serial.started, 0);
	assert_int_equal(place.notes.len, 0);
}

static void test_whole_runs(void **state)
{
	(void)state;
	cleanup_serial struct serial serial = { .project = &place.project, .base = &place.base, .sink = &sink };
	write_file("thread", "");
	check_orders(&serial);
	assert_int_equal(serial.forked, 0);
	assert_int_equal(serial.started, 2);
	assert_non_null(strstr(str_text(&place.notes), "other threads run"));
}

static void test_the_server_is_lost(void **state)
{
	(void)state;
	cleanup_serial struct serial serial = { .project = &place.project, .base = &place.base, .sink = &sink };
	check(&serial, forward, 3, "passed, failed, passed, not run");
	check(&serial, killer, 1, "not run, not run, not run, passed");
	check(&serial, backward, 3, "passed, passed, failed, not run");
	assert_int_equal(serial.forked, 1);
	assert_int_equal(serial.started, 2);
	assert_non_null(strstr(str_text(&place.notes), "ended before its time"));
}

int main(void)
{
	if (!fs_exists(COMB_TREE "/.venv/bin/python") || !fs_exists(COMB_TREE "/build/plugin/pytest_comb/_comb.abi3.so"))
		return 77; /* no interpreter to try it with */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whole_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_server_is_lost, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
