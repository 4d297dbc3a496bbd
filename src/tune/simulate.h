/*
 * simulate.h: how long xdist or comb's own engine would take, without running it.
 *
 * A discrete-event simulation of the schedulers of pytest-xdist 3.8 (load,
 * loadscope, loadfile, loadgroup, worksteal), with what makes them slow: every
 * worker is a new interpreter that collects everything, and holds its last
 * test back until it knows the next one or that there is none. Tests that
 * compute share the cores; tests that wait do not slow each other down.
 *
 * The result is an estimate to choose by what to measure, never a result.
 */
#ifndef COMB_TUNE_SIMULATE_H
#define COMB_TUNE_SIMULATE_H

#include "base/err.h"
#include "tune/workload.h"

enum dist { DIST_LOAD, DIST_LOADSCOPE, DIST_LOADFILE, DIST_LOADGROUP, DIST_WORKSTEAL, DIST_COUNT };
const char *dist_name(enum dist dist); /* "load", as --dist takes it */
/* DIST_COUNT for a name that is none of these. */
enum dist dist_parse(const char *name);

struct simulation {
	double start_s; /* until the first test starts */
	double makespan_s; /* of the tests */
	double total_s; /* start and makespan */
	double idle_s; /* sum over workers, of the makespan */
};

/*
 * workers >= 1, cores > 0. The start is load->start_s for the controller and
 * start_cpu_s more for each worker, shared by the cores.
 */
int simulate_xdist(struct simulation *simulation, const struct workload *load, enum dist dist, int workers,
		   double cores, struct err *err);
/*
 * The same for comb's engine: its own scheduler in virtual time, with one start and
 * one collection. Cores bound it as a whole: no less than all computing on all of them.
 */
int simulate_comb(struct simulation *simulation, const struct workload *load, enum dist dist, int workers, double cores,
		  struct err *err);
/* One process, collection order. */
struct simulation simulate_serial(const struct workload *load);

#endif
