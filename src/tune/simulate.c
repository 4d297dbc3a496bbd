#include "tune/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tune/xdist.h"

#include "base/banned.h"

static const char *const names[DIST_COUNT] = { "load", "loadscope", "loadfile", "loadgroup", "worksteal" };

const char *dist_name(enum dist dist)
{
	return dist < DIST_COUNT ? names[dist] : "no";
}

enum dist dist_parse(const char *name)
{
	for (int dist = 0; dist < DIST_COUNT; dist++)
		if (strcmp(names[dist], name) == 0)
			return (enum dist)dist;
	return DIST_COUNT;
}

/* What a worker does with the head of its queue. */
struct runner {
	bool running;
	double left; /* of the job, in seconds of its duration when alone */
	double duration_s; /* so far, as the worker itself would measure it */
	double demand; /* share of the duration that computes, 0 … 1 */
	int scope; /* set up at present */
	bool *sticky_done; /* by scope */
};

struct simulator {
	const struct workload *load;
	struct xdist xdist;
	struct runner *runners;
	double cores;
	double now_s, idle_s;
};

/*
 * With more demand than cores the computing part of each running job slows
 * down by one common factor f: speed = 1 / (1 - demand + demand·f). Returns the
 * f at which the cores are just busy; 1 when they are not.
 */
static double slow_down(const struct simulator *self)
{
	double factor = 1;
	/* Newton's method from the left: use falls and is convex, so it never overshoots. */
	for (int i = 0; i < 20; i++) {
		double used = 0, slope = 0;
		for (size_t w = 0; w < self->xdist.workers; w++) {
			const struct runner *runner = &self->runners[w];
			double speed = 1 / (1 - runner->demand + runner->demand * factor);
			used += runner->running ? runner->demand * speed : 0;
			slope += runner->running ? pow(runner->demand * speed, 2) : 0;
		}
		if (used <= self->cores * (1 + 1e-9))
			break;
		factor += (used - self->cores) / slope;
	}
	return factor;
}

static double speed(const struct runner *runner, double factor)
{
	return 1 / (1 - runner->demand + runner->demand * factor);
}

static double setup_due(struct simulator *self, struct runner *runner, const struct job *job)
{
	if (job->scope < 0)
		return 0;
	const struct scope *scope = &self->load->scopes.at[job->scope];
	if (scope->sticky) {
		bool done = runner->sticky_done[job->scope];
		runner->sticky_done[job->scope] = true;
		return done ? 0 : scope->setup_s;
	}
	bool same = runner->scope == job->scope;
	runner->scope = job->scope;
	return same ? 0 : scope->setup_s;
}

/* A worker starts its head only when it knows the next test, or that none will come. */
static void start_runners(struct simulator *self)
{
	for (size_t w = 0; w < self->xdist.workers; w++) {
		struct runner *runner = &self->runners[w];
		if (runner->running || !xdist_can_start(&self->xdist, w))
			continue;
		const struct job *job = &self->load->jobs.at[xdist_head(&self->xdist, w)];
		runner->running = true;
		runner->left = job->wall_s + self->load->overhead_s + setup_due(self, runner, job);
		runner->duration_s = 0;
		runner->demand = runner->left > 0 ? fmin(1, (job->cpu_s + self->load->overhead_s) / runner->left) : 0;
	}
}

/* Moves time to the next end of a job and returns its worker; -1 when nothing runs. */
static long advance(struct simulator *self)
{
	double factor = slow_down(self), step = INFINITY;
	long first = -1;
	for (size_t w = 0; w < self->xdist.workers; w++) {
		struct runner *runner = &self->runners[w];
		double needs = runner->running ? runner->left / speed(runner, factor) : INFINITY;
		if (needs < step) {
			step = needs;
			first = (long)w;
		}
	}
	if (first < 0)
		return -1;
	for (size_t w = 0; w < self->xdist.workers; w++) {
		struct runner *runner = &self->runners[w];
		if (!runner->running) {
			self->idle_s += step;
			continue;
		}
		runner->left = fmax(0, runner->left - step * speed(runner, factor));
		runner->duration_s += step;
	}
	self->now_s += step;
	return first;
}

static int run(struct simulator *self)
{
	if (xdist_schedule(&self->xdist) < 0)
		return -1;
	for (;;) {
		start_runners(self);
		long worker = advance(self);
		if (worker < 0)
			return 0;
		self->runners[worker].running = false;
		if (xdist_complete(&self->xdist, (size_t)worker, self->runners[worker].duration_s) < 0)
			return -1;
	}
}

static void simulator_release(struct simulator *self)
{
	for (size_t w = 0; self->runners && w < self->xdist.workers; w++)
		free(self->runners[w].sticky_done);
	free(self->runners);
	xdist_release(&self->xdist);
}

static int simulator_init(struct simulator *self, const struct workload *load, enum dist dist, int workers,
			  double cores)
{
	*self = (struct simulator){ .load = load, .cores = cores };
	if (xdist_init(&self->xdist, load, dist, (size_t)workers) < 0)
		return -1;
	self->runners = os_calloc((size_t)workers, sizeof(*self->runners));
	for (int w = 0; self->runners && w < workers; w++) {
		self->runners[w].scope = -1;
		self->runners[w].sticky_done = os_calloc(load->scopes.len + 1, sizeof(bool));
		if (!self->runners[w].sticky_done)
			return -1;
	}
	return self->runners ? 0 : -1;
}

int simulate_xdist(struct simulation *simulation, const struct workload *load, enum dist dist, int workers,
		   double cores, struct err *err)
{
	struct simulator self;
	int failed = simulator_init(&self, load, dist, workers, cores) < 0 || run(&self) < 0;
	if (!failed) {
		double busy = fmin(cores, workers);
		double worker_start = fmax(load->start_s, load->start_cpu_s * workers / busy);
		*simulation = (struct simulation){
			.start_s = load->start_s + worker_start,
			.makespan_s = self.now_s,
			.total_s = load->start_s + worker_start + self.now_s,
			.idle_s = self.idle_s,
		};
	}
	simulator_release(&self);
	return failed ? err_no_memory(err) : 0;
}

struct simulation simulate_serial(const struct workload *load)
{
	double tests = workload_wall_s(load) + load->overhead_s * (double)load->jobs.len;
	return (struct simulation){ .start_s = load->start_s, .makespan_s = tests, .total_s = load->start_s + tests };
}
