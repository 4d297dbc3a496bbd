/* The scheduler: whole suites in virtual time, from seeds, with every invariant checked at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/sched.h"

#define MAX_WORKERS 8
#define MAX_TESTS 200

static uint64_t seed_state;

static uint32_t draw(uint32_t below)
{
	seed_state = seed_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed_state >> 33) % below;
}

struct simulation {
	struct sched *sched;
	struct sched_test tests[MAX_TESTS];
	struct sched_options options;
	uint32_t count;
	double now, free_at[MAX_WORKERS]; /* when a worker's test ends */
	int64_t running[MAX_WORKERS];     /* index, -1 idle, -2 gone */
	uint8_t ran[MAX_TESTS * MAX_WORKERS];
	int group_worker[MAX_TESTS];
	double busy_s;
	bool mortal;
	uint32_t deaths; /* how many workers die in the middle of a test */
};

static struct sched *new_sched(struct simulation *sim)
{
	struct err err = ERR_INIT;
	struct sched *sched = aligned_alloc(16, (sched_bytes(sim->count, &sim->options) + 15) & ~(size_t)15);
	assert_non_null(sched);
	if (sched_init(sched, sim->tests, sim->count, &sim->options, &err) < 0)
		fail_msg("%s", err.text);
	return sched;
}

static void check(struct simulation *sim)
{
	struct err err = ERR_INIT;
	if (sched_check(sim->sched, &err) < 0)
		fail_msg("%s", err.text);
}

static void start(struct simulation *sim, uint32_t worker, int64_t index)
{
	const struct sched_test *test = &sim->tests[index % sim->count];
	assert_int_equal(sim->ran[index]++, 0);
	if (test->group != SCHED_NONE && !sim->mortal) {
		int *first = &sim->group_worker[test->group];
		*first = *first < 0 ? (int)worker : *first;
		if (!sim->options.each)
			assert_int_equal(*first, worker);
	}
	if (sim->options.each)
		assert_int_equal(index / sim->count, worker);
	sched_begin(sim->sched, worker);
	sim->running[worker] = index;
	sim->free_at[worker] = sim->now + (double)test->cost_s;
	sim->busy_s += (double)test->cost_s;
}

/* Everybody who is idle asks. */
static void hand_out(struct simulation *sim)
{
	for (uint32_t w = 0; w < sim->options.workers; w++) {
		if (sim->running[w] >= 0)
			continue;
		int64_t index = sched_take(sim->sched, w);
		check(sim);
		if (index >= 0)
			start(sim, w, index);
	}
}

/* The next event: a test ends, or its worker dies in it and is replaced. False when nothing runs. */
static bool advance(struct simulation *sim)
{
	uint32_t next = MAX_WORKERS;
	for (uint32_t w = 0; w < sim->options.workers; w++)
		if (sim->running[w] >= 0 && (next == MAX_WORKERS || sim->free_at[w] < sim->free_at[next]))
			next = w;
	if (next == MAX_WORKERS)
		return false;
	sim->now = sim->free_at[next];
	if (sim->deaths && draw(10) == 0) {
		sim->deaths--;
		if (draw(2)) {
			sched_take(sim->sched, next); /* a claim beside the running test goes back */
			sched_recover(sim->sched);
			check(sim);
		}
		assert_int_equal(sched_leave(sim->sched, next), sim->running[next]);
	} else {
		sched_end(sim->sched, next);
	}
	sim->running[next] = -1;
	check(sim);
	return true;
}

static void run(struct simulation *sim)
{
	sim->sched = new_sched(sim);
	memset(sim->group_worker, 0xff, sizeof(sim->group_worker));
	for (uint32_t w = 0; w < MAX_WORKERS; w++)
		sim->running[w] = -1;
	do
		hand_out(sim);
	while (advance(sim));
	assert_true(sched_is_drained(sim->sched));
	assert_int_equal(sched_waiting(sim->sched), 0);
	uint32_t total = sim->options.each ? sim->count * sim->options.workers : sim->count;
	for (uint32_t i = 0; i < total; i++)
		assert_int_equal(sim->ran[i], 1);
	free(sim->sched);
}

static void make_suite(struct simulation *sim, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	seed_state = seed * 2654435761u + 1;
	sim->count = 1 + draw(MAX_TESTS);
	sim->options.workers = 1 + draw(MAX_WORKERS);
	sim->options.longest_first = draw(2);
	uint32_t scopes = 1 + draw(20);
	for (uint32_t i = 0; i < sim->count; i++)
		sim->tests[i] = (struct sched_test){ .scope = i * scopes / sim->count, .group = SCHED_NONE,
						     .cost_s = (float)(1 + draw(100)) / 10 };
}

static void test_every_test_runs_once_and_nobody_idles(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1500; seed++) {
		struct simulation sim;
		make_suite(&sim, seed);
		double longest = 0, total = 0;
		for (uint32_t i = 0; i < sim.count; i++) {
			longest = (double)sim.tests[i].cost_s > longest ? (double)sim.tests[i].cost_s : longest;
			total += (double)sim.tests[i].cost_s;
		}
		run(&sim);
		/* Graham: no schedule without idle workers beside work is longer than this. */
		assert_true(sim.now <= total / sim.options.workers + longest + 1e-3);
	}
}

static void test_locks_and_serial_tests_never_overlap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1500; seed++) {
		struct simulation sim;
		make_suite(&sim, seed);
		for (uint32_t i = 0; i < sim.count; i++) {
			sim.tests[i].exclusive = draw(4) == 0 ? 1ull << draw(3) : 0;
			sim.tests[i].shared = draw(4) == 0 ? 1ull << draw(3) : 0;
			sim.tests[i].serial = draw(20) == 0;
		}
		run(&sim);
	}
}

static void test_groups_stay_on_one_worker(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct simulation sim;
		make_suite(&sim, seed);
		for (uint32_t i = 0; i < sim.count; i++)
			sim.tests[i].group = draw(3) ? draw(sim.count) : SCHED_NONE;
		run(&sim);
	}
}

static void test_each_worker_runs_all(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct simulation sim;
		make_suite(&sim, seed);
		sim.options.each = true;
		run(&sim);
	}
}

static void test_deaths_lose_one_test_and_no_other(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1500; seed++) {
		struct simulation sim;
		make_suite(&sim, seed);
		for (uint32_t i = 0; i < sim.count; i++) {
			sim.tests[i].group = draw(3) == 0 ? draw(sim.count) : SCHED_NONE;
			sim.tests[i].exclusive = draw(8) == 0 ? 1 : 0;
		}
		sim.mortal = true;
		sim.deaths = draw(6);
		run(&sim);
	}
}

static void test_a_lost_test_can_be_revived(void **state)
{
	(void)state;
	struct simulation sim;
	make_suite(&sim, 3);
	sim.sched = new_sched(&sim);
	int64_t lost = sched_take(sim.sched, 0);
	assert_true(lost >= 0);
	assert_false(sched_revive(sim.sched, (uint32_t)lost));
	sched_begin(sim.sched, 0);
	assert_int_equal(sched_leave(sim.sched, 0), lost);
	uint32_t waiting = sched_waiting(sim.sched);
	assert_true(sched_revive(sim.sched, (uint32_t)lost));
	assert_false(sched_revive(sim.sched, (uint32_t)lost));
	assert_int_equal(sched_waiting(sim.sched), waiting + 1);
	check(&sim);
	bool again = false;
	for (int64_t test; (test = sched_take(sim.sched, 0)) >= 0; sched_end(sim.sched, 0)) {
		again = again || test == lost;
		sched_begin(sim.sched, 0);
	}
	assert_true(again);
	assert_true(sched_is_drained(sim.sched));
	free(sim.sched);
}

static void test_stop_hands_out_nothing_more(void **state)
{
	(void)state;
	struct simulation sim;
	make_suite(&sim, 3);
	sim.sched = new_sched(&sim);
	int64_t claimed = sched_take(sim.sched, 0);
	assert_true(claimed >= 0);
	sched_stop(sim.sched);
	assert_int_equal(sched_take(sim.sched, 0), claimed);
	assert_false(sched_is_drained(sim.sched));
	sched_begin(sim.sched, 0);
	sched_end(sim.sched, 0);
	assert_int_equal(sched_take(sim.sched, 0), SCHED_DONE);
	assert_true(sched_is_drained(sim.sched));
	free(sim.sched);
}

static void test_two_long_tests_do_not_hold_short_ones(void **state)
{
	(void)state;
	struct simulation sim;
	memset(&sim, 0, sizeof(sim));
	static const float costs[] = { 2, 2, 0.01f, 0.01f };
	sim.count = 4;
	sim.options.workers = 2;
	for (uint32_t i = 0; i < 4; i++)
		sim.tests[i] = (struct sched_test){ .group = SCHED_NONE, .cost_s = costs[i] };
	run(&sim);
	assert_true(sim.now < 2.1);
}

static void test_a_worker_nobody_knows_has_nothing_to_do(void **state)
{
	(void)state;
	struct simulation sim;
	make_suite(&sim, 5);
	sim.sched = new_sched(&sim);
	uint32_t stranger = sim.options.workers;
	assert_int_equal(sched_take(sim.sched, stranger), SCHED_DONE);
	sched_begin(sim.sched, stranger);
	sched_end(sim.sched, stranger);
	assert_int_equal(sched_leave(sim.sched, stranger), SCHED_NONE);
	assert_int_equal(sched_running(sim.sched, stranger), SCHED_NONE);
	check(&sim);
	free(sim.sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_test_runs_once_and_nobody_idles),
		cmocka_unit_test(test_locks_and_serial_tests_never_overlap),
		cmocka_unit_test(test_groups_stay_on_one_worker),
		cmocka_unit_test(test_each_worker_runs_all),
		cmocka_unit_test(test_deaths_lose_one_test_and_no_other),
		cmocka_unit_test(test_a_lost_test_can_be_revived),
		cmocka_unit_test(test_a_worker_nobody_knows_has_nothing_to_do),
		cmocka_unit_test(test_stop_hands_out_nothing_more),
		cmocka_unit_test(test_two_long_tests_do_not_hold_short_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
