#include "tune/fit.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

#define UNKNOWNS_MAX 3

/* Values of the model's terms at m workers; the model is the sum of parameter · term. */
typedef void model_terms(double workers, double terms[UNKNOWNS_MAX]);

static void amdahl_terms(double workers, double terms[UNKNOWNS_MAX])
{
	terms[0] = 1;
	terms[1] = 1 / workers;
	terms[2] = 0;
}

static void usl_terms(double workers, double terms[UNKNOWNS_MAX])
{
	terms[0] = 1 / workers;
	terms[1] = (workers - 1) / workers;
	terms[2] = workers - 1;
}

static size_t distinct_counts(const struct fit_point *points, size_t n)
{
	size_t distinct = 0;
	for (size_t i = 0; i < n; i++) {
		bool seen = false;
		for (size_t j = 0; j < i; j++)
			seen |= points[j].workers == points[i].workers;
		distinct += !seen;
	}
	return distinct;
}

/* Gauss-Jordan with pivoting on the rows and columns in use. False when singular. */
static bool solve(double a[UNKNOWNS_MAX][UNKNOWNS_MAX + 1], size_t n)
{
	for (size_t column = 0; column < n; column++) {
		size_t pivot = column;
		for (size_t row = column + 1; row < n; row++)
			if (fabs(a[row][column]) > fabs(a[pivot][column]))
				pivot = row;
		if (fabs(a[pivot][column]) < 1e-12)
			return false;
		for (size_t k = 0; k <= n; k++) {
			double swapped = a[column][k];
			a[column][k] = a[pivot][k];
			a[pivot][k] = swapped;
		}
		for (size_t row = 0; row < n; row++) {
			if (row == column)
				continue;
			double factor = a[row][column] / a[column][column];
			for (size_t k = column; k <= n; k++)
				a[row][k] -= factor * a[column][k];
		}
	}
	for (size_t row = 0; row < n; row++)
		a[row][n] /= a[row][row];
	return true;
}

static double squared_error(const struct fit_point *points, size_t n, model_terms *model, const double *parameters)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		double terms[UNKNOWNS_MAX], fitted = 0;
		model(points[i].workers, terms);
		for (size_t k = 0; k < UNKNOWNS_MAX; k++)
			fitted += parameters[k] * terms[k];
		sum += pow(fitted / points[i].wall_s - 1, 2);
	}
	return sum;
}

/* Least squares with the parameters outside `used` held at 0. False when singular or one comes out negative. */
static bool solve_subset(const struct fit_point *points, size_t n, model_terms *model, unsigned used,
			 double parameters[UNKNOWNS_MAX])
{
	double a[UNKNOWNS_MAX][UNKNOWNS_MAX + 1];
	size_t column[UNKNOWNS_MAX], count = 0;
	memset(a, 0, sizeof(a));
	for (size_t k = 0; k < UNKNOWNS_MAX; k++)
		if (used & 1u << k)
			column[count++] = k;
	for (size_t i = 0; i < n; i++) {
		double terms[UNKNOWNS_MAX];
		model(points[i].workers, terms);
		for (size_t r = 0; r < count; r++) {
			double weighted = terms[column[r]] / points[i].wall_s;
			for (size_t c = 0; c < count; c++)
				a[r][c] += weighted * terms[column[c]] / points[i].wall_s;
			a[r][count] += weighted;
		}
	}
	if (!solve(a, count))
		return false;
	memset(parameters, 0, UNKNOWNS_MAX * sizeof(*parameters));
	for (size_t r = 0; r < count; r++) {
		if (a[r][count] < 0)
			return false;
		parameters[column[r]] = a[r][count];
	}
	return true;
}

/* With three unknowns at most, non-negative least squares is the best of the 7 subsets. */
static struct fit_quality fit(const struct fit_point *points, size_t n, model_terms *model, size_t unknowns,
			      double parameters[UNKNOWNS_MAX])
{
	struct fit_quality quality = { .why = NULL };
	size_t distinct = distinct_counts(points, n);
	double best = INFINITY;
	if (distinct < unknowns) {
		quality.why = unknowns == 2 ? "needs at least two different numbers of workers"
					    : "needs at least three different numbers of workers";
		return quality;
	}
	for (unsigned used = 1; used < 1u << unknowns; used++) {
		double candidate[UNKNOWNS_MAX];
		if (!solve_subset(points, n, model, used, candidate))
			continue;
		double error = squared_error(points, n, model, candidate);
		if (error < best) {
			best = error;
			memcpy(parameters, candidate, sizeof(candidate));
		}
	}
	if (!isfinite(best)) {
		quality.why = "the measured times determine no curve of this kind";
		return quality;
	}
	quality.identified = true;
	quality.exact = distinct == unknowns;
	quality.relative_error = sqrt(best / (double)n);
	return quality;
}

struct amdahl fit_amdahl(const struct fit_point *points, size_t n)
{
	double parameters[UNKNOWNS_MAX] = { 0 };
	struct amdahl result = { .quality = fit(points, n, amdahl_terms, 2, parameters) };
	double whole = parameters[0] + parameters[1];
	result.serial_s = parameters[0];
	result.parallel_s = parameters[1];
	result.serial_share = whole > 0 ? parameters[0] / whole : 0;
	return result;
}

struct usl fit_usl(const struct fit_point *points, size_t n)
{
	double parameters[UNKNOWNS_MAX] = { 0 };
	struct usl result = { .quality = fit(points, n, usl_terms, 3, parameters) };
	if (result.quality.identified && parameters[0] <= 0) {
		result.quality.identified = false;
		result.quality.why = "the measured times do not fall with the number of workers";
	}
	if (!result.quality.identified)
		return result;
	result.one_s = parameters[0];
	result.contention = parameters[1] / parameters[0];
	result.coherency = parameters[2] / parameters[0];
	result.best_workers = result.coherency <= 0 ? INFINITY
		: result.contention >= 1            ? 1
						    : sqrt((1 - result.contention) / result.coherency);
	return result;
}
