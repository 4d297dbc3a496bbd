/* code_index.h: fills a parsed struct code with its imports, classes, functions, names and events. */
#ifndef COMB_SAFETY_CODE_INDEX_H
#define COMB_SAFETY_CODE_INDEX_H

#include "safety/code.h"

/* Needs text, role, tree and root. -1 when out of memory. */
int code_index(struct code *code);
/* A copy of bytes that lives as long as the index. NULL when out of memory. */
const char *code_keep(struct code *code, struct slice bytes);

#endif
