/*
 * mark_outcomes.h: gate 1.3, every test fares as it did before it was marked.
 *
 * Before is what the sequential runs in the history say: the baseline of phase
 * 0 and the runs that comb mark measured. A test that fared now this way, now
 * that, is held against all of it; one that only now succeeds is no harm done.
 */
#ifndef COMB_PHASES_MARK_OUTCOMES_H
#define COMB_PHASES_MARK_OUTCOMES_H

#include "phases/gate.h"

/* Also moves or lightens marks that change an outcome. */
int mark_reach_outcomes(struct phase_ctx *ctx, struct gate_result *result, struct err *err);
int mark_verify_outcomes(struct phase_ctx *ctx, struct gate_result *result, struct err *err);

#endif
