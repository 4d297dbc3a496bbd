/*
 * adopt.h: all gates of all phases, in order, each made final by a commit.
 *
 * The branch (or, in place, the progress file) holds the state: killed at any
 * moment, the next adopt_run() goes on behind the last commit. A gate is not run
 * again while neither the project's content nor its environment (interpreter,
 * plugins, settings that matter, comb's version) has changed. A gate that fails
 * is tried gate.attempts times, each attempt starting from the files as they
 * were before the first, and each committed; then adoption stops, unless the
 * gate may fail. At the end all gates are validated in a clean checkout.
 */
#ifndef COMB_PHASES_ADOPT_H
#define COMB_PHASES_ADOPT_H

#include <stdbool.h>

#include "base/err.h"
#include "phases/gate.h"
#include "phases/gate_list.h"
#include "project/project.h"

struct adopt_options {
	const struct phase *const *table; /* usually phases */
	const char *branch;               /* NULL: in place */
	bool keep_worktree;
	struct phase_settings settings;
	struct history *history;
	const struct progress_sink *sink;
	const struct gate_listener *listener;
};

struct adopt_report {
	struct gate_list gates;
	const struct gate *stopped_at;   /* NULL: not stopped */
	bool nothing_to_do;              /* all was done by an earlier run */
	bool validated;                  /* every gate was verified again in a clean checkout, and passed */
	bool passed;                     /* all of it */
	struct gate_list validation;
	struct strings left_out;         /* the user's uncommitted files, not part of the branch */
	struct str worktree;             /* where the checkout was kept; empty: removed */
};
#define ADOPT_REPORT_INIT { .gates = GATE_LIST_INIT }

/* 0 also when gates failed: see report. -1: interrupted, or the work could not be done; what was committed stays. */
int adopt_run(const struct project *project, const struct adopt_options *options, struct adopt_report *report,
	      struct err *err);
void adopt_report_release(struct adopt_report *report);
#define cleanup_adopt_report __attribute__((cleanup(adopt_report_release)))

#endif
