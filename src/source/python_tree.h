/*
 * python_tree.h: a Python file as a syntax tree, and its outline.
 *
 * python_tree_open() parses a file's bytes as Python itself reads them: byte
 * order mark, encoding cookie, CRLF, lone CR, form feeds and tabs. Every byte
 * offset in the tree and the outline is one of the original source, which is
 * borrowed and must outlive the tree. Names are UTF-8 whatever the file's
 * encoding is. Lines are 1-based and counted as Python counts them.
 *
 * The outline lists what stands where a test can stand: at module level and in
 * classes, also inside if, try, with, for, while and match ("conditional").
 * Functions inside functions are in it too, with their function as parent.
 */
#ifndef COMB_SOURCE_PYTHON_TREE_H
#define COMB_SOURCE_PYTHON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tree_sitter/api.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/list_splice.h"

#define PYTHON_NONE SIZE_MAX /* no parent: module level */

/* One name that an import binds. `import a, b as c` makes two of them. */
struct python_import {
	char *module;              /* "pytest", "os.path", "..sibling" */
	char *name;                /* `from module import name`, "*" too; NULL for a plain import */
	char *bound;               /* the name it has in this file: "pt", "os"; "*" for a star */
	struct byte_range statement;
	int line;
	size_t owner;              /* def in whose body it stands, or PYTHON_NONE */
	bool conditional;          /* inside if, try, with, ... */
	bool type_checking;        /* inside `if TYPE_CHECKING:` (its positive branch) */
};

enum python_kind { PYTHON_CLASS, PYTHON_FUNCTION };

struct python_decorator {
	struct byte_range range;      /* from '@' to the end of its expression */
	struct byte_range expression;
	int line;
};

struct python_def {
	enum python_kind kind;
	char *name;
	size_t parent;             /* index of the def around it, or PYTHON_NONE */
	struct byte_range whole;   /* with decorators */
	struct byte_range body;
	size_t keyword;            /* byte of `async`, `def` or `class` */
	int line;                  /* of that keyword */
	int first_line;            /* of the first decorator, or line: what co_firstlineno says */
	struct byte_range indent;  /* blanks before the keyword, behind a form feed if there is one */
	bool is_async;
	bool one_line;             /* the body starts on the line of its colon */
	bool conditional;
	VEC(struct python_decorator) decorators;
	TSNode node;               /* class_definition or function_definition */
};

/* What stands on the right of `pytestmark =`. */
enum pytestmark_shape {
	PYTESTMARK_SINGLE,     /* one expression that is no display */
	PYTESTMARK_LIST,       /* [a, b] */
	PYTESTMARK_TUPLE,      /* (a, b) */
	PYTESTMARK_BARE_TUPLE, /* a, b */
	PYTESTMARK_OTHER,      /* a = pytestmark = x, unpacking, an import of that name */
};

struct python_pytestmark {
	size_t owner;                  /* class, or PYTHON_NONE */
	struct byte_range statement;
	struct byte_range value;
	enum pytestmark_shape shape;
	VEC(struct byte_range) elements; /* of a list or tuple */
	int line;
	uint32_t block;                /* start byte of the block it stands in: equal for siblings */
	bool augmented;                /* += */
	bool annotated;
	bool conditional;
};

struct python_tree {
	struct slice source;           /* borrowed */
	char *encoding;                /* "utf-8", or as the cookie names it */
	struct str parsed;             /* what tree-sitter saw: as many bytes as source */
	TSTree *tree;
	VEC(struct python_import) imports;        /* in source order, as all that follow */
	VEC(struct python_def) defs;
	VEC(struct python_pytestmark) pytestmarks;
	size_t text_start;             /* behind the byte order mark */
	struct byte_range docstring;   /* of the module; start == end: none */
	size_t future_end;             /* end of the last `from __future__` statement, or 0 */
	size_t leading_imports_end;    /* end of the last import of the leading block (guarded ones count), or 0 */
};
#define PYTHON_TREE_INIT { .encoding = NULL }

/*
 * path is only for messages. ERR_INPUT with path and line: a syntax error, a
 * NUL byte, text that is not in the encoding it says, an encoding that is no
 * superset of ASCII. On failure *tree is released.
 */
int python_tree_open(struct python_tree *tree, struct slice source, const char *path, struct err *err);
void python_tree_release(struct python_tree *tree);
#define cleanup_python_tree __attribute__((cleanup(python_tree_release)))

/*
 * The def that pytest calls class_path ("A::B" or NULL) and function (NULL: the
 * class itself). line: any of its lines from the first decorator to the def, to
 * choose among several of one name; 0: the last one wins, as in Python.
 * PYTHON_NONE when there is none.
 */
size_t python_tree_find(const struct python_tree *tree, const char *class_path, const char *function, int line);

/*
 * The name under which pytest is known at byte at, for a file's module level:
 * "pytest.mark", "pt.mark", "mark" or "m"; NULL when no unconditional import
 * of it ends before at.
 */
int python_tree_mark_prefix(const struct python_tree *tree, size_t at, struct str *out);

/*
 * How a line ends that goes in at byte at: "\n", "\r\n" or "\r", as the line above it; in the
 * first line as the next line end, "\n" where there is none. So text that goes in between two
 * lines never makes one "\r\n" of its own line end and one that stood there.
 */
const char *python_eol(const struct python_tree *tree, size_t at);
/* Where the line end begins that ends at byte at, and where the one ends that begins there; at, where there is none. */
size_t python_eol_start(const struct python_tree *tree, size_t at);
size_t python_eol_end(const struct python_tree *tree, size_t at);
/* Start of the physical line that holds byte at. */
size_t python_line_start(const struct python_tree *tree, size_t at);
/* The same, but above lines that hold a backslash alone and are so joined to it. */
size_t python_logical_line_start(const struct python_tree *tree, size_t at);
/* The indentation of the logical line that holds byte at, which stands behind it; from behind a form feed. */
struct byte_range python_indent(const struct python_tree *tree, size_t at);
/* The blanks that Python takes for it: those of the first of the joined lines that has some. */
struct byte_range python_indent_blanks(const struct python_tree *tree, size_t at);
/* Blanks, tabs and form feeds alone. */
bool python_only_blanks(const struct python_tree *tree, struct byte_range range);
/* Behind the line end of the logical line (backslashes, `;`, brackets) that holds the statement ending at byte at. */
size_t python_logical_line_end(const struct python_tree *tree, size_t at);

/* --- The raw tree, for the safety rules. A null node is fine wherever one is taken. --- */

TSNode python_root(const struct python_tree *tree);
struct slice python_text(const struct python_tree *tree, TSNode node);
bool python_text_is(const struct python_tree *tree, TSNode node, const char *text);
bool python_is(TSNode node, const char *type);
/* ts_node_child_by_field_name() with a C string; never a comment, as tree-sitter itself may answer. */
TSNode python_child(TSNode node, const char *field);
TSNode python_first_named(TSNode node);
int python_line(TSNode node);
/* A string literal, or several side by side, that is text: no bytes, f-string or template string. */
bool python_is_text(const struct python_tree *tree, TSNode node);
/* The value of a string literal without prefix, quotes and simple escapes; -1 for f-strings and bytes, or without memory. */
int python_string_value(const struct python_tree *tree, TSNode node, struct str *out);

/*
 * Calls visit for node and all below it that are named, in source order.
 * visit returns 0 to go on, 1 to not descend, -1 to stop (then so does walk).
 */
typedef int python_visit(void *context, TSNode node, int depth);
int python_walk(TSNode node, python_visit *visit, void *context);

#endif
