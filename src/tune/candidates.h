/*
 * candidates.h: which configurations of an engine are worth a measurement.
 *
 * All worker counts and --dist modes are simulated; measured are the best mode
 * at the most promising worker counts (always at least two counts, and the
 * number of cores among them), and other modes that come near the best.
 */
#ifndef COMB_TUNE_CANDIDATES_H
#define COMB_TUNE_CANDIDATES_H

#include "base/err.h"
#include "tune/contest.h"
#include "tune/workload.h"

#define CANDIDATES_MAX 6

struct candidate_limits {
	enum suite_engine engine; /* a parallel one */
	size_t most; /* candidates; 0: CANDIDATES_MAX */
	double cores;
	int workers_most; /* memory; >= 1 */
	bool keep_groups; /* an xdist_group mark is in force: only loadgroup is safe */
};

struct candidate {
	struct configuration configuration;
	double predicted_s;
};

/*
 * Fills at most limits->most: one for each number of workers, the most
 * promising first, then other modes. Who has no time for all leaves the last
 * ones out. A suite of fewer than two tests has none.
 */
int candidates_choose(const struct workload *load, const struct candidate_limits *limits,
		      struct candidate candidates[CANDIDATES_MAX], size_t *count, struct err *err);

#endif
