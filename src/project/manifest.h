/*
 * manifest.h: where a project declares pytest, and what parallel runs need beside it.
 *
 * Every place that declares pytest for development gets pytest-xdist too: an
 * environment that one of them makes would otherwise refuse `-n`; and pytest-comb,
 * where one of them has it or it was asked for (with_comb). What the
 * package's own users install (`[project] dependencies`, install_requires) is
 * such a place only when pytest stands nowhere else and the project is no
 * pytest plugin. Files that a tool compiled are read, not edited: their source
 * is. The formats are the table in manifest.c.
 */
#ifndef COMB_PROJECT_MANIFEST_H
#define COMB_PROJECT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "project/project.h"
#include "source/edit.h"

#define XDIST_NAME "pytest-xdist"

/* What is declared beside pytest. */
enum package { PACKAGE_XDIST, PACKAGE_COMB, PACKAGE_COUNT };
extern const struct package_row {
	const char *name;
	const char *version; /* ">=3.2" */
	const char *requirement; /* both */
} packages[PACKAGE_COUNT];

enum declaration_kind {
	DECLARED_ARRAY,        /* TOML: an array of requirements */
	DECLARED_TABLE,        /* TOML: name = "version" */
	DECLARED_INI,          /* lines of an INI value */
	DECLARED_REQUIREMENTS, /* a pip requirements file */
	DECLARED_PROGRAM,      /* setup.py: never edited */
};

/* How the project's manager is told to install that place. */
enum declaration_group { GROUP_NONE, GROUP_DEPENDENCY, GROUP_EXTRA };

struct declaration {
	enum declaration_kind kind;
	enum declaration_group group_kind;
	char *file;          /* absolute */
	char *place;         /* "[dependency-groups] test"; "" for a requirements file */
	char *group;         /* "test"; NULL for GROUP_NONE */
	struct strings keys; /* TOML path, or INI section and key */
	int line;            /* of pytest, 0 unknown */
	size_t index;        /* of pytest in the array or value; SIZE_MAX unknown */
	bool runtime;        /* the package's users install it too */
	bool compiled;       /* made from another file: not edited */
	bool weak;           /* names no pytest, only plugins of it: counts where no place names pytest */
	bool has[PACKAGE_COUNT];
};

struct manifest {
	VEC(struct declaration) declarations; /* of pytest, in the order of the formats */
	char *folder;    /* the nearest one that declares pytest; the project's own when none does */
	bool is_plugin;  /* the project is a pytest plugin itself */
	bool with_comb;  /* pytest-comb is wanted too: some place declares it, or the caller says so after manifest_read() */
};
#define MANIFEST_INIT { .folder = NULL }

/* Needs path, git_root and manager. ERR_INPUT with file and line for a file that its own tools would refuse. */
int manifest_read(struct manifest *manifest, const struct project *project, struct err *err);
void manifest_release(struct manifest *manifest);
#define cleanup_manifest __attribute__((cleanup(manifest_release)))

/* The place a person would call the manifest: the first that is edited. NULL when pytest is declared nowhere. */
const struct declaration *manifest_main(const struct manifest *manifest);
/* True when comb adds to this place. */
bool manifest_edits(const struct manifest *manifest, const struct declaration *declaration);
/* Is the package wanted here? */
bool manifest_wants(const struct manifest *manifest, enum package package);
/* True when each place that has to hold the wanted packages does; false when pytest is declared nowhere. */
bool manifest_complete(const struct manifest *manifest);
/*
 * Adds what is wanted wherever it is missing, and pytest too where that is declared
 * nowhere. One line per place and package is appended to *said ("pyproject.toml
 * [dependency-groups] test: pytest-xdist>=3.2 added").
 */
int manifest_declare(const struct manifest *manifest, const struct project *project, struct changeset *set,
		     struct str *said, struct err *err);
/* Fills manifest_path and manifest_place of the project. */
int manifest_fill(const struct manifest *manifest, struct project *project, struct err *err);

#endif
