/* Children and memory of this process, and what the kernel counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/family.h"

static void test_children_that_live(void **state)
{
	(void)state;
	pid_t pids[4];
	assert_false(family_has_children());
	assert_int_equal(family_children(pids, 4), 0);
	pid_t sleeper = fork();
	if (sleeper == 0) {
		pause();
		_exit(0);
	}
	pid_t gone = fork();
	if (gone == 0)
		_exit(0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)gone, &info, WEXITED | WNOWAIT), 0);
	assert_true(family_has_children());
	assert_int_equal(family_children(pids, 4), 1);
	assert_int_equal(pids[0], sleeper);
	assert_int_equal(family_children(pids, 0), 1);
	kill(sleeper, SIGKILL);
	assert_int_equal(waitpid(sleeper, NULL, 0), sleeper);
	assert_true(family_has_children()); /* one that nobody has waited for */
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	assert_false(family_has_children());
}

static void test_memory_grows_with_use(void **state)
{
	(void)state;
	enum { BYTES = 32 << 20 };
	int64_t before = family_resident_bytes();
	char *block = malloc(BYTES);
	assert_non_null(block);
	memset(block, 1, BYTES);
	assert_true(before > 0);
	assert_true(family_resident_bytes() >= before + BYTES / 2);
	free(block);
}

static void test_counts_of_the_kernel(void **state)
{
	(void)state;
	static const char text[] = "low 0\nhigh 0\noom 7\noom_kill 3\noom_group_kill 9\n";
	assert_int_equal(family_count_in(text, "oom_kill"), 3);
	assert_int_equal(family_count_in(text, "low"), 0);
	assert_int_equal(family_count_in(text, "oom_"), -1);
	assert_int_equal(family_count_in("", "oom_kill"), -1);
	assert_true(family_oom_kills() >= -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children_that_live),
		cmocka_unit_test(test_memory_grows_with_use),
		cmocka_unit_test(test_counts_of_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
