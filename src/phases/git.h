/*
 * git.h: the git command, kept away from the user's hooks, signing and environment.
 *
 * Every call runs `git -C dir`: GIT_DIR and its kin are removed from the
 * environment (comb may itself run inside a hook), hooks and commit signing are
 * off, nothing asks a question, and the user's index is never refreshed.
 * A git that exits with another status than 0 is ERR_INPUT in git's own words.
 */
#ifndef COMB_PHASES_GIT_H
#define COMB_PHASES_GIT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct git {
	const char *dir;   /* a folder of the repository or of a worktree; borrowed */
	bool cleaning_up;  /* calls run to their end although an interrupt is pending */
};

/* out: standard output without its last newline, replaced; NULL drops it. The list of arguments ends with NULL. */
int git_run(const struct git *git, struct str *out, struct err *err, ...) __attribute__((sentinel));
/* The same with a ready list. */
int git_run_list(const struct git *git, const struct strings *arguments, struct str *out, struct err *err);
/* The exit status, for questions that git answers with it; -1 where git could not be run. Output is dropped. */
int git_ask(const struct git *git, struct err *err, ...) __attribute__((sentinel));

/* Adds `-c user.name=…` settings where the user has no identity of their own. */
int git_add_identity(const struct git *git, struct strings *arguments, struct err *err);

/* The next piece of -z output: a pointer into it, or NULL at its end. *at starts at 0. */
const char *git_next_field(const struct str *output, size_t *at);

#endif
