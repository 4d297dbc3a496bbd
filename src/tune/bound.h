/*
 * bound.h: no schedule can be faster than this.
 *
 * For m workers on a machine with so many cores, each kind bounds the makespan
 * of the jobs that may overlap; exclusive jobs come on top of it, and so does
 * the start before the first test. The largest kind holds.
 *
 *   area        (sum of wall·threads, each scope's setup once) / m
 *   processor   computing seconds / cores: waiting tests may overlap beyond the
 *               cores, computing ones cannot
 *   longest     the longest job with the setup of its scope
 *   lock        for each lock, the sum of the jobs that hold it alone
 *   category    for each capped category, its sum / cap
 *   pigeonhole  of the km+1 longest jobs two or more (k+1) share a worker: the
 *               sum of the k+1 smallest of them, for the best k
 *   scope       the smallest T for which sum_f(P_f + s_f·ceil(P_f / (T - s_f)))
 *               fits into m·T: a worker can do at most T - s_f of scope f's
 *               work P_f, and every worker that does some pays s_f
 *
 * Graham's anomalies exist: a bound falls with m, a schedule need not.
 */
#ifndef COMB_TUNE_BOUND_H
#define COMB_TUNE_BOUND_H

#include "base/err.h"
#include "tune/workload.h"

enum bound_kind {
	BOUND_AREA,
	BOUND_PROCESSOR,
	BOUND_LONGEST,
	BOUND_LOCK,
	BOUND_CATEGORY,
	BOUND_PIGEONHOLE,
	BOUND_SCOPE,
	BOUND_KINDS,
};

struct machine {
	int workers; /* >= 1 */
	double cores; /* > 0; INFINITY: computing costs nothing extra */
};

struct bound {
	double kinds[BOUND_KINDS]; /* of the jobs that may overlap, in seconds */
	enum bound_kind binding; /* the largest of them */
	double exclusive_s;
	double start_s;
	double total_s; /* start_s + exclusive_s + kinds[binding] */
};

/* "the longest test", "a lock that many tests hold", … for a sentence. */
const char *bound_kind_name(enum bound_kind kind);

int bound_compute(struct bound *bound, const struct workload *load, const struct machine *machine, struct err *err);

#endif
