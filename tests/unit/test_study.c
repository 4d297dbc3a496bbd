/* What follows from measurements, and how they are kept. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/machine.h"
#include "tune/study.h"

static void fill(struct study *study)
{
	struct configuration serial = { .engine = ENGINE_SERIAL };
	struct configuration four = { .engine = ENGINE_XDIST, .workers = 4, .dist = DIST_LOADGROUP };
	*study = (struct study){ .tests = 3, .identity = 0xfedcba9876543210u, .cores = 2, .groups = true };
	struct contestant *a = contest_add(&study->contest, &serial, NAN);
	struct contestant *b = contest_add(&study->contest, &four, 3.5);
	for (int i = 0; i < 4; i++) {
		sample_add(&a->wall_s, 10 + 0.2 * i);
		sample_add(&b->wall_s, 4 + 0.1 * i);
	}
	snprintf(b->failure, sizeof(b->failure), "%s", "");
	study->contest.best = 1;
	study->contest.rounds = 4;
	study->bound = (struct bound){ .start_s = 0.5, .total_s = 2.5, .binding = BOUND_LONGEST };
	sample_add(&study->serial_s, 10.2);
	study->categories[study->category_count++] = (struct category_cost){ .name = "slow", .tests = 2 };
}

static void test_a_study_survives_json(void **state)
{
	(void)state;
	static struct study before, after;
	struct err err = ERR_INIT;
	fill(&before);
	json_t *json = study_json(&before);
	assert_non_null(json);
	assert_int_equal(study_parse(&after, json, &err), 0);
	assert_memory_equal(&after.contest.entries[1].wall_s, &before.contest.entries[1].wall_s, sizeof(struct sample));
	assert_int_equal(after.contest.entries[1].configuration.dist, DIST_LOADGROUP);
	assert_true(after.identity == before.identity && after.groups && after.contest.best == 1);
	assert_int_equal(after.bound.binding, BOUND_LONGEST);
	assert_string_equal(after.categories[0].name, "slow");
	json_t *again = study_json(&after);
	assert_true(json_equal(json, again));
	json_decref(again);
	json_decref(json);
}

static void test_a_foreign_record_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"version\": 99}",
		"{\"version\":1,\"identity\":\"0\",\"contest\":{\"entries\":[],\"best\":7,\"end\":\"budget\"}}",
	};
	static struct study study;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct err err = ERR_INIT;
		json_t *json = json_loads(texts[i], 0, NULL);
		assert_non_null(json);
		assert_int_equal(study_parse(&study, json, &err), -1);
		json_decref(json);
	}
}

static void test_hostile_failure_text_stays_json(void **state)
{
	(void)state;
	static struct study study;
	fill(&study);
	snprintf(study.contest.entries[1].failure, 256, "bad \xff\x1b[2J");
	json_t *json = study_json(&study);
	assert_non_null(json);
	char *text = json_dumps(json, 0);
	assert_non_null(strstr(text, "bad \\\\xff\\\\x1b[2J"));
	free(text);
	json_decref(json);
}

static struct verdict judge(double serial_s, double best_s, double bound_s)
{
	struct sample serial = { .n = 0 }, best = { .n = 0 };
	for (int i = 0; i < 4; i++) {
		sample_add(&serial, serial_s);
		sample_add(&best, best_s);
	}
	return verdict_of(&serial, &best, bound_s);
}

/* Half the time, or nine tenths of what a bound above half allows. */
static void test_the_target_is_judged_by_the_machine(void **state)
{
	(void)state;
	assert_true(judge(10, 4.9, 1).reached);
	assert_false(judge(10, 6, 4).reached); /* the bound allows half: half it must be */
	assert_true(judge(10, 6, 5.5).reached); /* 5.5 / 6 = 92 % */
	assert_false(judge(10, 6.5, 5.5).reached);
	assert_true(judge(2, 2, 1.9).at_the_limit); /* nothing to be gained: serial may stay */
	assert_false(judge(2, 2, 1.2).reached);
}

static struct sample around(double middle_s, double spread)
{
	struct sample sample = { .n = 0 };
	for (int i = -2; i <= 2; i++)
		sample_add(&sample, middle_s * (1 + spread * i / 2));
	return sample;
}

/* A median that has moved within its interval changes nothing; one whose interval is beyond the target does. */
static void test_a_verdict_stands_until_the_intervals_exclude_it(void **state)
{
	(void)state;
	struct verdict reached = judge(10, 4.9, 1), missed = judge(10, 5.2, 1);
	struct sample serial = around(10, 0.02), close = around(5.1, 0.08), closer = around(4.9, 0.08);
	struct sample far = around(6, 0.02), near = around(4, 0.02);
	assert_true(verdict_again(&reached, &serial, &close, 1).reached);
	assert_false(verdict_again(&reached, &serial, &far, 1).reached);
	assert_false(verdict_again(&missed, &serial, &closer, 1).reached);
	assert_true(verdict_again(&missed, &serial, &near, 1).reached);
	struct verdict at_limit = judge(10, 6, 5.5), below_limit = judge(10, 6.2, 5.5);
	struct sample noisy = around(6.12, 0.06);
	assert_true(verdict_again(&at_limit, &serial, &noisy, 5.5).at_the_limit);
	assert_false(verdict_again(&below_limit, &serial, &noisy, 5.5).reached);
	assert_false(verdict_again(&at_limit, &serial, &serial, 5.5).reached);
}

/* Serial is what is configured: one measurement, and no ratio of noise. */
static void test_serial_is_not_compared_with_itself(void **state)
{
	(void)state;
	struct verdict before = judge(2, 2, 1.2), limit = judge(2, 2, 1.9);
	struct sample serial = around(2, 0.5);
	struct verdict again = verdict_again(&before, &serial, &serial, 1.2);
	assert_true(again.ratio == 1 && again.ratio_interval.low == 1 && again.ratio_interval.high == 1);
	assert_false(again.halved || again.reached);
	assert_true(verdict_again(&limit, &serial, &serial, 1.9).at_the_limit);
}

static void test_the_table_names_what_was_measured(void **state)
{
	(void)state;
	static struct study study;
	cleanup_str struct str table = STR_INIT;
	fill(&study);
	assert_int_equal(study_add_table(&study, &table), 0);
	assert_string_equal(table.buf,
			    "configuration                   n  median    interval                to serial\n"
			    "serial                          4  10.3 s    10.0 - 10.6 (88 %)      1.00\n"
			    "xdist -n 4 --dist loadgroup     4  4.15 s    4.00 - 4.30 (88 %)      0.40   chosen\n");
}

static void test_quotas_are_read_as_the_kernel_writes_them(void **state)
{
	(void)state;
	assert_true(machine_parse_quota("max 100000\n") == 0);
	assert_true(machine_parse_quota("150000 100000\n") == 1.5);
	assert_true(machine_parse_quota("") == 0);
	assert_true(machine_cores() >= 1);
	assert_true(machine_processes() >= 1);
	assert_int_equal(machine_whole(1.5), 2);
	assert_int_equal(machine_whole(1.4), 1);
	assert_int_equal(machine_whole(2.6), 3);
	assert_int_equal(machine_whole(0.2), 1);
	assert_true(machine_available_bytes() > 0);
}

static void test_page_cache_leaves_room_in_a_group(void **state)
{
	(void)state;
	const char *stat = "anon 50\nfile 900\nshmem 100\nslab_reclaimable 20\nworkingset_refault_file 7\n"
			   "inactive_file 700\nactive_file 100\n";
	assert_true(machine_parse_room("1000\n", "990\n", stat) == 830);
	assert_true(machine_parse_room("1000\n", "990\n", "") == 10);
	assert_true(machine_parse_room("1000\n", "10\n", stat) == 1000);
	assert_true(machine_parse_room("max\n", "990\n", stat) == 0);
	assert_true(machine_parse_room("1000\n", "1001\n", "anon 1001\n") == 1); /* full is not without a limit */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_study_survives_json),
		cmocka_unit_test(test_a_foreign_record_is_refused),
		cmocka_unit_test(test_hostile_failure_text_stays_json),
		cmocka_unit_test(test_the_target_is_judged_by_the_machine),
		cmocka_unit_test(test_a_verdict_stands_until_the_intervals_exclude_it),
		cmocka_unit_test(test_serial_is_not_compared_with_itself),
		cmocka_unit_test(test_the_table_names_what_was_measured),
		cmocka_unit_test(test_quotas_are_read_as_the_kernel_writes_them),
		cmocka_unit_test(test_page_cache_leaves_room_in_a_group),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
