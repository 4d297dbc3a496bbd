/* Which tests assert on how long something took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "source/clock_use.h"

/* The line of the first assertion on a duration in a function with that body. */
static int found(const char *head, const char *body)
{
	struct err err = ERR_INIT;
	cleanup_str struct str source = STR_INIT;
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	int line = -1;
	str_addf(&source, "%s\n%s\n", head, body);
	if (python_tree_open(&tree, str_slice(&source), "t.py", &err) < 0) {
		print_error("%s\n%s", err.text, source.buf);
		return -1;
	}
	size_t def = python_tree_find(&tree, NULL, "test", 0);
	assert_int_equal(clock_use_find(&tree, def, &line, &err), 0);
	return line;
}

#define DEF "def test(self):"

static void test_durations_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		int line;
	} rows[] = {
		{ "    t = time.time()\n    f()\n    assert time.time() - t < 1", 4 },
		{ "    t = perf_counter()\n    f()\n    took = perf_counter() - t\n    assert took < 0.5, took", 5 },
		{ "    t = datetime.datetime.now()\n    d = (datetime.datetime.now() - t).total_seconds()\n    assert 1 <= d <= 2", 4 },
		{ "    t = loop.time()\n    took = round(loop.time() - t, 2)\n    assert took == pytest.approx(1)", 4 },
		{ "    t = time.monotonic_ns()\n    self.assertLess((time.monotonic_ns() - t) / 1e9, 1)", 3 },
		{ "    assert timeit.timeit(f, number=3) < 1", 2 },
		{ "    self.t = time.time()\n    assert not (time.time() - self.t > 3)", 3 },
		{ "    t = asyncio.get_running_loop().time()\n    assert asyncio.get_running_loop().time() - t > 1", 3 },
		{ "    t = datetime.now()\n    assert (datetime.now() - t).seconds < 2", 3 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(found(DEF, rows[i].body), rows[i].line);
}

static void test_other_asserts_are_not(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"    before = datetime.now()\n    x = make()\n    assert x.created >= before",
		"    t = time.time()\n    assert f(t) == 3",
		"    time.sleep(1)\n    assert f() < 3",
		"    t = time.time()\n    print(time.time() - t)\n    assert len(x) - 1 < 3",
		"    assert self.time() - 1 < 3",
		"    pass",
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		assert_int_equal(found(DEF, bodies[i]), 0);
}

static void test_a_frozen_clock_does_not_count(void **state)
{
	(void)state;
	const char *body = "    t = time.time()\n    assert time.time() - t < 1";
	assert_int_equal(found("@freeze_time('2020-01-01')\ndef test():", body), 0);
	assert_int_equal(found("def test(freezer):", body), 0);
	assert_int_equal(found("async def test():", body), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_are_found),
		cmocka_unit_test(test_other_asserts_are_not),
		cmocka_unit_test(test_a_frozen_clock_does_not_count),
	};
	return cmocka_run_group_tests_name("clock_use", tests, NULL, NULL);
}
