/*
 * code_set.h: all Python files of a project, parsed, with what they know of each other.
 *
 * Skipped: hidden folders, virtual environments, caches, build results,
 * installed packages, and files beyond 2 MiB.
 */
#ifndef COMB_SAFETY_CODE_SET_H
#define COMB_SAFETY_CODE_SET_H

#include "safety/code.h"

struct code_set {
	VEC(struct code) files; /* in byte order of their paths */
	size_t skipped; /* files that could not be read or are no valid Python */
	bool importlib_mode; /* the configuration asks for --import-mode=importlib */
	bool coverage_parallel; /* coverage's configuration says parallel = true */
};
#define CODE_SET_INIT                                                                                                  \
	{                                                                                                              \
		.files = VEC_INIT                                                                                      \
	}

int code_set_load(struct code_set *set, const char *root, struct err *err);
/* Adds one file; takes text's buffer over. What is no valid Python is counted as skipped: pytest will say more. */
int code_set_add(struct code_set *set, const char *path, struct str *text, struct err *err);
void code_set_release(struct code_set *set);
#define cleanup_code_set __attribute__((cleanup(code_set_release)))

/* What a file is, by its path: test_*.py, *_test.py, tests.py; conftest.py and other files in a tests folder. */
enum code_role code_role_of(const char *path);
/* Whether a conftest.py applies to a file: it lies in its folder or above. */
bool code_conftest_applies(const struct code *conftest, const struct code *code);

/* A function in one of the set's files. */
struct code_ref {
	const struct code *code; /* NULL: none */
	int function;
};
/* The fixture that a test in code gets for a name: of its own file (and class), else of the nearest conftest. */
struct code_ref code_set_fixture(const struct code_set *set, const struct code *code, const char *name);
/* A class by its simple name, wherever it is defined; -1 in *class_index when there is none or more than one. */
const struct code *code_set_class(const struct code_set *set, const char *name, int *class_index);
/* The file that a dotted module name means, or NULL: "shop.export" is …/shop/export.py, or …/shop/export/__init__.py. */
const struct code *code_set_module(const struct code_set *set, const char *dotted);

#endif
