/*
 * automatic.h: how many workers for `-n auto`, from what one run of the suite
 * showed.
 *
 * xdist's own auto is the number of cores. A suite that waits for more than it
 * computes keeps the cores busy only with more workers than that.
 */
#ifndef COMB_TUNE_AUTOMATIC_H
#define COMB_TUNE_AUTOMATIC_H

#include <stdint.h>

#include <jansson.h>

#include "project/suite.h"

#define AUTOMATIC_WORKERS_MOST 64

struct profile {
	size_t tests;
	double tests_s; /* sum of all tests' durations */
	double longest_s;
	double cpu_s; /* of all processes, starts included: the share that computes is at most cpu_s / tests_s */
	int64_t process_bytes; /* the largest process */
};

struct profile profile_of(const struct suite_run *run);
/* Workers on so many cores, with so much memory (0: unknown). At least 1. */
int automatic_workers(const struct profile *profile, double cores, int64_t available_bytes);

/* How many of so many workers fit into so much memory (0: unknown), each of process_bytes (0: unknown). At least 1. */
int automatic_fitting(double workers, int64_t process_bytes, int64_t available_bytes);

/* A new reference, or NULL when out of memory. */
json_t *profile_json(const struct profile *profile);
/* False where json is no profile. */
bool profile_parse(struct profile *profile, const json_t *json);

#endif
