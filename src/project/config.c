#include "project/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/locate.h"
#include "source/ini_edit.h"
#include "source/toml_edit.h"

#include "base/banned.h"

struct version {
	int major, minor;
};

static bool at_least(const int version[3], struct version wanted)
{
	if (version[0] == 0)
		return true;
	return version[0] > wanted.major || (version[0] == wanted.major && version[1] >= wanted.minor);
}

/* Sets *kind and returns 1 when the file holds pytest's configuration, 0 when not, -1 when pytest refuses it. */
typedef int read_function(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			  struct err *err);

static const char *const pytest_table[] = { "pytest", NULL };
static const char *const native_table[] = { "tool", "pytest", NULL };
static const char *const ini_table[] = { "tool", "pytest", "ini_options", NULL };

/* Always the configuration, even when empty; options outside the table are refused since pytest 9.2. */
static int read_pytest_toml(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			    struct err *err)
{
	static const char *const top[] = { NULL };
	cleanup_toml struct toml toml = TOML_INIT;
	cleanup_strings struct strings keys = STRINGS_INIT;
	*kind = CONFIG_PYTEST_TOML;
	if (toml_open(&toml, text, path, err) < 0)
		return -1;
	if (toml_type(&toml, pytest_table) != TOML_NONE || !at_least(version, (struct version){ 9, 2 }))
		return 1;
	if (toml_keys(&toml, top, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.len; i++) {
		const char *const key[] = { keys.at[i], NULL };
		if (toml_type(&toml, key) == TOML_TABLE)
			continue;
		err_set_at(err, ERR_INPUT, path, toml_line(&toml, key),
			   "pytest refuses the option %s outside a [pytest] table", keys.at[i]);
		return err_hint(err, "write [pytest] above it");
	}
	return 1;
}

/* 1 or 0: the section is there. */
static int find_section(const char *path, struct slice text, const char *section, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	return ini_open(&ini, text, path, INI_PYTEST, err) < 0 ? -1 : ini_section(&ini, section) != NULL;
}

static int read_pytest_ini(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			   struct err *err)
{
	*kind = CONFIG_PYTEST_INI;
	return find_section(path, text, "pytest", err) < 0 ? -1 : 1;
}

/* An empty .pytest.ini counts since pytest 9. */
static int read_hidden_ini(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			   struct err *err)
{
	*kind = CONFIG_PYTEST_INI;
	int found = find_section(path, text, "pytest", err);
	return found == 0 ? at_least(version, (struct version){ 9, 0 }) : found;
}

static int read_tox_ini(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			struct err *err)
{
	*kind = CONFIG_TOX_INI;
	return find_section(path, text, "pytest", err);
}

static int read_setup_cfg(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			  struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	*kind = CONFIG_SETUP_CFG;
	if (ini_open(&ini, text, path, INI_PYTEST, err) < 0)
		return -1;
	if (ini_section(&ini, "tool:pytest"))
		return 1;
	const struct ini_section *old = ini_section(&ini, "pytest");
	if (!old)
		return 0;
	err_set_at(err, ERR_INPUT, path, old->line, "pytest refuses a [pytest] section in setup.cfg");
	return err_hint(err, "rename the section to [tool:pytest]");
}

/* Keys of [tool.pytest] other than the table ini_options, and keys inside that one. */
static int count_keys(const struct toml *toml, size_t *native, size_t *ini, struct err *err)
{
	cleanup_strings struct strings keys = STRINGS_INIT, ini_keys = STRINGS_INIT;
	if (toml_keys(toml, native_table, &keys, err) < 0)
		return -1;
	bool has_ini = strings_find(&keys, "ini_options") >= 0;
	if (has_ini && toml_keys(toml, ini_table, &ini_keys, err) < 0)
		return -1;
	*native = keys.len - has_ini;
	*ini = ini_keys.len;
	return has_ini;
}

static int read_pyproject(const char *path, struct slice text, const int version[3], enum config_kind *kind,
			  struct err *err)
{
	cleanup_toml struct toml toml = TOML_INIT;
	size_t native = 0, ini = 0;
	if (toml_open(&toml, text, path, err) < 0)
		return -1;
	int has_ini = count_keys(&toml, &native, &ini, err);
	if (has_ini < 0)
		return -1;
	bool is_native = native > 0 && at_least(version, (struct version){ 9, 0 });
	if (is_native && ini > 0) {
		err_set_at(err, ERR_INPUT, path, toml_line(&toml, ini_table),
			   "pytest refuses [tool.pytest] and [tool.pytest.ini_options] in one file");
		return err_hint(err, "move the options of one table to the other");
	}
	*kind = is_native ? CONFIG_PYPROJECT : CONFIG_PYPROJECT_INI;
	return is_native || has_ini;
}

/* In pytest's order. */
static const struct config_file {
	const char *name;
	struct version since;
	read_function *read;
} config_files[] = {
	{ "pytest.toml", { 9, 0 }, read_pytest_toml },  { ".pytest.toml", { 9, 0 }, read_pytest_toml },
	{ "pytest.ini", { 0, 0 }, read_pytest_ini },    { ".pytest.ini", { 7, 2 }, read_hidden_ini },
	{ "pyproject.toml", { 0, 0 }, read_pyproject }, { "tox.ini", { 0, 0 }, read_tox_ini },
	{ "setup.cfg", { 0, 0 }, read_setup_cfg },
};
#define CONFIG_FILES (sizeof(config_files) / sizeof(*config_files))

static int settle(struct project *project, const char *root, const char *path, enum config_kind kind, struct err *err)
{
	free(project->root);
	free(project->config_path);
	project->root = os_strdup(root);
	project->config_path = os_strdup(path);
	project->config_kind = kind;
	return project->root && (project->config_path || !path) ? 0 : err_no_memory(err);
}

/* What the nth kind of file says in folder: 1 with *kind and *path, 0, or -1. */
static int read_kind(const char *folder, size_t n, const int version[3], struct str *path, enum config_kind *kind,
		     struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	const struct config_file *file = &config_files[n];
	if (!at_least(version, file->since))
		return 0;
	if (fs_join(path, folder, file->name) < 0)
		return err_no_memory(err);
	if (!fs_is_file(path->buf))
		return 0;
	return fs_read(path->buf, &text, err) < 0 ? -1 : file->read(path->buf, str_slice(&text), version, kind, err);
}

/* pytest 9 reads the files behind the one in force too, to warn about them: what it refuses there stops it as well. */
static int check_rest(const char *folder, size_t n, const int version[3], struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	enum config_kind kind;
	if (!at_least(version, (struct version){ 9, 0 }))
		return 0;
	for (n++; n < CONFIG_FILES; n++)
		if (read_kind(folder, n, version, &path, &kind, err) < 0)
			return -1;
	return 0;
}

/* 1 when folder holds the file in force, which is then settled. The first pyproject.toml seen is kept in *fallback. */
static int look_in(struct project *project, const char *folder, const int version[3], struct str *fallback,
		   struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	for (size_t n = 0; n < CONFIG_FILES; n++) {
		enum config_kind kind = CONFIG_NONE;
		str_clear(&path);
		int found = read_kind(folder, n, version, &path, &kind, err);
		bool seen = path.len > 0 && fs_is_file(path.buf);
		if (seen && config_files[n].read == read_pyproject && fallback->len == 0 &&
		    str_adds(fallback, folder) < 0)
			return err_no_memory(err);
		if (found < 0)
			return -1;
		if (found == 0)
			continue;
		if (check_rest(folder, n, version, err) < 0)
			return -1;
		return settle(project, folder, path.buf, kind, err) < 0 ? -1 : 1;
	}
	return 0;
}

/* Without configuration, the nearest folder with a setup.py is the root, else the project's own. */
static int settle_without_config(struct project *project, struct err *err)
{
	cleanup_str struct str folder = STR_INIT, setup = STR_INIT;
	if (str_adds(&folder, project->path) < 0)
		return err_no_memory(err);
	do {
		if (fs_join(&setup, folder.buf, "setup.py") < 0)
			return err_no_memory(err);
		if (fs_is_file(setup.buf))
			return settle(project, folder.buf, NULL, CONFIG_NONE, err);
	} while (locate_parent(&folder));
	return settle(project, project->path, NULL, CONFIG_NONE, err);
}

int config_find(struct project *project, const int pytest_version[3], struct err *err)
{
	cleanup_str struct str folder = STR_INIT, fallback = STR_INIT, path = STR_INIT;
	if (str_adds(&folder, project->path) < 0)
		return err_no_memory(err);
	do {
		int found = look_in(project, folder.buf, pytest_version, &fallback, err);
		if (found != 0)
			return found < 0 ? -1 : 0;
	} while (locate_parent(&folder));
	if (fallback.len == 0 || !at_least(pytest_version, (struct version){ 8, 1 }))
		return settle_without_config(project, err);
	if (fs_join(&path, fallback.buf, "pyproject.toml") < 0)
		return err_no_memory(err);
	return settle(project, fallback.buf, path.buf, CONFIG_PYPROJECT_INI, err);
}

static const char *const table_names[] = {
	[CONFIG_NONE] = "",
	[CONFIG_PYTEST_TOML] = "[pytest]",
	[CONFIG_PYTEST_INI] = "[pytest]",
	[CONFIG_PYPROJECT] = "[tool.pytest]",
	[CONFIG_PYPROJECT_INI] = "[tool.pytest.ini_options]",
	[CONFIG_TOX_INI] = "[pytest]",
	[CONFIG_SETUP_CFG] = "[tool:pytest]",
};

const char *config_kind_table(enum config_kind kind)
{
	return table_names[kind];
}
