/*
 * code.h: one Python file as the rules see it.
 *
 * code_parse() makes an index of the syntax tree: imports, classes, functions
 * with their role in a test suite, module-level names, and events. An event is
 * a place that does something: a call, an assignment to an attribute or a
 * subscript, a deletion. Its name is the dotted text of what it is done to,
 * with imports resolved:
 *
 *     from os import environ as e;  e["HOME"] = x      set  os.environ@
 *     mock.patch("a.b").start()                        call unittest.mock.patch().start
 *     self.items += [1]                                aug  self.items
 *
 * '@' stands for a subscript and "()" for a call within the chain. Anything
 * else at the root of a chain (a literal, an operator) is "?".
 *
 * Everything belongs to the struct code until code_release(); nodes and names
 * point into it.
 */
#ifndef COMB_SAFETY_CODE_H
#define COMB_SAFETY_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/python_tree.h"

/* What a file is to the suite. Bits, so that a rule can name several. */
enum code_role {
	ROLE_TEST = 1, /* holds tests */
	ROLE_CONFTEST = 2, /* conftest.py, or a helper that lies among the tests */
	ROLE_PROJECT = 4, /* code under test */
};
#define ROLE_TESTS (ROLE_TEST | ROLE_CONFTEST)

enum function_kind {
	FUNCTION_PLAIN,
	FUNCTION_TEST,
	FUNCTION_FIXTURE,
	FUNCTION_SETUP, /* setUp, setup_method, setup_class, setUpModule, … */
	FUNCTION_TEARDOWN, /* their counterparts, and nested functions given to addCleanup or addfinalizer */
};

/* Widest last: comparable. */
enum fixture_scope { SCOPE_FUNCTION, SCOPE_CLASS, SCOPE_MODULE, SCOPE_PACKAGE, SCOPE_SESSION };

struct code_function {
	TSNode node; /* function_definition */
	TSNode body;
	const char *name;
	enum function_kind kind;
	enum fixture_scope scope; /* of a fixture, and of setup_module, setup_class */
	bool autouse;
	bool is_method;
	bool has_yield;
	uint32_t yield_end; /* byte behind the first yield of its own; 0 without */
	int class_index; /* class around it, -1 none */
	int parent; /* function around it, -1 none */
	struct strings parameters; /* names, self and cls too */
	struct strings locals; /* names bound in it, parameters included, `global` ones not */
	struct strings globals; /* names declared global */
	const char *decorators; /* source text of all its decorators, "" without */
	const char *fixture_name; /* the name tests request it by */
};

struct code_class {
	TSNode node;
	TSNode body;
	const char *name;
	const char *decorators;
	struct strings bases; /* dotted, resolved */
	bool is_test; /* Test…, or a TestCase */
	bool has_metaclass;
	int parent; /* class around it, -1 none */
	int function; /* function around it, -1 none */
};

struct code_import {
	const char *name; /* as bound here */
	const char *target; /* dotted; relative ones start with a dot */
	int function; /* -1 at module level */
};

/* A name bound at module level, or in the body of a class. */
struct code_binding {
	const char *name;
	TSNode value; /* right-hand side of its first assignment */
	TSNode node; /* the assignment */
	int class_index; /* -1 at module level */
	int count; /* assignments seen there */
};

enum event_kind { EVENT_CALL, EVENT_SET, EVENT_AUGMENT, EVENT_DELETE };

/* Where the first name of the chain comes from. */
enum event_root { EVENT_ROOT_UNKNOWN, EVENT_ROOT_IMPORT, EVENT_ROOT_MODULE, EVENT_ROOT_LOCAL };

struct code_event {
	enum event_kind kind;
	enum event_root root;
	TSNode node; /* the call, or the assignment's target */
	TSNode value; /* arguments of a call, right-hand side of an assignment; null node for a deletion */
	const char *text; /* "call os.chdir" */
	const char *name; /* "os.chdir": points into text */
	int function; /* innermost function around it; -1 at module level or in a class body */
	int class_index; /* innermost class around it; -1 none */
};

struct code {
	char *path; /* relative to the project's root */
	enum code_role role;
	struct str text;
	struct python_tree tree;
	TSNode root;
	VEC(struct code_function) functions;
	VEC(struct code_class) classes;
	VEC(struct code_import) imports;
	VEC(struct code_binding) bindings;
	VEC(struct code_event) events;
	VEC(char *) pool; /* texts that the index points to */
};
#define CODE_INIT                                                                                                      \
	{                                                                                                              \
		.path = NULL                                                                                           \
	}

/* Takes text's buffer over, also on failure. ERR_INPUT: a syntax error, as python_tree_open() says. */
int code_parse(struct code *code, const char *path, enum code_role role, struct str *text, struct err *err);
void code_release(struct code *code);

/* Nodes: python_is(), python_child() and python_line() of python_tree.h, and these. A null node is fine everywhere. */
TSNode node_without_parentheses(TSNode node);
struct slice code_slice(const struct code *code, TSNode node);
bool code_node_equals(const struct code *code, TSNode node, const char *text);
/* True when word stands somewhere in the node's text. */
bool code_node_contains(const struct code *code, TSNode node, const char *word);

/*
 * Replaces *out by the dotted name of an expression as seen from a function
 * (-1: module level). -1 when out of memory. root may be NULL.
 */
int code_dotted(const struct code *code, TSNode node, int function, struct str *out, enum event_root *root);
/* The argument by keyword, or by 0-based position (-1: keyword only); a null node when not given. */
TSNode code_argument(const struct code *code, TSNode arguments, int position, const char *keyword);
/* Replaces *out by the value of a string literal without interpolation; false for anything else. */
bool code_literal(const struct code *code, TSNode node, struct str *out);
/* An integer literal, or a module-level or local name bound once to one. */
bool code_integer(const struct code *code, TSNode node, int function, long *out);
/*
 * Follows a name to the expression it is bound to: a local of the function (its
 * first assignment), or a module-level name. A node that is no such name is
 * returned as it is.
 */
TSNode code_resolve(const struct code *code, TSNode node, int function);
/* The value a local name gets first in a function, or a null node. */
TSNode code_local_value(const struct code *code, int function, const char *name);
/* NULL when there is none. class_index -1: module level. */
const struct code_binding *code_binding(const struct code *code, const char *name, int class_index);
int code_function_at(const struct code *code, uint32_t byte);
/* The outermost function around a function: the test itself for a function made in a test. */
int code_outermost(const struct code *code, int function);
bool code_imports(const struct code *code, const char *module_prefix);
/* "TestA::test_b", what a person calls the function. Replaces *out. */
int code_qualified_name(const struct code *code, int function, struct str *out);

#endif
