/*
 * validate.h: every gate measured again, in sequence, changing nothing.
 *
 * A gate whose measurement could not be made counts as failed, with the reason
 * as its figure; the gates after it are measured all the same.
 */
#ifndef COMB_PHASES_VALIDATE_H
#define COMB_PHASES_VALIDATE_H

#include "base/err.h"
#include "phases/adopt.h"
#include "phases/gate.h"
#include "phases/gate_list.h"

/* -1 only when interrupted or out of memory. *list is opened first. */
int validate_gates(struct phase_ctx *ctx, const struct phase *const *table, const struct gate_listener *listener,
		   struct gate_list *list, struct err *err);
/* The same in a detached checkout of commit, made and removed here. */
int validate_commit(const struct project *project, const char *commit, const struct adopt_options *options,
		    struct gate_list *list, struct err *err);
bool validate_passed(const struct gate_list *list);

#endif
