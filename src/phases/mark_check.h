/*
 * mark_check.h: the suite collected again after its files were marked.
 *
 * It must hold the same tests in the same order, each with the category it was
 * given and no other. The file whose mark breaks this is put back: one that
 * gives a test a category it should not have, or cannot be collected.
 */
#ifndef COMB_PHASES_MARK_CHECK_H
#define COMB_PHASES_MARK_CHECK_H

#include "phases/mark_apply.h"

/* Collects into work->after, and puts files back, until nothing is wrong. */
int mark_settle(struct mark_work *work, struct err *err);
/* work->after holds the tests that were measured, in their order; an id that was never the same twice may differ. */
bool mark_same_tests(const struct mark_work *work);
/* The change written to that file (absolute); NULL: none. */
const struct change *mark_find_change(const struct changeset *set, const char *path);
/* Remembers, and tells, that a file keeps its old text. */
int mark_note_put_back(struct mark_work *work, const char *path, const char *why, struct err *err);

#endif
