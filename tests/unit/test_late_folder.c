/* A path is given once, to whoever asks, also to a process that was forked before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/late_folder.h"

static void test_wanted_until_given(void **state)
{
	struct err err = ERR_INIT;
	size_t len = 0;
	struct late_folder *folder = late_folder_open(&err);
	assert_non_null(folder);
	assert_false(late_folder_is_wanted(folder));
	assert_null(late_folder_given(folder, &len));
	late_folder_want(folder);
	late_folder_want(folder);
	assert_true(late_folder_is_wanted(folder));
	assert_int_equal(late_folder_give(folder, "/tmp/a", 6, &err), 0);
	assert_false(late_folder_is_wanted(folder));
	late_folder_want(folder);
	assert_false(late_folder_is_wanted(folder));
	assert_memory_equal(late_folder_given(folder, &len), "/tmp/a", 6);
	assert_int_equal(len, 6);
	late_folder_close(folder);
}

static void test_refuses_what_does_not_fit_and_a_second_one(void **state)
{
	static const char long_path[LATE_FOLDER_MAX + 1];
	struct err err = ERR_INIT;
	size_t len = 0;
	struct late_folder *folder = late_folder_open(&err);
	assert_non_null(folder);
	assert_int_equal(late_folder_give(folder, long_path, sizeof(long_path), &err), -1);
	assert_null(late_folder_given(folder, &len));
	assert_int_equal(late_folder_give(folder, long_path, LATE_FOLDER_MAX, &err), 0);
	assert_int_equal(late_folder_give(folder, "b", 1, &err), -1);
	assert_non_null(late_folder_given(folder, &len));
	assert_int_equal(len, LATE_FOLDER_MAX);
	late_folder_close(folder);
}

static void test_a_child_asks_its_parent(void **state)
{
	struct err err = ERR_INIT;
	size_t len = 0;
	int status = 0;
	struct late_folder *folder = late_folder_open(&err);
	assert_non_null(folder);
	pid_t pid = fork();
	if (pid == 0) {
		const char *given = NULL;
		late_folder_want(folder);
		while (!given) {
			usleep(100);
			given = late_folder_given(folder, &len);
		}
		_exit(len == 2 && memcmp(given, "/x", 2) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	while (!late_folder_is_wanted(folder))
		usleep(100);
	assert_int_equal(late_folder_give(folder, "/x", 2, &err), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	late_folder_close(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted_until_given),
		cmocka_unit_test(test_refuses_what_does_not_fit_and_a_second_one),
		cmocka_unit_test(test_a_child_asks_its_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
