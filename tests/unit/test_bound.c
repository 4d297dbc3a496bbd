/* Lower bounds against exhaustive search: never above the optimum, and met where theory says so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tune/bound.h"
#include "tune/stats.h"

#define JOBS_MAX 5
#define WORKERS_MAX 3

static struct job job_of(double wall_s)
{
	struct job job = JOB_INIT;
	job.wall_s = wall_s;
	return job;
}

static void add_job(struct workload *load, struct job job, int lock)
{
	job.first_lock = load->locks.len;
	job.lock_count = lock >= 0;
	if (lock >= 0)
		assert_int_equal(vec_push(&load->locks, lock), 0);
	assert_int_equal(vec_push(&load->jobs, job), 0);
}

static struct bound bound_of(const struct workload *load, int workers, double cores)
{
	struct bound bound;
	struct err err = ERR_INIT;
	struct machine machine = { workers, cores };
	assert_int_equal(bound_compute(&bound, load, &machine, &err), 0);
	return bound;
}

/* One placed job: its scope's setup from block_s, the test from start_s to end_s. */
struct placed {
	const struct job *job;
	double block_s, start_s, end_s;
};

struct search {
	const struct workload *load;
	int workers;
	struct placed placed[JOBS_MAX];
	size_t count;
	bool used[JOBS_MAX];
	double free_s[WORKERS_MAX];
	bool set_up[WORKERS_MAX][JOBS_MAX];
	double best_s;
};

static bool overlap(double a, double a_end, double b, double b_end)
{
	return a < b_end - 1e-12 && b < a_end - 1e-12;
}

static bool has_place(const struct search *s, const struct job *job, uint32_t category, double start)
{
	double end = start + job->wall_s;
	int cap = s->load->caps.at[category];
	if (!(job->categories >> category & 1) || cap == 0)
		return true;
	for (size_t at = 0; at <= s->count; at++) {
		double moment = at < s->count ? s->placed[at].start_s : start;
		int running = moment >= start && moment < end;
		for (size_t i = 0; i < s->count; i++)
			running += s->placed[i].job->categories >> category & 1 && s->placed[i].start_s <= moment &&
				moment < s->placed[i].end_s;
		if (moment >= start && moment < end && running > cap)
			return false;
	}
	return true;
}

static bool fits(const struct search *s, const struct job *job, double block, double start)
{
	double end = start + job->wall_s;
	for (size_t i = 0; i < s->count; i++) {
		const struct placed *other = &s->placed[i];
		if ((other->job->exclusive && overlap(block, end, other->start_s, other->end_s)) ||
		    (job->exclusive && overlap(start, end, other->block_s, other->end_s)))
			return false;
		if (job->lock_count && other->job->lock_count && overlap(start, end, other->start_s, other->end_s) &&
		    s->load->locks.at[job->first_lock] == s->load->locks.at[other->job->first_lock])
			return false;
	}
	for (uint32_t c = 0; c < s->load->caps.len; c++)
		if (!has_place(s, job, c, start))
			return false;
	return true;
}

static double earliest(const struct search *s, const struct job *job, int worker, double setup)
{
	double best = INFINITY, soonest = s->free_s[worker] + setup;
	for (size_t i = 0; i <= s->count; i++)
		for (int with_setup = 0; with_setup < 2; with_setup++) {
			double at = i < s->count ? s->placed[i].end_s + (with_setup ? setup : 0) : soonest;
			at = fmax(at, soonest);
			if (at < best && fits(s, job, at - setup, at))
				best = at;
		}
	return best;
}

/* Every order and every assignment; each job as early as it can after those placed before it. */
static void search(struct search *s, double makespan)
{
	if (makespan >= s->best_s)
		return;
	if (s->count == s->load->jobs.len) {
		s->best_s = makespan;
		return;
	}
	for (size_t j = 0; j < s->load->jobs.len; j++) {
		const struct job *job = &s->load->jobs.at[j];
		for (int w = 0; w < s->workers && !s->used[j]; w++) {
			bool pays = job->scope >= 0 && !s->set_up[w][job->scope];
			double setup = pays ? s->load->scopes.at[job->scope].setup_s : 0, was_free = s->free_s[w];
			double start = earliest(s, job, w, setup);
			s->placed[s->count++] = (struct placed){ job, start - setup, start, start + job->wall_s };
			s->used[j] = true;
			s->free_s[w] = start + job->wall_s;
			if (pays)
				s->set_up[w][job->scope] = true;
			search(s, fmax(makespan, s->free_s[w]));
			if (pays)
				s->set_up[w][job->scope] = false;
			s->free_s[w] = was_free;
			s->used[j] = false;
			s->count--;
		}
	}
}

static double optimum(const struct workload *load, int workers)
{
	struct search s = { .load = load, .workers = workers, .best_s = INFINITY };
	search(&s, 0);
	return s.best_s;
}

static void random_workload(struct workload *load, uint64_t *seed)
{
	size_t jobs = 2 + stats_random(seed) % (JOBS_MAX - 1);
	load->lock_total = 2;
	for (int f = 0; f < 2; f++)
		assert_int_equal(vec_push(&load->scopes, ((struct scope){ .setup_s = 2 * stats_random_unit(seed) })),
				 0);
	for (int c = 0; c < 2; c++)
		assert_int_equal(vec_push(&load->caps, (int)(stats_random(seed) % 3)), 0);
	for (size_t i = 0; i < jobs; i++) {
		struct job job = job_of(0.1 + 3 * stats_random_unit(seed));
		job.scope = (int)(stats_random(seed) % 4) - 2;
		job.categories = (uint32_t)(stats_random(seed) % 4);
		if (job.scope < 0)
			job.scope = -1;
		job.exclusive = stats_random(seed) % 8 == 0;
		add_job(load, job, (int)(stats_random(seed) % 5) - 3 < 0 ? -1 : (int)(stats_random(seed) % 2));
	}
}

static void test_no_bound_is_above_the_optimum(void **state)
{
	(void)state;
	uint64_t seed = 2026;
	int tight = 0, instances = 250;
	for (int i = 0; i < instances; i++) {
		cleanup_workload struct workload load = WORKLOAD_INIT;
		random_workload(&load, &seed);
		int workers = 1 + (int)(stats_random(&seed) % WORKERS_MAX);
		struct bound bound = bound_of(&load, workers, INFINITY);
		double best = optimum(&load, workers);
		for (int kind = 0; kind < BOUND_KINDS; kind++)
			assert_true(bound.exclusive_s + bound.kinds[kind] <= best + 1e-6);
		tight += bound.total_s > best * 0.999;
	}
	assert_true(tight > instances / 3); /* and they are no idle talk */
}

static void test_each_kind_binds_where_it_should(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	for (int i = 0; i < 3; i++)
		add_job(&load, job_of(3), -1);
	struct bound bound = bound_of(&load, 2, INFINITY);
	assert_int_equal(bound.binding, BOUND_PIGEONHOLE);
	assert_true(fabs(bound.total_s - 6) < 1e-9);
	bound = bound_of(&load, 3, INFINITY);
	assert_true(fabs(bound.total_s - 3) < 1e-9);
	bound = bound_of(&load, 1, INFINITY);
	assert_true(fabs(bound.kinds[BOUND_AREA] - 9) < 1e-9);

	load.lock_total = 1;
	add_job(&load, job_of(4), 0);
	add_job(&load, job_of(4), 0);
	bound = bound_of(&load, 8, INFINITY);
	assert_int_equal(bound.binding, BOUND_LOCK);
	assert_true(fabs(bound.total_s - 8) < 1e-9);
	load.start_s = 0.5;
	struct job alone = job_of(2);
	alone.exclusive = true;
	add_job(&load, alone, -1);
	assert_true(fabs(bound_of(&load, 8, INFINITY).total_s - 10.5) < 1e-9);
}

static void test_waiting_tests_overlap_beyond_the_cores_and_computing_ones_do_not(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	for (int i = 0; i < 16; i++)
		add_job(&load, job_of(1), -1);
	assert_true(fabs(bound_of(&load, 16, 2).total_s - 1) < 1e-9);
	for (size_t i = 0; i < 16; i++)
		load.jobs.at[i].cpu_s = 1;
	struct bound bound = bound_of(&load, 16, 2);
	assert_int_equal(bound.binding, BOUND_PROCESSOR);
	assert_true(fabs(bound.total_s - 8) < 1e-9);
}

/* Two workers, one scope of work 4 and setup 3: one worker needs 7, two need 3 + 2. */
static void test_a_scope_is_paid_by_every_worker_that_needs_it(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	assert_int_equal(vec_push(&load.scopes, ((struct scope){ .setup_s = 3 })), 0);
	for (int i = 0; i < 4; i++) {
		struct job job = job_of(1);
		job.scope = 0;
		add_job(&load, job, -1);
	}
	struct bound bound = bound_of(&load, 2, INFINITY);
	assert_int_equal(bound.binding, BOUND_SCOPE);
	assert_true(fabs(bound.total_s - 5) < 1e-6);
	assert_true(fabs(optimum(&load, 2) - 5) < 1e-9);
}

static void test_a_category_runs_no_wider_than_its_cap(void **state)
{
	(void)state;
	cleanup_workload struct workload load = WORKLOAD_INIT;
	assert_int_equal(vec_push(&load.caps, 2), 0);
	assert_int_equal(vec_push(&load.caps, 3), 0);
	for (int i = 0; i < 8; i++) {
		struct job job = job_of(1);
		job.categories = i < 4 ? 3 : 1; /* some have the wider category too */
		job.threads = 1;
		add_job(&load, job, -1);
	}
	assert_int_equal(bound_of(&load, 8, INFINITY).binding, BOUND_CATEGORY);
	assert_true(fabs(bound_of(&load, 8, INFINITY).total_s - 4) < 1e-9);
}

static void test_an_empty_suite_takes_its_start(void **state)
{
	(void)state;
	struct workload load = { .start_s = 0.3 };
	assert_true(fabs(bound_of(&load, 4, 2).total_s - 0.3) < 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bound_is_above_the_optimum),
		cmocka_unit_test(test_each_kind_binds_where_it_should),
		cmocka_unit_test(test_waiting_tests_overlap_beyond_the_cores_and_computing_ones_do_not),
		cmocka_unit_test(test_a_scope_is_paid_by_every_worker_that_needs_it),
		cmocka_unit_test(test_a_category_runs_no_wider_than_its_cap),
		cmocka_unit_test(test_an_empty_suite_takes_its_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
