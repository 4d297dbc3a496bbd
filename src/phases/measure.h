/*
 * measure.h: what each test costs and does, from several sequential runs.
 *
 * The first run watches what tests touch; the others only take times. Each is
 * kept in the history (purpose "mark"). One run is enough for a suite that
 * takes long.
 */
#ifndef COMB_PHASES_MEASURE_H
#define COMB_PHASES_MEASURE_H

#include <stdbool.h>

#include "base/err.h"
#include "phases/gate.h"
#include "project/suite.h"

#define MEASURE_PURPOSE "mark"
/* A suite that takes longer is run once, unless a number of runs was asked for. */
#define MEASURE_LONG_S 60.0
#define MEASURE_RUNS 3

struct measurement {
	struct suite_run run;    /* the first */
	double *seconds;         /* one a test: median of its own set-up, call and teardown; -1: it never ran */
	bool *left_out;          /* the suite's own -m leaves it out; it did not run */
	bool *unsteady;          /* its outcome was not always the same */
	bool *renamed;           /* its id was not always the same: it holds an address, or the order of a set */
	int runs;                /* made */
	bool cut_short;          /* fewer than MEASURE_RUNS, for the suite takes long */
};
#define MEASUREMENT_INIT { .run = SUITE_RUN_INIT }

/*
 * whole: the suite as it was collected (suite_options.whole); its tests are
 * taken over where it has more than the run, for the suite's own -m left them out.
 * A suite with collection errors, or that exceeds the time limit, is measured
 * by one run as far as it goes: see run.collect_errors, run.timed_out.
 */
int measure_suite(struct phase_ctx *ctx, struct suite_run *whole, struct measurement *measurement, struct err *err);
void measurement_release(struct measurement *measurement);
#define cleanup_measurement __attribute__((cleanup(measurement_release)))

/*
 * Seconds that test i of run spent on itself: without the set-up of fixtures
 * that others use too, nor the teardown of such where it is the last to use
 * them. The caller frees; NULL: no memory.
 */
double *measure_own_seconds(const struct suite_run *run);

#endif
