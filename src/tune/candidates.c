#include "tune/candidates.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

#define COUNTS_MAX 9
#define COUNTS_MEASURED 4
#define PROMISING 1.3 /* times the best prediction: the simulation is not better than that */
#define NEAR_BEST 1.1

typedef int simulator(struct simulation *simulation, const struct workload *load, enum dist dist, int workers,
		      double cores, struct err *err);
static simulator *const simulators[] = { [ENGINE_XDIST] = simulate_xdist, [ENGINE_COMB] = simulate_comb };

struct grid {
	const struct candidate_limits *limits;
	int workers[COUNTS_MAX];
	size_t counts;
	double predicted_s[COUNTS_MAX][DIST_COUNT]; /* INFINITY: not allowed */
};

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void add_count(struct grid *grid, int workers, int most)
{
	if (workers < 2 || workers > most || grid->counts == COUNTS_MAX)
		return;
	for (size_t i = 0; i < grid->counts; i++)
		if (grid->workers[i] == workers)
			return;
	grid->workers[grid->counts++] = workers;
}

static void choose_counts(struct grid *grid, const struct workload *load, const struct candidate_limits *limits)
{
	int tests = load->jobs.len > 1000 ? 1000 : (int)load->jobs.len;
	int most = tests < limits->workers_most ? tests : limits->workers_most;
	add_count(grid, (int)limits->cores, most);
	for (int workers = 2; workers <= 64; workers *= 2)
		add_count(grid, workers, most);
	qsort(grid->workers, grid->counts, sizeof(int), by_value);
}

/* Modes that are worth a look: comb's engine always lets idle workers take from busy ones. */
static bool is_allowed(const struct candidate_limits *limits, enum dist dist)
{
	if (limits->keep_groups)
		return dist == DIST_LOADGROUP;
	return limits->engine != ENGINE_COMB || (dist != DIST_WORKSTEAL && dist != DIST_LOADGROUP);
}

static int predict(struct grid *grid, const struct workload *load, const struct candidate_limits *limits,
		   struct err *err)
{
	for (size_t i = 0; i < grid->counts; i++)
		for (int dist = 0; dist < DIST_COUNT; dist++) {
			struct simulation simulation;
			grid->predicted_s[i][dist] = INFINITY;
			if (!is_allowed(limits, (enum dist)dist))
				continue;
			if (simulators[limits->engine](&simulation, load, (enum dist)dist, grid->workers[i],
						       limits->cores, err) < 0)
				return -1;
			grid->predicted_s[i][dist] = simulation.total_s;
		}
	return 0;
}

static enum dist best_dist(const struct grid *grid, size_t i)
{
	enum dist best = DIST_LOAD;
	for (int dist = 0; dist < DIST_COUNT; dist++)
		if (grid->predicted_s[i][dist] < grid->predicted_s[i][best])
			best = (enum dist)dist;
	return best;
}

static size_t best_count(const struct grid *grid)
{
	size_t best = 0;
	for (size_t i = 1; i < grid->counts; i++)
		if (grid->predicted_s[i][best_dist(grid, i)] < grid->predicted_s[best][best_dist(grid, best)])
			best = i;
	return best;
}

static size_t most(const struct candidate_limits *limits)
{
	return limits->most > 0 && limits->most < CANDIDATES_MAX ? limits->most : CANDIDATES_MAX;
}

static void take(struct candidate *candidates, size_t *count, struct grid *grid, size_t i, enum dist dist)
{
	if (*count == most(grid->limits) || !isfinite(grid->predicted_s[i][dist]))
		return;
	candidates[(*count)++] = (struct candidate){
		.configuration = { .engine = grid->limits->engine, .workers = grid->workers[i], .dist = dist },
		.predicted_s = grid->predicted_s[i][dist],
	};
	grid->predicted_s[i][dist] = INFINITY;
}

static int by_prediction(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return (x->predicted_s > y->predicted_s) - (x->predicted_s < y->predicted_s);
}

/* The counts that promise most, from the best outward, and the number of cores in any case. */
static void take_counts(struct candidate *candidates, size_t *count, struct grid *grid, int cores)
{
	bool used[COUNTS_MAX] = { false };
	enum dist dists[COUNTS_MAX];
	double bests[COUNTS_MAX], least = INFINITY;
	for (size_t i = 0; i < grid->counts; i++) {
		dists[i] = best_dist(grid, i);
		bests[i] = grid->predicted_s[i][dists[i]];
		least = fmin(least, bests[i]);
		if (grid->workers[i] == cores) {
			take(candidates, count, grid, i, dists[i]);
			used[i] = true;
		}
	}
	while (*count < COUNTS_MEASURED && *count < most(grid->limits)) {
		size_t next = grid->counts;
		for (size_t i = 0; i < grid->counts; i++)
			if (!used[i] && (next == grid->counts || bests[i] < bests[next]))
				next = i;
		if (next == grid->counts || (*count >= 2 && bests[next] > PROMISING * least))
			return;
		take(candidates, count, grid, next, dists[next]);
		used[next] = true;
	}
}

int candidates_choose(const struct workload *load, const struct candidate_limits *limits,
		      struct candidate candidates[CANDIDATES_MAX], size_t *count, struct err *err)
{
	struct grid grid = { .limits = limits };
	*count = 0;
	choose_counts(&grid, load, limits);
	if (grid.counts == 0)
		return 0;
	if (predict(&grid, load, limits, err) < 0)
		return -1;
	size_t best = best_count(&grid);
	double least = grid.predicted_s[best][best_dist(&grid, best)];
	take_counts(candidates, count, &grid, (int)limits->cores);
	qsort(candidates, *count, sizeof(*candidates), by_prediction);
	while (*count < most(limits) && grid.predicted_s[best][best_dist(&grid, best)] <= NEAR_BEST * least)
		take(candidates, count, &grid, best, best_dist(&grid, best));
	return 0;
}
