/* Projects as pytest sees them: root, configuration in force, interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "project/config.h"
#include "project/interpreter.h"
#include "project/locate.h"
#include "project/project.h"

static struct str dir;

static int make_dir(void **state)
{
	struct err err = ERR_INIT;
	cleanup_str struct str temporary = STR_INIT;
	(void)state;
	if (fs_make_temp_dir("comb-project-", &temporary, &err) < 0)
		return -1;
	return fs_real_path(temporary.buf, &dir, &err);
}

static int remove_dir(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	int failed = fs_remove_all(dir.buf, &err);
	str_release(&dir);
	return failed;
}

static const char *in_dir(const char *name)
{
	static struct str path;
	fs_join(&path, dir.buf, name);
	return path.buf;
}

static void put(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	cleanup_str struct str folder = STR_INIT;
	str_adds(&folder, in_dir(name));
	locate_parent(&folder);
	assert_int_equal(fs_make_dirs(folder.buf, &err), 0);
	assert_int_equal(fs_write(in_dir(name), (struct slice){ text, strlen(text) }, &err), 0);
}

static void expect_config(const char *folder, const int version[3], enum config_kind kind, const char *file)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	assert_int_equal(locate_folder(&project, in_dir(folder), &err), 0);
	assert_int_equal(config_find(&project, version, &err), 0);
	assert_int_equal(project.config_kind, kind);
	if (file)
		assert_string_equal(project.config_path, in_dir(file));
	else
		assert_null(project.config_path);
}

static const int pytest7[3] = { 7, 0, 1 }, pytest80[3] = { 8, 0, 2 }, pytest8[3] = { 8, 3, 5 },
		 pytest9[3] = { 9, 0, 2 };

static void test_the_configuration_in_force_depends_on_the_version_of_pytest(void **state)
{
	(void)state;
	put("a/setup.cfg", "[tool:pytest]\n");
	expect_config("a", pytest7, CONFIG_SETUP_CFG, "a/setup.cfg");
	put("a/tox.ini", "[tox]\n[pytest]\n");
	expect_config("a", pytest7, CONFIG_TOX_INI, "a/tox.ini");
	put("a/pyproject.toml", "[tool.pytest.ini_options]\n");
	expect_config("a", pytest7, CONFIG_PYPROJECT_INI, "a/pyproject.toml");
	put("a/.pytest.ini", "");
	expect_config("a", pytest8, CONFIG_PYPROJECT_INI, "a/pyproject.toml");
	expect_config("a", pytest9, CONFIG_PYTEST_INI, "a/.pytest.ini");
	put("a/.pytest.ini", "[pytest]\n");
	expect_config("a", pytest7, CONFIG_PYPROJECT_INI, "a/pyproject.toml");
	expect_config("a", pytest8, CONFIG_PYTEST_INI, "a/.pytest.ini");
	put("a/pytest.ini", "");
	expect_config("a", pytest7, CONFIG_PYTEST_INI, "a/pytest.ini");
	put("a/pytest.toml", "");
	expect_config("a", pytest8, CONFIG_PYTEST_INI, "a/pytest.ini");
	expect_config("a", pytest9, CONFIG_PYTEST_TOML, "a/pytest.toml");
}

static void test_a_pyproject_without_pytest_table_is_the_root_since_8_1(void **state)
{
	(void)state;
	put("b/pyproject.toml", "[project]\nname = 'b'\n");
	put("b/deep/er/setup.py", "");
	expect_config("b/deep/er", pytest80, CONFIG_NONE, NULL);
	expect_config("b/deep/er", pytest8, CONFIG_PYPROJECT_INI, "b/pyproject.toml");
}

static void test_native_and_ini_tables_of_pyproject(void **state)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	(void)state;
	put("c/pyproject.toml", "[tool.pytest]\nstrict = true\n");
	expect_config("c", pytest9, CONFIG_PYPROJECT, "c/pyproject.toml");
	put("c/pyproject.toml", "[tool.pytest]\n[tool.pytest.ini_options]\naddopts = '-q'\n");
	expect_config("c", pytest9, CONFIG_PYPROJECT_INI, "c/pyproject.toml");
	put("c/pyproject.toml", "[tool.pytest]\nstrict = true\n[tool.pytest.ini_options]\naddopts = '-q'\n");
	expect_config("c", pytest8, CONFIG_PYPROJECT_INI, "c/pyproject.toml");
	assert_int_equal(locate_folder(&project, in_dir("c"), &err), 0);
	assert_int_equal(config_find(&project, pytest9, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.file, in_dir("c/pyproject.toml"));
}

static void test_a_dangling_virtual_environment_is_named(void **state)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	(void)state;
	unsetenv("VIRTUAL_ENV");
	put("d/test_d.py", "def test_d(): pass\n");
	put("d/.venv/pyvenv.cfg", "home = /nonexistent/bin\n");
	put("d/.venv/bin/placeholder", "");
	assert_int_equal(symlink("/nonexistent/bin/python3", in_dir("d/.venv/bin/python")), 0);
	assert_int_equal(project_open(&project, in_dir("d"), NULL, &err), -1);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
	assert_non_null(strstr(err.text, "/d/.venv is broken"));
	assert_non_null(strstr(err.text, "/nonexistent/bin/python3, which does not exist"));
	assert_non_null(strstr(err.hint, "python3 -m venv --clear"));
}

static void test_a_folder_without_python_is_no_project(void **state)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	(void)state;
	put("e/readme.txt", "nothing\n");
	assert_int_equal(project_open(&project, in_dir("e"), NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "is not a Python project"));
}

static void test_an_interpreter_that_prints_before_it_answers_is_understood(void **state)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	(void)state;
	put("f/test_f.py", "");
	put("f/python",
	    "#!/bin/sh\necho 'hello from a start-up hook'\n"
	    "echo 'comb-environment:{\"version\": [3, 12, 1], \"executable\": null, \"pytest\": \"8.3.5\", "
	    "\"problem\": null, \"plugins\": [[\"pytest-xdist\", \"3.6.1\"]]}'\n");
	assert_int_equal(chmod(in_dir("f/python"), 0755), 0);
	cleanup_str struct str python = STR_INIT;
	str_adds(&python, in_dir("f/python"));
	assert_int_equal(project_open(&project, in_dir("f"), python.buf, &err), 0);
	assert_int_equal(project.pytest_version[1], 3);
	assert_string_equal(project_plugin(&project, "pytest-xdist")->version, "3.6.1");
	assert_string_equal(project.python_from, "--python");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_configuration_in_force_depends_on_the_version_of_pytest),
		cmocka_unit_test(test_a_pyproject_without_pytest_table_is_the_root_since_8_1),
		cmocka_unit_test(test_native_and_ini_tables_of_pyproject),
		cmocka_unit_test(test_a_dangling_virtual_environment_is_named),
		cmocka_unit_test(test_a_folder_without_python_is_no_project),
		cmocka_unit_test(test_an_interpreter_that_prints_before_it_answers_is_understood),
	};
	return cmocka_run_group_tests_name("project", tests, make_dir, remove_dir);
}
