/*
 * toml_tree.h: a TOML document as a tree of items. For the files of toml_edit.h alone.
 *
 * A table is one item however many places define it; where its keys stand
 * is known from its pairs. Which redefinitions are refused is taken from tomllib.
 */
#ifndef COMB_SOURCE_TOML_TREE_H
#define COMB_SOURCE_TOML_TREE_H

#include "source/list_splice.h"
#include "source/toml_edit.h"

/* How a table came to be. */
enum toml_origin {
	TOML_IMPLIED, /* [a.b] implies a */
	TOML_HEADER,  /* [a], or an element of [[a]], or the document */
	TOML_DOTTED,  /* a.b = 1 makes a */
	TOML_INLINE,  /* { … } */
};

struct toml_item {
	enum toml_type type;
	enum toml_origin origin;       /* of a table */
	char *key;                     /* decoded; NULL for the document and for elements */
	struct toml_item *parent;
	VEC(struct toml_item *) children; /* of a table, an array, an array of tables */
	struct byte_range value;       /* of a value, an array, an inline table */
	struct byte_range pair;        /* `key = value`; start == end for tables and elements */
	struct byte_range header;      /* of a TOML_HEADER table; empty for the document */
	struct toml_item *container;   /* of a pair: the header table, or inline table, in whose text it stands */
	size_t last_pair_end;          /* of a header or inline table: end of its last pair, or 0 */
	size_t last_pair_start;
	int line;
	int section;                   /* which header made a dotted table: it is closed by the next one */
};

/* The item at path; on its way, the last table of an array of tables. NULL when nothing is there. */
struct toml_item *toml_find(const struct toml *toml, const char *const path[]);
struct toml_item *toml_child(const struct toml_item *table, const char *key);
/* For a path on which an array of tables lies: its last table; else item itself. */
struct toml_item *toml_enter(struct toml_item *item);
/* What the grammar lets pass: escapes that are no character, too many quotes at the end of a multi-line string. */
bool toml_literal_is_valid(struct slice literal);
/* The day exists and the year has four digits; true for a time alone. */
bool toml_date_is_valid(struct slice date);
/* Appends the decoded form of a string literal with its quotes. -1 when out of memory. */
int toml_decode(struct str *out, struct slice literal);

#endif
