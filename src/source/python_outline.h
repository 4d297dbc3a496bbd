/* python_outline.h: fills the outline of a python_tree that is parsed. For python_tree_open() alone. */
#ifndef COMB_SOURCE_PYTHON_OUTLINE_H
#define COMB_SOURCE_PYTHON_OUTLINE_H

#include "source/python_tree.h"

int python_outline_fill(struct python_tree *tree, const char *path, struct err *err);

#endif
