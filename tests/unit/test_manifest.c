/* Where pytest is declared, what is added beside it, and markers in every configuration file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "project/config.h"
#include "project/locate.h"
#include "project/manager.h"
#include "project/manifest.h"
#include "project/markers.h"

static struct str dir;

static int make_dir(void **state)
{
	struct err err = ERR_INIT;
	cleanup_str struct str temporary = STR_INIT;
	(void)state;
	if (fs_make_temp_dir("comb-manifest-", &temporary, &err) < 0)
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

static const char *in_dir(const char *folder, const char *name)
{
	static struct str path;
	str_clear(&path);
	str_addf(&path, "%s/%s/%s", dir.buf, folder, name);
	return path.buf;
}

static void put(const char *folder, const char *name, const char *text)
{
	struct err err = ERR_INIT;
	cleanup_str struct str parent = STR_INIT;
	str_adds(&parent, in_dir(folder, name));
	locate_parent(&parent);
	assert_int_equal(fs_make_dirs(parent.buf, &err), 0);
	assert_int_equal(fs_write(in_dir(folder, name), (struct slice){ text, strlen(text) }, &err), 0);
}

static void expect(const char *folder, const char *name, const char *text)
{
	struct err err = ERR_INIT;
	cleanup_str struct str found = STR_INIT;
	assert_int_equal(fs_read(in_dir(folder, name), &found, &err), 0);
	assert_string_equal(found.buf, text);
}

static void open_files(struct project *project, const char *folder)
{
	static const int newest[3];
	struct err err = ERR_INIT;
	if (locate_folder(project, in_dir(folder, ""), &err) < 0 || config_find(project, newest, &err) < 0 ||
	    manager_detect(project, &err) < 0)
		fail_msg("%s:%d: %s", err.file, err.line, err.text);
}

/* Declares, pytest-comb too where that is asked for; true when afterwards every place is complete. *said may be NULL. */
static bool declare_all(const char *folder, bool with_comb, struct str *said)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	cleanup_str struct str unused = STR_INIT;
	open_files(&project, folder);
	if (manifest_read(&manifest, &project, &err) < 0)
		fail_msg("%s:%d: %s", err.file, err.line, err.text);
	manifest.with_comb |= with_comb;
	if (manifest_declare(&manifest, &project, &set, said ? said : &unused, &err) < 0 ||
	    changeset_write(&set, &err) < 0 || manifest_read(&manifest, &project, &err) < 0)
		fail_msg("%s:%d: %s", err.file, err.line, err.text);
	assert_int_equal(manifest.with_comb, with_comb);
	return manifest_complete(&manifest);
}

static bool declare(const char *folder, struct str *said)
{
	return declare_all(folder, false, said);
}

struct example {
	const char *name, *file, *before, *after;
};

static const struct example examples[] = {
	{ "dependency-groups", "pyproject.toml",
	  "[dependency-groups]\ntest = [\n    'pytest>=8',  # runner\n    'coverage',\n]\n",
	  "[dependency-groups]\ntest = [\n    'pytest>=8',  # runner\n    'pytest-xdist>=3.2',\n    'coverage',\n]\n" },
	{ "extras", "pyproject.toml", "[project]\nname = \"x\"\noptional-dependencies.test = [\"pytest\"]\n",
	  "[project]\nname = \"x\"\noptional-dependencies.test = [\"pytest\", \"pytest-xdist>=3.2\"]\n" },
	{ "poetry-group", "pyproject.toml",
	  "[tool.poetry.group.dev.dependencies]\npytest = \"^8\"\n\n[tool.black]\nline-length = 9\n",
	  "[tool.poetry.group.dev.dependencies]\npytest = \"^8\"\npytest-xdist = \">=3.2\"\n\n[tool.black]\n"
	  "line-length = 9\n" },
	{ "poetry-old", "pyproject.toml", "[tool.poetry.dev-dependencies]\npytest = {version = \"^6\"}\n",
	  "[tool.poetry.dev-dependencies]\npytest = {version = \"^6\"}\npytest-xdist = \">=3.2\"\n" },
	{ "uv-old", "pyproject.toml", "[tool.uv]\ndev-dependencies = [\"ruff\", \"pytest\"]\n",
	  "[tool.uv]\ndev-dependencies = [\"ruff\", \"pytest\", \"pytest-xdist>=3.2\"]\n" },
	{ "pdm", "pyproject.toml", "[tool.pdm.dev-dependencies]\ntest = [\"pytest\"]\n",
	  "[tool.pdm.dev-dependencies]\ntest = [\"pytest\", \"pytest-xdist>=3.2\"]\n" },
	{ "hatch", "pyproject.toml", "[tool.hatch.envs.default]\ndependencies = [\"pytest\"]\n",
	  "[tool.hatch.envs.default]\ndependencies = [\"pytest\", \"pytest-xdist>=3.2\"]\n" },
	{ "hatch-toml", "hatch.toml", "[envs.test]\nextra-dependencies = [\"pytest\"]\n",
	  "[envs.test]\nextra-dependencies = [\"pytest\", \"pytest-xdist>=3.2\"]\n" },
	{ "pipfile", "Pipfile", "[dev-packages]\npytest = \"*\"\n",
	  "[dev-packages]\npytest = \"*\"\npytest-xdist = \">=3.2\"\n" },
	{ "setup-cfg", "setup.cfg", "[options.extras_require]\ntest =\n    pytest\n    mock\n",
	  "[options.extras_require]\ntest =\n    pytest\n    pytest-xdist>=3.2\n    mock\n" },
	{ "setup-cfg-one-line", "setup.cfg", "[options.extras_require]\ntest = pytest; mock\n",
	  "[options.extras_require]\ntest = pytest; mock; pytest-xdist>=3.2\n" },
	{ "tox", "tox.ini", "[testenv]\ndeps =\n\tpy39: pytest<8\n\tpytest\ncommands = pytest\n",
	  "[testenv]\ndeps =\n\tpy39: pytest<8\n\tpytest-xdist>=3.2\n\tpytest\ncommands = pytest\n" },
	{ "requirements", "requirements-dev.txt", "# tools\r\npytest==8.3.4\r\nruff\r\n",
	  "# tools\r\npytest==8.3.4\r\npytest-xdist>=3.2\r\nruff\r\n" },
	{ "requirements-folder", "requirements/test.txt", "pytest", "pytest\npytest-xdist>=3.2" },
	{ "only-plugins", "test-requirements.txt", "pytest-cov\n", "pytest-cov\npytest-xdist>=3.2\n" },
	{ "has-it", "requirements-dev.txt", "pytest\nPyTest_XDist\n", "pytest\nPyTest_XDist\n" },
};

static void test_xdist_is_declared_beside_pytest_in_every_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		const struct example *e = &examples[i];
		print_message("  %s\n", e->name);
		put(e->name, e->file, e->before);
		assert_true(declare(e->name, NULL));
		expect(e->name, e->file, e->after);
		assert_true(declare(e->name, NULL));
		expect(e->name, e->file, e->after);
	}
}

static const struct example comb_examples[] = {
	{ "comb-groups", "pyproject.toml", "[dependency-groups]\ntest = [\n    'pytest>=8',  # runner\n]\n",
	  "[dependency-groups]\ntest = [\n    'pytest>=8',  # runner\n    'pytest-xdist>=3.2',\n    'pytest-comb>=0.1',\n]\n" },
	{ "comb-beside-xdist", "pyproject.toml", "[tool.poetry.group.dev.dependencies]\npytest = \"^8\"\npytest-xdist = \"*\"\n",
	  "[tool.poetry.group.dev.dependencies]\npytest = \"^8\"\npytest-xdist = \"*\"\npytest-comb = \">=0.1\"\n" },
	{ "comb-pipfile", "Pipfile", "[dev-packages]\npytest = \"*\"\n",
	  "[dev-packages]\npytest = \"*\"\npytest-comb = \">=0.1\"\npytest-xdist = \">=3.2\"\n" },
	{ "comb-ini", "setup.cfg", "[options.extras_require]\ntest =\n    pytest\n    mock\n",
	  "[options.extras_require]\ntest =\n    pytest\n    pytest-xdist>=3.2\n    pytest-comb>=0.1\n    mock\n" },
	{ "comb-requirements", "requirements-dev.txt", "pytest\nruff\n",
	  "pytest\npytest-xdist>=3.2\npytest-comb>=0.1\nruff\n" },
	{ "comb-nowhere", "requirements-test.txt", NULL, "pytest\npytest-xdist>=3.2\npytest-comb>=0.1\n" },
	{ "comb-there", "requirements-dev.txt", "pytest\npytest_comb\n", "pytest\npytest-xdist>=3.2\npytest_comb\n" },
};

static void test_comb_is_declared_where_it_is_asked_for_and_stays_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(comb_examples) / sizeof(*comb_examples); i++) {
		const struct example *e = &comb_examples[i];
		print_message("  %s\n", e->name);
		put(e->name, e->before ? e->file : "test_it.py", e->before ? e->before : "");
		assert_true(declare_all(e->name, true, NULL));
		expect(e->name, e->file, e->after);
		assert_true(declare_all(e->name, true, NULL));
		expect(e->name, e->file, e->after);
	}
}

static void test_every_place_for_development_gets_it_and_the_runtime_does_not(void **state)
{
	(void)state;
	put("many", "pyproject.toml",
	    "[project]\ndependencies = [\"pytest\"]\n[dependency-groups]\na = [\"pytest\"]\nb = [\"pytest\"]\n");
	put("many", "tox.ini", "[testenv:x]\ndeps = pytest\n");
	assert_true(declare("many", NULL));
	expect("many", "pyproject.toml",
	       "[project]\ndependencies = [\"pytest\"]\n[dependency-groups]\na = [\"pytest\", \"pytest-xdist>=3.2\"]\n"
	       "b = [\"pytest\", \"pytest-xdist>=3.2\"]\n");
	put("app", "pyproject.toml", "[project]\ndependencies = [\"pytest\"]\n");
	assert_true(declare("app", NULL));
	expect("app", "pyproject.toml", "[project]\ndependencies = [\"pytest\", \"pytest-xdist>=3.2\"]\n");
}

static void test_a_pytest_plugin_gets_a_test_group(void **state)
{
	static const char before[] = "[project]\nname = \"p\"\ndependencies = [\"pytest\"]\n"
				     "[project.entry-points.pytest11]\np = \"p\"\n";
	cleanup_str struct str said = STR_INIT, after = STR_INIT;
	(void)state;
	put("plugin", "pyproject.toml", before);
	assert_true(declare("plugin", &said));
	assert_non_null(strstr(said.buf, "what the users of the package install too"));
	struct err err = ERR_INIT;
	fs_read(in_dir("plugin", "pyproject.toml"), &after, &err);
	assert_true(text_starts_with(after.buf, before));
	assert_non_null(strstr(after.buf, "[dependency-groups]"));
}

static void test_compiled_requirements_are_left_to_their_compiler(void **state)
{
	static const char compiled[] = "# This file is autogenerated by pip-compile with Python 3.11\npytest==8.3.4\n";
	cleanup_str struct str said = STR_INIT;
	(void)state;
	put("compiled", "requirements-dev.in", "pytest\n");
	put("compiled", "requirements-dev.txt", compiled);
	assert_true(declare("compiled", &said));
	expect("compiled", "requirements-dev.in", "pytest\npytest-xdist>=3.2\n");
	expect("compiled", "requirements-dev.txt", compiled);
	assert_non_null(strstr(said.buf, "requirements-dev.txt:2 declares pytest and is left as it is"));
}

static void test_pytest_declared_nowhere_gets_a_natural_place(void **state)
{
	cleanup_str struct str said = STR_INIT;
	(void)state;
	put("none-toml", "pyproject.toml", "[project]\nname = \"x\"\n");
	assert_true(declare("none-toml", &said));
	assert_non_null(
		strstr(said.buf, "pyproject.toml [dependency-groups] test: pytest and pytest-xdist>=3.2 added"));
	put("none-poetry", "pyproject.toml", "[tool.poetry]\nname = \"x\"\n");
	assert_true(declare("none-poetry", NULL));
	expect("none-poetry", "pyproject.toml",
	       "[tool.poetry]\nname = \"x\"\n\n[tool.poetry.group.test.dependencies]\npytest = \"*\"\n"
	       "pytest-xdist = \">=3.2\"\n");
	put("none-setup", "setup.py", "from setuptools import setup\nsetup(extras_require={'test': ['pytest>=7']})\n");
	str_clear(&said);
	assert_true(declare("none-setup", &said));
	assert_non_null(strstr(said.buf, "setup.py:2 declares pytest and is left as it is: a program"));
	expect("none-setup", "requirements-test.txt", "pytest\npytest-xdist>=3.2\n");
	put("none-tools", "pyproject.toml", "[tool.black]\n");
	assert_true(declare("none-tools", NULL));
	expect("none-tools", "pyproject.toml", "[tool.black]\n");
	expect("none-tools", "requirements-test.txt", "pytest\npytest-xdist>=3.2\n");
}

static void test_managers_are_told_by_their_files(void **state)
{
	static const struct {
		const char *file, *text;
		enum package_manager manager;
	} signs[] = {
		{ "uv.lock", "", MANAGER_UV },
		{ "poetry.lock", "", MANAGER_POETRY },
		{ "Pipfile", "", MANAGER_PIPENV },
		{ "pyproject.toml", "[tool.poetry]\n", MANAGER_POETRY },
		{ "pyproject.toml", "[tool]\npdm.x = 1\n", MANAGER_PDM },
		{ "pyproject.toml", "[tool.hatch.build]\n", MANAGER_PIP },
		{ "hatch.toml", "", MANAGER_HATCH },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		char folder[32];
		cleanup_project struct project project = PROJECT_INIT;
		snprintf(folder, sizeof(folder), "manager%zu", i);
		put(folder, signs[i].file, signs[i].text);
		open_files(&project, folder);
		assert_int_equal(project.manager, signs[i].manager);
	}
}

#define UNIT "unit: under 100 ms and touches nothing outside itself"
#define INTEGRATION "integration: several steps, files, processes, network or wide fixtures"
#define SLOW "slow: over 1 s, or sensitive to time"

static const struct example marker_examples[] = {
	{ "m-ini", "pytest.ini", "; ours\n[pytest]\nmarkers =\n    slow(reason): ours\naddopts = -q --strict-markers\n",
	  "; ours\n[pytest]\nmarkers =\n    slow(reason): ours\n    " UNIT "\n    " INTEGRATION
	  "\naddopts = -q --strict-markers\n" },
	{ "m-cfg", "setup.cfg", "[tool:pytest]\r\nmarkers =\r\n  slow: x\r\n\r\n[flake8]\r\n",
	  "[tool:pytest]\r\nmarkers =\r\n  slow: x\r\n  " UNIT "\r\n  " INTEGRATION "\r\n\r\n[flake8]\r\n" },
	{ "m-list", "pyproject.toml", "[tool.pytest.ini_options]\nmarkers = [\n  'slow: x',\n]\nminversion = '6.0'\n",
	  "[tool.pytest.ini_options]\nmarkers = [\n  'slow: x',\n  '" UNIT "',\n  '" INTEGRATION
	  "',\n]\nminversion = '6.0'\n" },
	{ "m-native", "pytest.toml", "[pytest]\nmarkers = [\"slow: x\"]\nstrict = true\n",
	  "[pytest]\nmarkers = [\"slow: x\", \"" UNIT "\", \"" INTEGRATION "\"]\nstrict = true\n" },
	{ "m-string", "pyproject.toml", "[tool.pytest.ini_options]\nmarkers = \"slow: x\\nfast: y\"\n",
	  "[tool.pytest.ini_options]\nmarkers = \"\"\"\nslow: x\nfast: y\n" UNIT "\n" INTEGRATION "\n\"\"\"\n" },
};

static void register_markers(const char *folder)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	cleanup_str struct str said = STR_INIT;
	cleanup_strings struct strings names = STRINGS_INIT;
	static const int newest[3];
	open_files(&project, folder);
	if (markers_register(&project, category_markers, &set, &said, &err) < 0 || changeset_write(&set, &err) < 0 ||
	    config_find(&project, newest, &err) < 0 || markers_registered(&project, &names, &err) < 0)
		fail_msg("%s:%d: %s", err.file, err.line, err.text);
	for (size_t i = 0; category_markers[i].name; i++)
		assert_true(strings_find(&names, category_markers[i].name) >= 0);
}

static void test_markers_are_registered_in_every_kind_of_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(marker_examples) / sizeof(*marker_examples); i++) {
		const struct example *e = &marker_examples[i];
		print_message("  %s\n", e->name);
		put(e->name, e->file, e->before);
		register_markers(e->name);
		expect(e->name, e->file, e->after);
		register_markers(e->name);
		expect(e->name, e->file, e->after);
	}
}

static void test_a_project_without_configuration_gets_one(void **state)
{
	(void)state;
	put("m-none", "test_a.py", "");
	register_markers("m-none");
	expect("m-none", "pytest.ini", "[pytest]\nmarkers =\n    " UNIT "\n    " INTEGRATION "\n    " SLOW "\n");
}

static void test_a_broken_file_is_named_with_its_line(void **state)
{
	static const int newest[3];
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	(void)state;
	put("broken", "pyproject.toml", "[project]\nname = \"x\"\n[tool.pytest\n");
	assert_int_equal(locate_folder(&project, in_dir("broken", ""), &err), 0);
	assert_int_equal(config_find(&project, newest, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_true(text_ends_with(err.file, "broken/pyproject.toml"));
	assert_int_equal(err.line, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xdist_is_declared_beside_pytest_in_every_format),
		cmocka_unit_test(test_comb_is_declared_where_it_is_asked_for_and_stays_wanted),
		cmocka_unit_test(test_every_place_for_development_gets_it_and_the_runtime_does_not),
		cmocka_unit_test(test_a_pytest_plugin_gets_a_test_group),
		cmocka_unit_test(test_compiled_requirements_are_left_to_their_compiler),
		cmocka_unit_test(test_pytest_declared_nowhere_gets_a_natural_place),
		cmocka_unit_test(test_managers_are_told_by_their_files),
		cmocka_unit_test(test_markers_are_registered_in_every_kind_of_file),
		cmocka_unit_test(test_a_project_without_configuration_gets_one),
		cmocka_unit_test(test_a_broken_file_is_named_with_its_line),
	};
	return cmocka_run_group_tests_name("manifest", tests, make_dir, remove_dir);
}
