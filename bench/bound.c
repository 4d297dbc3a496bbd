/*
 * The lower bound of a suite, for the bench: reads "WORKERS CORES" and then a
 * line "WALL CPU SCOPE SETUP" for each test (SCOPE -1: none); prints seconds.
 */
#include <stdio.h>

#include "tune/bound.h"

static int read_job(struct workload *load, double wall_s, double cpu_s, int scope, double setup_s)
{
	struct job job = JOB_INIT;
	job.wall_s = wall_s;
	job.cpu_s = cpu_s;
	job.scope = scope;
	while (scope >= (int)load->scopes.len)
		if (vec_push(&load->scopes, ((struct scope){ .setup_s = 0 })) < 0)
			return -1;
	if (scope >= 0)
		load->scopes.at[scope].setup_s = setup_s;
	return vec_push(&load->jobs, job);
}

int main(void)
{
	cleanup_workload struct workload load = WORKLOAD_INIT;
	struct machine machine;
	struct bound bound;
	struct err err = ERR_INIT;
	double wall_s, cpu_s, setup_s;
	int scope;
	if (scanf("%d %lf", &machine.workers, &machine.cores) != 2)
		return 2;
	while (scanf("%lf %lf %d %lf", &wall_s, &cpu_s, &scope, &setup_s) == 4)
		if (read_job(&load, wall_s, cpu_s, scope, setup_s) < 0)
			return 4;
	if (bound_compute(&bound, &load, &machine, &err) < 0)
		return 4;
	printf("%.6f\n", bound.total_s);
	return 0;
}
