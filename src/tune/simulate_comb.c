/* comb's own engine: its scheduler itself, run in virtual time. */
#include <math.h>

#include "base/os.h"
#include "engine/sched.h"
#include "tune/simulate.h"

#include "base/banned.h"

#define FORK_S 0.003 /* a worker more: measured */

static uint32_t group_of(const struct job *job, enum dist dist)
{
	int group = dist == DIST_LOADFILE ? job->file
		: dist == DIST_LOADSCOPE  ? job->unit
		: dist == DIST_LOADGROUP  ? job->group
					  : -1;
	return group < 0 ? SCHED_NONE : (uint32_t)group;
}

static void fill_tests(struct sched_test *tests, const struct workload *load, enum dist dist)
{
	for (size_t i = 0; i < load->jobs.len; i++) {
		const struct job *job = &load->jobs.at[i];
		tests[i] = (struct sched_test){
			.scope = (uint32_t)job->file,
			.group = group_of(job, dist),
			.cost_s = (float)fmax(job->wall_s + load->overhead_s, 1e-6),
			.serial = job->exclusive,
		};
	}
}

/* What a module's tests need set up, but for what lasts for the session. */
static int fill_setups(float *setup_s, const struct workload *load)
{
	cleanup_free bool *seen = os_calloc(load->scopes.len + 1, sizeof(*seen));
	if (!seen)
		return -1;
	for (size_t i = 0; i < load->jobs.len; i++) {
		const struct job *job = &load->jobs.at[i];
		if (job->scope < 0 || seen[job->scope] || load->scopes.at[job->scope].sticky)
			continue;
		seen[job->scope] = true;
		setup_s[job->file] += (float)load->scopes.at[job->scope].setup_s;
	}
	return 0;
}

/* Seconds, or -1 with *err. */
static double run_scheduler(const struct workload *load, enum dist dist, int workers, struct err *err)
{
	size_t count = load->jobs.len;
	cleanup_free struct sched_test *tests = os_calloc(count + 1, sizeof(*tests));
	cleanup_free float *setup_s = os_calloc((size_t)load->file_total + 1, sizeof(*setup_s));
	if (!tests || !setup_s || fill_setups(setup_s, load) < 0)
		return err_no_memory(err);
	fill_tests(tests, load, dist);
	struct sched_options options = {
		.workers = (uint32_t)workers,
		.longest_first = true,
		.scopes = (uint32_t)load->file_total,
		.setup_s = setup_s,
	};
	cleanup_free struct sched *sched = os_calloc(1, sched_bytes(tests, (uint32_t)count, &options));
	if (!sched)
		return err_no_memory(err);
	if (sched_init(sched, tests, (uint32_t)count, &options, err) < 0)
		return -1;
	float makespan = sched_simulate(sched, 0);
	return makespan < 0 ? err_no_memory(err) : makespan;
}

int simulate_comb(struct simulation *simulation, const struct workload *load, enum dist dist, int workers, double cores,
		  struct err *err)
{
	double makespan = run_scheduler(load, dist, workers, err);
	if (makespan < 0)
		return -1;
	double computing = workload_cpu_s(load) / fmin(cores, workers);
	double start = load->start_s + FORK_S * workers;
	makespan = fmax(makespan, computing);
	*simulation = (struct simulation){
		.start_s = start,
		.makespan_s = makespan,
		.total_s = start + makespan,
		.idle_s = fmax(0, makespan * workers - workload_wall_s(load)),
	};
	return 0;
}
