/*
 * tip.h: what the newest commits of a branch tell about gates, beyond the progress file in them.
 *
 * A gate's line is in the file from the next commit on, so the line of the gate
 * whose commit is the tip is read from that commit's message; and attempts that
 * failed are commits in a row.
 */
#ifndef COMB_PHASES_TIP_H
#define COMB_PHASES_TIP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "phases/git.h"
#include "phases/progress.h"

/* The newest attempts at one gate. */
struct tip_attempts {
	int failed;      /* since adoption last stopped at it */
	bool stopped;    /* the tip itself says so */
	struct str base; /* id of the commit before all of them */
};

/* Adds the line of the gate whose commit `revision` is, if it is one. */
int tip_add_line(const struct git *git, const char *revision, struct progress *progress, struct err *err);
int tip_read_attempts(const struct git *git, const char *gate, struct tip_attempts *attempts, struct err *err);
/*
 * The progress of a project on its branch, or else in its tree. *from: "the branch",
 * "the working tree", or NULL where there is none.
 */
int tip_read_progress(const char *project_root, bool with_git, const char *branch, struct progress *progress,
		      const char **from, struct err *err);

#endif
