/* Records: lines written and read back whole, half-written files, what becomes of unfinished tests. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/record_line.h"
#include "project/recording.h"

static void test_every_byte_comes_back(void **state)
{
	(void)state;
	struct record_line line = RECORD_LINE_INIT;
	cleanup_str struct str back = STR_INIT;
	char all[256 * 2];
	for (int i = 0; i < 256; i++) {
		all[2 * i] = (char)i;
		all[2 * i + 1] = i % 3 ? '%' : '4';
	}
	record_line_begin(&line, "x");
	record_line_text(&line, "t", all, sizeof(all));
	str_addc(&line.text, '}');
	json_t *object = json_loads(line.text.buf, 0, NULL);
	assert_non_null(object);
	assert_int_equal(record_text_decode(&back, json_string_value(json_object_get(object, "t"))), 0);
	assert_int_equal(back.len, sizeof(all));
	assert_memory_equal(back.buf, all, sizeof(all));
	json_decref(object);
	record_line_release(&line);
}

static void test_values_are_json(void **state)
{
	(void)state;
	struct record_line line = RECORD_LINE_INIT;
	record_line_begin(&line, "x");
	record_line_integer(&line, "n", -3);
	record_line_flag(&line, "yes", true);
	record_line_null(&line, "none");
	record_line_list(&line, "empty");
	record_line_list_end(&line);
	record_line_list(&line, "two");
	record_line_list_add(&line, "a", 1);
	record_line_list_add(&line, "\"", 1);
	record_line_list_end(&line);
	assert_string_equal(line.text.buf,
			    "{\"event\":\"x\",\"n\":-3,\"yes\":true,\"none\":null,\"empty\":[],\"two\":[\"a\",\"\\\"\"]");
	record_line_release(&line);
}

struct place {
	struct str dir;
	struct recording recording;
	struct suite_run run;
	struct err err;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct err err = ERR_INIT;
	assert_int_equal(fs_make_temp_dir("comb-test-", &place->dir, &err), 0);
	place->recording = (struct recording)RECORDING_INIT;
	assert_int_equal(recording_open(&place->recording, place->dir.buf, &err), 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	recording_release(&place->recording);
	suite_run_release(&place->run);
	fs_remove_all(place->dir.buf, &err);
	str_release(&place->dir);
	free(place);
	return 0;
}

/* Appends to one process's file, single quotes standing for double ones. */
static void append(struct place *place, const char *file, const char *text)
{
	cleanup_str struct str path = STR_INIT, bytes = STR_INIT;
	fs_join(&path, place->dir.buf, file);
	str_adds(&bytes, text);
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.buf[i] == '\'')
			bytes.buf[i] = '"';
	cleanup_fd int fd = os_open(path.buf, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(os_write_all(fd, bytes.buf, bytes.len), 0);
}

static void poll_record(struct place *place)
{
	assert_int_equal(recording_poll(&place->recording, &place->run, &place->err), 0);
}

static void finish(struct place *place, bool timed_out)
{
	poll_record(place);
	assert_int_equal(recording_finish(&place->recording, &place->run, timed_out, &place->err), 0);
}

#define TWO_ITEMS                                                               \
	"{'event':'begin','worker':null}\n{'event':'item','test':0,'id':'a'}\n" \
	"{'event':'item','test':1,'id':'b'}\n{'event':'collected','count':2,'duration_ns':1500000000}\n"
#define REPORT(test, when, outcome)                                                                       \
	"{'event':'report','test':" #test ",'when':'" when "','outcome':'" outcome "','xfail':false,'part':false," \
	"'duration_ns':2000000000,'text':null}\n"
#define PASSED(test)                                                                                             \
	"{'event':'start','test':" #test "}\n" REPORT(test, "setup", "passed") REPORT(test, "call", "passed") \
		REPORT(test, "teardown", "passed") "{'event':'finish','test':" #test ",'reason':null}\n"

static enum outcome outcome_of(struct place *place, size_t test)
{
	return place->run.tests.at[test].outcome;
}

static void test_lines_are_read_once_they_are_whole(void **state)
{
	struct place *place = *state;
	append(place, "1.jsonl", TWO_ITEMS "{'event':'start','te");
	poll_record(place);
	assert_int_equal(place->run.tests.len, 2);
	assert_int_equal(place->recording.expected, 2);
	assert_true(place->run.collect_s == 1.5);
	append(place, "1.jsonl", "st':1}\n" REPORT(1, "setup", "passed"));
	poll_record(place);
	assert_int_equal(place->recording.running, 1);
	append(place, "1.jsonl", REPORT(1, "call", "passed") REPORT(1, "teardown", "passed")
			"{'event':'finish','test':1}\n{'ev");
	finish(place, false);
	assert_int_equal(outcome_of(place, 0), TEST_NOT_RUN);
	assert_int_equal(outcome_of(place, 1), TEST_PASSED);
	assert_int_equal(place->run.tests.at[1].order, 0);
	assert_true(place->run.tests.at[1].call_s == 2);
}

static void test_a_test_in_which_its_process_ended_crashed(void **state)
{
	struct place *place = *state;
	append(place, "1.jsonl", TWO_ITEMS PASSED(0) "{'event':'start','test':1}\n" REPORT(1, "setup", "passed"));
	finish(place, false);
	assert_int_equal(outcome_of(place, 0), TEST_PASSED);
	assert_int_equal(outcome_of(place, 1), TEST_CRASHED);
	assert_non_null(place->run.tests.at[1].failure);
}

static void test_at_a_time_limit_nothing_crashed(void **state)
{
	struct place *place = *state;
	append(place, "1.jsonl", TWO_ITEMS "{'event':'start','test':1}\n" REPORT(1, "setup", "passed")
			REPORT(1, "call", "passed"));
	finish(place, true);
	assert_int_equal(outcome_of(place, 1), TEST_NOT_RUN);
	assert_non_null(strstr(place->run.tests.at[1].failure, "time limit"));
}

static void test_only_a_worker_that_was_missed_crashed(void **state)
{
	struct place *place = *state;
	append(place, "1.jsonl", "{'event':'begin','worker':null}\n{'event':'lost','worker':'gw1','text':'x'}\n"
			"{'event':'end','exit':1}\n");
	append(place, "2.jsonl", "{'event':'begin','worker':'gw0'}\n{'event':'start','test':0}\n");
	append(place, "3.jsonl", "{'event':'begin','worker':'gw1'}\n" TWO_ITEMS "{'event':'begin','worker':'gw1'}\n"
			"{'event':'start','test':1}\n");
	finish(place, false);
	assert_int_equal(outcome_of(place, 0), TEST_NOT_RUN);
	assert_int_equal(outcome_of(place, 1), TEST_CRASHED);
	assert_int_equal(place->run.tests.at[0].worker, 0);
	assert_int_equal(place->run.tests.at[1].worker, 1);
}

static void test_the_last_attempt_counts(void **state)
{
	struct place *place = *state;
	append(place, "1.jsonl", TWO_ITEMS "{'event':'start','test':0}\n" REPORT(0, "setup", "passed")
			REPORT(0, "call", "rerun") REPORT(0, "setup", "passed") REPORT(0, "call", "passed") REPORT(0, "teardown", "passed")
			"{'event':'finish','test':0}\n");
	append(place, "1.jsonl", "{'event':'start','test':1}\n" REPORT(1, "setup", "passed") REPORT(1, "call", "failed")
			REPORT(1, "teardown", "failed") "{'event':'finish','test':1}\n");
	finish(place, false);
	assert_int_equal(outcome_of(place, 0), TEST_PASSED);
	assert_int_equal(outcome_of(place, 1), TEST_FAILED);
}

static void test_a_failed_part_fails_the_test_and_a_skipped_one_does_not(void **state)
{
	struct place *place = *state;
#define PART(test, outcome)                                                                                   \
	"{'event':'report','test':" #test ",'when':'call','outcome':'" outcome "','part':true,'duration_ns':5,'text':'why'}\n"
	append(place, "1.jsonl", TWO_ITEMS "{'event':'start','test':0}\n" REPORT(0, "setup", "passed") PART(0, "failed")
			REPORT(0, "call", "passed") REPORT(0, "teardown", "passed") "{'event':'finish','test':0}\n");
	append(place, "1.jsonl", "{'event':'start','test':1}\n" REPORT(1, "setup", "passed") PART(1, "skipped")
			REPORT(1, "call", "passed") REPORT(1, "teardown", "passed") "{'event':'finish','test':1}\n");
	finish(place, false);
	assert_int_equal(outcome_of(place, 0), TEST_FAILED);
	assert_int_equal(outcome_of(place, 1), TEST_PASSED);
}

static void test_lines_that_are_no_record_are_an_error(void **state)
{
	struct place *place = *state;
	static const char *const bad[] = { "nonsense\n", "[1]\n", "{'event':'start','test':-4}\n",
					   "{'event':'start','test':99999999999}\n", "{'event':'start'}\n",
					   "{'event':'collected','count':-1}\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = ERR_INIT;
		append(place, "9.jsonl", bad[i]);
		assert_int_equal(recording_poll(&place->recording, &place->run, &err), -1);
		assert_int_equal(err.kind, ERR_INTERNAL);
		recording_open(&place->recording, place->dir.buf, &err);
		cleanup_str struct str path = STR_INIT;
		fs_join(&path, place->dir.buf, "9.jsonl");
		os_unlink(path.buf);
	}
	append(place, "1.jsonl", TWO_ITEMS "{'event':'of the future','x':[]}\n" PASSED(0) PASSED(1));
	finish(place, false);
	assert_int_equal(outcome_of(place, 1), TEST_PASSED);
}

static void test_equal_ids_match_in_their_order(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run a = SUITE_RUN_INIT, b = SUITE_RUN_INIT;
	static const char *const in_a[] = { "x", "y", "x", "z" }, *const in_b[] = { "w", "x", "z", "x", "x" };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(vec_push(&a.tests, ((struct test){ .id = os_strdup(in_a[i]) })), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(vec_push(&b.tests, ((struct test){ .id = os_strdup(in_b[i]) })), 0);
	size_t *match = suite_match(&a, &b);
	static const size_t expected[] = { SIZE_MAX, 0, 3, 2, SIZE_MAX };
	for (size_t i = 0; i < 5; i++)
		assert_true(match[i] == expected[i]);
	free(match);
}

static void test_parameters_with_changing_names_match_in_their_order(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run a = SUITE_RUN_INIT, b = SUITE_RUN_INIT;
	static const char *const in_a[] = { "a.py::f[0x1]", "a.py::f[2]", "a.py::f[0x3]", "a.py::g[1]", "[a].py::h" };
	static const char *const in_b[] = { "[a].py::i", "a.py::f[0x9]", "a.py::f[0x1f]", "a.py::f[2]", "a.py::g[2]",
					    "a.py::g[3]" };
	static const size_t expected[] = { SIZE_MAX, 0, 2, 1, SIZE_MAX, SIZE_MAX };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(vec_push(&a.tests, ((struct test){ .id = os_strdup(in_a[i]) })), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(vec_push(&b.tests, ((struct test){ .id = os_strdup(in_b[i]) })), 0);
	size_t *match = suite_match(&a, &b);
	for (size_t i = 0; i < 6; i++)
		assert_true(match[i] == expected[i]);
	free(match);
	assert_true(suite_same_function("a.py::f[1]", "a.py::f[x]"));
	assert_false(suite_same_function("[a].py::f", "[b].py::f"));
}

static void test_files_that_only_one_run_could_not_collect(void **state)
{
	(void)state;
	cleanup_suite_run struct suite_run a = SUITE_RUN_INIT, b = SUITE_RUN_INIT;
	assert_null(suite_broken_only(&a, &b));
	assert_int_equal(vec_push(&a.collect_errors, ((struct collect_error){ .path = os_strdup("test_a.py") })), 0);
	assert_string_equal(suite_broken_only(&a, &b), "test_a.py");
	assert_null(suite_broken_only(&b, &a));
	assert_int_equal(
		vec_push(&b.collect_errors, ((struct collect_error){ .path = os_strdup("test_a.py"), .line = 3 })), 0);
	assert_null(suite_broken_only(&a, &b));
	assert_int_equal(vec_push(&b.collect_errors, ((struct collect_error){ .path = os_strdup("test_b.py") })), 0);
	assert_string_equal(suite_broken_only(&b, &a), "test_b.py");
	assert_null(suite_broken_only(&a, &b));
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_comes_back),
		cmocka_unit_test(test_values_are_json),
		UNIT(test_lines_are_read_once_they_are_whole),
		UNIT(test_a_test_in_which_its_process_ended_crashed),
		UNIT(test_at_a_time_limit_nothing_crashed),
		UNIT(test_only_a_worker_that_was_missed_crashed),
		UNIT(test_the_last_attempt_counts),
		UNIT(test_a_failed_part_fails_the_test_and_a_skipped_one_does_not),
		UNIT(test_lines_that_are_no_record_are_an_error),
		cmocka_unit_test(test_equal_ids_match_in_their_order),
		cmocka_unit_test(test_parameters_with_changing_names_match_in_their_order),
		cmocka_unit_test(test_files_that_only_one_run_could_not_collect),
	};
	return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
