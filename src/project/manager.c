#define _GNU_SOURCE
#include "project/manager.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "project/locate.h"
#include "source/toml_edit.h"

#include "base/banned.h"

static const struct manager {
	const char *name;
	const char *program; /* NULL: comes with the interpreter */
	const char *recreate; /* a broken environment anew; %s: its folder */
	const char *sync; /* installs what is declared; NULL: the interpreter's pip does */
	const char *add; /* declares and installs; a requirement follows */
} managers[] = {
	[MANAGER_PIP] = { "pip", NULL, "python3 -m venv --clear '%s', then install the project's requirements into it",
			  NULL, NULL },
	[MANAGER_UV] = { "uv", "uv", "rm -r '%s' && uv sync", "uv sync", "uv add --dev" },
	[MANAGER_POETRY] = { "poetry", "poetry", "rm -r '%s' && poetry install", "poetry install",
			     "poetry add --group test" },
	[MANAGER_PDM] = { "pdm", "pdm", "rm -r '%s' && pdm install", "pdm install", "pdm add -dG test" },
	[MANAGER_HATCH] = { "hatch", "hatch", "python3 -m venv --clear '%s', then install the project into it", NULL,
			    NULL },
	[MANAGER_PIPENV] = { "pipenv", "pipenv", "rm -r '%s' && pipenv install --dev", "pipenv install --dev",
			     "pipenv install --dev" },
	[MANAGER_TOX] = { "tox", "tox", "python3 -m venv --clear '%s', then install the project into it", NULL, NULL },
};

/* What tells a manager, most telling first: a file, or a table of pyproject.toml. */
static const struct sign {
	const char *file;
	const char *table[4]; /* empty: the file alone tells */
	enum package_manager manager;
} signs[] = {
	{ "uv.lock", { NULL }, MANAGER_UV },
	{ "poetry.lock", { NULL }, MANAGER_POETRY },
	{ "pdm.lock", { NULL }, MANAGER_PDM },
	{ "Pipfile", { NULL }, MANAGER_PIPENV },
	{ "pyproject.toml", { "tool", "poetry" }, MANAGER_POETRY },
	{ "pyproject.toml", { "tool", "pdm" }, MANAGER_PDM },
	{ "pyproject.toml", { "tool", "uv" }, MANAGER_UV },
	{ "pyproject.toml", { "tool", "hatch", "envs" }, MANAGER_HATCH },
	{ "hatch.toml", { NULL }, MANAGER_HATCH },
};

/* 1: the sign is in folder. */
static int sign_stands(const struct sign *sign, const char *folder, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	cleanup_toml struct toml toml = TOML_INIT;
	if (fs_join(&path, folder, sign->file) < 0)
		return err_no_memory(err);
	if (!fs_is_file(path.buf))
		return 0;
	if (!sign->table[0])
		return 1;
	if (fs_read(path.buf, &text, err) < 0 || toml_open(&toml, str_slice(&text), path.buf, err) < 0)
		return -1;
	return toml_type(&toml, sign->table) != TOML_NONE;
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
			str_adds(out, slot + 2) < 0
		? -1
		: 0;
}

int manager_pytest_command(const struct project *project, const char *requirement, struct str *out)
{
	const struct manager *manager = &managers[project->manager];
	str_clear(out);
	/* A manager installs what its own file declares, not what a requirements file does. */
	const char *manifest = project->manifest_path ? fs_base_name(project->manifest_path) : "";
	bool declared = strcmp(manifest, "pyproject.toml") == 0 || strcmp(manifest, "Pipfile") == 0;
	if (manager->sync && declared && project->pytest_version[0] == 0)
		return str_adds(out, manager->sync);
	if (manager->add)
		return str_addf(out, "%s '%s'", manager->add, requirement);
	if (!project->has_pip && manager_available(MANAGER_UV))
		return str_addf(out, "uv pip install --python '%s' '%s'", project->python, requirement);
	return str_addf(out, "'%s' -m pip install '%s'", project->python, requirement);
}
