/*
 * worktree.h: a checkout of the user's repository to work in, theirs untouched.
 *
 *  1. worktree_open() repairs what a killed run left, creates the branch (or
 *     brings it up to the user's HEAD) and checks it out below the user's
 *     cache folder, with the ignored files that tests need (carry.h).
 *  2. Gates work in worktree.project; worktree_stage() and worktree_commit() make
 *     a step final.
 *  3. worktree_close() removes the checkout; the branch stays. When we are
 *     killed, a guard (base/guard.h) does.
 *
 * The user's HEAD, index, files and stash are never written. Hold the project's
 * lock (lock.h): a checkout found at our place is then nobody's.
 */
#ifndef COMB_PHASES_WORKTREE_H
#define COMB_PHASES_WORKTREE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/guard.h"
#include "base/sink.h"
#include "base/str.h"
#include "base/vec.h"

struct worktree {
	char *user_project; /* the project in the user's tree */
	char *user_top;     /* the top of the user's tree */
	char *sub;          /* the project below the top, with a '/' at its end; "" when it is the top */
	char *top;          /* the top of the checkout; NULL: none */
	char *project;      /* the project in the checkout */
	char *branch;       /* NULL: a detached checkout */
	bool resumed;       /* the branch was there before */
	pid_t owner;        /* who made the checkout, and holds the project's lock */
	struct guard guard;
};
#define WORKTREE_INIT { .guard = GUARD_INIT }

/*
 * branch NULL: a detached checkout of `commit`. Otherwise commit is ignored.
 * ERR_INPUT: no commit yet, the project is not part of HEAD, the branch is
 * checked out elsewhere, is not comb's, or conflicts with HEAD.
 */
int worktree_open(struct worktree *worktree, const char *project_root, const char *branch, const char *commit,
		  const struct progress_sink *sink, struct err *err);
/* Puts paths (relative to the top; missing ones as removed) into the index. What git ignores is left out. */
int worktree_stage(struct worktree *worktree, const struct strings *paths, struct err *err);
/* Commits the index, even when nothing changed. */
int worktree_commit(struct worktree *worktree, const char *message, struct err *err);
/* Puts tracked files back to what `commit` holds; HEAD stays. */
int worktree_restore(struct worktree *worktree, const char *commit, struct err *err);
/* Removes the checkout, unless keep. Works also after an interrupt. Safe on WORKTREE_INIT, safe twice. */
int worktree_close(struct worktree *worktree, bool keep, struct err *err);
void worktree_release(struct worktree *worktree);
#define cleanup_worktree __attribute__((cleanup(worktree_release)))

/*
 * Rewrites paths in the checkout, which will be gone, as a person knows them:
 * relative to the project in texts about what was done, and as paths in the
 * user's own tree in errors. Nothing without a checkout.
 */
int worktree_shorten_paths(const struct worktree *worktree, struct str *text);
void worktree_translate_error(const struct worktree *worktree, struct err *err);

/* The user's changes that a checkout of HEAD does not hold, as paths relative to the project. */
int worktree_list_dirty(const char *project_root, struct strings *paths, struct err *err);
/* The same, and a note that names the first of them, where there are any; what: "the last commit is what is adopted". */
int worktree_note_dirty(const char *project_root, const char *what, struct strings *paths,
			const struct progress_sink *sink, struct err *err);
/* The branch exists. 1, 0 or -1. */
int worktree_has_branch(const char *project_root, const char *branch, struct err *err);

#endif
