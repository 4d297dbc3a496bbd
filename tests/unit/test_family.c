/* Children and memory of this process, and what the kernel counts. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
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
	assert_int_equal(family_children(getpid(), pids, 4), 0);
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
	assert_int_equal(family_children(getpid(), pids, 4), 1);
	assert_int_equal(pids[0], sleeper);
	assert_int_equal(family_children(getpid(), pids, 0), 1);
	kill(sleeper, SIGKILL);
	assert_int_equal(waitpid(sleeper, NULL, 0), sleeper);
	assert_true(family_has_children()); /* one that nobody has waited for */
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	assert_false(family_has_children());
}

static void test_who_runs(void **state)
{
	(void)state;
	pid_t pids[3];
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0 && i == 0)
			pause();
		while (pids[i] == 0)
			;
	}
	size_t running = 3;
	for (int tries = 0; tries < 1000 && running != 2; tries++) {
		usleep(1000); /* until the first one has come to its pause */
		running = family_count_running(pids, 3, 3);
	}
	assert_int_equal(running, 2);
	assert_int_equal(family_count_running(pids, 3, 1), 1);
	assert_int_equal(family_count_running(pids, 0, 3), 0);
	for (int i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	assert_int_equal(family_count_running(pids, 3, 3), 0);
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

/* A child that says text, leaves a grandchild with the pipe where it is asked to, and ends with status 3. */
static pid_t speaker(const int pipe_fds[2], const char *text, bool leaves_one)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	if (leaves_one && fork() == 0) {
		pause();
		_exit(0);
	}
	_exit(write(pipe_fds[1], text, strlen(text)) < 0 ? 1 : 3);
}

static void test_last_words(void **state)
{
	(void)state;
	for (int leaves_one = 0; leaves_one < 2; leaves_one++) {
		int fds[2], status;
		struct str said = STR_INIT;
		assert_int_equal(pipe(fds), 0);
		pid_t group = fork();
		if (group == 0) { /* so that the grandchild can be ended with its group */
			setpgid(0, 0);
			pid_t pid = speaker(fds, "it was me", leaves_one);
			close(fds[1]);
			bool right = family_last_words(pid, fds[0], &said, &status) == 0 &&
				     strcmp(str_text(&said), "it was me") == 0 && WEXITSTATUS(status) == 3;
			str_release(&said);
			signal(SIGTERM, SIG_IGN);
			kill(0, SIGTERM);
			_exit(right ? 0 : 1);
		}
		close(fds[0]);
		close(fds[1]);
		assert_int_equal(waitpid(group, &status, 0), group);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void nothing(int number)
{
	(void)number;
}

static void test_last_words_and_a_signal(void **state)
{
	(void)state;
	int fds[2], status;
	struct str said = STR_INIT;
	struct sigaction act = { .sa_handler = nothing }, old;
	assert_int_equal(pipe(fds), 0);
	pid_t mute = fork();
	if (mute == 0) {
		pause();
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
	int held[2];
	assert_int_equal(pipe(held), 0); /* its end stays open here: nobody says anything, and nobody ends */
	ualarm(20000, 0);
	assert_int_equal(family_last_words(mute, held[0], &said, &status), -1);
	assert_int_equal(errno, EINTR);
	kill(mute, SIGKILL);
	assert_int_equal(family_last_words(mute, held[0], &said, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(said.len, 0);
	assert_int_equal(family_last_words(mute, held[0], &said, &status), 0); /* waited for already, and held is open */
	assert_int_equal(status, FAMILY_STATUS_LOST);
	str_release(&said);
	sigaction(SIGALRM, &old, NULL);
	close(fds[0]);
	close(held[0]);
	close(held[1]);
}

/* The end of a child that nobody would have heard of. */
static void test_ends_are_kept(void **state)
{
	(void)state;
	struct sigaction act = { .sa_handler = SIG_IGN }, old, found;
	struct family_ends ends;
	int status = 0;
	assert_int_equal(sigaction(SIGCHLD, &act, &old), 0);
	family_keep_ends(&ends);
	pid_t pid = fork();
	if (pid == 0) {
		family_put_back(&ends);
		sigaction(SIGCHLD, NULL, &found);
		_exit(found.sa_handler == SIG_IGN ? 4 : 5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 4);
	family_put_back(&ends);
	sigaction(SIGCHLD, &old, &found);
	assert_true(found.sa_handler == SIG_IGN);
}

static sem_t wanted_end;
static pthread_t idle;
static bool is_idle;

static void *idle_thread(void *unused)
{
	(void)unused;
	sem_wait(&wanted_end);
	return NULL;
}

static void end_idle_thread(void)
{
	if (!is_idle)
		return;
	is_idle = false;
	sem_post(&wanted_end);
	pthread_join(idle, NULL);
}

/* As a library would do it; and SIGCHLD is ignored. */
static void test_threads_that_end_before_a_fork(void **state)
{
	(void)state;
	assert_int_equal(sem_init(&wanted_end, 0, 0), 0);
	assert_int_equal(pthread_atfork(end_idle_thread, NULL, NULL), 0);
	family_end_idle_threads();
	assert_int_equal(pthread_create(&idle, NULL, idle_thread, NULL), 0);
	is_idle = true;
	struct sigaction act = { .sa_handler = SIG_IGN }, old, found;
	assert_int_equal(sigaction(SIGCHLD, &act, &old), 0);
	family_end_idle_threads();
	sigaction(SIGCHLD, &old, &found);
	assert_true(found.sa_handler == SIG_IGN);
	assert_false(is_idle);
	assert_false(family_has_children());
	sem_destroy(&wanted_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children_that_live),
		cmocka_unit_test(test_who_runs),
		cmocka_unit_test(test_memory_grows_with_use),
		cmocka_unit_test(test_counts_of_the_kernel),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_last_words_and_a_signal),
		cmocka_unit_test(test_ends_are_kept),
		cmocka_unit_test(test_threads_that_end_before_a_fork),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
