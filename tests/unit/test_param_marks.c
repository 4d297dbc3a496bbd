/* Marks on cases: every element gets one, values stay, and taking them out restores every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/param_marks.h"

static const char *const marks[] = { "unit", "slow", "integration", "unit" };

/* Replaces *out by source with marks, and *letters. The number of cases, 0 where it is of another shape. */
static size_t insert(const char *source, struct str *out, struct str *letters)
{
	struct err err = ERR_INIT;
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	assert_int_equal(python_tree_open(&tree, (struct slice){ source, strlen(source) }, "t.py", &err), 0);
	size_t def = python_tree_find(&tree, NULL, "test", 0), count = param_marks_count(&tree, def);
	int done = param_marks_insert(&tree, def, marks, count, &edits, letters, &err);
	assert_true(done >= 0);
	assert_int_equal(edits_apply(&edits, tree.source, out, &err), 0);
	assert_true(done == 1 || edits.splices.len == 0);
	return done == 1 ? count : 0;
}

static void assert_removal_restores(const char *source, const struct str *marked, const char *letters)
{
	struct err err = ERR_INIT;
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str back = STR_INIT;
	assert_int_equal(python_tree_open(&tree, str_slice(marked), "t.py", &err), 0);
	assert_int_equal(param_marks_remove(&tree, python_tree_find(&tree, NULL, "test", 0), letters, &edits, &err), 0);
	assert_int_equal(edits_apply(&edits, tree.source, &back, &err), 0);
	assert_string_equal(back.buf, source);
}

static void test_shapes_that_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *source, *marked, *letters;
	} rows[] = {
		{ "import pytest\n@pytest.mark.parametrize('n', [1, 'a, b'])\ndef test(n): pass\n",
		  "import pytest\n@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.unit), "
		  "pytest.param('a, b', marks=pytest.mark.slow)])\ndef test(n): pass\n",
		  "ww" },
		{ "import pytest as pt\n@pt.mark.parametrize(('a', 'b'), [\n    (1, 2),  # one\n    (\n        3,\n        4,\n    ),\n    x,\n])\ndef test(a, b): pass\n",
		  "import pytest as pt\n@pt.mark.parametrize(('a', 'b'), [\n    pt.param(1, 2, marks=pt.mark.unit),  # one\n"
		  "    pt.param(\n        3,\n        4, marks=pt.mark.slow\n    ),\n    pt.param(*x, marks=pt.mark.integration),\n])\ndef test(a, b): pass\n",
		  "tTs" },
		{ "import pytest\n@pytest.mark.parametrize('a,b', ([1, 2], pytest.param(1, 2, id='x'), pytest.param(3, 4,)))\ndef test(a, b): pass\n",
		  "import pytest\n@pytest.mark.parametrize('a,b', (pytest.param(*[1, 2], marks=pytest.mark.unit), "
		  "pytest.param(1, 2, id='x', marks=pytest.mark.slow), pytest.param(3, 4, marks=pytest.mark.integration)))\ndef test(a, b): pass\n",
		  "skK" },
		{ "import pytest\n@pytest.mark.parametrize('n', [(1, 2)], ids=['x'])\n@pytest.mark.skip\ndef test(n): pass\n",
		  "import pytest\n@pytest.mark.parametrize('n', [pytest.param((1, 2), marks=pytest.mark.unit)], ids=['x'])\n"
		  "@pytest.mark.skip\ndef test(n): pass\n",
		  "w" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_str struct str marked = STR_INIT, letters = STR_INIT;
		assert_int_equal(insert(rows[i].source, &marked, &letters), strlen(rows[i].letters));
		assert_string_equal(marked.buf, rows[i].marked);
		assert_string_equal(letters.buf, rows[i].letters);
		assert_removal_restores(rows[i].source, &marked, letters.buf);
	}
}

static void test_other_shapes_are_left_alone(void **state)
{
	(void)state;
	static const char *const sources[] = {
		"import pytest\n@pytest.mark.parametrize('n', values)\ndef test(n): pass\n",
		"import pytest\n@pytest.mark.parametrize('n', [i for i in x])\ndef test(n): pass\n",
		"import pytest\n@pytest.mark.parametrize('n', [*x, 1])\ndef test(n): pass\n",
		"import pytest\n@pytest.mark.parametrize('n', [1])\n@pytest.mark.parametrize('m', [1])\ndef test(n, m): pass\n",
		"import pytest\n@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.xfail)])\ndef test(n): pass\n",
		"import pytest\n@pytest.mark.parametrize(argvalues=[1], argnames='n')\ndef test(n): pass\n",
		"from pytest import mark\n@mark.parametrize('n', [1])\ndef test(n): pass\n",
		"import pytest\n@pytest.mark.parametrize('n', [])\ndef test(n): pass\n",
		"import pytest\ndef test(): pass\n",
	};
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		cleanup_str struct str marked = STR_INIT, letters = STR_INIT;
		assert_int_equal(insert(sources[i], &marked, &letters), 0);
		assert_string_equal(marked.buf, sources[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes_that_are_understood),
		cmocka_unit_test(test_other_shapes_are_left_alone),
	};
	return cmocka_run_group_tests_name("param_marks", tests, NULL, NULL);
}
