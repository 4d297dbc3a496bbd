/*
 * python_head.h: the head of a test module: where an import of pytest and a
 * new pytestmark go, and how many blank lines come with them.
 */
#ifndef COMB_SOURCE_PYTHON_HEAD_H
#define COMB_SOURCE_PYTHON_HEAD_H

#include <stdbool.h>

#include "base/str.h"
#include "source/python_tree.h"

/*
 * Replaces *text by what has to be inserted at *at so that `import pytest`
 * is in force below: behind the leading imports, else the docstring, else the
 * comments at the top. body (may be empty) follows it as a paragraph of its own.
 */
int python_head_import(const struct python_tree *tree, struct slice body, size_t *at, struct str *text);
/*
 * Where a paragraph can stand that needs pytest imported by the file itself:
 * behind the block of imports that holds that import, and not behind byte before.
 */
bool python_head_place(const struct python_tree *tree, size_t before, size_t *at);
/* Replaces *text by what has to be inserted at such a place. */
int python_head_paragraph(const struct python_tree *tree, struct slice body, size_t at, struct str *text);

#endif
