/*
 * in_place.h: what comb setup, mark, check and tune reached in the project itself, for comb status.
 *
 * .comb/progress has the format of .parallel_test_progress (progress.h), without
 * commits. `inputs` is of the files alone, as the last gate left them. Nothing
 * that is measured rests on it.
 */
#ifndef COMB_PHASES_IN_PLACE_H
#define COMB_PHASES_IN_PLACE_H

#include <stdbool.h>

#include "base/err.h"
#include "phases/gate_list.h"
#include "phases/progress.h"

/* Replaces *progress. 1: found, *changed: the project's files are no longer as they were; 0: nothing on record; -1. */
int in_place_load(const char *project_root, struct progress *progress, bool *changed, struct err *err);
/* Sets the line of a gate that was tried. */
int in_place_note(const char *project_root, const struct gate_row *row, struct err *err);
/* What was reached of a phase holds no longer; NULL: of all. */
int in_place_forget(const char *project_root, const struct phase *phase, struct err *err);

#endif
