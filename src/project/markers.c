#include "project/markers.h"

#include <string.h>

#include "base/fs.h"
#include "project/draft.h"
#include "source/ini_edit.h"
#include "source/toml_edit.h"

#include "base/banned.h"

#define MOST_MARKERS 8

const struct marker category_markers[] = {
	{ "unit", "unit: under 100 ms and touches nothing outside itself" },
	{ "integration", "integration: several steps, files, processes, network or wide fixtures" },
	{ "slow", "slow: over 1 s, or sensitive to time" },
	{ NULL, NULL },
};

const struct marker isolation_markers[] = {
	{ "exclusive", "exclusive(name, ...): never overlaps with a test that uses the same name" },
	{ "shared", "shared(name, ...): may overlap with others that share the name, not with an exclusive one" },
	{ "serial", "serial: runs while no other test runs" },
	{ "fresh", "fresh: runs in a process of its own" },
	{ NULL, NULL },
};

/* Where `markers` stands for each kind: a TOML path, or an INI section. */
static const struct {
	const char *toml[5];
	const char *ini;
} homes[] = {
	[CONFIG_NONE] = { { NULL }, "pytest" },
	[CONFIG_PYTEST_TOML] = { { "pytest", "markers" }, NULL },
	[CONFIG_PYTEST_INI] = { { NULL }, "pytest" },
	[CONFIG_PYPROJECT] = { { "tool", "pytest", "markers" }, NULL },
	[CONFIG_PYPROJECT_INI] = { { "tool", "pytest", "ini_options", "markers" }, NULL },
	[CONFIG_TOX_INI] = { { NULL }, "pytest" },
	[CONFIG_SETUP_CFG] = { { NULL }, "tool:pytest" },
};

static int split_lines(const char *text, struct strings *lines)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		if (len > 0 && strings_addf(lines, "%.*s", (int)len, text) < 0)
			return -1;
		text += len + (text[len] == '\n');
	}
	return 0;
}

/* pytest takes an array of lines, and in the INI-like table also one string of lines. */
static int read_toml_lines(const struct toml *toml, const char *const path[], struct strings *lines, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (toml_type(toml, path) != TOML_STRING)
		return toml_strings(toml, path, lines, err);
	if (toml_string(toml, path, &text, err) < 0)
		return -1;
	return split_lines(str_text(&text), lines) < 0 ? err_no_memory(err) : 1;
}

/* "slow(reason): text" registers "slow". */
static int names_of(const struct strings *lines, struct strings *names, struct err *err)
{
	for (size_t i = 0; i < lines->len; i++) {
		const char *line = lines->at[i] + strspn(lines->at[i], " \t");
		if (strings_addf(names, "%.*s", (int)strcspn(line, ":( \t"), line) < 0)
			return err_no_memory(err);
	}
	return 0;
}

int markers_registered(const struct project *project, struct strings *names, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	cleanup_strings struct strings lines = STRINGS_INIT;
	cleanup_toml struct toml toml = TOML_INIT;
	cleanup_ini struct ini ini = INI_INIT;
	const char *path = project->config_path;
	if (!path)
		return 0;
	if (fs_read(path, &text, err) < 0)
		return -1;
	if (homes[project->config_kind].ini) {
		if (ini_open(&ini, str_slice(&text), path, INI_PYTEST, err) < 0 ||
		    ini_value_lines(&ini, homes[project->config_kind].ini, "markers", &lines, err) < 0)
			return -1;
	} else if (toml_open(&toml, str_slice(&text), path, err) < 0 ||
		   read_toml_lines(&toml, homes[project->config_kind].toml, &lines, err) < 0) {
		return -1;
	}
	return names_of(&lines, names, err);
}

/* A string of lines stays a string, and gets more lines. */
static int extend_string(const struct toml *toml, const char *const path[], const char *const added[], size_t count,
			 struct edits *edits, struct err *err)
{
	cleanup_str struct str old = STR_INIT, value = STR_INIT, quoted = STR_INIT;
	cleanup_strings struct strings lines = STRINGS_INIT;
	if (toml_string(toml, path, &old, err) < 0)
		return -1;
	if (split_lines(str_text(&old), &lines) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (strings_add(&lines, added[i]) < 0)
			return err_no_memory(err);
	int failed = str_adds(&value, "\"\"\"") < 0;
	for (size_t i = 0; i < lines.len && !failed; i++) {
		str_clear(&quoted);
		failed = toml_quote(&quoted, lines.at[i]) < 0 || str_adds(&value, toml->eol) < 0 ||
			str_add(&value, quoted.buf + 1, quoted.len - 2) < 0;
	}
	if (failed || str_adds(&value, toml->eol) < 0 || str_adds(&value, "\"\"\"") < 0)
		return err_no_memory(err);
	return toml_set(toml, path, value.buf, edits, err);
}

static int edit_toml(const char *file, const char *const path[], struct slice text, const char *const added[],
		     size_t count, struct edits *edits, struct err *err)
{
	cleanup_toml struct toml toml = TOML_INIT;
	if (toml_open(&toml, text, file, err) < 0)
		return -1;
	if (toml_type(&toml, path) == TOML_STRING)
		return extend_string(&toml, path, added, count, edits, err);
	return toml_append(&toml, path, added, count, edits, err);
}

static int edit_ini(const char *file, const char *section, struct slice text, const char *const added[], size_t count,
		    struct edits *edits, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	if (ini_open(&ini, text, file, INI_PYTEST, err) < 0)
		return -1;
	return ini_append(&ini, section, "markers", added, count, edits, err);
}

/* The file to change: the one in force, else the project's pyproject.toml, else a new pytest.ini. */
static int choose_file(const struct project *project, struct str *file, enum config_kind *kind, struct err *err)
{
	*kind = project->config_kind;
	if (project->config_path)
		return fs_join(file, "", project->config_path) < 0 ? err_no_memory(err) : 0;
	*kind = CONFIG_PYPROJECT_INI;
	if (fs_join(file, project->root, "pyproject.toml") < 0)
		return err_no_memory(err);
	if (fs_is_file(file->buf))
		return 0;
	*kind = CONFIG_PYTEST_INI;
	return fs_join(file, project->root, "pytest.ini") < 0 ? err_no_memory(err) : 0;
}

int markers_register(const struct project *project, const struct marker markers[], struct changeset *set,
		     struct str *said, struct err *err)
{
	cleanup_strings struct strings names = STRINGS_INIT;
	cleanup_str struct str file = STR_INIT, text = STR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	const char *added[MOST_MARKERS];
	enum config_kind kind;
	size_t count = 0;
	if (markers_registered(project, &names, err) < 0)
		return -1;
	for (size_t i = 0; markers[i].name && count < MOST_MARKERS; i++)
		if (strings_find(&names, markers[i].name) < 0)
			added[count++] = markers[i].line;
	if (count == 0)
		return 0;
	if (choose_file(project, &file, &kind, err) < 0)
		return -1;
	bool exists = fs_is_file(file.buf);
	if (draft_read(set, file.buf, &text, err) < 0)
		return -1;
	int failed = homes[kind].ini
		? edit_ini(file.buf, homes[kind].ini, str_slice(&text), added, count, &edits, err)
		: edit_toml(file.buf, homes[kind].toml, str_slice(&text), added, count, &edits, err);
	if (failed || draft_apply(set, file.buf, &text, &edits, err) < 0)
		return -1;
	if (str_addf(said, "%s %s: %zu markers registered%s\n", fs_base_name(file.buf), config_kind_table(kind), count,
		     exists ? "" : " (a new file: the project had no pytest configuration)") < 0)
		return err_no_memory(err);
	return 0;
}
