/* Temporary folders and what removes them when their maker is killed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/scratch.h"

#define PREFIX "comb-scratch-"

static struct str place;

static int set_up(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	if (fs_make_temp_dir("comb-test-", &place, &err) < 0)
		return -1;
	return setenv("TMPDIR", place.buf, 1);
}

static int tear_down(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	int result = fs_remove_all(place.buf, &err);
	unsetenv("TMPDIR");
	str_release(&place);
	return result;
}

static int count_folders(void)
{
	int count = 0;
	DIR *dir = opendir(place.buf);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += text_starts_with(entry->d_name, PREFIX);
	closedir(dir);
	return count;
}

static void wait_for_folders(int wanted)
{
	int64_t end_ns = clock_now_ns() + 10 * NS_PER_SECOND;
	while (count_folders() != wanted && clock_now_ns() < end_ns)
		usleep(5000);
	assert_int_equal(count_folders(), wanted);
}

/* A process that makes a folder, and one below, and waits to be killed. Returns when the folder stands. */
static pid_t start_maker(void)
{
	int before = count_folders();
	pid_t pid = fork();
	if (pid == 0) {
		struct scratch scratch = SCRATCH_INIT;
		struct err err = ERR_INIT;
		cleanup_str struct str inner = STR_INIT;
		if (scratch_make(&scratch, PREFIX, &err) == 0 && fs_join(&inner, scratch.path.buf, "a/b") == 0 &&
		    fs_make_dirs(inner.buf, &err) == 0)
			for (;;)
				pause();
		_exit(1);
	}
	wait_for_folders(before + 1);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_made_and_released(void **state)
{
	(void)state;
	struct scratch first = SCRATCH_INIT, second = SCRATCH_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	assert_int_equal(scratch_make(&first, PREFIX, &err), 0);
	assert_int_equal(scratch_make(&second, PREFIX, &err), 0);
	assert_string_not_equal(first.path.buf, second.path.buf);
	assert_int_equal(stat(first.path.buf, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(count_folders(), 2);
	scratch_release(&first);
	scratch_release(&first);
	assert_int_equal(count_folders(), 1);
	scratch_release(&second);
	assert_int_equal(count_folders(), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no guard is left */
}

static void test_a_folder_that_cannot_be_made(void **state)
{
	(void)state;
	struct scratch scratch = SCRATCH_INIT;
	struct err err = ERR_INIT;
	setenv("TMPDIR", "/nothing/of/this/name", 1);
	assert_int_equal(scratch_make(&scratch, PREFIX, &err), -1);
	assert_non_null(strstr(err.text, "/nothing/of/this/name/" PREFIX));
	setenv("TMPDIR", place.buf, 1);
	scratch_release(&scratch);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_the_maker_is_killed(void **state)
{
	(void)state;
	pid_t pid = start_maker();
	end(pid);
	wait_for_folders(0);
}

/* Started with the folder's name in its environment, as pytest is, and in a session of its own. */
static void test_its_processes_end_too(void **state)
{
	(void)state;
	int ends[2];
	char byte;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct scratch scratch = SCRATCH_INIT;
		struct err err = ERR_INIT;
		if (scratch_make(&scratch, PREFIX, &err) < 0)
			_exit(1);
		if (fork() == 0) {
			cleanup_str struct str variable = STR_INIT;
			setsid();
			str_addf(&variable, "COMB_RECORD=%s/record", scratch.path.buf);
			char *env[] = { variable.buf, NULL };
			execle("/bin/sleep", "sleep", "60", (char *)NULL, env);
		}
		close(ends[1]);
		for (;;)
			pause();
	}
	close(ends[1]);
	wait_for_folders(1);
	usleep(100000); /* until the child is sleep */
	end(pid);
	wait_for_folders(0);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody holds the other end */
	close(ends[0]);
}

static void age_folders(void)
{
	DIR *dir = opendir(place.buf);
	for (struct dirent *entry; (entry = readdir(dir));) {
		const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
		if (text_starts_with(entry->d_name, PREFIX))
			assert_int_equal(utimensat(dirfd(dir), entry->d_name, old, 0), 0);
	}
	closedir(dir);
}

static void test_a_folder_that_nobody_holds_is_swept(void **state)
{
	(void)state;
	struct scratch scratch = SCRATCH_INIT;
	struct err err = ERR_INIT;
	cleanup_str struct str abandoned = STR_INIT, other = STR_INIT;
	assert_int_equal(fs_join(&abandoned, place.buf, PREFIX "abcd1234"), 0);
	assert_int_equal(fs_join(&other, place.buf, PREFIX "short"), 0);
	assert_int_equal(mkdir(abandoned.buf, 0700), 0);
	assert_int_equal(mkdir(other.buf, 0700), 0);
	pid_t maker = start_maker();
	assert_int_equal(scratch_make(&scratch, PREFIX, &err), 0);
	assert_true(fs_exists(abandoned.buf)); /* its maker may be about to lock it */
	scratch_release(&scratch);
	age_folders();
	assert_int_equal(scratch_make(&scratch, PREFIX, &err), 0);
	assert_false(fs_exists(abandoned.buf));
	assert_true(fs_exists(other.buf)); /* none of ours */
	assert_int_equal(count_folders(), 3); /* the maker's is held, though it is old */
	scratch_release(&scratch);
	end(maker);
	wait_for_folders(1);
	assert_int_equal(rmdir(other.buf), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_and_released),
		cmocka_unit_test(test_a_folder_that_cannot_be_made),
		cmocka_unit_test(test_the_maker_is_killed),
		cmocka_unit_test(test_its_processes_end_too),
		cmocka_unit_test(test_a_folder_that_nobody_holds_is_swept),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
