/* Adding what parallel runs need to what manifest_read() found, and a first declaration where there is none. */
#include <stdint.h>
#include <string.h>

#include "base/fs.h"
#include "project/draft.h"
#include "project/manifest_formats.h"
#include "source/requirements_edit.h"
#include "source/toml_edit.h"

#include "base/banned.h"

static manifest_writer *const writers[] = {
	[DECLARED_ARRAY] = manifest_write_array,
	[DECLARED_TABLE] = manifest_write_table,
	[DECLARED_INI] = manifest_write_ini,
	[DECLARED_REQUIREMENTS] = manifest_write_requirements,
};

static int say_added(struct str *said, const char *file, const char *place, const char *what, struct err *err)
{
	return str_addf(said, "%s%s%s: %s added\n", fs_base_name(file), *place ? " " : "", place, what) < 0
		? err_no_memory(err)
		: 0;
}

static int add_package(const struct declaration *declaration, enum package package, struct changeset *set,
		       struct str *said, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	if (draft_read(set, declaration->file, &text, err) < 0 ||
	    writers[declaration->kind](declaration, package, str_slice(&text), &edits, err) < 0 ||
	    draft_apply(set, declaration->file, &text, &edits, err) < 0)
		return -1;
	return say_added(said, declaration->file, declaration->place, packages[package].requirement, err);
}

/* Each comes right behind pytest: the last one first, so that they stand in their own order. */
static int add_beside(const struct manifest *manifest, const struct declaration *declaration, struct changeset *set,
		      struct str *said, struct err *err)
{
	for (int package = PACKAGE_COUNT; package-- > 0;)
		if (manifest_wants(manifest, (enum package)package) && !declaration->has[package] &&
		    add_package(declaration, (enum package)package, set, said, err) < 0)
			return -1;
	return 0;
}

/* Does pyproject.toml describe a package, or does it only configure tools? */
static bool describes_package(const struct toml *toml)
{
	static const char *const signs[][3] = {
		{ "project", NULL },
		{ "build-system", NULL },
		{ "dependency-groups", NULL },
		{ "tool", "poetry", NULL },
	};
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (toml_type(toml, signs[i]) != TOML_NONE)
			return true;
	return false;
}

/* One more name = version in a table; each in a pass of its own, for the first may have to make the table. */
static int add_to_table(const char *file, const char *const table[], const char *name, const char *version,
			struct changeset *set, struct err *err)
{
	const char *path[8] = { NULL };
	size_t n = 0;
	cleanup_str struct str text = STR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_toml struct toml toml = TOML_INIT;
	while (table[n]) {
		path[n] = table[n];
		n++;
	}
	path[n] = name;
	if (draft_read(set, file, &text, err) < 0 || toml_open(&toml, str_slice(&text), file, err) < 0 ||
	    toml_set(&toml, path, version, &edits, err) < 0)
		return -1;
	return draft_apply(set, file, &text, &edits, err);
}

static int add_table(const struct manifest *manifest, const char *file, const char *const table[],
		     struct changeset *set, struct err *err)
{
	if (add_to_table(file, table, "pytest", "\"*\"", set, err) < 0)
		return -1;
	for (int package = 0; package < PACKAGE_COUNT; package++) {
		cleanup_str struct str version = STR_INIT;
		if (!manifest_wants(manifest, (enum package)package))
			continue;
		if (toml_quote(&version, packages[package].version) < 0)
			return err_no_memory(err);
		if (add_to_table(file, table, packages[package].name, version.buf, set, err) < 0)
			return -1;
	}
	return 0;
}

/* pytest and what is wanted beside it. Returns how many. */
static size_t list_requirements(const struct manifest *manifest, const char *list[PACKAGE_COUNT + 1])
{
	size_t count = 0;
	list[count++] = "pytest";
	for (int package = 0; package < PACKAGE_COUNT; package++)
		if (manifest_wants(manifest, (enum package)package))
			list[count++] = packages[package].requirement;
	return count;
}

static int say_all_added(const struct manifest *manifest, struct str *said, const char *file, const char *place,
			 struct err *err)
{
	const char *list[PACKAGE_COUNT + 1];
	size_t count = list_requirements(manifest, list);
	cleanup_str struct str text = STR_INIT;
	for (size_t i = 0; i < count; i++)
		if (str_adds(&text, i == 0 ? "" : i + 1 < count ? ", " : " and ") < 0 || str_adds(&text, list[i]) < 0)
			return err_no_memory(err);
	return say_added(said, file, place, text.buf, err);
}

static int add_group(const struct manifest *manifest, const char *file, const struct toml *toml, const struct str *text, struct changeset *set,
		     struct err *err)
{
	static const char *const group[] = { "dependency-groups", "test", NULL };
	const char *list[PACKAGE_COUNT + 1];
	size_t count = list_requirements(manifest, list);
	cleanup_edits struct edits edits = EDITS_INIT;
	if (toml_append(toml, group, list, count, &edits, err) < 0)
		return -1;
	return draft_apply(set, file, text, &edits, err);
}

/* 1: done; 0: this project has no such file. */
static int create_in_toml(const struct manifest *manifest, const char *file, enum package_manager manager,
			  struct changeset *set, struct str *said, struct err *err)
{
	static const char *const poetry_group[] = { "tool", "poetry", "group", "test", "dependencies", NULL };
	static const char *const pipfile_table[] = { "dev-packages", NULL };
	static const char *const poetry[] = { "tool", "poetry", NULL };
	cleanup_str struct str text = STR_INIT;
	cleanup_toml struct toml toml = TOML_INIT;
	const char *place = "[dependency-groups] test";
	int failed;
	if (!fs_is_file(file))
		return 0;
	if (draft_read(set, file, &text, err) < 0 || toml_open(&toml, str_slice(&text), file, err) < 0)
		return -1;
	if (strcmp(fs_base_name(file), "Pipfile") == 0) {
		place = "[dev-packages]";
		failed = add_table(manifest, file, pipfile_table, set, err);
	} else if (!describes_package(&toml)) {
		return 0;
	} else if (manager == MANAGER_POETRY && toml_type(&toml, poetry) != TOML_NONE) {
		place = "[tool.poetry.group.test.dependencies]";
		failed = add_table(manifest, file, poetry_group, set, err);
	} else {
		failed = add_group(manifest, file, &toml, &text, set, err);
	}
	return failed || say_all_added(manifest, said, file, place, err) < 0 ? -1 : 1;
}

static int add_requirement(const char *file, const char *requirement, struct changeset *set, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_requirements struct requirements requirements = REQUIREMENTS_INIT;
	if (draft_read(set, file, &text, err) < 0 ||
	    requirements_open(&requirements, str_slice(&text), file, err) < 0 ||
	    requirements_insert(&requirements, requirement, NULL, &edits, err) < 0)
		return -1;
	return draft_apply(set, file, &text, &edits, err);
}

static int create_in_requirements(const struct manifest *manifest, const char *file, struct changeset *set,
				  struct str *said, struct err *err)
{
	const char *list[PACKAGE_COUNT + 1];
	size_t count = list_requirements(manifest, list);
	for (size_t i = 0; i < count; i++)
		if (add_requirement(file, list[i], set, err) < 0)
			return -1;
	return say_all_added(manifest, said, file, "", err);
}

/* pytest is declared nowhere that can be edited: what is natural for this project. */
static int create(const struct manifest *manifest, enum package_manager manager, struct changeset *set,
		  struct str *said, struct err *err)
{
	static const char *const files[] = { "Pipfile", "pyproject.toml" };
	cleanup_str struct str path = STR_INIT;
	for (size_t i = 0; i < 2; i++) {
		if (fs_join(&path, manifest->folder, files[i]) < 0)
			return err_no_memory(err);
		int done = create_in_toml(manifest, path.buf, manager, set, said, err);
		if (done != 0)
			return done < 0 ? -1 : 0;
	}
	if (fs_join(&path, manifest->folder, "requirements-test.txt") < 0)
		return err_no_memory(err);
	return create_in_requirements(manifest, path.buf, set, said, err);
}

/* Where pytest stands in a file that is not edited, and why not. */
static int say_untouched(const struct declaration *declaration, struct str *said, struct err *err)
{
	const char *why = declaration->kind == DECLARED_PROGRAM ? "a program, which comb does not edit"
		: declaration->compiled                         ? "made by a tool from another file: make it again"
								: "what the users of the package install too";
	return str_addf(said, "%s:%d declares pytest and is left as it is: %s\n", fs_base_name(declaration->file),
			declaration->line, why) < 0
		? err_no_memory(err)
		: 0;
}

int manifest_declare(const struct manifest *manifest, const struct project *project, struct changeset *set,
		     struct str *said, struct err *err)
{
	bool edits = false;
	for (size_t i = 0; i < manifest->declarations.len; i++) {
		const struct declaration *declaration = &manifest->declarations.at[i];
		bool edited = manifest_edits(manifest, declaration);
		edits |= edited;
		if (!edited && say_untouched(declaration, said, err) < 0)
			return -1;
		if (edited && add_beside(manifest, declaration, set, said, err) < 0)
			return -1;
	}
	return edits ? 0 : create(manifest, project->manager, set, said, err);
}
