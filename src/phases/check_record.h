/* check_record.h: the newest analysis of a suite's safety, kept in the history from gate to gate. */
#ifndef COMB_PHASES_CHECK_RECORD_H
#define COMB_PHASES_CHECK_RECORD_H

#include "base/err.h"
#include "phases/gate.h"
#include "safety/analysis.h"

int check_record_store(const struct analysis *analysis, struct history *history, struct err *err);
/*
 * Fills *analysis, with the tests as they are collected now. in_force[i], owned
 * by the caller (strings_release), is the group that test i has now, "" for
 * none. 1: found; 0: nothing on record, or it does not fit these tests; -1.
 */
int check_record_load(struct phase_ctx *ctx, struct analysis *analysis, struct strings *in_force, struct err *err);
/* Sets resolved for each finding whose tests are all in one group now, whatever made it. */
void check_record_resolve(struct analysis *analysis, const struct strings *in_force);
/* Collects the suite for the groups in force now, one a test. */
int check_record_collect(struct phase_ctx *ctx, struct strings *in_force, struct err *err);
/* Groups in force of the tests of a run. */
int check_record_groups(const struct suite_run *run, struct strings *in_force, struct err *err);

#endif
