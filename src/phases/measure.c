#include "phases/measure.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "history/history.h"

#include "base/banned.h"

#define MOST_RUNS 100

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The index of the test that ran last of those with this path; SIZE_MAX: none ran. */
static size_t last_of_file(const struct suite_run *run, size_t first, size_t end)
{
	size_t last = SIZE_MAX;
	for (size_t i = first; i < end; i++)
		if (run->tests.at[i].order >= 0 && (last == SIZE_MAX || run->tests.at[i].order > run->tests.at[last].order))
			last = i;
	return last;
}

/* The last test of a file pays for tearing down what the file shared: it is given the file's usual teardown. */
static int correct_last_teardown(const struct suite_run *run, size_t first, size_t end, double *seconds)
{
	size_t last = last_of_file(run, first, end), count = 0;
	if (last == SIZE_MAX || end - first < 2)
		return 0;
	cleanup_free double *teardowns = os_calloc(end - first, sizeof(*teardowns));
	if (!teardowns)
		return -1;
	for (size_t i = first; i < end; i++)
		if (i != last)
			teardowns[count++] = run->tests.at[i].teardown_s;
	double usual = median(teardowns, count), own = run->tests.at[last].teardown_s;
	if (own > usual)
		seconds[last] -= own - usual;
	return 0;
}

double *measure_own_seconds(const struct suite_run *run)
{
	double *seconds = os_calloc(run->tests.len + 1, sizeof(*seconds));
	if (!seconds)
		return NULL;
	for (size_t i = 0; i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		seconds[i] = test->setup_s + test->call_s + test->teardown_s;
	}
	for (size_t i = 0; i < run->fixture_setups.len; i++)
		if (run->fixture_setups.at[i].test < run->tests.len)
			seconds[run->fixture_setups.at[i].test] -= run->fixture_setups.at[i].seconds;
	for (size_t first = 0, end; first < run->tests.len; first = end) {
		for (end = first + 1; end < run->tests.len; end++)
			if (!text_equals(run->tests.at[end].path, run->tests.at[first].path))
				break;
		if (correct_last_teardown(run, first, end, seconds) < 0) {
			free(seconds);
			return NULL;
		}
	}
	for (size_t i = 0; i < run->tests.len; i++)
		seconds[i] = seconds[i] < 0 ? 0 : seconds[i];
	return seconds;
}

/* Times of all runs, a row a test. */
struct samples {
	double *at;
	size_t *counts;
	size_t capacity; /* of a row */
};

static bool same_id(const struct test *a, const struct test *b)
{
	return strcmp(a->id, b->id) == 0;
}

static int add_samples(struct measurement *measurement, const struct suite_run *run, struct samples *samples)
{
	cleanup_free size_t *match = suite_match(&measurement->run, run);
	cleanup_free double *seconds = measure_own_seconds(run);
	if (!match || !seconds)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		size_t test = match[i];
		if (test == SIZE_MAX || run->tests.at[i].outcome == TEST_NOT_RUN)
			continue;
		measurement->renamed[test] |= !same_id(&run->tests.at[i], &measurement->run.tests.at[test]);
		samples->at[test * samples->capacity + samples->counts[test]++] = seconds[i];
		measurement->unsteady[test] |= run->tests.at[i].outcome != measurement->run.tests.at[test].outcome;
	}
	return 0;
}

static void take_medians(struct measurement *measurement, struct samples *samples)
{
	for (size_t i = 0; i < measurement->run.tests.len; i++)
		measurement->seconds[i] = samples->counts[i] > 0 ?
						  median(samples->at + i * samples->capacity, samples->counts[i]) :
						  -1;
}

static void pass_progress(void *context, size_t done, size_t total, const char *running)
{
	sink_progress(context, done, total, running);
}

static int run_once(struct phase_ctx *ctx, bool watch, struct suite_run *run, struct err *err)
{
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.footprint = watch,
		.timeout_s = ctx->settings->timeout_s,
		.on_progress = pass_progress,
		.on_progress_context = (void *)ctx->sink,
	};
	struct history_run what = { .purpose = MEASURE_PURPOSE, .engine = ENGINE_SERIAL };
	if (suite_run(ctx->project, &options, run, err) < 0)
		return -1;
	return ctx->history ? history_record(ctx->history, &what, run, NULL, err) : 0;
}

static int planned_runs(const struct phase_ctx *ctx, const struct measurement *measurement)
{
	const struct suite_run *run = &measurement->run;
	if (run->timed_out || run->tests.len == 0 || suite_count(run).ran == 0)
		return 1;
	if (ctx->settings->runs > 0)
		return ctx->settings->runs < MOST_RUNS ? ctx->settings->runs : MOST_RUNS;
	return run->wall_s > MEASURE_LONG_S ? 1 : MEASURE_RUNS;
}

static int repeat(struct phase_ctx *ctx, struct measurement *measurement, struct samples *samples, int runs,
		  struct err *err)
{
	for (; measurement->runs < runs; measurement->runs++) {
		cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
		sink_stepf(ctx->sink, "measuring the suite, run %d of %d", measurement->runs + 1, runs);
		if (run_once(ctx, false, &run, err) < 0)
			return -1;
		if (add_samples(measurement, &run, samples) < 0)
			return err_no_memory(err);
	}
	return 0;
}

/* Puts the whole suite in the place of the tests that ran, with their results. indexes: of those in the whole. */
static void widen(struct measurement *measurement, struct suite_run *whole, const size_t *indexes)
{
	struct suite_run *run = &measurement->run;
	for (size_t i = 0; i < run->tests.len; i++)
		if (indexes[i] != SIZE_MAX)
			test_move_result(&whole->tests.at[indexes[i]], &run->tests.at[i]);
	for (size_t i = 0; i < run->touches.len; i++)
		if (run->touches.at[i].test < run->tests.len)
			run->touches.at[i].test = indexes[run->touches.at[i].test];
	for (size_t i = 0; i < run->fixture_setups.len; i++)
		if (run->fixture_setups.at[i].test < run->tests.len)
			run->fixture_setups.at[i].test = indexes[run->fixture_setups.at[i].test];
	__typeof__(run->tests) ran = run->tests;
	run->tests = whole->tests;
	whole->tests.at = ran.at;
	whole->tests.len = ran.len;
	whole->tests.capacity = ran.capacity;
}

/* The suite may select by marks of its own; those left out need a category too. */
static int add_left_out(struct measurement *measurement, struct suite_run *whole, struct err *err)
{
	size_t most = whole->tests.len + measurement->run.tests.len;
	bool is_wider = whole->tests.len > measurement->run.tests.len;
	measurement->left_out = os_calloc(most + 1, sizeof(bool));
	measurement->renamed = os_calloc(most + 1, sizeof(bool));
	cleanup_free size_t *match = suite_match(&measurement->run, whole);
	cleanup_free size_t *indexes = os_calloc(measurement->run.tests.len + 1, sizeof(*indexes));
	if (!measurement->left_out || !measurement->renamed || !match || !indexes)
		return err_no_memory(err);
	for (size_t i = 0; i < whole->tests.len; i++)
		if (match[i] != SIZE_MAX && !same_id(&whole->tests.at[i], &measurement->run.tests.at[match[i]]))
			measurement->renamed[is_wider ? i : match[i]] = true;
	if (!is_wider)
		return 0;
	memset(indexes, 0xff, measurement->run.tests.len * sizeof(*indexes));
	for (size_t i = 0; i < whole->tests.len; i++) {
		measurement->left_out[i] = match[i] == SIZE_MAX;
		if (match[i] != SIZE_MAX)
			indexes[match[i]] = i;
	}
	widen(measurement, whole, indexes);
	return 0;
}

int measure_suite(struct phase_ctx *ctx, struct suite_run *whole, struct measurement *measurement, struct err *err)
{
	measurement_release(measurement);
	sink_step(ctx->sink, "measuring the suite, watching what tests touch");
	if (run_once(ctx, true, &measurement->run, err) < 0)
		return -1;
	int runs = planned_runs(ctx, measurement);
	if (add_left_out(measurement, whole, err) < 0)
		return -1;
	size_t count = measurement->run.tests.len;
	struct samples samples = { .capacity = (size_t)runs };
	measurement->runs = 1;
	measurement->cut_short = runs < MEASURE_RUNS;
	measurement->seconds = os_calloc(count + 1, sizeof(double));
	measurement->unsteady = os_calloc(count + 1, sizeof(bool));
	samples.at = os_calloc((count + 1) * samples.capacity, sizeof(double));
	samples.counts = os_calloc(count + 1, sizeof(size_t));
	int failed = -1;
	if (!measurement->seconds || !measurement->unsteady || !samples.at || !samples.counts ||
	    add_samples(measurement, &measurement->run, &samples) < 0)
		err_no_memory(err);
	else
		failed = repeat(ctx, measurement, &samples, runs, err);
	if (!failed)
		take_medians(measurement, &samples);
	free(samples.at);
	free(samples.counts);
	return failed;
}

void measurement_release(struct measurement *measurement)
{
	suite_run_release(&measurement->run);
	free(measurement->seconds);
	free(measurement->left_out);
	free(measurement->unsteady);
	free(measurement->renamed);
	*measurement = (struct measurement)MEASUREMENT_INIT;
}
