/* xdist in virtual time: against the real schedulers' golden makespans, and against what must hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fs.h"
#include "tune/bound.h"
#include "tune/simulate.h"
#include "tune/stats.h"

static double simulated(const struct workload *load, enum dist dist, int workers, double cores)
{
	struct simulation simulation;
	struct err err = ERR_INIT;
	assert_int_equal(simulate_xdist(&simulation, load, dist, workers, cores, &err), 0);
	return simulation.makespan_s;
}

static int more(int total, int id)
{
	return id >= total ? id + 1 : total;
}

static void read_tests(struct workload *load, const char *at, int count)
{
	for (int i = 0; i < count; i++) {
		struct job job = JOB_INIT;
		int used = 0;
		assert_int_equal(sscanf(at, " %lf:%d:%d:%d%n", &job.wall_s, &job.file, &job.unit, &job.group, &used),
				 4);
		at += used;
		load->file_total = more(load->file_total, job.file);
		load->unit_total = more(load->unit_total, job.unit);
		load->group_total = more(load->group_total, job.group);
		assert_int_equal(vec_push(&load->jobs, job), 0);
	}
}

/* tests/golden/make_xdist_makespans.py runs xdist's own scheduler classes. */
static void test_makespans_are_those_of_the_real_schedulers(void **state)
{
	(void)state;
	FILE *golden = fopen(COMB_GOLDEN "/xdist_makespans.txt", "r");
	static char line[65536];
	int suites = 0;
	assert_non_null(golden);
	while (fgets(line, sizeof(line), golden)) {
		cleanup_workload struct workload load = WORKLOAD_INIT;
		char name[16];
		int workers, count, used;
		double makespan;
		assert_int_equal(sscanf(line, "%15s %d %d %lf%n", name, &workers, &count, &makespan, &used), 4);
		read_tests(&load, line + used, count);
		double ours = simulated(&load, dist_parse(name), workers, INFINITY);
		if (fabs(ours - makespan) > 1e-5)
			fail_msg("%s with %d workers, %d tests: xdist %f, simulated %f", name, workers, count, makespan,
				 ours);
		suites++;
	}
	fclose(golden);
	assert_int_equal(suites, 200);
}

static void random_load(struct workload *load, uint64_t *seed, int count)
{
	for (int i = 0; i < count; i++) {
		struct job job = JOB_INIT;
		job.wall_s = 0.01 + stats_random_unit(seed);
		job.cpu_s = job.wall_s * stats_random_unit(seed);
		job.file = i / 5;
		job.unit = i / 3;
		job.group = stats_random(seed) % 3 ? -1 : (int)(stats_random(seed) % 3);
		job.first_lock = load->locks.len;
		job.lock_count = 0;
		assert_int_equal(vec_push(&load->jobs, job), 0);
	}
	load->file_total = count / 5 + 1;
	load->unit_total = count / 3 + 1;
	load->group_total = 3;
}

/* Bound <= simulated <= everything one after the other on one core. */
static void test_every_schedule_lies_between_the_bound_and_serial(void **state)
{
	(void)state;
	uint64_t seed = 5;
	for (int round = 0; round < 200; round++) {
		cleanup_workload struct workload load = WORKLOAD_INIT;
		random_load(&load, &seed, (int)(stats_random(&seed) % 40));
		struct machine machine = { 1 + (int)(stats_random(&seed) % 6), 2 };
		struct bound bound;
		struct err err = ERR_INIT;
		assert_int_equal(bound_compute(&bound, &load, &machine, &err), 0);
		double serial = workload_wall_s(&load);
		for (int dist = 0; dist < DIST_COUNT; dist++) {
			double makespan = simulated(&load, (enum dist)dist, machine.workers, machine.cores);
			assert_true(makespan >= bound.total_s - 1e-6);
			assert_true(makespan <= serial + 1e-6);
		}
	}
}

/* ENGINE.md: [2, 2, .01, .01] on two workers; xdist holds a test back, and measures 4.4 s in reality. */
static void test_the_test_held_back_costs_what_it_costs_in_xdist(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	double walls[] = { 2, 2, .01, .01 };
	for (int i = 0; i < 4; i++) {
		struct job job = JOB_INIT;
		job.wall_s = walls[i];
		assert_int_equal(vec_push(&load.jobs, job), 0);
	}
	assert_true(fabs(simulated(&load, DIST_LOAD, 2, 2) - 4) < 1e-6);
}

static void test_computing_tests_share_the_cores(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	for (int i = 0; i < 8; i++) {
		struct job job = JOB_INIT;
		job.wall_s = job.cpu_s = 1;
		assert_int_equal(vec_push(&load.jobs, job), 0);
	}
	assert_true(fabs(simulated(&load, DIST_LOAD, 8, 2) - 4) < 1e-6);
	assert_true(fabs(simulated(&load, DIST_LOAD, 8, INFINITY) - 1) < 1e-6);
	for (size_t i = 0; i < 8; i++)
		load.jobs.at[i].cpu_s = 0;
	assert_true(fabs(simulated(&load, DIST_LOAD, 8, 2) - 1) < 1e-6);
}

static void test_every_worker_pays_for_its_start_and_its_session_fixture(void **state)
{
	(void)state;
	cleanup_workload struct workload load = { .start_s = 0.5, .start_cpu_s = 0.5 };
	struct simulation simulation;
	struct err err = ERR_INIT;
	assert_int_equal(vec_push(&load.scopes, ((struct scope){ .setup_s = 1, .sticky = true })), 0);
	for (int i = 0; i < 8; i++) {
		struct job job = JOB_INIT;
		job.wall_s = 1;
		job.scope = 0;
		assert_int_equal(vec_push(&load.jobs, job), 0);
	}
	assert_int_equal(simulate_xdist(&simulation, &load, DIST_LOAD, 4, 2, &err), 0);
	assert_true(fabs(simulation.start_s - (0.5 + 4 * 0.5 / 2)) < 1e-6);
	assert_true(fabs(simulation.makespan_s - 3) < 1e-6);
	assert_true(fabs(simulate_serial(&load).total_s - 9.5) < 1e-6);
}

static void add_test(struct suite_run *run, char *id, double setup_s, char *group, const char *fixture)
{
	struct test test = { .id = id, .path = id, .group = group, .setup_s = setup_s, .call_s = 0.5 };
	if (fixture)
		assert_int_equal(strings_add(&test.fixtures, fixture), 0);
	assert_int_equal(vec_push(&run->tests, test), 0);
}

/* Durations of a run, its costs and its wide fixtures become jobs and scopes. */
static void test_a_workload_is_read_from_a_run(void **state)
{
	(void)state;
	struct suite_run run = SUITE_RUN_INIT;
	struct err err = ERR_INIT;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	char ids[][24] = { "a.py::A::test_1", "a.py::A::test_2", "a.py::test_3[x::y]", "b.py::test_1", "b.py::test_2" };
	char group[] = "port", server[] = "server", module[] = "module", base[] = "";
	add_test(&run, ids[0], 2.1, NULL, "server");
	add_test(&run, ids[1], 0, group, "server");
	add_test(&run, ids[2], 0, NULL, "server");
	add_test(&run, ids[3], 0, group, NULL);
	add_test(&run, ids[4], 0, NULL, "server"); /* another module: an instance of its own, which cost nothing */
	struct fixture_setup setup = { .name = server, .scope = module, .base = base, .test = 0, .seconds = 2 };
	assert_int_equal(vec_push(&run.fixture_setups, setup), 0);
	struct workload_costs costs = { .serial_s = 5.6, .serial_cpu_s = 2.8, .start_s = 0.5, .start_cpu_s = 0 };
	assert_int_equal(workload_from_run(&load, &run, &costs, &err), 0);
	assert_int_equal(load.file_total, 2);
	assert_int_equal(load.unit_total, 3);
	assert_int_equal(load.group_total, 1);
	assert_int_equal(load.scopes.len, 1);
	assert_true(fabs(load.scopes.at[0].setup_s - 2) < 1e-9 && !load.scopes.at[0].sticky);
	assert_true(fabs(load.jobs.at[0].wall_s - 0.6) < 1e-9);
	assert_int_equal(load.jobs.at[2].scope, 0);
	assert_int_equal(load.jobs.at[3].scope, -1);
	assert_int_equal(load.jobs.at[4].scope, -1);
	assert_true(fabs(workload_wall_s(&load) - 4.6) < 1e-9);
	assert_true(fabs(load.overhead_s - 0.1) < 1e-9);
	for (size_t i = 0; i < run.tests.len; i++)
		strings_release(&run.tests.at[i].fixtures);
	vec_release(&run.tests);
	vec_release(&run.fixture_setups);
}

/* A session's fixture and a module's: each test is charged for the more expensive one it uses. */
static void test_session_fixtures_are_paid_once_a_worker(void **state)
{
	(void)state;
	struct suite_run run = SUITE_RUN_INIT;
	struct err err = ERR_INIT;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	char ids[][16] = { "a.py::test_1", "b.py::test_1", "b.py::test_2" };
	char database[] = "database", page[] = "page", session[] = "session", module[] = "module", base[] = "";
	add_test(&run, ids[0], 3, NULL, "database");
	add_test(&run, ids[1], 1, NULL, "page");
	add_test(&run, ids[2], 0, NULL, "page");
	assert_int_equal(strings_add(&run.tests.at[1].fixtures, "database"), 0);
	struct fixture_setup setups[] = {
		{ .name = page, .scope = module, .base = base, .test = 1, .seconds = 1 },
		{ .name = database, .scope = session, .base = base, .test = 0, .seconds = 3 },
	};
	for (int i = 0; i < 2; i++)
		assert_int_equal(vec_push(&run.fixture_setups, setups[i]), 0);
	struct workload_costs costs = { .serial_s = 6, .serial_cpu_s = 1, .start_s = 0.5 };
	assert_int_equal(workload_from_run(&load, &run, &costs, &err), 0);
	assert_int_equal(load.scopes.len, 2);
	assert_true(load.scopes.at[0].sticky && load.scopes.at[0].setup_s == 3);
	assert_int_equal(load.jobs.at[0].scope, 0);
	assert_int_equal(load.jobs.at[1].scope, 0);
	assert_int_equal(load.jobs.at[2].scope, 1);
	assert_true(fabs(workload_wall_s(&load) - 5.5) < 1e-9);
	for (size_t i = 0; i < run.tests.len; i++)
		strings_release(&run.tests.at[i].fixtures);
	vec_release(&run.tests);
	vec_release(&run.fixture_setups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makespans_are_those_of_the_real_schedulers),
		cmocka_unit_test(test_every_schedule_lies_between_the_bound_and_serial),
		cmocka_unit_test(test_the_test_held_back_costs_what_it_costs_in_xdist),
		cmocka_unit_test(test_computing_tests_share_the_cores),
		cmocka_unit_test(test_every_worker_pays_for_its_start_and_its_session_fixture),
		cmocka_unit_test(test_a_workload_is_read_from_a_run),
		cmocka_unit_test(test_session_fixtures_are_paid_once_a_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
