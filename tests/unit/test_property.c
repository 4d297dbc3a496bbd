/*
 * The editors on thousands of random files, made of pieces that such files have, always
 * the same ones; and on those that libFuzzer found a property broken for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "../property/property.h"

static const char *const python_pieces[] = {
	"import pytest\n", "import pytest as pt\n", "from pytest import mark\n", "import os\n", "import os; x = 1\n",
	"from __future__ import annotations\n", "\"\"\"doc\"\"\"\n", "\n", "\n\n", "# comment\n", "#!/bin/python\n",
	"# coding: latin-1\n", "\xef\xbb\xbf", "\f", "\r\n", "\r", "import os\r",
	"pytestmark = pytest.mark.slow\n", "pytestmark = [\n",
	"pytestmark = [pytest.mark.a, mark.b,]\n", "pytestmark = (pt.mark.a,)\n", "pytestmark = f()\n",
	"pytestmark = []\n", "pytestmark: list = [ pytest.mark.a ] # c\n", "    pytest.mark.a,  # c\n", "]\n", "    mark.b\n",
	"pytestmark += [mark.a]\n", "if 1:\n", "else:\n", "try:\n", "except E:\n", "if TYPE_CHECKING:\n", "    import pytest\n",
	"    pytestmark = mark.a\n", "    pass\n", "        pass\n", "class A:\n", "class B(A): x = 1\n", "    x = 1\n",
	"    def test_a(self):\n", "    def test_b(self): pass\n", "\tdef test_c(self): pass\n", "def test_a(): pass\n",
	"def test_b():\n", "async def test_c(): pass\n", "@pytest.mark.a\n", "@mark.b(\n  1)\n", "    @x\n", "@x # c\n",
	"    @mark.a\n", "    class C:\n", "        def test_d(self): pass\n", "\\\n", "x = '''\n", "'''\n", "def t\xe9(): pass\n",
	"pytestmark = a, b\n", "x = pytestmark = 1\n", "pytestmark = MARKS\n", "MARKS = [1]\n", "with a: import pytest\n",
	"@pytest.mark.unit\n", "pytestmark = pytest.mark.unit; y = 2\n", "x = 1; pytestmark = f()\n",
};

static const char *const toml_pieces[] = {
	"a = 1\n", "a = []\n", "a = ['x', \"y\"]\n", "a = [\n", "  'x', # c\n", "]\n", "b = 1\n", "a.b = 'x'\n", "a.b.c = []\n",
	"[a]\n", "[a.b]\n", "[[a]]\n", "[a.b.c]\n", "[tool]\n", "[tool.\"x y\"]\n", "c = [1]\n", "d = { }\n",
	"a = {b = 1}\n", "a = {b.d = 1}\n", "b = {c = [], d = 2}\n", "\n", "# c\n", "\r\n", "x = '''\n", "'''\n",
	"  e = 1 # c\n", "\xef\xbb\xbf", "b.c = 1\n", "\"x y\".c = 1\n", "f = 1", "[z]", "c = [ 'x' ]\n", "  # c\n", "g = 2000-01-01", "h = 07:30:00\n",
	"i = \"\\u00e9\"", "j = \"\"\"x \\  \n  y\"\"\"\n",
};

static const char *const ini_pieces[] = {
	"[pytest]\n", "[tox]\r\n", "[DEFAULT]\n", "markers =\n", "markers = a: b\n", "  c: d\n", "\te: f\n", "\n",
	"# c\n", "  ; d\n", "addopts = -q\n", "x: y", "  unit: quick\n", "[a\n", " [b]\n", "\xef\xbb\xbf", "k\n",
	"  markers = z\n", "    deep\n", "\r", "\v", "\xc2\x85", "\xc2\xa0 w\n", "[pytest] ; c\n", "markers", "=",
};

static const char *const requirement_pieces[] = {
	"pytest\n", "PyTest>=7", "\n", " # c\n", "-r base.txt\n", " \\\n", "foo==1", "; python_version < '3'", "\r\n",
	"pytest_xdist\n", "    # via\n", "--hash=sha256:0\n", "./x\n", "-e .\n", "#egg=pytest\n", "\xef\xbb\xbf", "[x]",
	" \\", "https://example.invalid/x.whl\n", "#", "\r",
};

static const char *const diff_pieces[] = { "a\n", "b\n", "c\n", "\n", "a", "x\r\n", "\n\n", "d\n" };

static const struct slice marks_found[] = {
	/* A lone CR above LFs. */
	SLICE("\r#trt jjjjos\n\n\ndef test_a():\n    import pytest\n\n    pytest.skip()\ni"),
	/* A cookie whose first letter is half of a character in the encoding that it names. */
	SLICE("\n# vi\xab\x11\x9b\xc5\xdf\xdc \xe9" "coding: gbk\r\x9a\x8b\xa2-nf\x96\xbess\xf6"),
	/* A tuple without parentheses, of several lines. */
	SLICE("import pytest\npytestmark = pytest.mark.slow,\\\n pytest.mark.db\ndef test_a(): pass\n"),
	/* A backslash in the first column: the line below it has the indentation. */
	SLICE("class A:\n\\\n\tdef test_c(self): pass\nimport os\n"),
	SLICE("class A:\n\tx = 1\n\\\n\tdef test_c(self): pass\n"),
};

struct maker {
	const char *const *pieces;
	size_t count;
	size_t longest;
	size_t rounds;
	bool two_texts;
	int (*property)(const uint8_t *data, size_t size);
};
#define PIECES(array) (array), sizeof(array) / sizeof(*(array))

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* On a copy of the very size, so that a read beyond it is seen. */
static bool holds(int (*property)(const uint8_t *data, size_t size), struct slice text)
{
	uint8_t *exact = malloc(text.len + (text.len == 0));
	assert_non_null(exact);
	memcpy(exact, text.ptr, text.len);
	int result = property(exact, text.len);
	free(exact);
	return result == 0;
}

static void run(const struct maker *maker)
{
	uint32_t seed = 2463534242U;
	for (size_t round = 0; round < maker->rounds; round++) {
		cleanup_str struct str text = STR_INIT;
		size_t count = next_random(&seed) % maker->longest, middle = next_random(&seed) % maker->longest;
		str_adds(&text, "");
		for (size_t i = 0; i < count; i++) {
			if (maker->two_texts && i == middle % (count + 1))
				str_addc(&text, '\0');
			str_adds(&text, maker->pieces[next_random(&seed) % maker->count]);
		}
		if (!holds(maker->property, str_slice(&text)))
			fail_msg("round %zu", round);
	}
}

static void test_marks(void **state)
{
	(void)state;
	run(&(struct maker){ PIECES(python_pieces), 12, 6000, false, property_marks });
}

static void test_marks_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(marks_found) / sizeof(*marks_found); i++)
		if (!holds(property_marks, marks_found[i]))
			fail_msg("input %zu", i);
}

static void test_toml(void **state)
{
	(void)state;
	run(&(struct maker){ PIECES(toml_pieces), 8, 6000, false, property_toml });
}

static void test_ini(void **state)
{
	(void)state;
	run(&(struct maker){ PIECES(ini_pieces), 10, 6000, false, property_ini });
}

static void test_requirements(void **state)
{
	(void)state;
	run(&(struct maker){ PIECES(requirement_pieces), 8, 6000, false, property_requirements });
}

static void test_diff(void **state)
{
	(void)state;
	run(&(struct maker){ PIECES(diff_pieces), 24, 6000, true, property_diff });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks), cmocka_unit_test(test_marks_found), cmocka_unit_test(test_toml),
		cmocka_unit_test(test_ini),   cmocka_unit_test(test_requirements), cmocka_unit_test(test_diff),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
