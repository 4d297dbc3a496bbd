/*
 * fixtures.h: the set-ups that every worker pays which runs some of their tests.
 *
 * From a serial run's record of what its wider fixtures cost: for each module,
 * class, package and for the session, the tests that need at least half of the
 * most expensive combination share a scope; its set-up is the least that one of
 * them needs. So a bound made with it stays a bound, and a test that needs
 * little is not charged.
 */
#ifndef COMB_TUNE_FIXTURES_H
#define COMB_TUNE_FIXTURES_H

#include "project/suite.h"
#include "tune/workload.h"

/*
 * Adds scopes to a load whose jobs are the run's tests, gives each job at most
 * one (the most expensive), and takes the set-ups out of the durations of the
 * tests that paid them. 0, or -1 when out of memory.
 */
int fixtures_add_scopes(struct workload *load, const struct suite_run *run);

#endif
