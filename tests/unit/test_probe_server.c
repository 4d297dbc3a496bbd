/* Sequences of tests in forked processes of a small project, and what happens when a process ends before its time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/os.h"
#include "engine/probe_server.h"

static const char suite[] = "import os, subprocess, sys, time\n"
			    "import pytest\n"
			    "state = []\n"
			    "\n"
			    "@pytest.fixture(scope='module')\n"
			    "def log():\n"
			    "    yield state\n"
			    "    print('torn down')\n"
			    "\n"
			    "def test_0_polluter(): state.append(1)\n"
			    "def test_1_victim(): assert not state, 'spoilt by ' + str(state)\n"
			    "def test_2_brittle(): assert state\n"
			    "def test_3_folder(tmp_path, log):\n"
			    "    assert not list(tmp_path.iterdir()) and '/comb-run-' in str(tmp_path)\n"
			    "    (tmp_path / 'x').write_text('x')\n"
			    "def test_4_crash(): os._exit(0)\n"
			    "def test_5_sleep(): subprocess.Popen(['sleep', '60']); time.sleep(60)\n"
			    "def test_6_daemon():\n"
			    "    subprocess.Popen(['setsid', '-f', 'sleep', '60']).wait()\n"
			    "def test_7_kills_server(): os.kill(os.getppid(), 9); time.sleep(60)\n"
			    "def test_8_skipped(): pytest.skip('no')\n"
			    "@pytest.mark.xfail(strict=True)\n"
			    "def test_9_strict(): pass\n"
			    "def test_10_short(): time.sleep(.3)\n"
			    "def test_11_closes():\n"
			    "    os.closerange(20, 300)\n"
			    "def test_12_exit(): pytest.exit('enough')\n"
			    "def test_13_environment():\n"
			    "    assert not [n for n in os.environ if n.startswith('COMB_') and n not in ('COMB_PLUGIN_DIR', 'COMB_RUN')]\n"
			    "    assert 'comb-run' not in os.environ.get('PYTHONPATH', '')\n"
			    "def test_14_meets():\n"
			    "    open('met-%d' % os.getpid(), 'w').close()\n"
			    "    end = time.monotonic() + 20\n"
			    "    while len([n for n in os.listdir('.') if n.startswith('met-')]) < 4:\n"
			    "        assert time.monotonic() < end, 'nobody came'\n"
			    "        time.sleep(.01)\n";
#define TESTS 15

struct place {
	struct str dir; /* temporary: project/, tmp/ */
	struct project project;
	struct probe_server *server;
};

static struct place place;

static void write_file(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	cleanup_str struct str path = STR_INIT, folder = STR_INIT;
	assert_int_equal(fs_join(&folder, place.dir.buf, "project"), 0);
	assert_int_equal(fs_make_dirs(folder.buf, &err), 0);
	assert_int_equal(fs_join(&path, folder.buf, name), 0);
	assert_int_equal(fs_write(path.buf, (struct slice){ text, strlen(text) }, &err), 0);
}

static int set_up(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str folder = STR_INIT, real = STR_INIT;
	setenv("COMB_PLUGIN_DIR", COMB_TREE "/build/plugin", 1);
	unsetenv("TMPDIR");
	if (fs_make_temp_dir("comb-test-", &real, &err) < 0 || fs_real_path(real.buf, &place.dir, &err) < 0)
		return -1;
	assert_int_equal(fs_join(&folder, place.dir.buf, "tmp"), 0);
	assert_int_equal(fs_make_dirs(folder.buf, &err), 0);
	setenv("TMPDIR", folder.buf, 1);
	write_file("pytest.ini", "[pytest]\naddopts = -x\n");
	write_file("test_suite.py", suite);
	assert_int_equal(fs_join(&folder, place.dir.buf, "project"), 0);
	return project_open(&place.project, folder.buf, COMB_TREE "/.venv/bin/python", &err);
}

/* Processes whose working folder is the project's. */
static int count_processes(void)
{
	int count = 0;
	DIR *proc = opendir("/proc");
	cleanup_str struct str link = STR_INIT, project = STR_INIT;
	char cwd[4096];
	fs_join(&project, place.dir.buf, "project");
	for (struct dirent *entry; (entry = readdir(proc));) {
		str_clear(&link);
		str_addf(&link, "/proc/%s/cwd", entry->d_name);
		ssize_t n = readlink(link.buf, cwd, sizeof(cwd) - 1);
		if (n > 0) {
			cwd[n] = '\0';
			count += strcmp(cwd, project.buf) == 0;
		}
	}
	closedir(proc);
	return count;
}

static int count_temporary(void)
{
	int count = 0;
	DIR *dir = opendir(getenv("TMPDIR"));
	for (struct dirent *entry; (entry = readdir(dir));)
		count += text_starts_with(entry->d_name, "comb-run-");
	closedir(dir);
	return count;
}

static void wait_until_gone(void)
{
	int64_t end_ns = clock_now_ns() + 10 * NS_PER_SECOND;
	while ((count_processes() > 0 || count_temporary() > 0) && clock_now_ns() < end_ns)
		usleep(20000);
	assert_int_equal(count_processes(), 0);
	assert_int_equal(count_temporary(), 0);
}

static int tear_down(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	probe_server_close(place.server);
	place.server = NULL;
	wait_until_gone();
	project_release(&place.project);
	fs_remove_all(place.dir.buf, &err);
	str_release(&place.dir);
	return 0;
}

static void open_server(void)
{
	struct err err = ERR_INIT;
	cleanup_strings struct strings arguments = STRINGS_INIT;
	struct probe_server_options options = { .arguments = &arguments };
	strings_add(&arguments, "--maxfail=0");
	if (probe_server_open(&place.server, &place.project, &options, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(probe_server_suite(place.server)->tests.len, TESTS);
}

/* The outcomes of a sequence, one word each. */
static void check(const size_t *tests, size_t count, double timeout_s, const char *expected)
{
	struct err err = ERR_INIT;
	cleanup_probe_answer struct probe_answer answer = PROBE_ANSWER_INIT;
	cleanup_str struct str words = STR_INIT;
	uint64_t id = 0;
	assert_int_equal(probe_server_submit(place.server, tests, count, timeout_s, &id, &err), 0);
	assert_int_equal(probe_server_pending(place.server), 1);
	if (probe_server_wait(place.server, &answer, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(answer.id, id);
	assert_int_equal(probe_server_pending(place.server), 0);
	for (size_t i = 0; i < count; i++) {
		bool ran = tests[i] < answer.run.tests.len;
		str_addf(&words, "%s%s", i ? " " : "", outcome_name(ran ? answer.run.tests.at[tests[i]].outcome : TEST_NOT_RUN));
	}
	for (size_t i = 0; i < answer.run.tests.len; i++)
		if (answer.run.tests.at[i].failure && strcmp(str_text(&words), expected) != 0)
			print_message("test %zu: %s\n", i, answer.run.tests.at[i].failure);
	assert_string_equal(str_text(&words), expected);
}
#define CHECK(timeout_s, expected, ...)                                                                                \
	check((const size_t[]){ __VA_ARGS__ }, sizeof((size_t[]){ __VA_ARGS__ }) / sizeof(size_t), timeout_s, expected)

static void test_outcomes(void **state)
{
	(void)state;
	open_server();
	CHECK(30, "passed", 1);
	CHECK(30, "passed failed passed", 0, 1, 2);
	CHECK(30, "failed passed passed", 2, 1, 0);
	CHECK(30, "passed", 3);
	CHECK(30, "passed passed", 3, 13);
	CHECK(30, "skipped failed", 8, 9);
	CHECK(30, "passed crashed not run", 0, 4, 1);
	CHECK(30, "passed passed", 11, 1);
	CHECK(30, "passed not run not run", 1, 12, 3);
	CHECK(30, "passed passed", 6, 1);
}

static void test_failure_is_told(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_probe_answer struct probe_answer answer = PROBE_ANSWER_INIT;
	uint64_t id;
	open_server();
	const size_t tests[] = { 0, 1 };
	assert_int_equal(probe_server_submit(place.server, tests, 2, 30, &id, &err), 0);
	assert_int_equal(probe_server_wait(place.server, &answer, &err), 0);
	assert_non_null(strstr(answer.run.tests.at[1].failure, "spoilt by [1]"));
	assert_int_equal(answer.run.tests.at[0].order, 0);
	assert_int_equal(answer.run.tests.at[1].order, 1);
	assert_int_equal(answer.run.tests.at[1].worker, -1);
	assert_string_equal(probe_server_suite(place.server)->tests.at[1].id, "test_suite.py::test_1_victim");
}

static void test_time_limit(void **state)
{
	(void)state;
	int64_t start_ns = clock_now_ns();
	open_server();
	CHECK(0.5, "passed not run", 1, 5);
	CHECK(30, "passed", 1);
	assert_true(clock_now_ns() - start_ns < 15 * NS_PER_SECOND);
}

static void test_several_at_once(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_probe_answer struct probe_answer answer = PROBE_ANSWER_INIT;
	const size_t meets[] = { 14, 1 }, fast[] = { 0, 1 }; /* four wait for each other's files: none ends before the last began */
	uint64_t ids[8], seen = 0;
	open_server();
	for (int i = 0; i < 8; i++)
		assert_int_equal(probe_server_submit(place.server, i % 2 ? fast : meets, 2, 60, &ids[i], &err), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(probe_server_wait(place.server, &answer, &err), 0);
		int at = (int)(answer.id - ids[0]);
		assert_true(at >= 0 && at < 8 && !(seen & 1u << at));
		seen |= 1u << at;
		assert_int_equal(answer.run.tests.at[at % 2 ? 0 : 14].outcome, TEST_PASSED);
		assert_int_equal(answer.run.tests.at[1].outcome, at % 2 ? TEST_FAILED : TEST_PASSED);
	}
}

static void test_bad_calls(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_probe_answer struct probe_answer answer = PROBE_ANSWER_INIT;
	const size_t none[] = { TESTS };
	uint64_t id;
	open_server();
	assert_int_equal(probe_server_submit(place.server, none, 1, 0, &id, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	err_clear(&err);
	assert_int_equal(probe_server_wait(place.server, &answer, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void test_server_is_killed(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_probe_answer struct probe_answer answer = PROBE_ANSWER_INIT;
	const size_t tests[] = { 7 };
	uint64_t id;
	open_server();
	assert_int_equal(probe_server_submit(place.server, tests, 1, 30, &id, &err), 0);
	assert_int_equal(probe_server_wait(place.server, &answer, &err), -1);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
	err_clear(&err);
	assert_int_equal(probe_server_submit(place.server, tests, 1, 30, &id, &err), -1);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
}

static void test_comb_is_killed(void **state)
{
	(void)state;
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err err = ERR_INIT;
		const size_t tests[] = { 6, 5 };
		uint64_t id;
		struct probe_server *server;
		if (probe_server_open(&server, &place.project, NULL, &err) == 0 &&
		    probe_server_submit(server, tests, 2, 0, &id, &err) == 0)
			if (write(ready[1], "x", 1) == 1)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	int64_t end_ns = clock_now_ns() + 10 * NS_PER_SECOND;
	while (count_processes() < 4 && clock_now_ns() < end_ns) /* the server, the probe and two sleepers */
		usleep(20000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	wait_until_gone();
}

static void refused(const char *code, const char *why)
{
	struct err err = ERR_INIT;
	write_file("test_suite.py", code);
	assert_int_equal(probe_server_open(&place.server, &place.project, NULL, &err), -1);
	assert_null(place.server);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
	if (!strstr(err.text, why))
		fail_msg("%s", err.text);
}

static void test_refused(void **state)
{
	(void)state;
	refused("import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
		"def test_a(): pass\n",
		"other threads run after the collection: ");
	refused("import socket\ns = socket.socket()\ndef test_a(): pass\n", "s: a socket is open");
	refused("import sqlite3\nc = sqlite3.connect('x.db')\nc.execute('create table if not exists t (a)')\n"
		"def test_a(): pass\n",
		"x.db is open");
	refused("import subprocess\ns = subprocess.Popen(['sleep', '60'])\ndef test_a(): pass\n", "runs: sleep 60");
	refused("def test_a(: pass\n", "the collection has errors");
	refused("import os\nos._exit(3)\n", "ended before its time");
}

int main(void)
{
	if (!fs_exists(COMB_TREE "/.venv/bin/python") || !fs_exists(COMB_TREE "/build/plugin/pytest_comb/_comb.abi3.so"))
		return 77; /* no interpreter to try it with */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_outcomes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failure_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_several_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_server_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comb_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
