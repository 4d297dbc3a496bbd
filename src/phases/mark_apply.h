/*
 * mark_apply.h: write a plan of marks, prove that it did no harm, and undo what did.
 *
 * After the files are written the suite is collected again: the same tests, in
 * the same order, each with the category it was given and no other. A file that
 * breaks this is put back and named; its tests, and those that no file can
 * mark, go into comb-marks.json (mark_table.h). What was placed is kept in the
 * history, so that mark_undo.h can take it out again.
 */
#ifndef COMB_PHASES_MARK_APPLY_H
#define COMB_PHASES_MARK_APPLY_H

#include "base/err.h"
#include "phases/gate.h"
#include "phases/mark_plan.h"
#include "phases/measure.h"
#include "source/edit.h"

struct mark_work {
	struct phase_ctx *ctx;
	struct measurement measurement;
	struct test_sources sources;
	struct verdict *verdicts;    /* one a test of measurement.run */
	struct mark_plan plan;
	struct suite_run after;      /* the suite as it was collected last, with what is written */
	struct changeset set;        /* all that was, or is to be, written */
	struct strings put_back;     /* "tests/test_a.py: why" */
	size_t modules, classes, functions; /* places written */
	size_t rows;                 /* of comb-marks.json that were added */
};
#define MARK_WORK_INIT                                                     \
	{ .measurement = MEASUREMENT_INIT, .after = SUITE_RUN_INIT,        \
	  .sources = TEST_SOURCES_INIT, .plan = MARK_PLAN_INIT }
void mark_work_release(struct mark_work *work);
#define cleanup_mark_work __attribute__((cleanup(mark_work_release)))

/* The suite as pytest collects it, with the tests that its own -m leaves out. */
int mark_collect(struct phase_ctx *ctx, struct suite_run *run, struct err *err);
/* Measures, sorts and plans; whole is taken over. What went wrong with the suite itself: work->measurement.run. */
int mark_work_prepare(struct mark_work *work, struct phase_ctx *ctx, struct suite_run *whole, struct err *err);
/* Fills work->set with what would be written, and writes nothing: for a diff. */
int mark_work_preview(struct mark_work *work, struct err *err);
/* Writes, checks, puts back, and records. On an error everything is put back. */
int mark_work_write(struct mark_work *work, struct err *err);

/* --- Steps of the above, for mark_undo.c --- */

/* Adds the edits of all places in work->plan to work->set. */
int mark_edit_sources(struct mark_work *work, struct err *err);
/* work->plan.covered: what has a category in work->after. */
void mark_take_covered(struct mark_work *work);
/* Writes table and hooks for what is not covered, and checks. *hooks: conftest files, relative to the root. */
int mark_write_table(struct mark_work *work, struct strings *hooks, struct err *err);
/* Adds the places that are written to *record. */
struct mark_record;
int mark_record_places(struct mark_work *work, struct mark_record *record, struct err *err);

#endif
