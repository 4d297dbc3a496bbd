/*
 * project.h: a user's project, as pytest and the project's own tools see it.
 *
 * project_open() only looks; nothing is run but the interpreter (once, for its
 * version and plugins; and uv, poetry or pipenv, asked where it is) and nothing
 * is written. The struct owns its strings until project_release().
 */
#ifndef COMB_PROJECT_PROJECT_H
#define COMB_PROJECT_PROJECT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

#define COMB_NAME "pytest-comb" /* the package that holds comb's engine */

/* Which file pytest obeys, in pytest's own precedence. */
enum config_kind {
	CONFIG_NONE,          /* no configuration: setup creates a pytest.ini or a table in pyproject.toml */
	CONFIG_PYTEST_TOML,   /* pytest.toml, .pytest.toml (pytest >= 9): [pytest] */
	CONFIG_PYTEST_INI,    /* pytest.ini, .pytest.ini: [pytest] */
	CONFIG_PYPROJECT,     /* pyproject.toml: [tool.pytest] (native, pytest >= 9) */
	CONFIG_PYPROJECT_INI, /* pyproject.toml: [tool.pytest.ini_options] */
	CONFIG_TOX_INI,       /* tox.ini: [pytest] */
	CONFIG_SETUP_CFG,     /* setup.cfg: [tool:pytest] */
};

/* Who installs packages here. */
enum package_manager {
	MANAGER_PIP,
	MANAGER_UV,
	MANAGER_POETRY,
	MANAGER_PDM,
	MANAGER_HATCH,
	MANAGER_PIPENV,
	MANAGER_TOX,
};

/* A package that the project's interpreter can import. */
struct plugin {
	char *name;    /* distribution, normalised: "pytest-xdist" */
	char *version;
};

struct project {
	char *path;          /* the folder that was given, absolute, symlinks resolved */
	char *root;          /* absolute, symlinks resolved: pytest's rootdir */
	char *config_path;   /* absolute; NULL for CONFIG_NONE */
	enum config_kind config_kind;
	char *manifest_path; /* the file in which pytest is declared; NULL if nowhere */
	char *manifest_place; /* where in it, as a person would say: "[dependency-groups] test"; NULL if nowhere */
	enum package_manager manager;
	char *git_root;      /* top of the repository around it; NULL without git */
	char *python;        /* interpreter, absolute */
	char *python_from;   /* how it was found: "--python", ".venv", "uv", … */
	char *environment;   /* the virtual environment's folder; NULL: the interpreter is in none */
	int python_version[3];
	int pytest_version[3]; /* zeros: pytest is not installed */
	char *pytest_problem; /* why pytest cannot be imported; NULL when it can */
	char *engine_problem; /* why that interpreter cannot load comb's extension; NULL when it can */
	bool has_pip;        /* that interpreter can run -m pip */
	bool past_broken;    /* what comb runs goes on without files that cannot be collected; for its opener to set */
	VEC(struct plugin) plugins; /* pytest plugins (entry point group pytest11) in that interpreter */
};
#define PROJECT_INIT { .root = NULL }

/*
 * python: the --python option or NULL. ERR_INPUT: path is no project (no Python
 * file, no configuration). ERR_ENVIRONMENT: the interpreter cannot be run or
 * has no pytest (the hint says what to type with the project's own manager).
 */
int project_open(struct project *project, const char *path, const char *python, struct err *err);
void project_release(struct project *project);
#define cleanup_project __attribute__((cleanup(project_release)))

/* NULL when it is not installed. */
const struct plugin *project_plugin(const struct project *project, const char *name);
/* The pytest-xdist and the pytest that are installed do not keep tests of one xdist_group on one worker together. */
bool project_xdist_parts_groups(const struct project *project);
const char *package_manager_name(enum package_manager manager);
/* "[tool.pytest.ini_options]", the table or section of that file which pytest reads; "" for CONFIG_NONE. */
const char *config_kind_table(enum config_kind kind);

#endif
