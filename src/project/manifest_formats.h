/* manifest_formats.h: the readers behind manifest.c, one per kind of file. */
#ifndef COMB_PROJECT_MANIFEST_FORMATS_H
#define COMB_PROJECT_MANIFEST_FORMATS_H

#include "project/manifest.h"

/* Adds the declarations of pytest found in the file to manifest. name: the file's name in its folder. */
typedef int manifest_reader(struct manifest *manifest, const char *path, struct slice text, struct err *err);
manifest_reader manifest_read_pyproject, manifest_read_hatch, manifest_read_tox_toml, manifest_read_pipfile,
	manifest_read_setup_cfg, manifest_read_tox_ini, manifest_read_requirements, manifest_read_setup_py;

/* Adds a package at a declaration of that kind, right behind pytest. text: the file's content. */
typedef int manifest_writer(const struct declaration *declaration, enum package package, struct slice text,
			    struct edits *edits, struct err *err);
manifest_writer manifest_write_array, manifest_write_table, manifest_write_ini, manifest_write_requirements;

/* What a list of requirements, or of the names in a table, says about pytest. */
struct mention {
	bool pytest, plugin;
	bool packages[PACKAGE_COUNT];
	size_t index; /* of pytest, else of the first plugin; SIZE_MAX: none */
};
/* texts: requirements or bare names, in any spelling; tox's "factor: requirement" too. -1: out of memory. */
int manifest_mention(const struct strings *texts, struct mention *mention);
/* Takes over nothing: copies. Returns the new row, NULL when out of memory. */
struct declaration *manifest_add(struct manifest *manifest, enum declaration_kind kind, const char *path,
				 const char *place);

#endif
