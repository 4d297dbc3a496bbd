/*
 * carry.h: what a checkout lacks and the tests may need.
 *
 * A git worktree holds only what is committed. Files that git ignores (a
 * generated _version.py, compiled extensions built in place, .env, test data)
 * and the content of submodules are copied into it from the user's tree.
 * Caches, virtual environments and what is too big are left out; what is left
 * out for its size is noted.
 */
#ifndef COMB_PHASES_CARRY_H
#define COMB_PHASES_CARRY_H

#include "base/err.h"
#include "base/sink.h"

/* from: the project in the user's tree; to: the same folder in the checkout. */
int carry_ignored(const char *from, const char *to, const struct progress_sink *sink, struct err *err);
int carry_submodules(const char *from, const char *to, const struct progress_sink *sink, struct err *err);

#endif
