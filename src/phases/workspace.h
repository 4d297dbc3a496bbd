/*
 * workspace.h: where gates work and how what they did is kept: a branch checked
 * out in a git worktree, or the project itself with a backup.
 *
 *  1. workspace_open(), then workspace_load() for the progress made so far.
 *  2. For each attempt at a gate: the gate writes files (all through
 *     fs_write(), which the workspace watches), then workspace_commit();
 *     workspace_restore() before another attempt.
 *  3. workspace_close().
 *
 * The commit is the transaction: killed before it, the attempt never happened.
 * In place, the progress file takes its part, and what an unfinished attempt
 * wrote is put back by the next workspace_open().
 */
#ifndef COMB_PHASES_WORKSPACE_H
#define COMB_PHASES_WORKSPACE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sink.h"
#include "phases/imports.h"
#include "phases/journal.h"
#include "phases/progress.h"
#include "phases/tip.h"
#include "phases/worktree.h"
#include "project/project.h"

struct workspace {
	bool in_place;
	char *project;            /* the project's root where gates work */
	char *path;               /* give this to project_open(): as the user's path, in there */
	struct worktree worktree; /* unless in place */
	struct imports imports;   /* unless in place */
	struct journal attempt;   /* what was written since the last commit */
	struct journal whole;     /* in place: since adoption began, for `comb adopt --undo` */
};
#define WORKSPACE_INIT { .project = NULL }

/* branch NULL: in place. Watches all writes of the process until workspace_close(). */
int workspace_open(struct workspace *workspace, const struct project *project, const char *branch,
		   const struct progress_sink *sink, struct err *err);
/* Also the line of the gate whose commit is the tip, which its own file cannot hold yet. */
int workspace_load(const struct workspace *workspace, struct progress *progress, struct err *err);
/* A number that changes with the project's committed files (in place: its Python and configuration files). */
int workspace_content(const struct workspace *workspace, uint64_t *hash, struct err *err);
/*
 * Writes the progress file, with inputs from environment and content, and
 * commits it with all that was written since the last commit. *commit: the new
 * commit's id; "" in place.
 */
int workspace_commit(struct workspace *workspace, struct progress *progress, uint64_t environment,
		     const char *message, struct str *commit, struct err *err);
/* Files as they were at the commit `base`; in place, at the last workspace_keep(). */
int workspace_restore(struct workspace *workspace, const char *base, struct err *err);
/* In place: what was written so far is no longer an attempt that may be undone. Nothing with git. */
int workspace_keep(struct workspace *workspace, struct err *err);
/* In place there are none: an unfinished attempt was put back. */
int workspace_attempts(const struct workspace *workspace, const char *gate, struct tip_attempts *attempts,
		       struct err *err);
/* The tip's id; "" in place. */
int workspace_tip(const struct workspace *workspace, struct str *commit, struct err *err);
/* Removes the checkout unless keep. An unfinished attempt in place is put back. Safe twice. */
int workspace_close(struct workspace *workspace, bool keep, struct err *err);

/* Puts back everything that adoption in place changed. *count: files. ERR_INPUT when there is no backup. */
int workspace_undo(const char *project_root, size_t *count, struct err *err);

#endif
