/*
 * ini_edit.h: read and change an INI file, keeping every byte around the change.
 *
 * Two readers disagree about INI files, so the dialect is given:
 * INI_PYTEST     pytest.ini, .pytest.ini, tox.ini and setup.cfg as pytest (iniconfig) reads them:
 *                `#` and `;` start a comment line; a line that starts with a blank continues the
 *                value, wherever it stands below it; no comment behind a value, but behind a header
 * INI_SETUPTOOLS setup.cfg and tox.ini as setuptools and tox (configparser) read them: only a line
 *                indented deeper than its key continues the value, and blank lines belong to it
 * In both, keys keep their case, a key or section given twice is an error, and `%` means itself.
 * A byte order mark is passed over.
 */
#ifndef COMB_SOURCE_INI_EDIT_H
#define COMB_SOURCE_INI_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/edit.h"

enum ini_dialect { INI_PYTEST, INI_SETUPTOOLS };

/* One physical line that belongs to a key. Offsets are bytes of the source. */
struct ini_line {
	size_t start;      /* of the line; text_start > start: indented, or behind `key =` */
	size_t text_start; /* of what counts, blanks around it left out */
	size_t text_end;
	size_t end;        /* behind the line end */
	int number;        /* 1-based */
};

struct ini_key {
	char *name;
	int line;
	size_t start;                  /* of the key's first line */
	size_t name_start;             /* behind its indentation */
	VEC(struct ini_line) lines;    /* of its value: the one behind `=` first, even when that is empty */
};

struct ini_section {
	char *name;
	int line;
	size_t start, header_end;      /* header line; header_end is behind its line end */
	size_t name_start;             /* of the '[' */
	size_t end;                    /* behind the last line that holds a key, or header_end */
	VEC(struct ini_key) keys;
};

struct ini {
	struct slice source; /* borrowed */
	char *path;          /* for messages */
	const char *eol;
	enum ini_dialect dialect;
	VEC(struct ini_section) sections;
};
#define INI_INIT { .path = NULL }

/* ERR_INPUT with path and line where that dialect's reader would refuse the file. On failure *ini is released. */
int ini_open(struct ini *ini, struct slice source, const char *path, enum ini_dialect dialect, struct err *err);
void ini_release(struct ini *ini);
#define cleanup_ini __attribute__((cleanup(ini_release)))

const struct ini_section *ini_section(const struct ini *ini, const char *section);
const struct ini_key *ini_key(const struct ini *ini, const char *section, const char *key);
/* Replaces *out by the value as the dialect's reader gives it, lines joined by '\n'. 1, or 0 when there is none, -1. */
int ini_value(const struct ini *ini, const char *section, const char *key, struct str *out, struct err *err);
/* The lines of a value that are not empty. 1, 0, -1. */
int ini_value_lines(const struct ini *ini, const char *section, const char *key, struct strings *out,
		    struct err *err);

/*
 * Sets a key's value ('\n' separates lines); creates key and section. No edit where it has that value.
 * ERR_INPUT, here and below: a line of a longer value that would be read as a comment or as nothing.
 */
int ini_set(const struct ini *ini, const char *section, const char *key, const char *value, struct edits *edits,
	    struct err *err);
/*
 * Appends lines to a key's value, each unless a line equal to it is there;
 * keeps the indentation of the lines above. Creates key and section.
 */
int ini_append(const struct ini *ini, const char *section, const char *key, const char *const lines[], size_t count,
	       struct edits *edits, struct err *err);
/* The same, behind the line of the value whose index in key->lines is given. */
int ini_insert_after(const struct ini *ini, const char *section, const char *key, size_t index, const char *line,
		     struct edits *edits, struct err *err);

#endif
