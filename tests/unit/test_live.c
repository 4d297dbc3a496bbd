/* The live line of a parallel run: never too wide, the slowest worker first, hostile names escaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/live.h"
#include "report/terminal.h"

#define WORKER(id_, test_, seconds_) { .id = (id_), .test = (test_), .test_len = sizeof(test_) - 1, .seconds = (seconds_) }

static void test_all_parts(void **state)
{
	struct live_worker workers[] = { WORKER("gw0", "a.py::test_short", 0.25), WORKER("gw1", "a.py::C::test_x[1]", 75) };
	struct live_view view = { .done = 5, .total = 10, .failed = 2, .left_s = 61.2, .unicode = true, .workers = workers,
				  .worker_count = 2 };
	cleanup_str struct str out = STR_INIT;
	assert_int_equal(live_compose(&view, 120, &out), 0);
	assert_string_equal(out.buf, "████████░░░░░░░░ 5/10 · 2 failed · 1 min 02 s left · gw1 C::test_x[1] 1m15s · "
				     "gw0 test_short 0.2s");
}

static void test_never_wider_than_told(void **state)
{
	struct live_worker workers[8];
	for (size_t columns = 0; columns < 200; columns++)
		for (size_t count = 0; count <= 8; count++) {
			cleanup_str struct str out = STR_INIT;
			for (size_t i = 0; i < count; i++)
				workers[i] = (struct live_worker)WORKER("gw12", "a.py::test_漢字_with_a_rather_long_name", 3.0);
			if (count == 3)
				workers[0].test = NULL;
			struct live_view view = { .done = 1, .total = 99999, .failed = count, .left_s = 3,
						  .unicode = columns % 2, .workers = workers, .worker_count = count };
			assert_int_equal(live_compose(&view, columns, &out), 0);
			assert_true(text_columns(str_text(&out)) <= columns);
		}
}

static void test_workers_without_room_are_counted(void **state)
{
	struct live_worker workers[] = { WORKER("gw0", "test_a", 1), WORKER("gw1", "test_b", 3), WORKER("gw2", "test_c", 2) };
	struct live_view view = { .total = 9, .left_s = -1, .workers = workers, .worker_count = 3 };
	cleanup_str struct str out = STR_INIT;
	assert_int_equal(live_compose(&view, 56, &out), 0);
	assert_string_equal(out.buf, "...... 0/9 | gw1 test_b 3.0s | gw2 test_c 2.0s | +1");
}

static void test_names_are_escaped_and_colours_balanced(void **state)
{
	struct live_worker workers[] = { WORKER("gw0", "a.py::\x1b[2J\xed\xb3\xbf", 1) };
	struct live_view view = { .total = 9, .failed = 1, .left_s = -1, .color = true, .workers = workers, .worker_count = 1 };
	cleanup_str struct str out = STR_INIT;
	assert_int_equal(live_compose(&view, 100, &out), 0);
	assert_string_equal(out.buf, "................ 0/9 | \x1b[31m1 failed\x1b[0m | gw0 \\x1b[2J\\xed\\xb3\\xbf 1.0s");
}

static void test_where_the_cursor_stands(void **state)
{
	static const struct {
		size_t before;
		const char *text;
		size_t after;
	} cases[] = {
		{ 3, "abc", 6 },   { 3, "\n", 0 },         { 3, "abc\nde", 2 },         { 9, "\rab", 2 },
		{ 0, "\t", 8 },    { 7, "\tx", 9 },        { 0, "\x1b[31mab\x1b[0m", 2 }, { 1, "漢", 3 },
		{ 2, "\b", 1 },    { 0, "\b", 0 },         { 0, "\x1b]0;title\ax", 1 }, { 0, "\x1b]9;4;1\x1b\\x", 1 },
		{ 0, "a\x1b", 1 }, { 0, "\xff\xfe", 2 },   { 4, "", 4 },                { 0, "\x1b[3", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(live_column_after(cases[i].before, cases[i].text, strlen(cases[i].text)), cases[i].after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_parts),
		cmocka_unit_test(test_never_wider_than_told),
		cmocka_unit_test(test_workers_without_room_are_counted),
		cmocka_unit_test(test_names_are_escaped_and_colours_balanced),
		cmocka_unit_test(test_where_the_cursor_stands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
