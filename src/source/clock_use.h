/*
 * clock_use.h: does a test assert on how long something took?
 *
 * A duration is a difference of two readings of a clock, or what timeit
 * returns, also by way of names that hold one. A test that orders or
 * approximates a duration (elapsed < 1, assertLess(elapsed, 1)) depends on what
 * else runs; comparing points in time does not make it so, and neither does
 * waiting. Tests under a frozen clock (freezegun, time-machine) are left out.
 */
#ifndef COMB_SOURCE_CLOCK_USE_H
#define COMB_SOURCE_CLOCK_USE_H

#include "base/err.h"
#include "source/python_tree.h"

/* *line: of the first such assertion in the function def; 0: there is none. */
int clock_use_find(const struct python_tree *tree, size_t def, int *line, struct err *err);

#endif
