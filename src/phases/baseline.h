/* baseline.h: gate 0.4, the suite's own sequential run, on record before comb changes anything that runs. */
#ifndef COMB_PHASES_BASELINE_H
#define COMB_PHASES_BASELINE_H

#include "phases/gate.h"

/* Under this key the history keeps what the newest baseline was, for a person: "152 tests in 20.1 s". */
#define BASELINE_KEY "baseline"

/* ERR_INPUT when the suite holds no tests. */
int baseline_reach(struct phase_ctx *ctx, struct gate_result *result, struct err *err);
int baseline_verify(struct phase_ctx *ctx, struct gate_result *result, struct err *err);

#endif
