/* The ground floor: strings, durations, files, processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"

static void test_printable_escapes_what_a_terminal_would_obey(void **state)
{
	(void)state;
	cleanup_str struct str s = STR_INIT;
	static const char hostile[] = "ok\x1b[2J\xc2\x9b\xff\n\xed\xa0\x80 \xc3\xa9";
	str_add_printable(&s, hostile, sizeof(hostile) - 1);
	assert_string_equal(s.buf, "ok\\x1b[2J\\x9b\\xff\\n\\xed\\xa0\\x80 \xc3\xa9");
}

static void test_text_that_moves_other_text_is_escaped(void **state)
{
	(void)state;
	cleanup_str struct str s = STR_INIT;
	static const char moves[] = "a\u202eb\u2066c\u2069\u2028d", stays[] = "\u2026\u2019\u2070\u200d\u2065\u6f22";
	str_add_printable(&s, moves, sizeof(moves) - 1);
	assert_string_equal(s.buf, "a\\u202eb\\u2066c\\u2069\\u2028d");
	str_clear(&s);
	str_add_printable(&s, stays, sizeof(stays) - 1);
	assert_string_equal(s.buf, stays);
}

static void test_durations_are_read_as_people_write_them(void **state)
{
	(void)state;
	double s;
	assert_int_equal(clock_parse_duration("1h30m", &s), 0);
	assert_true(s == 5400);
	assert_int_equal(clock_parse_duration("250ms", &s), 0);
	assert_true(s == 0.25);
	assert_int_equal(clock_parse_duration("90", &s), 0);
	assert_true(s == 90);
	static const char *const bad[] = { "", "x", "5q", "-1", "5m3" };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(clock_parse_duration(bad[i], &s), -1);
}

static void test_error_names_errno_and_first_failure_wins(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	errno = ENOENT;
	assert_int_equal(err_set(&err, ERR_INPUT, "cannot read x:"), -1);
	err_set(&err, ERR_INTERNAL, "later");
	assert_string_equal(err.text, "cannot read x: No such file or directory");
	assert_int_equal(err_exit_status(&err), 2);
}

/* Every single call of a write made to fail: the old content stays, no temporary file is left. */
static void test_write_is_atomic_under_every_fault(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, path = STR_INIT, content = STR_INIT;
	assert_int_equal(fs_make_temp_dir("comb-test-", &dir, &err), 0);
	fs_join(&path, dir.buf, "file");
	assert_int_equal(fs_write(path.buf, SLICE("old"), &err), 0);
	for (long nth = 1;; nth++) {
		err_clear(&err);
		os_fault_arm(nth, ENOSPC);
		int result = fs_write(path.buf, SLICE("new"), &err);
		os_fault_arm(0, 0);
		if (!os_fault_fired()) {
			assert_int_equal(result, 0);
			break;
		}
		err_clear(&err);
		assert_int_equal(fs_read(path.buf, &content, &err), 0);
		assert_string_equal(content.buf, result == 0 ? "new" : "old");
		if (result == 0)
			assert_int_equal(fs_write(path.buf, SLICE("old"), &err), 0);
	}
	assert_int_equal(fs_read(path.buf, &content, &err), 0);
	assert_string_equal(content.buf, "new");
	assert_int_equal(os_unlink(path.buf), 0);
	assert_int_equal(os_rmdir(dir.buf), 0); /* fails if anything else was left */
}

static size_t count_entries(const char *folder)
{
	size_t count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

/* Writers killed at any moment: the file is whole, and the next write leaves nothing but it, nor a live writer's file. */
static void test_what_killed_writers_leave_is_removed(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, path = STR_INIT, other = STR_INIT, content = STR_INIT;
	static char big[SIZE];
	size_t left = 0;
	memset(big, 'n', sizeof(big));
	assert_int_equal(fs_make_temp_dir("comb-test-", &dir, &err), 0);
	fs_join(&path, dir.buf, "file");
	fs_join(&other, dir.buf, "file.comb-notours");
	assert_int_equal(fs_write(other.buf, SLICE("a user's"), &err), 0);
	for (int round = 0; round < 200 && left == 0; round++) {
		assert_int_equal(fs_write(path.buf, SLICE("old"), &err), 0);
		pid_t pid = fork();
		for (; pid == 0;)
			fs_write(path.buf, (struct slice){ big, sizeof(big) }, &err);
		usleep(2000 + (useconds_t)round * 37);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		left = count_entries(dir.buf) - 2;
		assert_int_equal(fs_read(path.buf, &content, &err), 0);
		assert_true(content.len == 3 || content.len == SIZE);
	}
	assert_int_equal(left, 1); /* else nothing was tried */
	assert_int_equal(fs_write(path.buf, SLICE("new"), &err), 0);
	assert_int_equal(count_entries(dir.buf), 2);
	assert_int_equal(fs_remove_all(dir.buf, &err), 0);
}

/* Two that write one file at a time do not take each other's for a dead one's. */
static void test_writers_of_one_file_do_not_disturb_each_other(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, path = STR_INIT;
	pid_t writers[3];
	assert_int_equal(fs_make_temp_dir("comb-test-", &dir, &err), 0);
	fs_join(&path, dir.buf, "file");
	for (size_t i = 0; i < 3; i++) {
		writers[i] = fork();
		for (int n = 0; writers[i] == 0 && n < 100; n++)
			if (fs_write(path.buf, SLICE("text"), &err) < 0)
				_exit(1);
		if (writers[i] == 0)
			_exit(0);
	}
	for (size_t i = 0; i < 3; i++) {
		int status;
		assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_entries(dir.buf), 1);
	assert_int_equal(fs_remove_all(dir.buf, &err), 0);
}

static void test_process_output_and_status(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct proc_result result = PROC_RESULT_INIT;
	const char *argv[] = { "sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	assert_int_equal(proc_run(argv, NULL, &result, &err), 0);
	assert_int_equal(result.exit_code, 3);
	assert_string_equal(result.out.buf, "out\n");
	assert_string_equal(result.err_out.buf, "err\n");
	const char *missing[] = { "/nonexistent/program", NULL };
	assert_int_equal(proc_run(missing, NULL, &result, &err), -1);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
	proc_result_release(&result);
}

static void test_time_limit_ends_the_whole_group(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct proc_result result = PROC_RESULT_INIT;
	struct proc_options options = { .timeout_s = 0.2, .grace_s = 0.1 };
	const char *argv[] = { "sh", "-c", "trap '' INT TERM; sleep 60 & sleep 60", NULL };
	assert_int_equal(proc_run(argv, &options, &result, &err), 0);
	assert_true(result.timed_out);
	assert_int_equal(result.signal, 9);
	assert_true(result.wall_s < 30);
	proc_result_release(&result);
}

static void test_grandchild_does_not_hold_us_up(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct proc_result result = PROC_RESULT_INIT;
	const char *argv[] = { "sh", "-c", "sleep 60 & echo started", NULL };
	assert_int_equal(proc_run(argv, NULL, &result, &err), 0);
	assert_string_equal(result.out.buf, "started\n");
	assert_true(result.wall_s < 30);
	proc_result_release(&result);
}

/* A program in the foreground is in our process group and reads our input; else it has a group of its own. */
static void test_foreground_program_shares_group_and_input(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct proc_result result = PROC_RESULT_INIT;
	struct proc_options options = { .foreground = true, .inherit_input = true };
	char script[128];
	const char *argv[] = { "sh", "-c", script, NULL };
	int saved = dup(0), pipe_fds[2];
	assert_int_equal(os_pipe(pipe_fds), 0);
	assert_int_equal(os_write_all(pipe_fds[1], "hello\n", 6), 0);
	os_close(pipe_fds[1]);
	assert_int_equal(dup2(pipe_fds[0], 0), 0);
	os_close(pipe_fds[0]);
	snprintf(script, sizeof(script), "set -- $(cat /proc/$$/stat); [ $5 = %d ] && read x && echo $x", (int)getpgrp());
	assert_int_equal(proc_run(argv, &options, &result, &err), 0);
	assert_int_equal(result.exit_code, 0);
	assert_string_equal(str_text(&result.out), "hello\n");
	options = (struct proc_options){ .inherit_output = false };
	assert_int_equal(proc_run(argv, &options, &result, &err), 0);
	assert_int_equal(result.exit_code, 1);
	proc_result_release(&result);
	assert_int_equal(dup2(saved, 0), 0);
	os_close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable_escapes_what_a_terminal_would_obey),
		cmocka_unit_test(test_text_that_moves_other_text_is_escaped),
		cmocka_unit_test(test_durations_are_read_as_people_write_them),
		cmocka_unit_test(test_error_names_errno_and_first_failure_wins),
		cmocka_unit_test(test_write_is_atomic_under_every_fault),
		cmocka_unit_test(test_what_killed_writers_leave_is_removed),
		cmocka_unit_test(test_writers_of_one_file_do_not_disturb_each_other),
		cmocka_unit_test(test_process_output_and_status),
		cmocka_unit_test(test_foreground_program_shares_group_and_input),
		cmocka_unit_test(test_time_limit_ends_the_whole_group),
		cmocka_unit_test(test_grandchild_does_not_hold_us_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
