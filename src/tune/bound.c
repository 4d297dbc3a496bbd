#include "tune/bound.h"

#include <math.h>
#include <stdlib.h>

#include "base/os.h"

#include "base/banned.h"

/* Sums over the jobs that may overlap, by what they share. */
struct sums {
	double *scope_work; /* each of these: one number an id */
	double *lock_work;
	double *category_work;
	double *walls; /* of each such job, longest first */
	size_t count;
};

static const char *const kind_names[BOUND_KINDS] = {
	[BOUND_AREA] = "the work shared by all workers",
	[BOUND_PROCESSOR] = "the processor time on these cores",
	[BOUND_LONGEST] = "the longest test",
	[BOUND_LOCK] = "tests that must not overlap",
	[BOUND_CATEGORY] = "a category's limit",
	[BOUND_PIGEONHOLE] = "long tests that have to share a worker",
	[BOUND_SCOPE] = "fixtures set up by each worker that needs them",
};

const char *bound_kind_name(enum bound_kind kind)
{
	return kind_names[kind];
}

static void sums_release(struct sums *sums)
{
	free(sums->scope_work);
	free(sums->lock_work);
	free(sums->category_work);
	free(sums->walls);
	*sums = (struct sums){ .count = 0 };
}

static int longest_first(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x < y) - (x > y);
}

static void sums_add(struct sums *sums, const struct workload *load, const struct job *job)
{
	if (job->scope >= 0)
		sums->scope_work[job->scope] += job->wall_s;
	for (size_t c = 0; c < load->caps.len; c++)
		if (job->categories >> c & 1)
			sums->category_work[c] += job->wall_s;
	for (size_t k = 0; k < job->lock_count; k++)
		sums->lock_work[load->locks.at[job->first_lock + k]] += job->wall_s;
	sums->walls[sums->count++] = job->wall_s;
}

static int sums_build(struct sums *sums, const struct workload *load)
{
	sums->scope_work = os_calloc(load->scopes.len + 1, sizeof(double));
	sums->lock_work = os_calloc((size_t)load->lock_total + 1, sizeof(double));
	sums->category_work = os_calloc(load->caps.len + 1, sizeof(double));
	sums->walls = os_calloc(load->jobs.len + 1, sizeof(double));
	if (!sums->scope_work || !sums->lock_work || !sums->category_work || !sums->walls)
		return -1;
	for (size_t i = 0; i < load->jobs.len; i++)
		if (!load->jobs.at[i].exclusive)
			sums_add(sums, load, &load->jobs.at[i]);
	qsort(sums->walls, sums->count, sizeof(double), longest_first);
	return 0;
}

static double scope_setup(const struct workload *load, const struct job *job)
{
	return job->scope >= 0 ? load->scopes.at[job->scope].setup_s : 0;
}

/* Scopes without work among the jobs that may overlap cost these nothing. */
static double setups_once(const struct workload *load, const struct sums *sums)
{
	double total = 0;
	for (size_t f = 0; f < load->scopes.len; f++)
		total += sums->scope_work[f] > 0 ? load->scopes.at[f].setup_s : 0;
	return total;
}

static double area(const struct workload *load, const struct sums *sums, int workers)
{
	double total = setups_once(load, sums);
	for (size_t i = 0; i < load->jobs.len; i++) {
		const struct job *job = &load->jobs.at[i];
		total += job->exclusive ? 0 : job->wall_s * (job->threads > 1 ? job->threads : 1);
	}
	return total / workers;
}

static double processor(const struct workload *load, double cores)
{
	double total = 0;
	for (size_t i = 0; i < load->jobs.len; i++)
		total += load->jobs.at[i].exclusive ? 0 : load->jobs.at[i].cpu_s + load->overhead_s;
	return total / cores;
}

static double longest(const struct workload *load)
{
	double most = 0;
	for (size_t i = 0; i < load->jobs.len; i++) {
		const struct job *job = &load->jobs.at[i];
		if (!job->exclusive)
			most = fmax(most, job->wall_s + scope_setup(load, job));
	}
	return most;
}

static double lock_sum(const struct workload *load, const struct sums *sums)
{
	double most = 0;
	for (int l = 0; l < load->lock_total; l++)
		most = fmax(most, sums->lock_work[l]);
	return most;
}

static double category_sum(const struct workload *load, const struct sums *sums)
{
	double most = 0;
	for (size_t c = 0; c < load->caps.len; c++)
		if (load->caps.at[c] > 0)
			most = fmax(most, sums->category_work[c] / load->caps.at[c]);
	return most;
}

static double pigeonhole(const struct sums *sums, int workers)
{
	size_t m = (size_t)workers;
	double most = 0;
	for (size_t k = 1; k * m + 1 <= sums->count; k++) {
		double sum = 0;
		for (size_t i = k * m + 1 - (k + 1); i < k * m + 1; i++)
			sum += sums->walls[i];
		most = fmax(most, sum);
		if (k > 64) /* with this many to a worker the area bound is as good */
			break;
	}
	return most;
}

static bool scopes_fit(const struct workload *load, const struct sums *sums, double loose, int workers, double t)
{
	double need = loose;
	for (size_t f = 0; f < load->scopes.len; f++) {
		double work = sums->scope_work[f], setup = load->scopes.at[f].setup_s;
		if (work <= 0)
			continue;
		if (t <= setup)
			return false;
		need += work + setup * ceil(work / (t - setup) - 1e-9);
	}
	return need <= workers * t;
}

/* Bisection: the need falls and the room grows with T. */
static double scope_bound(const struct workload *load, const struct sums *sums, int workers)
{
	double loose = 0, low = 0, high = 1e-3;
	for (size_t i = 0; i < load->jobs.len; i++)
		if (!load->jobs.at[i].exclusive && load->jobs.at[i].scope < 0)
			loose += load->jobs.at[i].wall_s;
	while (!scopes_fit(load, sums, loose, workers, high) && high < 1e12)
		high *= 2;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		if (scopes_fit(load, sums, loose, workers, middle))
			high = middle;
		else
			low = middle;
	}
	return low;
}

int bound_compute(struct bound *bound, const struct workload *load, const struct machine *machine, struct err *err)
{
	struct sums sums = { .count = 0 };
	int m = machine->workers > 1 ? machine->workers : 1;
	*bound = (struct bound){ .start_s = load->start_s };
	if (sums_build(&sums, load) < 0) {
		sums_release(&sums);
		return err_no_memory(err);
	}
	for (size_t i = 0; i < load->jobs.len; i++)
		bound->exclusive_s += load->jobs.at[i].exclusive ? load->jobs.at[i].wall_s : 0;
	bound->kinds[BOUND_AREA] = area(load, &sums, m);
	bound->kinds[BOUND_PROCESSOR] = processor(load, machine->cores);
	bound->kinds[BOUND_LONGEST] = longest(load);
	bound->kinds[BOUND_LOCK] = lock_sum(load, &sums);
	bound->kinds[BOUND_CATEGORY] = category_sum(load, &sums);
	bound->kinds[BOUND_PIGEONHOLE] = pigeonhole(&sums, m);
	bound->kinds[BOUND_SCOPE] = scope_bound(load, &sums, m);
	for (int kind = 0; kind < BOUND_KINDS; kind++)
		if (bound->kinds[kind] > bound->kinds[bound->binding])
			bound->binding = (enum bound_kind)kind;
	bound->total_s = bound->start_s + bound->exclusive_s + bound->kinds[bound->binding];
	sums_release(&sums);
	return 0;
}
