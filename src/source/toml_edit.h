/*
 * toml_edit.h: read and change a TOML file, keeping every byte around the change.
 *
 * toml_open() accepts what TOML 1.0 accepts (duplicate keys and tables are
 * refused as tomllib refuses them), and a byte order mark. A path is an array
 * of keys ending in NULL: { "tool", "pytest", "ini_options", "markers", NULL }.
 * It finds the value however it is spelt: table headers, dotted keys, inline
 * tables, quoted keys. Inside an array of tables it finds the last table.
 */
#ifndef COMB_SOURCE_TOML_EDIT_H
#define COMB_SOURCE_TOML_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tree_sitter/api.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/edit.h"

enum toml_type {
	TOML_NONE, /* nothing there */
	TOML_STRING,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOLEAN,
	TOML_DATE,   /* any date or time */
	TOML_ARRAY,
	TOML_TABLE,  /* header, implied, dotted or inline */
	TOML_TABLES, /* array of tables */
};

struct toml_item;

struct toml {
	struct slice source;     /* borrowed */
	char *path;              /* for messages */
	const char *eol;         /* "\n" or "\r\n" */
	struct str parsed;       /* what tree-sitter saw: as many bytes as source */
	TSTree *tree;
	struct toml_item *root;  /* a table */
};
#define TOML_INIT { .root = NULL }

/* ERR_INPUT with path and line where it is no TOML. On failure *toml is released. */
int toml_open(struct toml *toml, struct slice source, const char *path, struct err *err);
void toml_release(struct toml *toml);
#define cleanup_toml __attribute__((cleanup(toml_release)))

enum toml_type toml_type(const struct toml *toml, const char *const path[]);
/* 1-based line of the value (of the header for a table); 0 when nothing is there. */
int toml_line(const struct toml *toml, const char *const path[]);
/*
 * Read a value: 1 when it is there and of that type, 0 when nothing is there,
 * -1 (ERR_INPUT with line) when it is of another type. Strings come decoded.
 */
int toml_string(const struct toml *toml, const char *const path[], struct str *out, struct err *err);
int toml_integer(const struct toml *toml, const char *const path[], int64_t *out, struct err *err);
int toml_boolean(const struct toml *toml, const char *const path[], bool *out, struct err *err);
/* An array of which all elements are strings. */
int toml_strings(const struct toml *toml, const char *const path[], struct strings *out, struct err *err);
/* Those elements of an array that are strings (PEP 735 mixes in tables). */
int toml_some_strings(const struct toml *toml, const char *const path[], struct strings *out, struct err *err);
/* The keys of a table in source order; nothing there: 0. */
int toml_keys(const struct toml *toml, const char *const path[], struct strings *out, struct err *err);
/* Line of element index of an array, 0 when it is not there. */
int toml_element_line(const struct toml *toml, const char *const path[], size_t index);

/*
 * Sets the value at path to value, which is TOML text ("\"loadgroup\"", "4",
 * "[\"a\", \"b\"]"). An existing value is replaced; else the key is added where
 * the table is defined (behind its last key), or a table header is appended to
 * the file. No edit where the value is that text already. ERR_INPUT where a key
 * on the way is no table. Edits that create something are meant one at a time:
 * apply them and open the result before the next.
 */
int toml_set(const struct toml *toml, const char *const path[], const char *value, struct edits *edits,
	     struct err *err);
/*
 * Appends a string to the array at path in that array's own style (one element
 * a line or all in one, indentation, quotes, trailing comma, comments kept),
 * unless it holds it already. Creates the array, and its table, where nothing is.
 * Several strings for one array: pass them together.
 */
int toml_append(const struct toml *toml, const char *const path[], const char *const texts[], size_t count,
		struct edits *edits, struct err *err);
/* The same, but behind the element at index (for a dependency beside another). SIZE_MAX: at the end. */
int toml_insert_after(const struct toml *toml, const char *const path[], size_t index, const char *const texts[],
		      size_t count, struct edits *edits, struct err *err);
/* Takes the key and its value out, with its line when it has one of its own. Nothing there is no error. */
int toml_remove(const struct toml *toml, const char *const path[], struct edits *edits, struct err *err);

/* text as a TOML basic string with its quotes. */
int toml_quote(struct str *out, const char *text);

#endif
