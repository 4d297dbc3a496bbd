/* addopts: -n and --dist in, everything else as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "project/addopts.h"
#include "tune/automatic.h"

static void test_words_are_those_of_shlex(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_strings struct strings words = STRINGS_INIT;
	assert_int_equal(addopts_split(" -m 'not slow'\n--cov=\"my pkg\" a\\ b \"x\\\"y\" '' ", &words, &err), 0);
	static const char *const want[] = { "-m", "not slow", "--cov=my pkg", "a b", "x\"y", "" };
	assert_int_equal(words.len, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(words.at[i], want[i]);
	assert_int_equal(addopts_split("-m 'open", &words, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void test_only_worker_options_are_replaced(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "", "-n 4" },
		{ "-q", "-q -n 4" },
		{ "-n 2 -q", "-q -n 4" },
		{ "-q -n2 --dist=load -ra", "-q -ra -n 4" },
		{ "-q --numprocesses auto --dist loadfile", "-q -n 4" },
		{ "-q --numprocesses=8 -d", "-q -n 4" },
		{ "-m 'not  slow'   -k \"a or b\"", "-m 'not  slow'   -k \"a or b\" -n 4" },
		{ "--strict-markers\n-n 3\n--cov=x", "--strict-markers\n--cov=x\n-n 4" },
		{ "--distro x --nothing", "--distro x --nothing -n 4" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		cleanup_str struct str out = STR_INIT, again = STR_INIT;
		assert_int_equal(addopts_replace(cases[i][0], "-n 4", &out, &err), 0);
		assert_string_equal(str_text(&out), cases[i][1]);
		assert_int_equal(addopts_replace(out.buf, "-n 4", &again, &err), 0);
		assert_string_equal(again.buf, out.buf);
	}
}

struct file_case {
	enum config_kind kind;
	const char *name, *before, *after;
	bool comb;
};

static const struct file_case file_cases[] = {
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\n# mine\naddopts = -q\n",
	  "[pytest]\n# mine\naddopts = -q -n 4 --dist loadgroup\n" },
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\r\n", "[pytest]\r\naddopts = -n 4 --dist loadgroup\r\n" },
	{ CONFIG_TOX_INI, "tox.ini", "[tox]\n\n[pytest]\naddopts =\n    -q\n    # why\n    -ra\nxfail_strict = 1\n",
	  "[tox]\n\n[pytest]\naddopts =\n    -q\n    # why\n    -ra\n    -n 4 --dist loadgroup\nxfail_strict = 1\n" },
	{ CONFIG_SETUP_CFG, "setup.cfg", "[tool:pytest]\naddopts = -n 2 -q\n",
	  "[tool:pytest]\naddopts = -q -n 4 --dist loadgroup\n" },
	{ CONFIG_PYPROJECT_INI, "pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"-q\" # short\n",
	  "[tool.pytest.ini_options]\naddopts = \"-q -n 4 --dist loadgroup\" # short\n" },
	{ CONFIG_PYPROJECT_INI, "pyproject.toml", "[tool.pytest.ini_options]\naddopts = [\n    \"-q\",  # short\n]\n",
	  "[tool.pytest.ini_options]\naddopts = [\n    \"-q\",  # short\n    \"-n4\",\n    "
	  "\"--dist=loadgroup\",\n]\n" },
	{ CONFIG_PYPROJECT_INI, "pyproject.toml", "[tool.pytest.ini_options]\naddopts = [\"-n\", \"2\", \"-q\"]\n",
	  "[tool.pytest.ini_options]\naddopts = [\"-q\", \"-n4\", \"--dist=loadgroup\"]\n" },
	{ CONFIG_PYPROJECT, "pyproject.toml", "[tool.pytest]\nstrict = true\n",
	  "[tool.pytest]\nstrict = true\naddopts = [\"-n4\", \"--dist=loadgroup\"]\n" },
	{ CONFIG_PYTEST_TOML, "pytest.toml", "[pytest]\n", "[pytest]\naddopts = [\"-n4\", \"--dist=loadgroup\"]\n" },
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\naddopts = -q -n 8 --dist load\n",
	  "[pytest]\naddopts = -q --comb -n 4 --dist loadgroup\n", true },
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\naddopts = -n 4 --dist loadgroup\n",
	  "[pytest]\naddopts = --comb -n 4 --dist loadgroup\n", true },
	{ CONFIG_PYPROJECT_INI, "pyproject.toml", "[tool.pytest.ini_options]\naddopts = [\n    \"-q\",  # short\n]\n",
	  "[tool.pytest.ini_options]\naddopts = [\n    \"-q\",  # short\n    \"--comb\",\n    \"-n4\",\n    "
	  "\"--dist=loadgroup\",\n]\n",
	  true },
	{ CONFIG_PYPROJECT, "pyproject.toml", "[tool.pytest]\naddopts = [\"-n4\", \"-q\"]\n",
	  "[tool.pytest]\naddopts = [\"-q\", \"--comb\", \"-n4\", \"--dist=loadgroup\"]\n", true },
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\ncomb = true\naddopts = -n 4 --dist loadgroup\n",
	  "[pytest]\ncomb = true\naddopts = -n 4 --dist loadgroup\n", true },
	/* Back from comb's engine to xdist. */
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\naddopts = --comb -n 8 --dist load -q\n",
	  "[pytest]\naddopts = -q -n 4 --dist loadgroup\n" },
	{ CONFIG_PYTEST_INI, "pytest.ini", "[pytest]\naddopts = -q\ncomb = yes\n",
	  "[pytest]\naddopts = -q --no-comb -n 4 --dist loadgroup\ncomb = yes\n" },
	{ CONFIG_PYPROJECT, "pyproject.toml", "[tool.pytest]\ncomb = true\n",
	  "[tool.pytest]\ncomb = true\naddopts = [\"--no-comb\", \"-n4\", \"--dist=loadgroup\"]\n" },
};

static void check_file(const struct file_case *c, const char *dir)
{
	struct err err = ERR_INIT;
	cleanup_str struct str path = STR_INIT, now = STR_INIT;
	assert_int_equal(fs_join(&path, dir, c->name), 0);
	struct slice before = { c->before, strlen(c->before) };
	assert_int_equal(fs_write(path.buf, before, &err), 0);
	struct project project = { .root = path.buf, .config_path = path.buf, .config_kind = c->kind };
	struct addopts_wanted wanted = { .comb = c->comb, .workers = "4", .dist = "loadgroup" };
	bool there = strcmp(c->before, c->after) == 0;
	for (int twice = 0; twice < 2; twice++) {
		cleanup_changeset struct changeset set = CHANGESET_INIT;
		if (addopts_set(&project, &wanted, &set, &err) < 0 || changeset_write(&set, &err) < 0)
			fail_msg("%s: %s (%s)", c->name, err.text, c->before);
		assert_int_equal(fs_read(path.buf, &now, &err), 0);
		assert_string_equal(now.buf, c->after);
		assert_int_equal(set.changes.len, !twice && !there);
	}
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	assert_int_equal(addopts_read(&addopts, &project, &err), 0);
	assert_string_equal(addopts.workers, "4");
	assert_string_equal(addopts.dist, "loadgroup");
	assert_true(addopts.line > 0);
	assert_int_equal(addopts.comb, c->comb);
}

static void test_every_configuration_file_keeps_its_bytes(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT;
	assert_int_equal(fs_make_temp_dir("comb-addopts-", &dir, &err), 0);
	for (size_t i = 0; i < sizeof(file_cases) / sizeof(*file_cases); i++)
		check_file(&file_cases[i], dir.buf);
	assert_int_equal(fs_remove_all(dir.buf, &err), 0);
}

static void test_a_project_without_configuration_gets_a_file(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, path = STR_INIT, now = STR_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	assert_int_equal(fs_make_temp_dir("comb-addopts-", &dir, &err), 0);
	struct project project = { .root = dir.buf, .config_kind = CONFIG_NONE };
	struct addopts_wanted wanted = { .workers = "auto", .dist = "load" };
	assert_int_equal(addopts_set(&project, &wanted, &set, &err), 0);
	assert_int_equal(changeset_write(&set, &err), 0);
	fs_join(&path, dir.buf, "pytest.ini");
	assert_int_equal(fs_read(path.buf, &now, &err), 0);
	assert_string_equal(now.buf, "[pytest]\naddopts = -n auto --dist load\n");
	assert_int_equal(fs_remove_all(dir.buf, &err), 0);
}

/* -n auto: as many as keep the cores busy, no more than the longest test, the tests and the memory allow. */
static void test_automatic_workers_follow_what_a_run_showed(void **state)
{
	(void)state;
	struct profile computing = { .tests = 100, .tests_s = 10, .longest_s = 0.5, .cpu_s = 11 };
	struct profile waiting = { .tests = 100, .tests_s = 20, .longest_s = 1, .cpu_s = 2 };
	struct profile tail = { .tests = 100, .tests_s = 20, .longest_s = 8, .cpu_s = 0.1 };
	struct profile large = { .tests = 100, .tests_s = 20, .longest_s = 1, .cpu_s = 2, .process_bytes = 100 };
	assert_int_equal(automatic_workers(&computing, 2, 0), 2);
	assert_int_equal(automatic_workers(&computing, 1.5, 0), 2); /* as where nothing is known of the suite */
	assert_int_equal(automatic_workers(&waiting, 2, 0), 20);
	assert_int_equal(automatic_workers(&tail, 2, 0), 3);
	assert_int_equal(automatic_workers(&large, 2, 450), 4);
	assert_int_equal(automatic_workers(&large, 2, 50), 1);
	assert_int_equal(automatic_fitting(8, 100, 450), 4);
	assert_int_equal(automatic_fitting(8, 100, 50), 1);
	assert_int_equal(automatic_fitting(8, 0, 50), 8);
	assert_int_equal(automatic_fitting(8, 100, 0), 8);
	struct profile again;
	json_t *json = profile_json(&large);
	assert_true(profile_parse(&again, json));
	assert_true(again.tests == 100 && again.tests_s == 20 && again.process_bytes == 100);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_those_of_shlex),
		cmocka_unit_test(test_only_worker_options_are_replaced),
		cmocka_unit_test(test_every_configuration_file_keeps_its_bytes),
		cmocka_unit_test(test_a_project_without_configuration_gets_a_file),
		cmocka_unit_test(test_automatic_workers_follow_what_a_run_showed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
