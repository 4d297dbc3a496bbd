/* Processes that begin in one moment: what they find, how they end, and that none is left when somebody is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fork_server.h"
#include "base/os.h"

enum { LOWEST_FD = 500 };

static int counter; /* of the process: whoever counts in it must not be heard of by another one */

static int count_up(void *by)
{
	counter += *(int *)by;
	return 0;
}

static int refuse(void *unused)
{
	(void)unused;
	return -1;
}

static int ten = 10;

/* Runs one process with this number, whose words and status are told; its answer is out of the test that calls. */
static struct fork_end run(struct fork_server *server, int64_t number)
{
	struct fork_end end = { .pid = -1 };
	assert_int_equal(fork_server_run(server, number), 0);
	assert_int_equal(fork_server_wait(server, &end), 0);
	return end;
}

static void say(int fd, const char *text)
{
	assert_int_equal(os_write_all(fd, text, strlen(text)), 0);
}

static void test_all_begin_in_one_moment(void **state)
{
	(void)state;
	struct fork_server server;
	struct fork_order order;
	counter = 1;
	int role = fork_server_begin(&server, count_up, &ten, LOWEST_FD, &order);
	if (role == FORK_SERVER_CHILD) {
		char text[64];
		sigset_t mask;
		sigprocmask(SIG_SETMASK, NULL, &mask);
		snprintf(text, sizeof(text), "%d %d %d %d", counter++, (int)order.number, order.words_fd >= LOWEST_FD,
			 sigismember(&mask, SIGTERM));
		say(order.words_fd, text);
		_exit((int)order.number);
	}
	assert_int_equal(role, FORK_SERVER_OWNER);
	counter = 100;
	for (int number = 0; number < 3; number++) {
		char expected[64];
		struct fork_end end = run(&server, number);
		snprintf(expected, sizeof(expected), "11 %d 1 0", number);
		assert_string_equal(str_text(&end.said), expected);
		assert_true(end.pid > 0 && end.pid != server.pid && WIFEXITED(end.status));
		assert_int_equal(WEXITSTATUS(end.status), number);
		fork_end_release(&end);
	}
	fork_server_end(&server);
	fork_server_end(&server);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

enum { SAY_MUCH, DIE, KILL_SERVER, SLEEP, LEAVE_A_PROCESS };

static void do_as_told(const struct fork_order *order)
{
	enum { MUCH = 300000 };
	switch (order->number) {
	case SAY_MUCH:
		for (int i = 0; i < MUCH; i += 10)
			say(order->words_fd, "0123456789");
		break;
	case DIE:
		say(order->words_fd, "half a wo");
		kill(getpid(), SIGUSR1);
		break;
	case KILL_SERVER:
		kill(getppid(), SIGKILL);
		pause();
		break;
	case LEAVE_A_PROCESS:
		if (fork() == 0)
			sleep(2);
		else
			say(order->words_fd, "left");
		break;
	default:
		sleep(60);
	}
	_exit(0);
}

static int begin_to_do(struct fork_server *server)
{
	struct fork_order order;
	int role = fork_server_begin(server, count_up, &ten, LOWEST_FD, &order);
	if (role == FORK_SERVER_CHILD)
		do_as_told(&order);
	return role;
}

static void test_words_and_ends(void **state)
{
	(void)state;
	struct fork_server server;
	assert_int_equal(begin_to_do(&server), FORK_SERVER_OWNER);
	struct fork_end end = run(&server, SAY_MUCH);
	assert_int_equal(end.said.len, 300000);
	assert_memory_equal(end.said.buf + 299990, "0123456789", 11);
	fork_end_release(&end);
	end = run(&server, DIE);
	assert_string_equal(str_text(&end.said), "half a wo");
	assert_true(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGUSR1);
	fork_end_release(&end);
	end = run(&server, LEAVE_A_PROCESS);
	assert_string_equal(str_text(&end.said), "left");
	fork_end_release(&end);
	fork_server_end(&server);
}

static void test_the_server_is_killed(void **state)
{
	(void)state;
	struct fork_server server;
	assert_int_equal(begin_to_do(&server), FORK_SERVER_OWNER);
	pid_t pid = server.pid;
	struct fork_end end = run(&server, KILL_SERVER);
	assert_int_equal(end.pid, pid);
	assert_true(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGKILL);
	assert_int_equal(server.pid, -1);
	fork_end_release(&end);
	fork_server_end(&server);

	assert_int_equal(begin_to_do(&server), FORK_SERVER_OWNER);
	kill(server.pid, SIGKILL); /* between two orders */
	usleep(20000);
	end = run(&server, SAY_MUCH);
	assert_true(WIFSIGNALED(end.status));
	fork_end_release(&end);
}

static void note(int number)
{
	(void)number;
}

/* The server heeds no signal; its owner is woken, and can go on waiting or end both. */
static void test_signals(void **state)
{
	(void)state;
	struct fork_server server;
	struct fork_end end = { .pid = -1 };
	struct sigaction action = { .sa_handler = note }, old;
	assert_int_equal(begin_to_do(&server), FORK_SERVER_OWNER);
	kill(server.pid, SIGTERM);
	kill(server.pid, SIGINT);
	end = run(&server, SAY_MUCH);
	assert_int_equal(end.said.len, 300000);
	fork_end_release(&end);

	sigaction(SIGALRM, &action, &old);
	assert_int_equal(fork_server_run(&server, SLEEP), 0);
	alarm(1);
	assert_int_equal(fork_server_wait(&server, &end), -1);
	assert_int_equal(errno, EINTR);
	sigaction(SIGALRM, &old, NULL);
	fork_server_end(&server); /* at once, though its process sleeps */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_nothing_to_serve(void **state)
{
	(void)state;
	struct fork_server server = FORK_SERVER_INIT;
	struct fork_order order;
	fork_server_end(&server);
	assert_int_equal(fork_server_begin(&server, refuse, NULL, LOWEST_FD, &order), FORK_SERVER_OWNER);
	struct fork_end end = run(&server, 0);
	assert_true(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 1);
	fork_end_release(&end);
	os_fault_arm(1, EAGAIN);
	assert_int_equal(fork_server_begin(&server, count_up, &ten, LOWEST_FD, &order), -1);
	assert_int_equal(errno, EAGAIN);
	os_fault_arm(0, 0);
	assert_int_equal(server.pid, -1);
}

static int fail_twice_later(void *unused)
{
	(void)unused;
	os_fault_arm(2, EAGAIN); /* reading the order, then making a pipe */
	return 0;
}

static void test_it_serves_on_after_a_refused_process(void **state)
{
	(void)state;
	struct fork_server server;
	struct fork_order order;
	struct fork_end end = { .pid = -1 };
	int role = fork_server_begin(&server, fail_twice_later, NULL, LOWEST_FD, &order);
	if (role == FORK_SERVER_CHILD)
		do_as_told(&order);
	assert_int_equal(fork_server_run(&server, SAY_MUCH), 0);
	assert_int_equal(fork_server_wait(&server, &end), -1);
	assert_int_equal(errno, EAGAIN);
	fork_end_release(&end);
	end = run(&server, SAY_MUCH);
	assert_int_equal(end.said.len, 300000);
	fork_end_release(&end);
	fork_server_end(&server);
}

/* SIGKILL for the owner: this process adopts what it leaves, and finds that it ends. */
static void test_the_owner_is_killed(void **state)
{
	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	pid_t owner = fork();
	if (owner == 0) {
		struct fork_server server;
		if (begin_to_do(&server) == FORK_SERVER_OWNER && fork_server_run(&server, SLEEP) == 0)
			usleep(100000);
		raise(SIGKILL);
	}
	int ended = 0;
	while (waitpid(-1, NULL, 0) > 0)
		ended++;
	assert_int_equal(ended, 3);
	prctl(PR_SET_CHILD_SUBREAPER, 0L, 0L, 0L, 0L);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_begin_in_one_moment),
		cmocka_unit_test(test_words_and_ends),
		cmocka_unit_test(test_the_server_is_killed),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_nothing_to_serve),
		cmocka_unit_test(test_it_serves_on_after_a_refused_process),
		cmocka_unit_test(test_the_owner_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
