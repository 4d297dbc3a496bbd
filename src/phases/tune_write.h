/*
 * tune_write.h: the best configuration goes into the project, and gives the
 * same results every time.
 */
#ifndef COMB_PHASES_TUNE_WRITE_H
#define COMB_PHASES_TUNE_WRITE_H

#include "phases/gate.h"
#include "tune/study.h"

/*
 * Puts the study's choice into addopts, unless serial was best; then tries that
 * pytest still collects with it, or puts the file back. 1: addopts is as the
 * choice wants it; 0: pytest refused it, *why says how; -1: *err.
 */
int tune_write(const struct phase_ctx *ctx, const struct study *study, struct str *why, struct err *err);
/* What addopts says about workers now, for a figure: "-n 4 --dist loadgroup"; "no -n". */
int tune_describe_addopts(const struct phase_ctx *ctx, struct str *out, struct err *err);
/* 1: addopts says what the study chose; 0: something else. */
int tune_is_written(const struct phase_ctx *ctx, const struct study *study, struct err *err);

/*
 * Runs the suite `runs` times as configured and compares each test's outcome
 * with a serial run's. *differing: how many tests differed in any of them;
 * report: a line for each of the first of them.
 */
int tune_repeat(const struct phase_ctx *ctx, int runs, size_t *differing, struct str *report, struct err *err);

#endif
