/* Processes that share a board: each test once, a death with the lock held, frames larger than a ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/board.h"

#define TESTS 3000
#define WORKERS 4

static struct board *planned(uint32_t count, uint32_t workers)
{
	struct err err = ERR_INIT;
	struct board *board = board_open(BOARD_PLAIN, &err);
	assert_non_null(board);
	struct sched_test *tests = calloc(count, sizeof(*tests));
	for (uint32_t i = 0; i < count; i++)
		tests[i] = (struct sched_test){ .scope = i / 50, .group = SCHED_NONE };
	struct sched_options options = { .workers = workers };
	assert_int_equal(board_make_rings(board, workers, &err), 0);
	assert_false(board_wait_plan(board, 1000));
	assert_int_equal(board_plan(board, tests, count, &options, 42, &err), 0);
	assert_true(board_wait_plan(board, 1000));
	assert_int_equal(board_digest(board), 42);
	free(tests);
	return board;
}

static void test_tests_that_processes_came_back_out_of(void **state)
{
	(void)state;
	uint32_t tests[BOARD_MAX_RETURNED];
	struct board *board = planned(10, 1);
	assert_int_equal(board_returned(board, tests), 0);
	board_tell_returned(board, 0);
	board_tell_returned(board, 7);
	board_tell_returned(board, 0);
	assert_int_equal(board_returned(board, tests), 2);
	assert_int_equal(tests[0], 0);
	assert_int_equal(tests[1], 7);
	for (uint32_t test = 8; test < 2 * BOARD_MAX_RETURNED; test++)
		board_tell_returned(board, test);
	assert_int_equal(board_returned(board, tests), BOARD_MAX_RETURNED);
	board_close(board);
}

static void work(struct board *board, uint32_t worker)
{
	int64_t index;
	while ((index = board_take(board, worker, true)) >= 0) {
		board_begin(board, worker);
		board_send(board, 1 + worker, 1, &index, sizeof(index), false);
		board_end(board, worker);
	}
	board_send(board, 1 + worker, 2, NULL, 0, true);
	_exit(0);
}

static void test_processes_share_the_tests(void **state)
{
	(void)state;
	struct board *board = planned(TESTS, WORKERS);
	for (uint32_t w = 0; w < WORKERS; w++)
		if (fork() == 0)
			work(board, w);
	static unsigned char seen[TESTS];
	memset(seen, 0, sizeof(seen));
	for (int ended = 0; ended < WORKERS;) {
		struct ring_frame frame;
		for (uint32_t ring = 1; ring <= WORKERS; ring++)
			while (board_receive(board, ring, &frame) == 1) {
				int64_t index = 0;
				ended += frame.type == 2;
				if (frame.type == 2)
					continue;
				memcpy(&index, frame.payload.ptr, sizeof(index));
				seen[index]++;
			}
		board_wait_bell(board, 1000000);
	}
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < TESTS; i++)
		assert_int_equal(seen[i], 1);
	board_close(board);
}

static void test_a_frame_larger_than_the_ring(void **state)
{
	(void)state;
	struct board *board = planned(1, 1);
	size_t len = 5000000;
	if (fork() == 0) {
		char *large = malloc(len);
		memset(large, 'x', len);
		board_send(board, 1, 3, large, len, true);
		_exit(0);
	}
	struct ring_frame frame;
	int got;
	while ((got = board_receive(board, 1, &frame)) == 0)
		board_wait_bell(board, 1000000);
	assert_int_equal(got, 1);
	assert_int_equal(frame.payload.len, len);
	assert_int_equal(frame.payload.ptr[len - 1], 'x');
	wait(NULL);
	board_close(board);
}

static void test_a_killed_worker_gives_back_what_it_held(void **state)
{
	(void)state;
	for (int round = 0; round < 30; round++) {
		struct board *board = planned(TESTS, 2);
		pid_t child = fork();
		if (child == 0)
			work(board, 0); /* nobody reads its ring: fine, it holds more than these frames */
		usleep((unsigned)(round * 37));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		uint32_t lost = board_leave(board, 0);
		uint32_t ran = 0;
		while (board_take(board, 1, true) >= 0) {
			board_begin(board, 1);
			board_end(board, 1);
			ran++;
		}
		assert_int_equal(board_waiting(board), 0);
		assert_true(ran + (lost != SCHED_NONE) <= TESTS);
		for (uint32_t i = 0; i < TESTS; i++)
			assert_int_equal(board_state(board, i), i == lost ? SCHED_TEST_LOST : SCHED_TEST_DONE);
		board_close(board);
	}
}

/* Worker 0 holds the last test: worker 1 waits in case it comes back, worker 2 may go. */
static void test_one_idle_worker_waits_for_what_others_hold(void **state)
{
	(void)state;
	struct board *board = planned(2, 3);
	assert_true(board_take(board, 0, true) >= 0);
	assert_true(board_take(board, 1, true) >= 0);
	pid_t first = fork();
	if (first == 0) {
		board_begin(board, 1);
		board_end(board, 1);
		_exit(board_take(board, 1, true) >= 0 ? 0 : 1); /* what worker 0 had not begun */
	}
	while (atomic_load(&board_slot(board, 1)->waited_ns[SCHED_WAIT_TAIL]) == 0)
		usleep(1000);
	assert_int_equal(board_take(board, 2, true), SCHED_DONE);
	assert_int_equal(waitpid(first, NULL, WNOHANG), 0);
	assert_int_equal(board_leave(board, 0), SCHED_NONE);
	int status;
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_int_equal(status, 0);
	board_close(board);
}

static void test_too_many_workers_is_said(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct board *board = board_open(BOARD_PLAIN, &err);
	assert_int_equal(board_make_rings(board, BOARD_MAX_WORKERS + 1, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	board_close(board);
	board_close(NULL);
}

struct crew {
	struct board *board;
	uint32_t worker;
	_Atomic unsigned char *seen;
};

static void *work_in_thread(void *at)
{
	struct crew *me = at;
	int64_t index;
	while ((index = board_take(me->board, me->worker, true)) >= 0) {
		board_begin(me->board, me->worker);
		atomic_fetch_add(&me->seen[index], 1);
		board_send(me->board, 1 + me->worker, 1, &index, sizeof(index), false);
		board_end(me->board, me->worker);
	}
	board_send(me->board, 1 + me->worker, 2, NULL, 0, true);
	return NULL;
}

/* The same as with processes, where a thread sanitizer can see it. */
static void test_threads_share_the_tests(void **state)
{
	(void)state;
	static _Atomic unsigned char seen[TESTS];
	struct board *board = planned(TESTS, WORKERS);
	struct crew crew[WORKERS];
	pthread_t threads[WORKERS];
	for (uint32_t w = 0; w < WORKERS; w++) {
		crew[w] = (struct crew){ board, w, seen };
		assert_int_equal(pthread_create(&threads[w], NULL, work_in_thread, &crew[w]), 0);
	}
	struct ring_frame frame;
	for (int ended = 0, told = 0; ended < WORKERS || told < TESTS;) {
		for (uint32_t ring = 1; ring <= WORKERS; ring++)
			while (board_receive(board, ring, &frame) == 1) {
				ended += frame.type == 2;
				told += frame.type == 1;
			}
		board_wait_bell(board, 1000000);
	}
	for (uint32_t w = 0; w < WORKERS; w++)
		pthread_join(threads[w], NULL);
	for (int i = 0; i < TESTS; i++)
		assert_int_equal(seen[i], 1);
	board_close(board);
}

#define LOCKS 3
#define CAPPED LOCKS /* the resource after the locks: at most two at once */

/* What threads do that take, finish, lose, hand over and die, while another one looks, revives and buries. */
struct stage {
	struct board *board;
	struct sched_use uses[TESTS][2];
	_Atomic unsigned char ran[TESTS], lost[TESTS];
	_Atomic int32_t inside[LOCKS + 1];
	_Atomic bool dead[WORKERS];
	_Atomic uint32_t living, deaths, losses, handed_over;
};

static struct stage stage;

static uint32_t holder_of(uint32_t scope)
{
	return scope % 3 ? scope % WORKERS : SCHED_NONE;
}

static void plan_stage(void)
{
	static struct sched_test tests[TESTS];
	static uint32_t holders[TESTS / 50], caps[LOCKS + 1] = { [CAPPED] = 2 };
	struct sched_options options = { .workers = WORKERS, .scopes = TESTS / 50, .holders = holders,
					 .resources = LOCKS + 1, .caps = caps };
	struct err err = ERR_INIT;
	for (uint32_t scope = 0; scope < TESTS / 50; scope++)
		holders[scope] = holder_of(scope);
	for (uint32_t i = 0; i < TESTS; i++) {
		struct sched_use *uses = stage.uses[i];
		tests[i] = (struct sched_test){ .scope = i / 50, .run = i / 5, .group = SCHED_NONE, .uses = uses,
						.serial = i % 500 == 7 };
		if (i % 8 == 0)
			tests[i].group = i / 100;
		if (i % 7 == 0)
			uses[tests[i].use_count++] = (struct sched_use){ i % LOCKS, i % 2 };
		if (i % 5 == 0)
			uses[tests[i].use_count++] = (struct sched_use){ CAPPED, false };
	}
	stage.board = board_open(BOARD_PLAIN, &err);
	assert_non_null(stage.board);
	assert_int_equal(board_make_rings(stage.board, WORKERS, &err), 0);
	assert_int_equal(board_plan(stage.board, tests, TESTS, &options, 7, &err), 0);
}

/* Exclusive is worth so much that nobody else fits in. */
static void enter(int64_t test, int direction)
{
	bool locks = test % 7 == 0;
	int32_t weight = locks && test % 2 ? 1000 : 1;
	if (locks && atomic_fetch_add(&stage.inside[test % LOCKS], direction * weight) >= 1000 && direction > 0)
		abort();
	if (test % 5 == 0 && atomic_fetch_add(&stage.inside[CAPPED], direction) >= 2 && direction > 0)
		abort();
}

/* As a process that ends here: the controller sees it, and another one takes its place. */
static void die(uint32_t worker)
{
	atomic_fetch_add(&stage.deaths, 1);
	atomic_store(&stage.dead[worker], true);
	while (atomic_load(&stage.dead[worker]))
		usleep(50);
}

static void *act(void *at)
{
	uint32_t worker = (uint32_t)(uintptr_t)at, chance = worker * 7919 + 1;
	struct board *board = stage.board;
	int64_t test;
	board_start_slot(board, worker, (int32_t)worker + 1, worker);
	while ((test = board_take(board, worker, true)) >= 0) {
		chance = chance * 1664525 + 1013904223;
		uint32_t act = (chance >> 16) % 64;
		bool first = !atomic_load(&stage.lost[test]);
		uint32_t holder = holder_of((uint32_t)test / 50);
		if (act == 0) {
			die(worker);
			continue;
		}
		if (act < 24 && first && holder != SCHED_NONE && holder != worker) {
			if (board_hand_over(board, worker) != holder)
				abort();
			atomic_fetch_add(&stage.handed_over, 1);
			continue;
		}
		board_begin(board, worker);
		enter(test, 1);
		board_set_phase(board, worker, PHASE_CALL);
		board_send(board, 1 + worker, 1, &test, sizeof(test), act % 8 == 0);
		if (act % 4 == 0)
			board_take(board, worker, false); /* the next one, while this one is torn down */
		enter(test, -1);
		if (act < 8 && first) {
			atomic_store(&stage.lost[test], 1);
			if (act < 6) {
				die(worker);
				continue;
			}
			if (board_lose(board, worker) != (uint32_t)test || !board_revive(board, (uint32_t)test))
				abort();
			atomic_fetch_add(&stage.losses, 1);
			continue;
		}
		atomic_fetch_add(&stage.ran[test], 1);
		board_end(board, worker);
	}
	atomic_fetch_sub(&stage.living, 1);
	return NULL;
}

static void bury(uint32_t worker)
{
	uint32_t lost = board_leave(stage.board, worker);
	if (lost != SCHED_NONE) {
		assert_int_equal(board_state(stage.board, lost), SCHED_TEST_LOST);
		assert_true(board_revive(stage.board, lost));
	}
	board_start_slot(stage.board, worker, (int32_t)worker + 1, worker);
	atomic_store(&stage.dead[worker], false);
}

/* The scheduler is used under the lock of the board alone: here threads do so with each of its operations, for TSan to see. */
static void test_threads_do_everything_at_once(void **state)
{
	(void)state;
	pthread_t threads[WORKERS];
	struct ring_frame frame;
	struct err err = ERR_INIT;
	memset(&stage, 0, sizeof(stage));
	plan_stage();
	atomic_store(&stage.living, WORKERS);
	for (uintptr_t w = 0; w < WORKERS; w++)
		assert_int_equal(pthread_create(&threads[w], NULL, act, (void *)w), 0);
	while (atomic_load(&stage.living) > 0) {
		board_wait_bell(stage.board, 1000000);
		for (uint32_t w = 0; w < WORKERS; w++) {
			while (board_receive(stage.board, 1 + w, &frame) == 1)
				;
			assert_true(atomic_load(&board_slot(stage.board, w)->phase) <= PHASE_TEARDOWN);
			if (atomic_load(&stage.dead[w]))
				bury(w);
		}
		assert_true(board_waiting(stage.board) <= TESTS);
		board_left_s(stage.board);
	}
	for (uint32_t w = 0; w < WORKERS; w++)
		pthread_join(threads[w], NULL);
	for (uint32_t i = 0; i < TESTS; i++) {
		assert_int_equal(stage.ran[i], 1);
		assert_int_equal(board_state(stage.board, i), SCHED_TEST_DONE);
	}
	assert_int_equal(sched_check(board_sched(stage.board), &err), 0);
	assert_true(stage.deaths > 30 && stage.losses > 30);
	print_message("%u deaths, %u losses, %u handed over\n", stage.deaths, stage.losses, stage.handed_over);
	board_stop(stage.board);
	assert_int_equal(board_take(stage.board, 0, true), SCHED_DONE);
	board_close(stage.board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_share_the_tests),
		cmocka_unit_test(test_tests_that_processes_came_back_out_of),
		cmocka_unit_test(test_threads_share_the_tests),
		cmocka_unit_test(test_threads_do_everything_at_once),
		cmocka_unit_test(test_a_frame_larger_than_the_ring),
		cmocka_unit_test(test_a_killed_worker_gives_back_what_it_held),
		cmocka_unit_test(test_one_idle_worker_waits_for_what_others_hold),
		cmocka_unit_test(test_too_many_workers_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
