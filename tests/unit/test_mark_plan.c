/* Where marks go: levels, inheritance, cases, what is left over; the table and the hook for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/os.h"
#include "phases/mark_hook.h"
#include "phases/mark_plan.h"
#include "phases/mark_table.h"

struct place {
	struct str dir;
	struct suite_run run;
	struct verdict verdicts[32];
	struct test_sources sources;
	struct mark_plan plan;
	struct err err;
	bool params;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	assert_int_equal(fs_make_temp_dir("comb-test-", &place->dir, &place->err), 0);
	assert_int_equal(test_sources_open(&place->sources, place->dir.buf, &place->err), 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	mark_plan_release(&place->plan);
	test_sources_release(&place->sources);
	suite_run_release(&place->run);
	fs_remove_all(place->dir.buf, &place->err);
	str_release(&place->dir);
	free(place);
	return 0;
}

static void write_file(struct place *place, const char *name, const char *text)
{
	cleanup_str struct str path = STR_INIT;
	fs_join(&path, place->dir.buf, name);
	assert_int_equal(fs_write(path.buf, (struct slice){ text, strlen(text) }, &place->err), 0);
}

/* A function in classes ("A::B" or NULL), at that line of source (NULL: of path). */
static struct test *add(struct place *place, enum category category, const char *path, const char *classes,
			const char *function, const char *source, int line)
{
	struct test test = { .in_source = true, .source_line = line };
	cleanup_str struct str id = STR_INIT;
	str_addf(&id, "%s::%s%s%s", path, classes ? classes : "", classes ? "::" : "", function);
	test.id = os_strdup(id.buf);
	test.path = os_strdup(path);
	test.kind = os_strdup("function");
	test.module_class = os_strdup(classes);
	test.function = os_strdup(function);
	test.source_path = os_strdup(source ? source : path);
	place->verdicts[place->run.tests.len] = (struct verdict){ .category = category };
	assert_int_equal(vec_push(&place->run.tests, test), 0);
	return &place->run.tests.at[place->run.tests.len - 1];
}

static void plan(struct place *place)
{
	int failed = mark_plan_make(&place->plan, &place->sources, &place->run, place->verdicts, place->params, &place->err);
	assert_string_equal(place->err.text, "");
	assert_int_equal(failed, 0);
}

/* "t.py A::B f unit 3", a line each. */
static void assert_places(struct place *place, const char *expected)
{
	cleanup_str struct str found = STR_INIT;
	for (size_t i = 0; i < place->plan.places.len; i++) {
		const struct mark_place *p = &place->plan.places.at[i];
		str_addf(&found, "%s %s %s %s %zu\n", p->source->path, p->class_path ? p->class_path : "-",
			 p->function ? p->function : "-", category_name(p->category), p->tests);
	}
	assert_string_equal(str_text(&found), expected);
}

static void test_the_widest_true_level_is_taken(void **state)
{
	struct place *place = *state;
	write_file(place, "t.py", "def a(): pass\nclass A:\n    def b(self): pass\n    def c(self): pass\n");
	write_file(place, "u.py", "def a(): pass\nclass A:\n    def b(self): pass\n    def c(self): pass\n");
	static const char *const files[] = { "t.py", "u.py" };
	for (size_t i = 0; i < 2; i++) {
		add(place, CATEGORY_UNIT, files[i], NULL, "a", NULL, 1);
		enum category in_class = i == 0 ? CATEGORY_UNIT : CATEGORY_SLOW;
		cleanup_str struct str base = STR_INIT;
		str_addf(&base, "%s::A", files[i]);
		strings_add(&add(place, in_class, files[i], "A", "b", NULL, 3)->bases, base.buf);
		strings_add(&add(place, in_class, files[i], "A", "c", NULL, 4)->bases, base.buf);
	}
	plan(place);
	assert_places(place, "t.py - - unit 3\nu.py A - slow 2\nu.py - a unit 1\n");
}

static void test_cases_of_a_function_get_the_heaviest(void **state)
{
	struct place *place = *state;
	write_file(place, "t.py", "def a(x): pass\ndef b(): pass\n");
	add(place, CATEGORY_UNIT, "t.py", NULL, "a", NULL, 1);
	add(place, CATEGORY_SLOW, "t.py", NULL, "a", NULL, 1);
	add(place, CATEGORY_UNIT, "t.py", NULL, "b", NULL, 2);
	plan(place);
	assert_places(place, "t.py - a slow 2\nt.py - b unit 1\n");
	assert_int_equal(place->verdicts[0].reason, REASON_CASES);
}

static void test_cases_are_marked_one_by_one_when_asked(void **state)
{
	struct place *place = *state;
	write_file(place, "t.py", "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef a(n): pass\n"
				  "@pytest.mark.parametrize('n', v)\ndef b(n): pass\n");
	add(place, CATEGORY_UNIT, "t.py", NULL, "a", NULL, 2);
	add(place, CATEGORY_SLOW, "t.py", NULL, "a", NULL, 2);
	add(place, CATEGORY_UNIT, "t.py", NULL, "b", NULL, 4);
	add(place, CATEGORY_SLOW, "t.py", NULL, "b", NULL, 4);
	place->params = true;
	plan(place);
	assert_places(place, "t.py - a none 2\nt.py - b slow 2\n");
	assert_int_equal(place->plan.places.at[0].cases.len, 2);
	assert_int_equal(place->plan.places.at[0].cases.at[1], CATEGORY_SLOW);
}

/* A mark on a base class or its function reaches every class that inherits: it must be true of all. */
static void test_inherited_tests_agree_or_are_left_over(void **state)
{
	struct place *place = *state;
	write_file(place, "base.py", "class Base:\n    def a(self): pass\n    def b(self): pass\n");
	write_file(place, "t.py", "class T(Base):\n    def c(self): pass\n");
	write_file(place, "u.py", "class U(Base):\n    def d(self): pass\n");
	static const char *const files[] = { "t.py", "u.py" }, *const classes[] = { "T", "U" }, *const own[] = { "c", "d" };
	for (size_t i = 0; i < 2; i++) {
		cleanup_str struct str child = STR_INIT;
		str_addf(&child, "%s::%s", files[i], classes[i]);
		enum category b = i == 0 ? CATEGORY_UNIT : CATEGORY_SLOW;
		struct test *tests[3];
		tests[0] = add(place, CATEGORY_UNIT, files[i], classes[i], "a", "base.py", 2);
		strings_add(&tests[0]->bases, child.buf);
		strings_add(&tests[0]->bases, "base.py::Base");
		tests[1] = add(place, b, files[i], classes[i], "b", "base.py", 3);
		strings_add(&tests[1]->bases, child.buf);
		strings_add(&tests[1]->bases, "base.py::Base");
		tests[2] = add(place, CATEGORY_INTEGRATION, files[i], classes[i], own[i], NULL, 2);
		strings_add(&tests[2]->bases, child.buf);
	}
	plan(place);
	assert_places(place, "base.py Base a unit 2\nt.py T c integration 1\nu.py U d integration 1\n");
	static const bool covered[] = { true, false, true, true, false, true };
	assert_memory_equal(place->plan.covered, covered, sizeof(covered));
}

static void test_marks_by_hand_are_respected(void **state)
{
	struct place *place = *state;
	write_file(place, "t.py", "def a(): pass\ndef b(): pass\ndef c(): pass\n");
	add(place, CATEGORY_UNIT, "t.py", NULL, "a", NULL, 1);
	add(place, CATEGORY_SLOW, "t.py", NULL, "b", NULL, 2);
	add(place, CATEGORY_UNIT, "t.py", NULL, "c", NULL, 3);
	place->verdicts[1].by_user = place->verdicts[2].by_user = true;
	plan(place);
	assert_places(place, "t.py - a unit 1\n");
}

static void test_what_has_no_line_is_left_over(void **state)
{
	struct place *place = *state;
	write_file(place, "t.py", "def make():\n    def test(): pass\n    return test\ndef a(): pass\n");
	write_file(place, "broken.py", "def b(:\n");
	add(place, CATEGORY_UNIT, "t.py", NULL, "test", NULL, 2);
	add(place, CATEGORY_SLOW, "t.py", NULL, "a", NULL, 4);
	add(place, CATEGORY_UNIT, "broken.py", NULL, "b", NULL, 1);
	add(place, CATEGORY_UNIT, "missing.py", NULL, "c", NULL, 1);
	struct test *item = add(place, CATEGORY_UNIT, "data.yaml", NULL, "case", NULL, 1);
	free(item->kind);
	item->kind = os_strdup("YamlItem");
	plan(place);
	assert_places(place, "t.py - a slow 1\n");
	static const bool covered[] = { false, true, false, false, false };
	assert_memory_equal(place->plan.covered, covered, sizeof(covered));
}

static void test_two_names_of_a_file_are_one_file(void **state)
{
	struct place *place = *state;
	cleanup_str struct str link = STR_INIT;
	write_file(place, "t.py", "def a(): pass\ndef b(): pass\n");
	fs_join(&link, place->dir.buf, "link.py");
	assert_int_equal(os_symlink("t.py", link.buf), 0);
	add(place, CATEGORY_UNIT, "t.py", NULL, "a", NULL, 1);
	add(place, CATEGORY_UNIT, "t.py", NULL, "b", NULL, 2);
	add(place, CATEGORY_UNIT, "link.py", NULL, "a", NULL, 1);
	add(place, CATEGORY_SLOW, "link.py", NULL, "b", NULL, 2);
	plan(place);
	assert_places(place, "t.py - a unit 2\n");
	assert_false(place->plan.covered[1]);
}

/* --- The table --- */

static void test_names_shorten_as_the_hook_shortens_them(void **state)
{
	(void)state;
	static const char *const steps[] = { "d[1]/t.py::A::f[x::y[z]]", "d[1]/t.py::A", "d[1]/t.py" };
	static const char *const plain[] = { "t.py::A::f[x::y]", "t.py::A::f", "t.py::A", "t.py" };
	cleanup_str struct str name = STR_INIT;
	str_adds(&name, plain[0]);
	for (size_t i = 1; i < 4; i++) {
		assert_true(mark_name_shorten(&name));
		assert_string_equal(name.buf, plain[i]);
	}
	assert_false(mark_name_shorten(&name));
	str_clear(&name);
	str_adds(&name, steps[0]);
	while (mark_name_shorten(&name))
		assert_true(strncmp(name.buf, "d[1]/t.py", 9) == 0);
}

static void test_the_table_says_it_in_few_rows_and_comes_back(void **state)
{
	struct place *place = *state;
	cleanup_mark_table struct mark_table table = MARK_TABLE_INIT, back = MARK_TABLE_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	static const bool covered[8] = { [3] = true };
	static const struct {
		const char *name;
		enum category category;
	} rows[] = {
		{ "s.py::a\xff[\xed\xa0\x80 \"\xf0\x9f\x98\x80]", CATEGORY_SLOW }, { "t.py::a", CATEGORY_UNIT },
		{ "t.py::b[2]", CATEGORY_SLOW }, { "u.py", CATEGORY_UNIT },
	};
	add(place, CATEGORY_UNIT, "t.py", NULL, "a", NULL, 1);
	add(place, CATEGORY_UNIT, "u.py", NULL, "a[1]", NULL, 1);
	add(place, CATEGORY_UNIT, "u.py", NULL, "b[\xc3\xa9]", NULL, 1);
	add(place, CATEGORY_UNIT, "t.py", NULL, "b[1]", NULL, 1);
	add(place, CATEGORY_SLOW, "t.py", NULL, "b[2]", NULL, 1);
	add(place, CATEGORY_UNIT, "s.py", NULL, "b", NULL, 1);
	add(place, CATEGORY_SLOW, "s.py", NULL, "a\xff[\xed\xa0\x80 \"\xf0\x9f\x98\x80]", NULL, 1);
	add(place, CATEGORY_UNIT, "s.py", NULL, "a\xff[2]", NULL, 1);
	assert_int_equal(mark_table_add(&table, &place->run, place->verdicts, covered, &place->err), 0);
	assert_int_equal(mark_table_store(&table, place->dir.buf, &set, &place->err), 0);
	assert_int_equal(changeset_write(&set, &place->err), 0);
	assert_int_equal(mark_table_read(&back, place->dir.buf, &place->err), 0);
	assert_int_equal(back.rows.len, table.rows.len);
	for (size_t i = 0; i < table.rows.len; i++) {
		assert_string_equal(back.rows.at[i].name, table.rows.at[i].name);
		assert_int_equal(back.rows.at[i].category, table.rows.at[i].category);
	}
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		bool found = false;
		for (size_t i = 0; i < table.rows.len; i++)
			found |= strcmp(table.rows.at[i].name, rows[r].name) == 0 &&
				 table.rows.at[i].category == rows[r].category;
		assert_true(found);
	}
}

static void test_a_table_that_is_none_is_refused(void **state)
{
	struct place *place = *state;
	static const char *const bad[] = { "", "[]", "{\"version\": 2, \"marks\": {}}", "{\"version\": 1, \"marks\": {\"a\": \"fast\"}}",
					   "{\"version\": 1, \"marks\": {\"a\": 1}}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = ERR_INIT;
		cleanup_mark_table struct mark_table table = MARK_TABLE_INIT;
		write_file(place, MARK_TABLE_NAME, bad[i]);
		assert_int_equal(mark_table_read(&table, place->dir.buf, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

/* --- The hook --- */

static void test_the_hook_comes_and_goes_and_leaves_no_trace(void **state)
{
	struct place *place = *state;
	static const char *const files[] = { "import os\n", "x = 1\r\n", "# nothing\n" };
	for (size_t i = 0; i < 3; i++) {
		cleanup_changeset struct changeset set = CHANGESET_INIT, back = CHANGESET_INIT;
		cleanup_str struct str path = STR_INIT, content = STR_INIT;
		bool empty;
		write_file(place, "conftest.py", files[i]);
		fs_join(&path, place->dir.buf, "conftest.py");
		assert_int_equal(mark_hook_insert(place->dir.buf, "conftest.py", &set, &place->err), 0);
		assert_int_equal(changeset_write(&set, &place->err), 0);
		assert_int_equal(fs_read(path.buf, &content, &place->err), 0);
		assert_non_null(strstr(content.buf, "def pytest_collection_modifyitems(items):"));
		assert_true(!strstr(files[i], "\r\n") == !strstr(content.buf, "\r\n"));
		assert_int_equal(mark_hook_insert(place->dir.buf, "conftest.py", &set, &place->err), 0);
		assert_int_equal(set.changes.len, 1);
		assert_int_equal(mark_hook_remove(place->dir.buf, "conftest.py", &back, &empty, &place->err), 0);
		assert_int_equal(changeset_write(&back, &place->err), 0);
		assert_int_equal(fs_read(path.buf, &content, &place->err), 0);
		assert_string_equal(content.buf, files[i]);
		assert_false(empty);
	}
}

static void test_the_hook_gives_way_to_the_users_own(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT, none = CHANGESET_INIT;
	write_file(place, "conftest.py", "def pytest_collection_modifyitems(items): pass\n");
	assert_int_equal(mark_hook_insert(place->dir.buf, "conftest.py", &set, &err), 0);
	assert_non_null(strstr(set.changes.at[0].after.buf, "def pytest_itemcollected(item):"));
	write_file(place, "conftest.py", "from x import pytest_itemcollected, pytest_collection_modifyitems\n");
	assert_int_equal(mark_hook_insert(place->dir.buf, "conftest.py", &none, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void test_hooks_stand_where_a_conftest_does_no_harm(void **state)
{
	struct place *place = *state;
	cleanup_strings struct strings paths = STRINGS_INIT;
	cleanup_str struct str folder = STR_INIT;
	bool covered[4] = { false };
	fs_join(&folder, place->dir.buf, "tests/deep");
	assert_int_equal(fs_make_dirs(folder.buf, &place->err), 0);
	struct test *doctest = add(place, CATEGORY_UNIT, "src/code.py", NULL, "doc", NULL, 1);
	free(doctest->kind);
	doctest->kind = os_strdup("DoctestItem");
	add(place, CATEGORY_UNIT, "tests/deep/t.py", NULL, "a", NULL, 1);
	assert_int_equal(mark_hook_places(place->dir.buf, &place->run, covered, &paths, &place->err), 0);
	assert_int_equal(paths.len, 1);
	assert_string_equal(paths.at[0], "tests/deep/conftest.py");
	write_file(place, "tests/conftest.py", "");
	assert_int_equal(mark_hook_places(place->dir.buf, &place->run, covered, &paths, &place->err), 0);
	assert_int_equal(paths.len, 1);
	assert_string_equal(paths.at[0], "tests/conftest.py");
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		UNIT(test_the_widest_true_level_is_taken),
		UNIT(test_cases_of_a_function_get_the_heaviest),
		UNIT(test_cases_are_marked_one_by_one_when_asked),
		UNIT(test_inherited_tests_agree_or_are_left_over),
		UNIT(test_marks_by_hand_are_respected),
		UNIT(test_what_has_no_line_is_left_over),
		UNIT(test_two_names_of_a_file_are_one_file),
		cmocka_unit_test(test_names_shorten_as_the_hook_shortens_them),
		UNIT(test_the_table_says_it_in_few_rows_and_comes_back),
		UNIT(test_a_table_that_is_none_is_refused),
		UNIT(test_the_hook_comes_and_goes_and_leaves_no_trace),
		UNIT(test_the_hook_gives_way_to_the_users_own),
		UNIT(test_hooks_stand_where_a_conftest_does_no_harm),
	};
	return cmocka_run_group_tests_name("mark_plan", tests, NULL, NULL);
}
