/*
 * check_groups.h: write the groups that keep tests together into their sources.
 *
 * Each test of a group gets `xdist_group("name")` at the highest level that is
 * true: its module or class when all tests there are in that group, else its
 * function. A group that comb placed earlier under another name is replaced; a
 * user's own stays. After writing, the suite is collected again: the same
 * tests, each in its group; otherwise everything is put back.
 */
#ifndef COMB_PHASES_CHECK_GROUPS_H
#define COMB_PHASES_CHECK_GROUPS_H

#include "base/err.h"
#include "phases/gate.h"
#include "safety/analysis.h"
#include "source/edit.h"

struct check_groups {
	size_t groups, tests; /* that are to be kept together */
	struct changeset set; /* written, or to be written */
	struct strings unplaced; /* "tests/test_a.py::test_x: why" */
};
#define CHECK_GROUPS_INIT                                                                                              \
	{                                                                                                              \
		.set = CHANGESET_INIT                                                                                  \
	}
void check_groups_release(struct check_groups *work);
#define cleanup_check_groups __attribute__((cleanup(check_groups_release)))

/* Fills work->set and writes nothing: for a diff. */
int check_groups_plan(struct check_groups *work, struct phase_ctx *ctx, const struct analysis *analysis,
		      struct err *err);
/* Plans, writes, checks and records; *after is the suite as collected with the marks. */
int check_groups_write(struct check_groups *work, struct phase_ctx *ctx, const struct analysis *analysis,
		       struct suite_run *after, struct err *err);

/* Adds the names of the groups that comb has placed so far. */
int check_groups_own(struct history *history, struct strings *names, struct err *err);
/*
 * Forgets the groups of the run that comb placed itself, so that they can be
 * made anew; what users wrote stays.
 */
int check_groups_forget_own(struct suite_run *run, struct history *history, struct err *err);

#endif
