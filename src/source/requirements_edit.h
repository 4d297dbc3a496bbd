/*
 * requirements_edit.h: read and change a pip requirements file, keeping every byte around the change.
 *
 * Understood as pip does: comments, backslash continuations, options (-r, -c,
 * -e, --hash …), names normalised by PEP 503, extras, versions, markers, URLs.
 */
#ifndef COMB_SOURCE_REQUIREMENTS_EDIT_H
#define COMB_SOURCE_REQUIREMENTS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/edit.h"

struct requirement {
	char *name;        /* normalised; NULL for an option line and for a bare URL or path */
	char *include;     /* file named by -r, --requirement, -c or --constraint, as written; NULL else */
	bool constraint;   /* the include is -c */
	bool hashed;       /* has --hash */
	bool pinned;       /* == or === */
	char *marker;      /* behind ';': "python_version < \"3.11\""; NULL for none */
	size_t start, end; /* bytes: its lines, and indented comments right below ("    # via") */
	int line;
};

struct requirements {
	struct slice source; /* borrowed */
	char *path;
	const char *eol;
	VEC(struct requirement) items;
	bool hash_mode;    /* some line has --hash, or --require-hashes stands there: pip then wants all hashed */
};
#define REQUIREMENTS_INIT { .path = NULL }

/* Lines that pip would refuse are kept as items without a name. ERR_INPUT: NUL bytes or UTF-16. */
int requirements_open(struct requirements *requirements, struct slice source, const char *path, struct err *err);
void requirements_release(struct requirements *requirements);
#define cleanup_requirements __attribute__((cleanup(requirements_release)))

/* NULL when it is not there. name in any spelling. */
const struct requirement *requirements_find(const struct requirements *requirements, const char *name);
/*
 * Inserts a line with text ("pytest-xdist>=3") behind the requirement beside
 * (at the end when NULL or not there), with the same marker when that has one
 * and text none, unless a requirement of that name is there. ERR_INPUT in hash mode, with
 * what to do instead as the hint.
 */
int requirements_insert(const struct requirements *requirements, const char *text, const char *beside,
			struct edits *edits, struct err *err);

/* PEP 503: lower case, runs of -_. to one '-'. Stops at the end of the name in text ("Foo_Bar[x]>=1" -> "foo-bar"). */
int requirement_name(struct str *out, const char *text);

#endif
