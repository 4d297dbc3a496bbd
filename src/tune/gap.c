#include "tune/gap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

struct totals {
	double tests_s, setups_s, once_s;
};

static int compare_setups(const void *a, const void *b)
{
	const struct gap_setup *x = *(const struct gap_setup *const *)a, *y = *(const struct gap_setup *const *)b;
	int order = strcmp(x->fixture, y->fixture);
	return order ? order : (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

static uint32_t place_of(const struct gap_run *run, const struct gap_setup *setup)
{
	return setup->of_module ? sched_scope(run->sched, setup->test) : SCHED_NONE;
}

static bool is_first_in_place(const struct gap_run *run, const struct gap_setup *const *sorted, size_t at)
{
	for (size_t i = at; i-- > 0 && strcmp(sorted[i]->fixture, sorted[at]->fixture) == 0;)
		if (place_of(run, sorted[i]) == place_of(run, sorted[at]))
			return false;
	return true;
}

/* Each fixture once for each module that needs it, at the least that it took. */
static int add_setups(struct workload *load, struct totals *totals, const struct gap_run *run)
{
	cleanup_free const struct gap_setup **sorted = os_malloc(sizeof(*sorted) * run->setup_count + 1);
	if (!sorted)
		return -1;
	for (size_t i = 0; i < run->setup_count; i++) {
		sorted[i] = &run->setups[i];
		totals->setups_s += run->setups[i].seconds;
	}
	qsort(sorted, run->setup_count, sizeof(*sorted), compare_setups);
	for (size_t i = 0; i < run->setup_count; i++) {
		if (!is_first_in_place(run, sorted, i))
			continue;
		totals->once_s += sorted[i]->seconds;
		if (sorted[i]->of_module && place_of(run, sorted[i]) < load->scopes.len)
			load->scopes.at[place_of(run, sorted[i])].setup_s += sorted[i]->seconds;
	}
	return 0;
}

/* The capped resources, each at the place of its category. A bound that left one out would still be one. */
struct capped {
	uint32_t resources[CATEGORIES_MAX];
	uint32_t count;
};

static int add_caps(struct workload *load, struct capped *capped, const struct sched *sched)
{
	for (uint32_t r = 0; r < sched_resources(sched) && capped->count < CATEGORIES_MAX; r++) {
		if (!sched_cap(sched, r))
			continue;
		capped->resources[capped->count++] = r;
		if (vec_push(&load->caps, (int)sched_cap(sched, r)) < 0)
			return -1;
	}
	return 0;
}

static uint32_t category_bit(const struct capped *capped, uint32_t resource)
{
	for (uint32_t c = 0; c < capped->count; c++)
		if (capped->resources[c] == resource)
			return UINT32_C(1) << c;
	return 0;
}

static int add_uses(struct workload *load, struct job *job, const struct capped *capped, const struct sched *sched,
		    uint32_t test)
{
	const struct sched_use *uses;
	uint32_t count = sched_uses(sched, test, &uses);
	job->first_lock = load->locks.len;
	for (uint32_t u = 0; u < count; u++) {
		if (sched_cap(sched, uses[u].resource))
			job->categories |= category_bit(capped, uses[u].resource);
		else if (uses[u].exclusive && vec_push(&load->locks, (int)uses[u].resource) < 0)
			return -1;
	}
	job->lock_count = load->locks.len - job->first_lock;
	return 0;
}

static int add_test(struct workload *load, struct totals *totals, const struct gap_run *run, const struct capped *capped,
		    const struct gap_test *test)
{
	struct job job = JOB_INIT;
	uint32_t scope = sched_scope(run->sched, test->test);
	job.wall_s = test->seconds;
	job.exclusive = sched_is_serial(run->sched, test->test);
	job.scope = (int)scope;
	totals->tests_s += test->seconds;
	while (load->scopes.len <= scope)
		if (vec_push(&load->scopes, ((struct scope){ .setup_s = 0 })) < 0)
			return -1;
	if (add_uses(load, &job, capped, run->sched, test->test) < 0)
		return -1;
	return vec_push(&load->jobs, job);
}

static int make_workload(struct workload *load, struct totals *totals, const struct gap_run *run)
{
	struct capped capped = { .count = 0 };
	load->lock_total = (int)sched_resources(run->sched);
	if (add_caps(load, &capped, run->sched) < 0)
		return -1;
	for (size_t i = 0; i < run->test_count; i++)
		if (run->tests[i].test < sched_count(run->sched) &&
		    add_test(load, totals, run, &capped, &run->tests[i]) < 0)
			return -1;
	return add_setups(load, totals, run);
}

/* What the bound holds of waiting: first of that for serial tests, then of each kind its share. */
static void take_unavoidable(struct gap *gap, double unavoidable_s)
{
	double serial_s = fmin(unavoidable_s, gap->waits_s[SCHED_WAIT_SERIAL]), others_s = 0;
	gap->waits_s[SCHED_WAIT_SERIAL] -= serial_s;
	unavoidable_s -= serial_s;
	for (int kind = 0; kind < SCHED_WAITS; kind++)
		others_s += gap->waits_s[kind];
	double kept = others_s > 0 ? fmax(0, 1 - unavoidable_s / others_s) : 0;
	for (int kind = 0; kind < SCHED_WAITS; kind++)
		gap->waits_s[kind] *= kept;
}

int gap_compute(struct gap *gap, const struct gap_run *run, struct err *err)
{
	cleanup_workload struct workload load = WORKLOAD_INIT;
	struct machine machine = { run->workers, run->cores };
	struct totals totals = { 0 };
	double m = run->workers;
	*gap = (struct gap){ .span_s = run->times.span_s };
	if (make_workload(&load, &totals, run) < 0)
		return err_no_memory(err);
	if (bound_compute(&gap->bound, &load, &machine, err) < 0)
		return -1;
	for (int kind = 0; kind < SCHED_WAITS; kind++)
		gap->waits_s[kind] = run->times.waited_s[kind] / m;
	take_unavoidable(gap, fmax(0, gap->bound.total_s - (totals.tests_s + totals.once_s) / m));
	gap->setups_s = (totals.setups_s - totals.once_s) / m;
	gap->engine_s = gap->span_s - gap->bound.total_s - gap->setups_s;
	for (int kind = 0; kind < SCHED_WAITS; kind++)
		gap->engine_s -= gap->waits_s[kind];
	return 0;
}

static int add_part(struct str *text, double seconds, const char *what)
{
	return seconds < 0.0005 && seconds > -0.0005 ? 0 : str_addf(text, "  %.3f s %s\n", seconds, what);
}

int gap_describe(const struct gap *gap, struct str *text)
{
	static const char *const waits[SCHED_WAITS] = {
		[SCHED_WAIT_TAIL] = "workers idle at the end, or beside a scope not worth another set-up",
		[SCHED_WAIT_LOCK] = "waiting for locks",
		[SCHED_WAIT_CAP] = "waiting for a place in a capped category",
		[SCHED_WAIT_SERIAL] = "waiting for serial tests, or for others to let them run",
	};
	double bound_s = gap->bound.total_s, ratio = bound_s > 0 ? gap->span_s / bound_s : 1;
	if (str_addf(text, "tests took %.3f s; the lower bound is %.3f s (%s): %.2f x\nthe gap of %.3f s:\n", gap->span_s,
		     bound_s, bound_kind_name(gap->bound.binding), ratio, gap->span_s - bound_s) < 0)
		return -1;
	for (int kind = 0; kind < SCHED_WAITS; kind++)
		if (add_part(text, gap->waits_s[kind], waits[kind]) < 0)
			return -1;
	if (add_part(text, gap->setups_s, "fixtures set up more than once") < 0)
		return -1;
	return add_part(text, gap->engine_s, "pytest and comb: starting workers, and around each test");
}
