/*
 * workload.h: a suite as the bounds and the simulation see it: jobs with
 * durations, what they share, and what starting costs.
 *
 * Ids (scope, file, unit, group, category, lock) are small numbers from 0;
 * -1 stands for none. A job counts towards the cap of each category it has. The vectors are owned until workload_release().
 */
#ifndef COMB_TUNE_WORKLOAD_H
#define COMB_TUNE_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "project/suite.h"

#define CATEGORIES_MAX 32

struct job {
	double wall_s; /* setup, call and teardown, without the setup of its scope */
	double cpu_s; /* the part of wall_s that computes; the rest waits */
	int threads; /* workers' places it takes; 0 counts as 1 */
	int scope; /* fixture scope it needs, index into scopes */
	int file, unit; /* its file; its class or file, as --dist loadscope cuts */
	int group; /* xdist_group */
	uint32_t categories; /* bit c: it has the category whose cap is caps.at[c] */
	size_t first_lock, lock_count; /* what it holds alone, a range of workload.locks */
	bool exclusive; /* runs with nothing beside it */
};
#define JOB_INIT                                                                                                       \
	{                                                                                                              \
		.threads = 1, .scope = -1, .group = -1                                                                 \
	}

/* A fixture wider than a function: every worker that runs a job of it sets it up. */
struct scope {
	double setup_s;
	bool sticky; /* session: set up once a worker; else again after another scope */
};

struct workload {
	VEC(struct job) jobs; /* in collection order */
	VEC(struct scope) scopes;
	VEC(int) locks; /* lock ids, see job.first_lock */
	VEC(int) caps; /* by category: how many may run at once; 0: any number. At most CATEGORIES_MAX */
	int lock_total, file_total, unit_total, group_total;
	double start_s; /* a process from its start to its first test: interpreter, conftests, collection */
	double start_cpu_s;
	double overhead_s; /* what pytest computes for a test beside its phases */
};
#define WORKLOAD_INIT                                                                                                  \
	{                                                                                                              \
		.start_s = 0                                                                                           \
	}

/* One run of the whole suite, serially and without comb's plugin, and one that only collects. */
struct workload_costs {
	double serial_s, serial_cpu_s;
	double start_s, start_cpu_s;
};

/*
 * From a serial run's durations. Only whole-suite CPU time is known: each test
 * is taken to compute the same share of its duration. Scopes: fixtures.h. An
 * xdist_group is a lock.
 */
int workload_from_run(struct workload *load, const struct suite_run *run, const struct workload_costs *costs,
		      struct err *err);
void workload_release(struct workload *load);
#define cleanup_workload __attribute__((cleanup(workload_release)))

double workload_wall_s(const struct workload *load); /* sum over jobs, with each scope's setup once */
double workload_cpu_s(const struct workload *load); /* computing part of the same, with overhead */

#endif
