/*
 * tune_text.h: what gates of the tuning phase say of a study: a line with the
 * figure, and the paragraphs of a commit message.
 *
 * Each adds to result->figure and result->detail. 0, or -1 when out of memory.
 */
#ifndef COMB_PHASES_TUNE_TEXT_H
#define COMB_PHASES_TUNE_TEXT_H

#include "phases/gate.h"
#include "tune/study.h"

int tune_say_baseline(const struct study *study, struct gate_result *result);
/* The table, the curves, and how the contest ended. */
int tune_say_contest(const struct study *study, struct gate_result *result);
int tune_say_categories(const struct study *study, struct gate_result *result);
/* What was gained, the limit of the machine, and where too little was gained, what stands in the way. */
int tune_say_verdict(const struct verdict *verdict, const struct study *study, struct gate_result *result);
/* What comb's own engine gave, where the choice is another: with comb run, or once pytest-comb is declared. */
int tune_say_comb(const struct study *study, struct gate_result *result);

#endif
