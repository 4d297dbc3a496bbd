/*
 * mark_hook.h: the block at the end of a conftest.py that applies comb-marks.json.
 *
 * It goes into the conftest.py nearest to the tests that need it (at or above
 * their folder); where there is none, one is made beside them. Tests that stand
 * in the code itself (doctests) get no conftest.py there: a hook that sees all
 * tests of the session does for them, wherever the suite has its conftest.py.
 */
#ifndef COMB_PHASES_MARK_HOOK_H
#define COMB_PHASES_MARK_HOOK_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "project/suite.h"
#include "source/edit.h"

/*
 * Replaces *paths by the conftest files (relative to the root) that need the
 * hook for the tests of run that are not covered.
 */
int mark_hook_places(const char *root, const struct suite_run *run, const bool *covered, struct strings *paths,
		     struct err *err);
/*
 * Adds that file with the hook to set, unless it has it. ERR_INPUT: the file
 * cannot be edited, or defines both hooks that could be used.
 */
int mark_hook_insert(const char *root, const char *path, struct changeset *set, struct err *err);
/* Adds that file without the hook to set. *empty: nothing else is in it. */
int mark_hook_remove(const char *root, const char *path, struct changeset *set, bool *empty, struct err *err);

#endif
