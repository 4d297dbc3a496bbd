#include "tune/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define PAIRS_MAX (STATS_VALUES_MAX * STATS_VALUES_MAX)
#define RESAMPLES_MAX 4000

void sample_add(struct sample *sample, double value)
{
	if (sample->n < STATS_VALUES_MAX)
		sample->values[sample->n++] = value;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void sort_doubles(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
}

static double sorted_median(const double *sorted, size_t n)
{
	if (n == 0)
		return NAN;
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static struct sample sorted_copy(const struct sample *sample)
{
	struct sample copy = *sample;
	sort_doubles(copy.values, copy.n);
	return copy;
}

double stats_median(const struct sample *sample)
{
	struct sample sorted = sorted_copy(sample);
	return sorted_median(sorted.values, sorted.n);
}

double stats_mad(const struct sample *sample)
{
	double median = stats_median(sample);
	struct sample deviations = { .n = sample->n };
	for (size_t i = 0; i < sample->n; i++)
		deviations.values[i] = fabs(sample->values[i] - median);
	return stats_median(&deviations);
}

double stats_minimum(const struct sample *sample)
{
	double least = sample->n ? sample->values[0] : NAN;
	for (size_t i = 1; i < sample->n; i++)
		least = fmin(least, sample->values[i]);
	return least;
}

struct interval stats_median_interval(const struct sample *sample, double confidence)
{
	struct sample sorted = sorted_copy(sample);
	size_t n = sorted.n, rank = 0;
	if (n == 0)
		return (struct interval){ NAN, NAN, 0 };
	double point = pow(0.5, (double)n); /* P(Bin(n, 1/2) = rank) */
	double below = point, tail = point; /* P(Bin <= rank) */
	while (2 * (rank + 1) < n) {
		point = point * (double)(n - rank) / (double)(rank + 1);
		if (1 - 2 * (below + point) < confidence)
			break;
		below += point;
		tail = below;
		rank++;
	}
	return (struct interval){ sorted.values[rank], sorted.values[n - 1 - rank], n == 1 ? 0 : 1 - 2 * tail };
}

/*
 * counts[u]: in how many of the C(n+m, n) orders of two samples the
 * Mann-Whitney statistic is u. The Gaussian binomial coefficient, one factor
 * (1 - q^(n+i)) / (1 - q^i) at a time; low coefficients stay exact.
 */
static void count_orders(size_t n, size_t m, double *counts)
{
	size_t top = n * m;
	memset(counts, 0, (top + 1) * sizeof(*counts));
	counts[0] = 1;
	for (size_t i = 1; i <= m; i++) {
		for (size_t u = top; u >= n + i && u <= top; u--)
			counts[u] -= counts[u - n - i];
		for (size_t u = i; u <= top; u++)
			counts[u] += counts[u - i];
	}
}

/* The rank (0-based) of the lower end among the sorted pairs, and the coverage it gives. */
static size_t pair_rank(size_t n, size_t m, double confidence, double *coverage)
{
	static _Thread_local double counts[PAIRS_MAX + 1];
	double total = 0, below = 0;
	size_t rank = 0, top = n * m;
	count_orders(n, m, counts);
	for (size_t u = 0; u <= top; u++)
		total += counts[u];
	below = counts[0] / total;
	while (2 * (rank + 1) < top && 1 - 2 * (below + counts[rank + 1] / total) >= confidence) {
		rank++;
		below += counts[rank] / total;
	}
	*coverage = top > 1 ? 1 - 2 * below : 0;
	return rank;
}

struct ratio stats_ratio(const struct sample *a, const struct sample *b, double confidence)
{
	static _Thread_local double pairs[PAIRS_MAX];
	size_t count = 0;
	double coverage;
	if (a->n == 0 || b->n == 0)
		return (struct ratio){ NAN, { NAN, NAN, 0 }, false };
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			pairs[count++] = log(a->values[i] / b->values[j]);
	sort_doubles(pairs, count);
	size_t rank = pair_rank(a->n, b->n, confidence, &coverage);
	struct ratio ratio = {
		.estimate = exp(sorted_median(pairs, count)),
		.interval = { exp(pairs[rank]), exp(pairs[count - 1 - rank]), coverage },
	};
	ratio.separated = coverage >= confidence && (ratio.interval.low > 1 || ratio.interval.high < 1);
	return ratio;
}

static double resampled_median(const struct sample *sample, uint64_t *state)
{
	struct sample drawn = { .n = sample->n };
	for (size_t i = 0; i < sample->n; i++)
		drawn.values[i] = sample->values[stats_random(state) % sample->n];
	return stats_median(&drawn);
}

struct interval stats_bootstrap_ratio(const struct sample *a, const struct sample *b, double confidence, int resamples,
				      uint64_t seed)
{
	static _Thread_local double ratios[RESAMPLES_MAX];
	if (a->n < STATS_BOOTSTRAP_MIN || b->n < STATS_BOOTSTRAP_MIN)
		return stats_ratio(a, b, confidence).interval;
	size_t n = resamples < 100 ? 100 : resamples > RESAMPLES_MAX ? RESAMPLES_MAX : (size_t)resamples;
	uint64_t state = seed;
	for (size_t i = 0; i < n; i++) {
		double above = resampled_median(a, &state);
		ratios[i] = above / resampled_median(b, &state);
	}
	sort_doubles(ratios, n);
	size_t cut = (size_t)floor((1 - confidence) / 2 * (double)n);
	return (struct interval){ ratios[cut], ratios[n - 1 - cut], confidence };
}

uint64_t stats_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double stats_random_unit(uint64_t *state)
{
	return (double)(stats_random(state) >> 11) * 0x1p-53;
}
