/* The places of TOML files: pyproject.toml, hatch.toml, tox.toml, Pipfile. */
#include <stdint.h>
#include <string.h>

#include "base/os.h"
#include "project/manifest_formats.h"
#include "source/toml_edit.h"

#include "base/banned.h"

#define MOST_KEYS 7
#define ANY_KEY "*"

struct toml_place {
	const char *keys[MOST_KEYS]; /* ANY_KEY stands for each key there */
	enum declaration_kind kind;
	enum declaration_group group_kind; /* named by the key that stands for ANY_KEY */
	bool runtime;
};

static const struct toml_place pyproject_places[] = {
	{ { "dependency-groups", ANY_KEY }, DECLARED_ARRAY, GROUP_DEPENDENCY, false },
	{ { "project", "optional-dependencies", ANY_KEY }, DECLARED_ARRAY, GROUP_EXTRA, false },
	{ { "tool", "poetry", "group", ANY_KEY, "dependencies" }, DECLARED_TABLE, GROUP_DEPENDENCY, false },
	{ { "tool", "poetry", "dev-dependencies" }, DECLARED_TABLE, GROUP_NONE, false },
	{ { "tool", "uv", "dev-dependencies" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "tool", "pdm", "dev-dependencies", ANY_KEY }, DECLARED_ARRAY, GROUP_DEPENDENCY, false },
	{ { "tool", "hatch", "envs", ANY_KEY, "dependencies" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "tool", "hatch", "envs", ANY_KEY, "extra-dependencies" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "tool", "tox", "env_run_base", "deps" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "tool", "tox", "env", ANY_KEY, "deps" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "project", "dependencies" }, DECLARED_ARRAY, GROUP_NONE, true },
	{ { "tool", "poetry", "dependencies" }, DECLARED_TABLE, GROUP_NONE, true },
};

static const struct toml_place hatch_places[] = {
	{ { "envs", ANY_KEY, "dependencies" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "envs", ANY_KEY, "extra-dependencies" }, DECLARED_ARRAY, GROUP_NONE, false },
};

static const struct toml_place tox_places[] = {
	{ { "env_run_base", "deps" }, DECLARED_ARRAY, GROUP_NONE, false },
	{ { "env", ANY_KEY, "deps" }, DECLARED_ARRAY, GROUP_NONE, false },
};

static const struct toml_place pipfile_places[] = {
	{ { "dev-packages" }, DECLARED_TABLE, GROUP_NONE, false },
	{ { "packages" }, DECLARED_TABLE, GROUP_NONE, true },
};

/* A table is named by its whole header, an array by the header above it and its own key. */
static int place_text(const char *const path[], enum declaration_kind kind, struct str *out)
{
	size_t count = 0;
	while (path[count])
		count++;
	size_t in_header = kind == DECLARED_TABLE || count == 1 ? count : count - 1;
	if (str_addc(out, '[') < 0)
		return -1;
	for (size_t i = 0; i < in_header; i++)
		if (str_addf(out, "%s%s", i ? "." : "", path[i]) < 0)
			return -1;
	if (str_addc(out, ']') < 0)
		return -1;
	return in_header < count ? str_addf(out, " %s", path[in_header]) : 0;
}

static int read_texts(const struct toml *toml, const char *const path[], enum declaration_kind kind,
		      struct strings *texts, bool *mixed, struct err *err)
{
	struct err unused = ERR_INIT;
	if (kind == DECLARED_TABLE)
		return toml_keys(toml, path, texts, err);
	int found = toml_strings(toml, path, texts, &unused);
	*mixed = found < 0;
	if (!*mixed)
		return found;
	strings_release(texts);
	return toml_some_strings(toml, path, texts, err);
}

static int line_of(const struct toml *toml, const char *const path[], const struct declaration *declaration,
		   const char *name)
{
	const char *full[MOST_KEYS + 1];
	size_t n = 0;
	if (declaration->kind == DECLARED_ARRAY)
		return declaration->index == SIZE_MAX ? toml_line(toml, path)
						      : toml_element_line(toml, path, declaration->index);
	while (path[n]) {
		full[n] = path[n];
		n++;
	}
	full[n] = name;
	full[n + 1] = NULL;
	return toml_line(toml, full);
}

static int visit_place(struct manifest *manifest, const struct toml *toml, const struct toml_place *place,
		       const char *const path[], const char *group, struct err *err)
{
	cleanup_strings struct strings texts = STRINGS_INIT;
	cleanup_str struct str text = STR_INIT;
	struct mention mention;
	bool mixed = false;
	if (read_texts(toml, path, place->kind, &texts, &mixed, err) < 0)
		return -1;
	if (manifest_mention(&texts, &mention) < 0)
		return err_no_memory(err);
	if (mention.index == SIZE_MAX)
		return 0;
	if (place_text(path, place->kind, &text) < 0)
		return err_no_memory(err);
	struct declaration *row = manifest_add(manifest, place->kind, toml->path, text.buf);
	if (!row)
		return err_no_memory(err);
	row->runtime = place->runtime;
	row->weak = !mention.pytest;
	memcpy(row->has, mention.packages, sizeof(row->has));
	row->index = mixed ? SIZE_MAX : mention.index;
	row->group_kind = place->group_kind;
	row->line = line_of(toml, path, row, texts.at[mention.index]);
	for (size_t i = 0; path[i]; i++)
		if (strings_add(&row->keys, path[i]) < 0)
			return err_no_memory(err);
	if (place->group_kind != GROUP_NONE && !(row->group = os_strdup(group)))
		return err_no_memory(err);
	return 0;
}

/* Puts a real key for ANY_KEY, each in turn. */
static int expand_place(struct manifest *manifest, const struct toml *toml, const struct toml_place *place,
			struct err *err)
{
	const char *path[MOST_KEYS + 1] = { NULL };
	cleanup_strings struct strings keys = STRINGS_INIT;
	size_t any = 0;
	while (place->keys[any] && strcmp(place->keys[any], ANY_KEY) != 0) {
		path[any] = place->keys[any];
		any++;
	}
	if (!place->keys[any])
		return visit_place(manifest, toml, place, path, NULL, err);
	if (toml_type(toml, path) != TOML_TABLE)
		return 0;
	if (toml_keys(toml, path, &keys, err) < 0)
		return -1;
	for (size_t i = 0; i < keys.len; i++) {
		path[any] = keys.at[i];
		for (size_t k = any + 1; k < MOST_KEYS; k++)
			path[k] = place->keys[k];
		if (place->keys[any + 1]) {
			const char *const above[] = { path[0], path[1], any > 1 ? path[2] : NULL,
						      any > 2 ? path[3] : NULL, NULL };
			if (toml_type(toml, above) != TOML_TABLE)
				continue;
		}
		if (visit_place(manifest, toml, place, path, keys.at[i], err) < 0)
			return -1;
	}
	return 0;
}

static int read_places(struct manifest *manifest, const char *path, struct slice text, const struct toml_place *places,
		       size_t count, struct err *err)
{
	static const char *const plugin_tables[][5] = {
		{ "project", "entry-points", "pytest11", NULL },
		{ "tool", "poetry", "plugins", "pytest11", NULL },
		{ "tool", "flit", "entrypoints", "pytest11", NULL },
	};
	cleanup_toml struct toml toml = TOML_INIT;
	if (toml_open(&toml, text, path, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(plugin_tables) / sizeof(*plugin_tables); i++)
		manifest->is_plugin |= toml_type(&toml, plugin_tables[i]) == TOML_TABLE;
	for (size_t i = 0; i < count; i++)
		if (expand_place(manifest, &toml, &places[i], err) < 0)
			return -1;
	return 0;
}

#define READ_PLACES(places) read_places(manifest, path, text, (places), sizeof(places) / sizeof(*(places)), err)

int manifest_read_pyproject(struct manifest *manifest, const char *path, struct slice text, struct err *err)
{
	return READ_PLACES(pyproject_places);
}

int manifest_read_hatch(struct manifest *manifest, const char *path, struct slice text, struct err *err)
{
	return READ_PLACES(hatch_places);
}

int manifest_read_tox_toml(struct manifest *manifest, const char *path, struct slice text, struct err *err)
{
	return READ_PLACES(tox_places);
}

int manifest_read_pipfile(struct manifest *manifest, const char *path, struct slice text, struct err *err)
{
	return READ_PLACES(pipfile_places);
}

int manifest_write_array(const struct declaration *declaration, enum package package, struct slice text,
			struct edits *edits, struct err *err)
{
	const char *const added[] = { packages[package].requirement };
	cleanup_toml struct toml toml = TOML_INIT;
	if (toml_open(&toml, text, declaration->file, err) < 0)
		return -1;
	return toml_insert_after(&toml, (const char *const *)declaration->keys.at, declaration->index, added, 1, edits,
				 err);
}

int manifest_write_table(const struct declaration *declaration, enum package package, struct slice text,
			struct edits *edits, struct err *err)
{
	const char *path[MOST_KEYS + 2] = { NULL };
	cleanup_toml struct toml toml = TOML_INIT;
	cleanup_str struct str version = STR_INIT;
	size_t count = declaration->keys.len;
	for (size_t i = 0; i < count; i++)
		path[i] = declaration->keys.at[i];
	path[count] = packages[package].name;
	if (toml_open(&toml, text, declaration->file, err) < 0)
		return -1;
	if (toml_quote(&version, packages[package].version) < 0)
		return err_no_memory(err);
	return toml_set(&toml, path, version.buf, edits, err);
}
