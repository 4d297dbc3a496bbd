/*
 * stats.h: honest statistics of few measurements.
 *
 * Every interval tells the coverage it really has, which for few values can be
 * less than what was asked for, because no wider interval exists:
 *
 *   n            3      4      5      6      8      10
 *   median       75 %   87.5 % 93.8 % 96.9 % 99.2 % 99.8 %   [smallest, largest]
 *   ratio, n:n   90 %   97.1 % 99.2 % 99.8 %  …               [smallest, largest pair]
 *
 * So three rounds cannot separate two configurations at 95 %, four can.
 *
 * Sources: the interval of a median from binomial order statistics (Thompson
 * 1936; Conover, Practical Nonparametric Statistics, 3.2); the interval of a
 * ratio from the Hodges-Lehmann estimator on logarithms with the exact
 * Mann-Whitney distribution (Hodges and Lehmann 1963; Hollander and Wolfe,
 * Nonparametric Statistical Methods, 4.2-4.3), which assumes that one
 * configuration's times are the other's multiplied by a constant; percentile
 * bootstrap (Efron 1979). Nothing assumes a normal distribution.
 *
 * Samples are positive, at most STATS_VALUES_MAX long (longer ones: the first
 * STATS_VALUES_MAX count), in any order unless said otherwise. No allocation.
 */
#ifndef COMB_TUNE_STATS_H
#define COMB_TUNE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_VALUES_MAX 64
#define STATS_BOOTSTRAP_MIN 10 /* fewer values give a resampled median too few places to be */

struct sample {
	double values[STATS_VALUES_MAX];
	size_t n;
};

struct interval {
	double low, high;
	double coverage; /* probability that it holds the true value, 0 … 1 */
};

/* Adds a value; one beyond STATS_VALUES_MAX is ignored. */
void sample_add(struct sample *sample, double value);
/* NAN for an empty sample. */
double stats_median(const struct sample *sample);
/* Median absolute deviation from the median, unscaled. */
double stats_mad(const struct sample *sample);
double stats_minimum(const struct sample *sample);

/* The narrowest interval by order statistics with at least this coverage, or the widest there is. */
struct interval stats_median_interval(const struct sample *sample, double confidence);

struct ratio {
	double estimate; /* how many times as long a takes as b (Hodges-Lehmann) */
	struct interval interval;
	bool separated; /* the interval excludes 1 and has the coverage asked for */
};
struct ratio stats_ratio(const struct sample *a, const struct sample *b, double confidence);

/*
 * The interval of median(a) / median(b) by resampling: the same seed gives the
 * same interval. With fewer than STATS_BOOTSTRAP_MIN values in a sample this
 * is stats_ratio()'s interval instead.
 */
struct interval stats_bootstrap_ratio(const struct sample *a, const struct sample *b, double confidence, int resamples,
				      uint64_t seed);

/* SplitMix64 (Steele, Lea, Flood 2014): 64 random bits; any seed will do. */
uint64_t stats_random(uint64_t *state);
/* Uniform in [0, 1). */
double stats_random_unit(uint64_t *state);

#endif
