/* Which configurations are measured, and how the measuring ends. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/candidates.h"
#include "tune/contest.h"

/* Times are made up: a true mean by number of workers, and seeded noise. */
struct world {
	double serial_s, by_worker_s;
	double noise;
	uint64_t seed;
	int broken_workers; /* this many give other results */
	char order[256];
};

static int run(void *context, struct contestant *entry, struct err *err)
{
	struct world *world = context;
	const struct configuration *c = &entry->configuration;
	double mean = c->engine == ENGINE_SERIAL ? world->serial_s : world->serial_s - world->by_worker_s * c->workers;
	size_t len = strlen(world->order);
	(void)err;
	if (len + 1 < sizeof(world->order))
		world->order[len] = (char)('0' + c->workers);
	if (c->workers && c->workers == world->broken_workers) {
		snprintf(entry->failure, sizeof(entry->failure), "exit code 1");
		return 1;
	}
	sample_add(&entry->wall_s, mean * (1 + world->noise * (stats_random_unit(&world->seed) - 0.5)));
	return 0;
}

static void fill(struct contest *contest, const int *workers, size_t count)
{
	struct configuration configuration = { .engine = ENGINE_SERIAL };
	*contest = (struct contest){ .count = 0 };
	assert_non_null(contest_add(contest, &configuration, NAN));
	for (size_t i = 0; i < count; i++) {
		configuration = (struct configuration){ .engine = ENGINE_XDIST, .workers = workers[i] };
		assert_non_null(contest_add(contest, &configuration, 1));
	}
}

static void play(struct contest *contest, struct world *world, double budget_s)
{
	struct contest_options options = { .budget_s = budget_s, .run = run, .context = world };
	struct err err = ERR_INIT;
	assert_int_equal(contest_run(contest, &options, &err), 0);
}

static void test_a_clear_winner_is_found_in_few_rounds(void **state)
{
	(void)state;
	struct contest contest;
	struct world world = { .serial_s = 10, .by_worker_s = 1, .noise = 0.02, .seed = 1 };
	fill(&contest, (int[]){ 2, 4, 8 }, 3);
	play(&contest, &world, 1000);
	assert_int_equal(contest.best, 3);
	assert_int_equal(contest.end, CONTEST_SEPARATED);
	assert_true(contest.rounds <= 4);
	assert_true(contest.entries[0].wall_s.n >= 3); /* the reference stays for its interval */
	assert_int_equal(contest.entries[1].wall_s.n, 1); /* hopeless at once: 8 s against 2 s */
	assert_memory_equal(world.order, "0248", 4);
	assert_memory_equal(world.order + 4, "80", 2); /* round two starts elsewhere; 2 and 4 are out */
}

static void test_the_fewest_workers_win_among_equals(void **state)
{
	(void)state;
	struct contest contest;
	struct world world = { .serial_s = 4, .by_worker_s = 0.0001, .noise = 0.001, .seed = 2 };
	fill(&contest, (int[]){ 8, 4, 2 }, 3);
	play(&contest, &world, 1000);
	assert_int_equal(contest.end, CONTEST_EQUIVALENT);
	assert_int_equal(contest.best, 0); /* as fast with none at all */
}

static void test_noise_ends_with_the_rounds_and_says_so(void **state)
{
	(void)state;
	struct contest contest;
	struct world world = { .serial_s = 10, .by_worker_s = 0.05, .noise = 0.6, .seed = 3 };
	fill(&contest, (int[]){ 2, 3 }, 2);
	play(&contest, &world, 1000);
	assert_int_equal(contest.end, CONTEST_BUDGET);
	assert_int_equal(contest.rounds, CONTEST_ROUNDS_MOST);
}

static void test_the_budget_is_kept_after_the_first_round(void **state)
{
	(void)state;
	struct contest contest;
	struct world world = { .serial_s = 10, .by_worker_s = 0.5, .noise = 0.01, .seed = 4 };
	fill(&contest, (int[]){ 2, 4 }, 2);
	play(&contest, &world, 0);
	assert_int_equal(contest.rounds, 1);
	assert_int_equal(contest.end, CONTEST_BUDGET);
	assert_int_equal(contest.best, 2);
}

static void test_other_results_are_out_however_fast(void **state)
{
	(void)state;
	struct contest contest;
	struct world world = { .serial_s = 10, .by_worker_s = 1, .noise = 0.01, .seed = 5, .broken_workers = 8 };
	fill(&contest, (int[]){ 4, 8 }, 2);
	play(&contest, &world, 1000);
	assert_int_equal(contest.best, 1);
	assert_string_equal(contest.entries[2].failure, "exit code 1");
}

/* What is beside the choice is measured and compared with its like, however fast, and never chosen. */
static void test_what_is_beside_is_told_and_never_chosen(void **state)
{
	(void)state;
	struct contest contest;
	struct world world = { .serial_s = 10, .by_worker_s = 1, .noise = 0.01, .seed = 6 };
	fill(&contest, (int[]){ 4, 5, 2, 8 }, 4);
	contest.entries[3].beside = contest.entries[4].beside = true;
	play(&contest, &world, 1000);
	assert_int_equal(contest.best, 2);
	assert_int_equal(contest.end, CONTEST_SEPARATED);
	assert_true(contest.entries[4].wall_s.n >= 3);
	assert_true(contest.entries[3].dropped);
	assert_false(contest.entries[4].dropped);
	assert_false(contest.entries[2].dropped);
}

static void random_suite(struct workload *load, int tests, double wall_s, double cpu_share)
{
	for (int i = 0; i < tests; i++) {
		struct job job = JOB_INIT;
		job.wall_s = wall_s;
		job.cpu_s = wall_s * cpu_share;
		job.file = job.unit = i / 10;
		assert_int_equal(vec_push(&load->jobs, job), 0);
	}
	load->file_total = load->unit_total = tests / 10 + 1;
	load->start_s = load->start_cpu_s = 0.3;
}

static void test_combs_engine_has_its_own_candidates(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	random_suite(&load, 64, 0.5, 0.01);
	struct candidate_limits limits = { .engine = ENGINE_COMB, .most = 3, .cores = 2, .workers_most = 64 };
	struct candidate candidates[CANDIDATES_MAX];
	struct err err = ERR_INIT;
	struct simulation comb, xdist;
	size_t count;
	assert_int_equal(candidates_choose(&load, &limits, candidates, &count, &err), 0);
	assert_true(count >= 2 && count <= 3);
	assert_true(candidates[0].configuration.workers >= 16);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(candidates[i].configuration.engine, ENGINE_COMB);
		assert_int_not_equal(candidates[i].configuration.dist, DIST_WORKSTEAL);
	}
	assert_int_equal(simulate_comb(&comb, &load, DIST_LOAD, 16, 2, &err), 0);
	assert_int_equal(simulate_xdist(&xdist, &load, DIST_LOAD, 16, 2, &err), 0);
	assert_true(comb.total_s < xdist.total_s); /* one start instead of sixteen */
	assert_true(comb.makespan_s >= 2 - 1e-6 && comb.makespan_s < 2.6);
	assert_int_equal(simulate_comb(&comb, &load, DIST_LOADFILE, 16, 2, &err), 0);
	assert_true(comb.makespan_s >= 5 - 1e-6); /* a file of ten stays on one worker */
}

static void test_waiting_suites_are_tried_with_more_workers_than_cores(void **state)
{
	(void)state;
	cleanup_workload struct workload waiting = WORKLOAD_INIT, computing = WORKLOAD_INIT;
	struct candidate_limits limits = { .engine = ENGINE_XDIST, .cores = 2, .workers_most = 64 };
	struct candidate candidates[CANDIDATES_MAX];
	size_t count;
	struct err err = ERR_INIT;
	random_suite(&waiting, 400, 0.1, 0);
	random_suite(&computing, 400, 0.1, 1);
	assert_int_equal(candidates_choose(&waiting, &limits, candidates, &count, &err), 0);
	assert_true(candidates[0].configuration.workers >= 8);
	int cores = 0;
	for (size_t i = 0; i < count; i++)
		cores += candidates[i].configuration.workers == 2;
	assert_true(cores >= 1);
	assert_int_equal(candidates_choose(&computing, &limits, candidates, &count, &err), 0);
	assert_int_equal(candidates[0].configuration.workers, 2);
	for (size_t i = 1; i < count; i++) /* two that fit into a small budget differ in workers */
		assert_true(i > 1 || candidates[i].configuration.workers != candidates[0].configuration.workers);
	limits.workers_most = 3;
	assert_int_equal(candidates_choose(&waiting, &limits, candidates, &count, &err), 0);
	for (size_t i = 0; i < count; i++)
		assert_true(candidates[i].configuration.workers <= 3);
}

static void test_groups_in_force_leave_loadgroup_only(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	struct candidate_limits limits = { .engine = ENGINE_XDIST, .cores = 2, .workers_most = 64, .keep_groups = true };
	struct candidate candidates[CANDIDATES_MAX];
	size_t count;
	struct err err = ERR_INIT;
	random_suite(&load, 100, 0.1, 0.2);
	assert_int_equal(candidates_choose(&load, &limits, candidates, &count, &err), 0);
	assert_true(count >= 2);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(candidates[i].configuration.dist, DIST_LOADGROUP);
}

static void test_a_single_test_has_no_candidates(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	struct candidate_limits limits = { .engine = ENGINE_XDIST, .cores = 2, .workers_most = 64 };
	struct candidate candidates[CANDIDATES_MAX];
	size_t count = 7;
	struct err err = ERR_INIT;
	random_suite(&load, 1, 3, 0);
	assert_int_equal(candidates_choose(&load, &limits, candidates, &count, &err), 0);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clear_winner_is_found_in_few_rounds),
		cmocka_unit_test(test_the_fewest_workers_win_among_equals),
		cmocka_unit_test(test_noise_ends_with_the_rounds_and_says_so),
		cmocka_unit_test(test_the_budget_is_kept_after_the_first_round),
		cmocka_unit_test(test_other_results_are_out_however_fast),
		cmocka_unit_test(test_waiting_suites_are_tried_with_more_workers_than_cores),
		cmocka_unit_test(test_groups_in_force_leave_loadgroup_only),
		cmocka_unit_test(test_what_is_beside_is_told_and_never_chosen),
		cmocka_unit_test(test_combs_engine_has_its_own_candidates),
		cmocka_unit_test(test_a_single_test_has_no_candidates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
