/*
 * broken.h: test files that cannot be collected, where --allow-failing goes on without them.
 *
 * Every run then has pytest's --continue-on-collection-errors (project.h,
 * past_broken); nothing of it is written into the project.
 */
#ifndef COMB_PHASES_BROKEN_H
#define COMB_PHASES_BROKEN_H

#include "phases/gate.h"
#include "project/suite.h"

/* Names the files that run could not collect: to the person, in the gate's figure and in its text. None: nothing. */
int broken_say(const struct phase_ctx *ctx, const struct suite_run *run, struct gate_result *result, struct err *err);
/* Keeps their names, so that broken_find_new() knows them. Without a history nothing is kept. */
int broken_store(const struct phase_ctx *ctx, const struct suite_run *run, struct err *err);
/* 1: *path is one that run could not collect, and that could be when they were kept; 0: none, or none were kept; -1. */
int broken_find_new(const struct phase_ctx *ctx, const struct suite_run *run, const char **path, struct err *err);

#endif
