/* Steps of a run: in turn in a replay, and a dead worker's steps are passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "engine/record.h"
#include "engine/trace.h"

static const struct slice ids[] = { SLICE("a"), SLICE("b"), SLICE("a") };

static struct trace *new_trace(void)
{
	struct trace *trace = aligned_alloc(64, (trace_bytes(3) + 63) / 64 * 64);
	assert_non_null(trace);
	trace_init(trace, 3);
	return trace;
}

static struct record *open_record(const char *text)
{
	cleanup_str struct str folder = STR_INIT, path = STR_INIT;
	struct err err = ERR_INIT;
	struct record *record;
	assert_int_equal(fs_make_temp_dir("comb-trace-", &folder, &err), 0);
	assert_int_equal(fs_join(&path, folder.buf, "record.json"), 0);
	assert_int_equal(fs_write(path.buf, (struct slice){ text, strlen(text) }, &err), 0);
	assert_int_equal(record_open(&record, path.buf, &err), 0);
	assert_int_equal(fs_remove_all(folder.buf, &err), 0);
	return record;
}

static void apply(struct trace *trace, const char *text, uint32_t *heads)
{
	struct err err = ERR_INIT;
	struct record *record = open_record(text);
	assert_int_equal(record_workers(record), 2);
	assert_int_equal(record_apply(record, ids, 3, trace, heads, &err), 0);
	record_close(record);
}

static void test_steps_are_numbered(void **state)
{
	(void)state;
	struct trace *trace = new_trace();
	trace_begin(trace, 2);
	trace_begin(trace, 0);
	trace_end(trace, 2, false);
	trace_end(trace, 0, true);
	struct trace_entry *entries = trace_entries(trace);
	assert_int_equal(entries[2].begin, 1);
	assert_int_equal(entries[0].begin, 2);
	assert_int_equal(entries[2].end, 3);
	assert_int_equal(entries[0].end, 4);
	assert_true(entries[0].lost && !entries[2].lost);
	assert_int_equal(entries[1].begin, 0);
	assert_true(trace_may_begin(trace, 1));
	free(trace);
}

/* The recorded suite stood in another order; of equal ids the first is the first. */
static void test_a_replay_lets_steps_happen_in_turn(void **state)
{
	(void)state;
	struct trace *trace = new_trace();
	uint32_t heads[2];
	apply(trace,
	      "{\"comb\":{\"record\":1,\"workers\":2,\"tests\":[\"b\",\"a\",\"a\"],"
	      "\"ran\":[[1,0,7,20,false],[0,1,5,9,false],[2,0,30,0,true]]}}",
	      heads);
	struct trace_entry *entries = trace_entries(trace);
	assert_int_equal(heads[0], 0);
	assert_int_equal(heads[1], 1);
	assert_int_equal(entries[0].next, 2);
	assert_true(entries[2].wanted_early && !entries[0].wanted_early);
	assert_true(trace_may_begin(trace, 1));
	assert_false(trace_may_begin(trace, 0));
	trace_begin(trace, 1);
	assert_false(trace_may_end(trace, 1));
	assert_true(trace_may_begin(trace, 0));
	trace_begin(trace, 0);
	assert_true(trace_may_end(trace, 1));
	assert_false(trace_may_end(trace, 0));
	trace_end(trace, 1, false);
	trace_end(trace, 0, false);
	assert_true(trace_may_begin(trace, 2));
	free(trace);
}

static void test_a_death_out_of_turn_holds_nobody_up(void **state)
{
	(void)state;
	struct trace *trace = new_trace();
	uint32_t heads[2];
	apply(trace,
	      "{\"comb\":{\"record\":1,\"workers\":2,\"tests\":[\"a\",\"b\",\"a\"],"
	      "\"ran\":[[0,0,1,4,false],[1,1,2,3,false],[2,0,5,6,false]]}}",
	      heads);
	trace_begin(trace, 0);
	trace_end(trace, 0, true);
	assert_false(trace_may_begin(trace, 2));
	trace_begin(trace, 1);
	trace_end(trace, 1, false);
	assert_true(trace_may_begin(trace, 2));
	free(trace);
}

static void assert_omits(const char *text, uint32_t total, const uint32_t *expected, uint32_t count)
{
	struct err err = ERR_INIT;
	uint32_t omitted[6], made;
	struct record *record = open_record(text);
	assert_int_equal(record_omits(record, ids, 3, total, omitted, &made, &err), 0);
	assert_int_equal(made, count);
	assert_memory_equal(omitted, expected, count * sizeof(*expected));
	record_close(record);
}

static void test_what_a_record_does_not_hold(void **state)
{
	(void)state;
	static const uint32_t some[] = { 1, 2 }, of_each[] = { 1, 2, 3, 5 };
	assert_omits("{\"comb\":{\"record\":1,\"workers\":2,\"tests\":[\"b\",\"a\",\"a\"],\"ran\":[[1,0,1,2,false]]}}", 3,
		     some, 2);
	assert_omits("{\"comb\":{\"record\":1,\"workers\":2,\"tests\":[\"b\",\"a\",\"a\"],"
		     "\"ran\":[[1,0,1,0,false],[3,1,2,0,false]]}}",
		     6, of_each, 4);
}

static void test_files_that_are_no_record(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "[]", "{\"comb\":{}}", "{\"comb\":{\"record\":1,\"workers\":0,\"tests\":[],\"ran\":[]}}",
		"{\"comb\":{\"record\":1,\"workers\":1,\"tests\":[3],\"ran\":[]}}",
		"{\"comb\":{\"record\":1,\"workers\":1,\"tests\":[\"a\"],\"ran\":[[-1,0,1,2,false]]}}",
		"{\"comb\":{\"record\":1,\"workers\":1,\"tests\":[\"a\"],\"ran\":[[0,1,1,2,false]]}}",
		"{\"comb\":{\"record\":1,\"workers\":1,\"tests\":[\"a\"],\"ran\":[7]}}",
	};
	cleanup_str struct str folder = STR_INIT, path = STR_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(fs_make_temp_dir("comb-trace-", &folder, &err), 0);
	assert_int_equal(fs_join(&path, folder.buf, "record.json"), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct record *record;
		assert_int_equal(fs_write(path.buf, (struct slice){ texts[i], strlen(texts[i]) }, &err), 0);
		assert_int_equal(record_open(&record, path.buf, &err), -1);
		assert_non_null(strstr(err.text, "no record"));
	}
	assert_int_equal(fs_remove_all(folder.buf, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_are_numbered),
		cmocka_unit_test(test_a_replay_lets_steps_happen_in_turn),
		cmocka_unit_test(test_a_death_out_of_turn_holds_nobody_up),
		cmocka_unit_test(test_what_a_record_does_not_hold),
		cmocka_unit_test(test_files_that_are_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
