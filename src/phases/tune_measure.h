/*
 * tune_measure.h: the measurements of the tuning phase, and where they are kept.
 *
 * The study is kept in the project's history between the gates, so that a
 * resumed adoption, and `comb validate`, need not measure again what an earlier
 * gate did. A study of other tests or another number of cores does not count.
 */
#ifndef COMB_PHASES_TUNE_MEASURE_H
#define COMB_PHASES_TUNE_MEASURE_H

#include "phases/gate.h"
#include "tune/study.h"

/* 1: *study is what was kept; 0: nothing was, or it is of another kind of machine or an older comb. */
int tune_load(const struct phase_ctx *ctx, struct study *study, struct err *err);
int tune_save(const struct phase_ctx *ctx, const struct study *study, struct err *err);
/* The same for a gate that cannot do without: ERR_INPUT with what to do. */
int tune_need(const struct phase_ctx *ctx, struct study *study, struct err *err);

/*
 * ERR_ENVIRONMENT unless there is an engine whose configuration can be written:
 * pytest-xdist is installed beside the project's pytest, or tune_may_choose_comb().
 */
int tune_need_engine(const struct phase_ctx *ctx, struct err *err);
/* 1: comb's engine runs here, and the project declares pytest-comb; 0; -1. */
int tune_may_choose_comb(const struct phase_ctx *ctx, struct err *err);

/*
 * The baseline: one observed serial run for the durations, then serial runs and
 * runs that only collect, in turn, without comb's plugin. Fills all of *study but
 * the contest's samples: its entries are the candidates. *run: the observed one.
 */
int tune_baseline(const struct phase_ctx *ctx, struct study *study, struct suite_run *run, struct err *err);
/* Measures the study's contest. */
int tune_contest(const struct phase_ctx *ctx, struct study *study, struct err *err);
/* Each category serially and in parallel. */
int tune_categories(const struct phase_ctx *ctx, struct study *study, struct err *err);
/* Serial against the configuration in force, interleaved; for verification. One entry alone where that is serial. */
int tune_compare(const struct phase_ctx *ctx, const struct study *study, struct contest *contest, struct err *err);

/* "4" or "auto", for addopts: auto where the suite computes and as many workers as cores were best. */
void tune_workers_text(const struct study *study, const struct configuration *configuration, char *text, size_t size);
/* How much of the serial run's tests computes, 0 … 1. */
double tune_computing_share(const struct study *study);

#endif
