/* Statistics of few measurements, and curves through them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tune/fit.h"
#include "tune/stats.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static struct sample sample_of(size_t n, const double *values)
{
	struct sample sample = { .n = 0 };
	for (size_t i = 0; i < n; i++)
		sample_add(&sample, values[i]);
	return sample;
}
#define SAMPLE(...) sample_of(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double), (double[]){ __VA_ARGS__ })

static void test_median_and_mad_ignore_one_outlier(void **state)
{
	(void)state;
	struct sample odd = SAMPLE(3, 1, 100, 2, 4), even = SAMPLE(4, 1, 3, 2), none = { .n = 0 };
	NEAR(stats_median(&odd), 3);
	NEAR(stats_mad(&odd), 1);
	NEAR(stats_median(&even), 2.5);
	NEAR(stats_minimum(&odd), 1);
	assert_true(isnan(stats_median(&none)));
}

/* Coverages from the binomial table (Conover, table A3). */
static void test_interval_of_a_median_says_what_it_really_covers(void **state)
{
	(void)state;
	struct sample three = SAMPLE(5, 7, 6), six = SAMPLE(1, 2, 3, 4, 5, 6);
	struct sample ten = SAMPLE(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), one = SAMPLE(5);
	struct interval i = stats_median_interval(&three, 0.95);
	NEAR(i.low, 5);
	NEAR(i.high, 7);
	NEAR(i.coverage, 0.75);
	i = stats_median_interval(&six, 0.95);
	NEAR(i.low, 1);
	NEAR(i.coverage, 0.96875);
	i = stats_median_interval(&ten, 0.95);
	NEAR(i.low, 2);
	NEAR(i.high, 9);
	NEAR(i.coverage, 1 - 2 * 11.0 / 1024);
	NEAR(stats_median_interval(&one, 0.95).coverage, 0);
}

/* The smallest two-sided levels are 2 / C(2n, n): 0.1 for three values each, 2/70 for four. */
static void test_three_rounds_cannot_separate_at_95_percent_and_four_can(void **state)
{
	(void)state;
	struct sample slow3 = SAMPLE(10, 11, 12), fast3 = SAMPLE(5, 6, 5.5);
	struct sample slow4 = SAMPLE(10, 11, 12, 10.5), fast4 = SAMPLE(5, 6, 5.5, 5.2);
	struct ratio three = stats_ratio(&slow3, &fast3, 0.95), four = stats_ratio(&slow4, &fast4, 0.95);
	NEAR(three.interval.coverage, 0.9);
	assert_false(three.separated);
	assert_true(stats_ratio(&slow3, &fast3, 0.9).separated);
	NEAR(four.interval.coverage, 1 - 2.0 / 70);
	assert_true(four.separated);
	assert_true(four.estimate > 1.8 && four.estimate < 2.2);
	NEAR(four.interval.low, 10.0 / 6);
	assert_false(stats_ratio(&slow4, &slow4, 0.95).separated);
}

/* Mann-Whitney table: n = m = 8, two-sided 5 %: U = 13, so the interval starts at the 14th of 64 pairs. */
static void test_interval_of_a_ratio_follows_the_exact_table(void **state)
{
	(void)state;
	struct sample a = { .n = 0 }, b = { .n = 0 };
	for (int i = 0; i < 8; i++) {
		sample_add(&a, exp(8.0 * i)); /* pairs of logarithms: 8i - j, all of them different */
		sample_add(&b, exp(i));
	}
	struct ratio ratio = stats_ratio(&a, &b, 0.95);
	NEAR(log(ratio.interval.low), 6); /* 8i - j sorted is -7 … 56: the 14th is 6 */
	NEAR(log(ratio.interval.high), 43);
	assert_true(ratio.interval.coverage > 0.95 && ratio.interval.coverage < 0.96);
}

/* In many seeded experiments the true ratio lies inside as often as promised. */
static void test_intervals_cover_the_truth_as_often_as_they_say(void **state)
{
	(void)state;
	uint64_t seed = 12;
	for (size_t n = 4; n <= 12; n += 4) {
		int inside = 0, rounds = 2000;
		double promised = 0;
		for (int r = 0; r < rounds; r++) {
			struct sample a = { .n = 0 }, b = { .n = 0 };
			for (size_t i = 0; i < n; i++) {
				sample_add(&a, 2 * (1 - log(1 - stats_random_unit(&seed))));
				sample_add(&b, 1 - log(1 - stats_random_unit(&seed)));
			}
			struct ratio ratio = stats_ratio(&a, &b, 0.95);
			inside += ratio.interval.low <= 2 && 2 <= ratio.interval.high;
			promised = ratio.interval.coverage;
		}
		assert_true(fabs((double)inside / rounds - promised) < 0.015);
	}
}

static void test_bootstrap_is_deterministic_and_needs_ten_values(void **state)
{
	(void)state;
	struct sample a = { .n = 0 }, b = { .n = 0 };
	uint64_t seed = 3;
	for (int i = 0; i < 12; i++) {
		sample_add(&a, 2 + 0.1 * stats_random_unit(&seed));
		sample_add(&b, 1 + 0.1 * stats_random_unit(&seed));
	}
	struct interval first = stats_bootstrap_ratio(&a, &b, 0.95, 1000, 7);
	struct interval again = stats_bootstrap_ratio(&a, &b, 0.95, 1000, 7);
	NEAR(first.low, again.low);
	NEAR(first.high, again.high);
	assert_true(first.low < first.high && first.low > 1.8 && first.high < 2.1);
	double ratio = stats_median(&a) / stats_median(&b);
	assert_true(first.low <= ratio && ratio <= first.high);
	a.n = b.n = 4;
	NEAR(stats_bootstrap_ratio(&a, &b, 0.95, 1000, 7).coverage, 1 - 2.0 / 70);
}

static void test_amdahl_finds_the_serial_share_again(void **state)
{
	(void)state;
	struct fit_point points[] = { { 1, 10 }, { 2, 6 }, { 4, 4 }, { 8, 3 } };
	struct amdahl fit = fit_amdahl(points, 4);
	assert_true(fit.quality.identified && !fit.quality.exact);
	assert_true(fabs(fit.serial_s - 2) < 1e-6 && fabs(fit.parallel_s - 8) < 1e-6);
	assert_true(fabs(fit.serial_share - 0.2) < 1e-6);
	assert_true(fit.quality.relative_error < 1e-6);
	assert_true(fit_amdahl(points, 2).quality.exact);
}

static void test_usl_finds_its_parameters_again(void **state)
{
	(void)state;
	struct fit_point points[6];
	int workers[] = { 1, 2, 4, 8, 16, 32 };
	for (int i = 0; i < 6; i++) {
		double m = workers[i];
		points[i] = (struct fit_point){ workers[i], 12 * (1 + 0.05 * (m - 1) + 0.002 * m * (m - 1)) / m };
	}
	struct usl fit = fit_usl(points, 6);
	assert_true(fit.quality.identified);
	assert_true(fabs(fit.one_s - 12) < 1e-6 && fabs(fit.contention - 0.05) < 1e-6);
	assert_true(fabs(fit.coherency - 0.002) < 1e-6);
	assert_true(fabs(fit.best_workers - sqrt(0.95 / 0.002)) < 1e-3);
}

static void test_a_fit_without_enough_points_is_refused(void **state)
{
	(void)state;
	struct fit_point same[] = { { 4, 10 }, { 4, 11 }, { 4, 9 } }, two[] = { { 1, 10 }, { 2, 6 } };
	assert_false(fit_amdahl(same, 3).quality.identified);
	assert_non_null(fit_amdahl(same, 3).quality.why);
	assert_false(fit_usl(two, 2).quality.identified);
	assert_false(fit_amdahl(NULL, 0).quality.identified);
}

/* Superlinear times have no non-negative contention: it stays 0, nothing negative is reported. */
static void test_parameters_never_come_out_negative(void **state)
{
	(void)state;
	struct fit_point points[] = { { 1, 10 }, { 2, 4 }, { 4, 1.5 }, { 8, 0.6 } };
	struct usl usl = fit_usl(points, 4);
	assert_true(usl.quality.identified && usl.contention >= 0 && usl.coherency >= 0);
	struct amdahl amdahl = fit_amdahl(points, 4);
	assert_true(amdahl.serial_s >= 0 && amdahl.quality.relative_error > 0.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median_and_mad_ignore_one_outlier),
		cmocka_unit_test(test_interval_of_a_median_says_what_it_really_covers),
		cmocka_unit_test(test_three_rounds_cannot_separate_at_95_percent_and_four_can),
		cmocka_unit_test(test_interval_of_a_ratio_follows_the_exact_table),
		cmocka_unit_test(test_intervals_cover_the_truth_as_often_as_they_say),
		cmocka_unit_test(test_bootstrap_is_deterministic_and_needs_ten_values),
		cmocka_unit_test(test_amdahl_finds_the_serial_share_again),
		cmocka_unit_test(test_usl_finds_its_parameters_again),
		cmocka_unit_test(test_a_fit_without_enough_points_is_refused),
		cmocka_unit_test(test_parameters_never_come_out_negative),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
