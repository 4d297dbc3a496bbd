/*
 * concern.h: which tests of a run a static finding concerns.
 *
 * A place in a test concerns the cases of that test; in a fixture or set-up,
 * the tests that use it; in another function of a test file, the tests of the
 * file that name it. A place in code under test concerns no test by itself:
 * footprints and experiments tell.
 */
#ifndef COMB_SAFETY_CONCERN_H
#define COMB_SAFETY_CONCERN_H

#include "safety/code_set.h"
#include "safety/finding.h"
#include "project/suite.h"

/* Fills finding->tests of every finding. -1 with *err when out of memory. */
int concern_all(struct findings *findings, const struct code_set *set, const struct suite_run *run, struct err *err);
/*
 * For findings in code under test: concerned[i] tells whether test i, or a
 * fixture that it uses, names the first name of the subject ("Outbox" of
 * "Outbox.messages"). -1 when out of memory.
 */
int concern_by_name(const struct finding *finding, const struct code_set *set, const struct suite_run *run,
		    bool *concerned);

#endif
