#define _GNU_SOURCE
#include "project/manifest.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/locate.h"
#include "project/manifest_formats.h"
#include "source/requirements_edit.h"
#include "source/toml_edit.h"

#include "base/banned.h"

/* Every format: the file's name in the project's folder and its reader. */
static const struct {
	const char *name;
	manifest_reader *read;
} formats[] = {
	{ "pyproject.toml", manifest_read_pyproject }, { "Pipfile", manifest_read_pipfile },
	{ "hatch.toml", manifest_read_hatch },         { "setup.cfg", manifest_read_setup_cfg },
	{ "tox.toml", manifest_read_tox_toml },        { "tox.ini", manifest_read_tox_ini },
	{ "setup.py", manifest_read_setup_py },
};

#define REQUIRE(package, least) { package, least, package least }
const struct package_row packages[PACKAGE_COUNT] = {
	[PACKAGE_XDIST] = REQUIRE(XDIST_NAME, ">=3.2"), /* the first with --dist worksteal */
	[PACKAGE_COMB] = REQUIRE(COMB_NAME, ">=0.1"),
};

static manifest_writer *const writers[] = {
	[DECLARED_ARRAY] = manifest_write_array,
	[DECLARED_TABLE] = manifest_write_table,
	[DECLARED_INI] = manifest_write_ini,
	[DECLARED_REQUIREMENTS] = manifest_write_requirements,
	[DECLARED_PROGRAM] = NULL,
};

/* Where requirements files lie; any: every .txt and .in file there is one. */
static const struct {
	const char *folder;
	bool any;
} requirement_folders[] = {
	{ "", false },        { "requirements", true }, { "reqs", true },
	{ "requires", true }, { "tests", false },       { "test", false },
};

int manifest_mention(const struct strings *texts, struct mention *mention)
{
	cleanup_str struct str name = STR_INIT;
	size_t plugin_index = SIZE_MAX;
	*mention = (struct mention){ .index = SIZE_MAX };
	for (size_t i = 0; i < texts->len; i++) {
		const char *text = texts->at[i];
		const char *factor = strstr(text, ": ");
		text = factor && !strchr(text, ';') ? factor + 2 : text;
		text += strspn(text, " \t");
		str_clear(&name);
		if (requirement_name(&name, text) < 0)
			return -1;
		bool exact = strcmp(str_text(&name), "pytest") == 0;
		bool plugin = text_starts_with(str_text(&name), "pytest-");
		if (exact && !mention->pytest)
			mention->index = i;
		if (plugin && plugin_index == SIZE_MAX)
			plugin_index = i;
		mention->pytest |= exact;
		for (int package = 0; package < PACKAGE_COUNT; package++)
			mention->packages[package] |= strcmp(str_text(&name), packages[package].name) == 0;
		mention->plugin |= plugin;
	}
	if (!mention->pytest)
		mention->index = plugin_index;
	return 0;
}

static void declaration_release(struct declaration *declaration)
{
	free(declaration->file);
	free(declaration->place);
	free(declaration->group);
	strings_release(&declaration->keys);
}

struct declaration *manifest_add(struct manifest *manifest, enum declaration_kind kind, const char *path,
				 const char *place)
{
	struct declaration row = { .kind = kind, .index = SIZE_MAX };
	row.file = os_strdup(path);
	row.place = os_strdup(place);
	if (!row.file || !row.place || vec_push(&manifest->declarations, row) < 0) {
		declaration_release(&row);
		return NULL;
	}
	return &manifest->declarations.at[manifest->declarations.len - 1];
}

static int read_with(struct manifest *manifest, const char *path, manifest_reader *read, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (!fs_is_file(path))
		return 0;
	return fs_read(path, &text, err) < 0 ? -1 : read(manifest, path, str_slice(&text), err);
}

static bool is_requirements_name(const char *name, bool any)
{
	if (!text_ends_with(name, ".txt") && !text_ends_with(name, ".in"))
		return false;
	return any ? !strcasestr(name, "constraint") : strcasestr(name, "require") != NULL;
}

static int read_requirements_in(struct manifest *manifest, const char *folder, bool any, struct err *err)
{
	cleanup_strings struct strings names = STRINGS_INIT;
	cleanup_str struct str path = STR_INIT;
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int failed = 0;
	while (dir && !failed && (entry = readdir(dir)) != NULL)
		if (is_requirements_name(entry->d_name, any) && strings_add(&names, entry->d_name) < 0)
			failed = err_no_memory(err);
	if (dir)
		closedir(dir);
	strings_sort(&names);
	for (size_t i = 0; !failed && i < names.len; i++) {
		if (fs_join(&path, folder, names.at[i]) < 0)
			return err_no_memory(err);
		failed = read_with(manifest, path.buf, manifest_read_requirements, err);
	}
	return failed;
}

static int read_folder(struct manifest *manifest, const char *folder, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (fs_join(&path, folder, formats[i].name) < 0)
			return err_no_memory(err);
		if (read_with(manifest, path.buf, formats[i].read, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(requirement_folders) / sizeof(*requirement_folders); i++) {
		if (fs_join(&path, folder, requirement_folders[i].folder) < 0)
			return err_no_memory(err);
		if (read_requirements_in(manifest, path.buf, requirement_folders[i].any, err) < 0)
			return -1;
	}
	return 0;
}

/* Places that name only plugins count where no place names pytest itself. */
static void drop_weak(struct manifest *manifest)
{
	bool strong = false;
	size_t kept = 0;
	for (size_t i = 0; i < manifest->declarations.len; i++)
		strong |= !manifest->declarations.at[i].weak;
	for (size_t i = 0; strong && i < manifest->declarations.len; i++) {
		if (manifest->declarations.at[i].weak)
			declaration_release(&manifest->declarations.at[i]);
		else
			manifest->declarations.at[kept++] = manifest->declarations.at[i];
	}
	if (strong)
		manifest->declarations.len = kept;
}

int manifest_read(struct manifest *manifest, const struct project *project, struct err *err)
{
	cleanup_str struct str folder = STR_INIT;
	const char *top = project->git_root ? project->git_root : project->root ? project->root : project->path;
	manifest_release(manifest);
	if (str_adds(&folder, project->path) < 0)
		return err_no_memory(err);
	do {
		if (read_folder(manifest, folder.buf, err) < 0) {
			manifest_release(manifest);
			return -1;
		}
		if (manifest->declarations.len > 0)
			break;
	} while (strcmp(folder.buf, top) != 0 && locate_parent(&folder));
	drop_weak(manifest);
	for (size_t i = 0; i < manifest->declarations.len; i++)
		manifest->with_comb |= manifest->declarations.at[i].has[PACKAGE_COMB];
	manifest->folder = os_strdup(manifest->declarations.len > 0 ? folder.buf : project->path);
	return manifest->folder ? 0 : err_no_memory(err);
}

void manifest_release(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->declarations.len; i++)
		declaration_release(&manifest->declarations.at[i]);
	vec_release(&manifest->declarations);
	free(manifest->folder);
	*manifest = (struct manifest)MANIFEST_INIT;
}

static bool editable(const struct declaration *declaration)
{
	return !declaration->compiled && writers[declaration->kind];
}

bool manifest_edits(const struct manifest *manifest, const struct declaration *declaration)
{
	if (!editable(declaration))
		return false;
	if (!declaration->runtime)
		return true;
	for (size_t i = 0; i < manifest->declarations.len; i++)
		if (editable(&manifest->declarations.at[i]) && !manifest->declarations.at[i].runtime)
			return false;
	return !manifest->is_plugin;
}

const struct declaration *manifest_main(const struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->declarations.len; i++)
		if (manifest_edits(manifest, &manifest->declarations.at[i]))
			return &manifest->declarations.at[i];
	return manifest->declarations.len > 0 ? &manifest->declarations.at[0] : NULL;
}

bool manifest_wants(const struct manifest *manifest, enum package package)
{
	return package != PACKAGE_COMB || manifest->with_comb;
}

bool manifest_complete(const struct manifest *manifest)
{
	bool any = false;
	for (size_t i = 0; i < manifest->declarations.len; i++) {
		if (!manifest_edits(manifest, &manifest->declarations.at[i]))
			continue;
		for (int package = 0; package < PACKAGE_COUNT; package++)
			if (manifest_wants(manifest, (enum package)package) && !manifest->declarations.at[i].has[package])
				return false;
		any = true;
	}
	return any;
}

int manifest_fill(const struct manifest *manifest, struct project *project, struct err *err)
{
	const struct declaration *declaration = manifest_main(manifest);
	free(project->manifest_path);
	free(project->manifest_place);
	project->manifest_path = project->manifest_place = NULL;
	if (!declaration)
		return 0;
	project->manifest_path = os_strdup(declaration->file);
	project->manifest_place = os_strdup(declaration->place);
	return project->manifest_path && project->manifest_place ? 0 : err_no_memory(err);
}
