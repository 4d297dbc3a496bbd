/*
 * edit_driver: one reader or editor on one file, for the tests in tests/e2e/test_editors.py.
 *
 *     edit_driver outline FILE
 *     edit_driver mark|unmark FILE (CLASS FUNCTION LINE MARK)...    "-" for none, "*" for anywhere
 *     edit_driver toml FILE set PATH VALUE | append PATH TEXT... | after PATH INDEX TEXT... | remove PATH
 *                                                                   PATH: keys with '/' between them
 *     edit_driver ini|cfg FILE dump | set SECTION KEY VALUE | append SECTION KEY LINE... | after SECTION KEY INDEX LINE
 *     edit_driver requirements FILE [TEXT BESIDE]                   without TEXT: lists what is there
 *
 * Prints the result on stdout; an error goes to stderr as "file:line: text", exit status 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "source/edit.h"
#include "source/ini_edit.h"
#include "source/marks.h"
#include "source/python_tree.h"
#include "source/requirements_edit.h"
#include "source/toml_edit.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "%s:%d: %s\n", err->file, err->line, err->text);
	return err_exit_status(err);
}

static int print_outline(int argc, char **argv, struct slice source, struct err *err)
{
	(void)argc;
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	if (python_tree_open(&tree, source, argv[0], err) < 0)
		return -1;
	for (size_t i = 0; i < tree.defs.len; i++) {
		const struct python_def *def = &tree.defs.at[i];
		printf("def %s %s%s %d %d %zd\n", def->name, def->kind == PYTHON_CLASS ? "class" : "function",
		       def->is_async ? " async" : "", def->line, def->first_line, (ssize_t)def->parent);
	}
	for (size_t i = 0; i < tree.imports.len; i++) {
		const struct python_import *import = &tree.imports.at[i];
		printf("import %s %s %s %d %d\n", import->module, import->name ? import->name : "-", import->bound,
		       import->line, import->owner == PYTHON_NONE && !import->conditional);
	}
	return 0;
}

static int print_edited(struct slice source, const struct edits *edits, struct err *err)
{
	cleanup_str struct str out = STR_INIT;
	if (edits_apply(edits, source, &out, err) < 0)
		return -1;
	fwrite(str_text(&out), 1, out.len, stdout);
	return 0;
}

static int change_marks(int argc, char **argv, struct slice source, bool insert, struct err *err)
{
	struct mark_request requests[64];
	size_t count = 0;
	for (int i = 1; i + 3 < argc && count < 64; i += 4)
		requests[count++] = (struct mark_request){
			.class_path = strcmp(argv[i], "-") ? argv[i] : NULL,
			.function = strcmp(argv[i + 1], "-") ? argv[i + 1] : NULL,
			.line = atoi(argv[i + 2]),
			.mark = argv[i + 3],
			.anywhere = strcmp(argv[i], "*") == 0,
		};
	cleanup_edits struct edits edits = EDITS_INIT;
	int result = insert ? marks_insert(source, argv[0], requests, count, &edits, err)
			    : marks_remove(source, argv[0], requests, count, &edits, err);
	return result < 0 ? -1 : print_edited(source, &edits, err);
}

static int insert_marks(int argc, char **argv, struct slice source, struct err *err)
{
	return change_marks(argc, argv, source, true, err);
}

static int remove_marks(int argc, char **argv, struct slice source, struct err *err)
{
	return change_marks(argc, argv, source, false, err);
}

/* "a/b/c" into an array of keys ending in NULL; text is cut up. */
static void split_path(char *text, const char *path[16])
{
	size_t count = 0;
	for (char *part = text; part && count < 15;) {
		char *slash = strchr(part, '/');
		if (slash)
			*slash++ = '\0';
		path[count++] = part;
		part = slash;
	}
	path[count] = NULL;
}

static int change_toml(int argc, char **argv, struct slice source, struct err *err)
{
	cleanup_toml struct toml toml = TOML_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	const char *path[16] = { NULL };
	if (toml_open(&toml, source, argv[0], err) < 0)
		return -1;
	if (argc > 2)
		split_path(argv[2], path);
	int result = 0;
	if (argc > 3 && strcmp(argv[1], "set") == 0)
		result = toml_set(&toml, path, argv[3], &edits, err);
	else if (argc > 3 && strcmp(argv[1], "append") == 0)
		result = toml_append(&toml, path, (const char *const *)argv + 3, (size_t)argc - 3, &edits, err);
	else if (argc > 4 && strcmp(argv[1], "after") == 0)
		result = toml_insert_after(&toml, path, (size_t)atoi(argv[3]), (const char *const *)argv + 4,
					   (size_t)argc - 4, &edits, err);
	else if (argc > 2 && strcmp(argv[1], "remove") == 0)
		result = toml_remove(&toml, path, &edits, err);
	return result < 0 ? -1 : print_edited(source, &edits, err);
}

static int print_ini(const struct ini *ini, struct err *err)
{
	for (size_t i = 0; i < ini->sections.len; i++)
		for (size_t j = 0; j < ini->sections.at[i].keys.len; j++) {
			const struct ini_key *key = &ini->sections.at[i].keys.at[j];
			cleanup_str struct str value = STR_INIT;
			if (ini_value(ini, ini->sections.at[i].name, key->name, &value, err) < 0)
				return -1;
			printf("%s%c%s%c%d%c%s%c", ini->sections.at[i].name, 0, key->name, 0, key->line, 0,
			       str_text(&value), 0);
		}
	return 0;
}

static int change_ini(int argc, char **argv, struct slice source, enum ini_dialect dialect, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	if (ini_open(&ini, source, argv[0], dialect, err) < 0)
		return -1;
	if (argc > 1 && strcmp(argv[1], "dump") == 0)
		return print_ini(&ini, err);
	int result = 0;
	if (argc > 4 && strcmp(argv[1], "set") == 0)
		result = ini_set(&ini, argv[2], argv[3], argv[4], &edits, err);
	else if (argc > 4 && strcmp(argv[1], "append") == 0)
		result = ini_append(&ini, argv[2], argv[3], (const char *const *)argv + 4, (size_t)argc - 4, &edits,
				    err);
	else if (argc > 5 && strcmp(argv[1], "after") == 0)
		result = ini_insert_after(&ini, argv[2], argv[3], (size_t)atoi(argv[4]), argv[5], &edits, err);
	return result < 0 ? -1 : print_edited(source, &edits, err);
}

static int change_pytest_ini(int argc, char **argv, struct slice source, struct err *err)
{
	return change_ini(argc, argv, source, INI_PYTEST, err);
}

static int change_setuptools_ini(int argc, char **argv, struct slice source, struct err *err)
{
	return change_ini(argc, argv, source, INI_SETUPTOOLS, err);
}

static int change_requirements(int argc, char **argv, struct slice source, struct err *err)
{
	cleanup_requirements struct requirements requirements = REQUIREMENTS_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	if (requirements_open(&requirements, source, argv[0], err) < 0)
		return -1;
	for (size_t i = 0; i < requirements.items.len && argc == 1; i++) {
		const struct requirement *item = &requirements.items.at[i];
		printf("%d %s %s %s %d %d\n", item->line, item->name ? item->name : "-",
		       item->include ? item->include : "-", item->marker ? item->marker : "-", item->pinned,
		       item->hashed);
	}
	if (argc < 3)
		return 0;
	if (requirements_insert(&requirements, argv[1], argv[2], &edits, err) < 0)
		return -1;
	return print_edited(source, &edits, err);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, struct slice source, struct err *err);
} commands[] = {
	{ "outline", print_outline },
	{ "mark", insert_marks },
	{ "unmark", remove_marks },
	{ "toml", change_toml },
	{ "ini", change_pytest_ini },
	{ "cfg", change_setuptools_ini },
	{ "requirements", change_requirements },
};

/* argv of a command: the file first, then its own arguments. */
int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	cleanup_str struct str source = STR_INIT;
	if (argc < 3)
		return 64;
	if (fs_read(argv[2], &source, &err) < 0)
		return fail(&err);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2, str_slice(&source), &err) < 0 ? fail(&err) : 0;
	return 64;
}
