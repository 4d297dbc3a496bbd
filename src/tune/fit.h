/*
 * fit.h: what measured times say about more workers.
 *
 * Amdahl (1967):  T(m) = serial_s + parallel_s / m
 * Universal scalability law (Gunther, Guerrilla Capacity Planning, 2007):
 *                 T(m) = one_s · (1 + contention·(m-1) + coherency·m·(m-1)) / m
 * Both are linear in their unknowns and fitted by least squares of relative
 * errors with all parameters >= 0. A fit is refused, not invented, where there
 * are fewer worker counts than unknowns; with exactly as many it is marked as
 * exact, which means that nothing was left to check it by.
 */
#ifndef COMB_TUNE_FIT_H
#define COMB_TUNE_FIT_H

#include <stdbool.h>
#include <stddef.h>

struct fit_point {
	int workers; /* >= 1; equal counts are averaged by the fit itself */
	double wall_s; /* > 0 */
};

struct fit_quality {
	bool identified; /* else the parameters are meaningless, and why says what is missing */
	bool exact; /* as many worker counts as unknowns: no residual */
	const char *why; /* a constant sentence; NULL when identified */
	double relative_error; /* root mean square of (fitted - measured) / measured */
};

struct amdahl {
	struct fit_quality quality;
	double serial_s, parallel_s;
	double serial_share; /* serial_s of the whole, 0 … 1 */
};
struct amdahl fit_amdahl(const struct fit_point *points, size_t n);

struct usl {
	struct fit_quality quality;
	double one_s; /* time with one worker */
	double contention; /* sigma */
	double coherency; /* kappa */
	double best_workers; /* where T(m) is least; INFINITY when coherency is 0 */
};
struct usl fit_usl(const struct fit_point *points, size_t n);

#endif
