/*
 * groups.h: which tests have to stay together, joined wherever two reasons share a test.
 *
 * Union-find. A group that the user has given to a test keeps its name, and
 * others join it; two different groups of the user cannot be joined.
 */
#ifndef COMB_SAFETY_GROUPS_H
#define COMB_SAFETY_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "safety/finding.h"
#include "project/suite.h"

struct groups {
	size_t count; /* tests */
	size_t *parent;
	size_t *size; /* of the set, at its root */
	char **name; /* at roots with more than one test, once named; owned */
	bool *clash; /* at roots: two groups of the user meet here */
};
#define GROUPS_INIT                                                                                                    \
	{                                                                                                              \
		.count = 0                                                                                             \
	}

int groups_open(struct groups *groups, size_t tests, struct err *err);
void groups_release(struct groups *groups);
#define cleanup_groups __attribute__((cleanup(groups_release)))

size_t groups_root(const struct groups *groups, size_t test);
void groups_join(struct groups *groups, size_t a, size_t b);
/* NULL: the test is alone. */
const char *groups_name(const struct groups *groups, size_t test);

/*
 * Joins the tests of each finding that wants them together (finding.together),
 * the cases of one test function with each other, and the tests that are in
 * one group of the user's already; then names the sets.
 */
int groups_make(struct groups *groups, const struct suite_run *run, const struct findings *findings, struct err *err);

/* "file-report-csv", "port-8765", "env-home": what a finding's group is called. Replaces *out. */
int group_name_for(const struct finding *finding, struct str *out);

#endif
