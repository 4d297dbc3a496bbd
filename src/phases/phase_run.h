/*
 * phase_run.h: one phase in the project itself: what `comb setup`, `mark`, `check` and `tune` do.
 *
 * Gates are reached in order, each with its attempts; nothing is committed. What
 * was reached is kept for comb status (in_place.h), what comb writes is backed up
 * (workspace.h). A gate that fails stops the phase, unless it may fail.
 */
#ifndef COMB_PHASES_PHASE_RUN_H
#define COMB_PHASES_PHASE_RUN_H

#include "base/err.h"
#include "phases/gate.h"
#include "phases/gate_list.h"

struct phase_run_options {
	struct phase_settings settings;
	struct history *history;
	const struct progress_sink *sink;
	const struct gate_listener *listener;
};

/* 0 also when a gate failed: see *list, which is opened first. Holds the project's lock while it runs. */
int phase_run(const struct project *project, const struct phase *phase, const struct phase_run_options *options,
	      struct gate_list *list, struct err *err);

#endif
