/* mark.h: phase 1 for the verb: what would be marked, and taking marks out. */
#ifndef COMB_PHASES_MARK_H
#define COMB_PHASES_MARK_H

#include "base/err.h"
#include "base/str.h"
#include "phases/gate.h"
#include "phases/mark_apply.h"

/* How the tests of a run are spread over the categories. */
struct distribution {
	size_t tests;
	size_t counts[CATEGORY_COUNT]; /* by the heaviest mark in force; CATEGORY_NONE: without one */
	size_t several;                /* with more than one category */
};
void distribution_of(const struct suite_run *run, struct distribution *distribution);

/* Why each test is what it is, a line each: "slow  tests/test_a.py::test_b  takes 2.1 s". */
int mark_explain_tests(const struct mark_work *work, struct str *out);

#endif
