#define _GNU_SOURCE
#include "project/manager.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "project/locate.h"
#include "project/table_scan.h"

#include "base/banned.h"

static const struct manager {
	const char *name;
	const char *program;   /* NULL: comes with the interpreter */
	const char *recreate;  /* a broken environment anew; %s: its folder */
	const char *sync;      /* install what is declared; NULL: by the pip of the interpreter */
} managers[] = {
	[MANAGER_PIP] = { "pip", NULL, "python3 -m venv --clear '%s', then install the project's requirements into it",
			  NULL },
	[MANAGER_UV] = { "uv", "uv", "rm -r '%s' && uv sync", "uv sync --inexact" },
	[MANAGER_POETRY] = { "poetry", "poetry", "rm -r '%s' && poetry install", "poetry lock && poetry install" },
	[MANAGER_PDM] = { "pdm", "pdm", "rm -r '%s' && pdm install", "pdm lock --update-reuse && pdm install" },
	[MANAGER_HATCH] = { "hatch", "hatch", "hatch env prune", NULL },
	[MANAGER_PIPENV] = { "pipenv", "pipenv", "rm -r '%s' && pipenv install --dev", "pipenv install --dev" },
	[MANAGER_TOX] = { "tox", "tox", "tox --recreate --notest", NULL },
};

/* What tells a manager, most telling first: a file, or a table of pyproject.toml. */
static const struct sign {
	const char *file;
	const char *table; /* NULL: the file alone tells */
	enum package_manager manager;
} signs[] = {
	{ "uv.lock", NULL, MANAGER_UV },
	{ "poetry.lock", NULL, MANAGER_POETRY },
	{ "pdm.lock", NULL, MANAGER_PDM },
	{ "Pipfile", NULL, MANAGER_PIPENV },
	{ "pyproject.toml", "tool.poetry", MANAGER_POETRY },
	{ "pyproject.toml", "tool.pdm", MANAGER_PDM },
	{ "pyproject.toml", "tool.uv", MANAGER_UV },
	{ "pyproject.toml", "tool.hatch.envs", MANAGER_HATCH },
	{ "hatch.toml", NULL, MANAGER_HATCH },
};

/* 1: the sign is in folder. */
static int sign_stands(const struct sign *sign, const char *folder, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	if (fs_join(&path, folder, sign->file) < 0)
		return err_no_memory(err);
	if (!fs_is_file(path.buf))
		return 0;
	if (!sign->table)
		return 1;
	return fs_read(path.buf, &text, err) < 0 ? -1 : table_scan(str_slice(&text), sign->table, NULL).there;
}

int manager_detect(struct project *project, struct err *err)
{
	cleanup_str struct str folder = STR_INIT;
	const char *top = project->git_root ? project->git_root : project->path;
	project->manager = MANAGER_PIP;
	if (str_adds(&folder, project->path) < 0)
		return err_no_memory(err);
	do {
		for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
			int stands = sign_stands(&signs[i], folder.buf, err);
			if (stands < 0)
				return -1;
			if (stands) {
				project->manager = signs[i].manager;
				return 0;
			}
		}
	} while (strcmp(folder.buf, top) != 0 && locate_parent(&folder));
	return 0;
}

const char *package_manager_name(enum package_manager manager)
{
	return managers[manager].name;
}

bool manager_available(enum package_manager manager)
{
	cleanup_str struct str path = STR_INIT;
	const char *p = getenv("PATH");
	if (!managers[manager].program)
		return true;
	while (p && *p) {
		size_t len = strcspn(p, ":");
		str_clear(&path);
		if (str_add(&path, p, len) < 0 || str_addf(&path, "/%s", managers[manager].program) < 0)
			return false;
		if (access(path.buf, X_OK) == 0)
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

int manager_recreate_command(const struct project *project, const char *environment, struct str *out)
{
	const char *format = managers[project->manager].recreate;
	const char *slot = strstr(format, "%s");
	str_clear(out);
	if (!slot)
		return str_adds(out, format);
	return str_add(out, format, (size_t)(slot - format)) < 0 || str_adds(out, environment) < 0 ||
			       str_adds(out, slot + 2) < 0 ?
		       -1 :
		       0;
}

int manager_install_command(const struct project *project, const char *package, struct str *out)
{
	const char *sync = managers[project->manager].sync;
	str_clear(out);
	if (sync && project->manifest_path)
		return str_adds(out, sync);
	return str_addf(out, "'%s' -m pip install '%s'", project->python, package);
}
