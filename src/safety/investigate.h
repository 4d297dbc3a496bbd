/*
 * investigate.h: from tests that did something else to causes.
 *
 * Each victim is laid to a finding: a conflict that was seen in the footprints,
 * a suspicion from the source that names it, or what probes in chosen orders
 * show. A finding so confirmed gets the tests that take part, `together`, and
 * what was observed.
 */
#ifndef COMB_SAFETY_INVESTIGATE_H
#define COMB_SAFETY_INVESTIGATE_H

#include "safety/code_set.h"
#include "safety/finding.h"
#include "safety/order_search.h"
#include "safety/trial.h"

struct investigation {
	struct trials *trials;
	const struct code_set *code;
	struct findings *findings;
	struct probe *probe;
	bool *unsteady; /* one a test: set for those that differ without any cause of order or company */
	const struct progress_sink *sink;
};

/* Looks into every victim not yet explained. Victims behind the probe's deadline stay unexplained. */
int investigate(struct investigation *investigation, struct err *err);

#endif
