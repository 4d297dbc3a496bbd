/*
 * study.h: all that was measured of one suite on one machine, and what follows
 * from it: the choice, the lower bound, the verdict.
 *
 * A study is filled step by step (baseline, contest, categories), can be kept
 * as JSON between the steps, and is valid for the tests and the machine it
 * names only: study_fits().
 */
#ifndef COMB_TUNE_STUDY_H
#define COMB_TUNE_STUDY_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "tune/bound.h"
#include "tune/contest.h"
#include "tune/fit.h"
#include "tune/workload.h"

#define STUDY_CATEGORIES_MAX 3
#define TARGET_RATIO 0.5 /* gate 3.5: at most this share of the serial time … */
#define TARGET_EFFICIENCY 0.9 /* … or the lower bound is at least this share of the time reached */

/* A category's own runs: -m unit, serially and as chosen. */
struct category_cost {
	char name[32];
	size_t tests;
	struct sample serial_s, chosen_s;
};

struct study {
	size_t tests; /* collected */
	uint64_t identity; /* of the tests' ids, in order */
	double cores;
	struct sample start_s, start_cpu_s; /* runs that only collect */
	struct sample serial_s, serial_cpu_s; /* the baseline: serial, without comb's plugin */
	int serial_exit_code;
	struct bound bound; /* what no way of running them here can beat */
	bool groups; /* xdist_group marks are in force */
	struct contest contest; /* entry 0 is serial; count 0: not held yet */
	struct category_cost categories[STUDY_CATEGORIES_MAX];
	size_t category_count;
};

/* What counts for gate 3.5, from the contest's medians. */
struct verdict {
	double serial_s, best_s;
	double ratio; /* best / serial */
	struct interval ratio_interval; /* of the ratio of medians */
	double bound_s;
	double efficiency; /* bound / best, at most 1 */
	bool halved; /* ratio <= TARGET_RATIO */
	bool bound_allows_half;
	bool at_the_limit; /* the bound allows less than half, and TARGET_EFFICIENCY of it is reached */
	bool reached; /* one of the two */
};

uint64_t study_identity(const struct suite_run *run);
/* Was it made of these tests, in this order, on as many cores? */
bool study_fits(const struct study *study, const struct suite_run *run, double cores);

/*
 * Fills the bound: the start, then computing seconds on all cores, the longest
 * test, groups; with as many workers as there are tests. Medians of the
 * baseline's samples, durations of a run.
 */
int study_bound(struct study *study, const struct suite_run *run, struct workload *load, struct err *err);

/* The reference and the winner; NULL before the contest. */
const struct contestant *study_serial(const struct study *study);
const struct contestant *study_best(const struct study *study);
/* The fastest entry of an engine with times that can be used, chosen or not; NULL: none. */
const struct contestant *study_fastest(const struct study *study, enum suite_engine engine);
/* The same where it can be told only, and is faster than the choice. */
const struct contestant *study_faster_beside(const struct study *study);
/* Parallel entries with times that can be used, and can be chosen. */
size_t study_parallel_count(const struct study *study);
/* contest.best is not serial. */
bool study_prefers_parallel(const struct study *study);
struct verdict study_verdict(const struct study *study);
struct verdict verdict_of(const struct sample *serial, const struct sample *best, double bound_s);
/*
 * The same, measured again to see whether the verdict of before still holds: it
 * changes only where the intervals exclude it, not where a median has moved
 * within them. Where best is serial itself nothing is compared: the ratio is 1.
 */
struct verdict verdict_again(const struct verdict *before, const struct sample *serial, const struct sample *best,
			     double bound_s);
/* Curves over the worker counts measured of the engine chosen (xdist where serial is), each with its best --dist. */
struct amdahl study_amdahl(const struct study *study);
struct usl study_usl(const struct study *study);

/* A table for the terminal and a commit: configuration, median, interval, ratio to serial. */
int study_add_table(const struct study *study, struct str *out);
/* A new reference, or NULL when out of memory. study_parse() of it gives the same study. */
json_t *study_json(const struct study *study);
/* ERR_INPUT where json is no study of this version. */
int study_parse(struct study *study, const json_t *json, struct err *err);

#endif
