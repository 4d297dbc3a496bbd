/*
 * history.h: what comb remembers of a project from run to run.
 *
 * An SQLite database, .comb/history.db in the user's own project folder (also
 * while work goes on in a git worktree: the caller passes that folder). Several
 * processes may use it at once: each change is one transaction, and a writer
 * waits for another. A test is known by file, class, name with parameters, and
 * the how-manieth of that name it is, so that history outlives reordering and
 * equal node ids stay apart.
 *
 * A database that is damaged is moved aside (history.db.damaged-N), never
 * deleted, and a new one is begun; *note then says so.
 */
#ifndef COMB_HISTORY_HISTORY_H
#define COMB_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "project/suite.h"

struct history;

/*
 * Opens or creates folder/.comb/history.db. note (NULL: not wanted) gets a
 * sentence when something has to be told. ERR_ENVIRONMENT: the folder cannot be
 * written, or a newer comb wrote the database.
 */
int history_open(struct history **history, const char *folder, struct str *note, struct err *err);
void history_close(struct history *history); /* NULL is fine */
static inline void history_close_pointer(struct history **history)
{
	history_close(*history);
}
#define cleanup_history __attribute__((cleanup(history_close_pointer)))
/* The project's .comb folder, absolute; lives as long as history. */
const char *history_folder(const struct history *history);

/* --- Settings and figures that are no run: gate inputs, baseline, placed marks. --- */

/* value NULL: forget the key. */
int history_meta_set(struct history *history, const char *key, const char *value, struct err *err);
/* Replaces *value. 1: found; 0: no such key; -1: failed. */
int history_meta_get(struct history *history, const char *key, struct str *value, struct err *err);

/* --- Runs --- */

struct history_run {
	const char *purpose;     /* "baseline", "mark", "check", "tune", "run" */
	enum suite_engine engine;
	int workers;             /* 0 for serial */
	const char *dist;        /* NULL: the engine's default */
	const char *markers;     /* -m expression, or NULL */
	uint64_t seed;           /* 0: the suite's own order */
	int64_t started_s;       /* wall clock, seconds since 1970; 0: now */
};

/*
 * Adds a run with all its tests and touches in one transaction. The results of
 * older runs are dropped on the way, but for the newest of each purpose; their
 * wall times stay. *id
 * (NULL: not wanted) gets the run's number.
 */
int history_record(struct history *history, const struct history_run *what, const struct suite_run *run, int64_t *id,
		   struct err *err);

/* What a test is expected to do, from all runs so far: geometric moving averages, weight 0.3 for the newest. */
struct pace {
	int samples;       /* 0: never seen; the rest is then 0 */
	double setup_s, call_s, teardown_s;
	double log_variance; /* of the call, in natural logarithms */
	enum outcome last_outcome;
	int64_t last_run;
};
/* Fills paces[0 .. run->tests.len). */
int history_paces(struct history *history, const struct suite_run *run, struct pace *paces, struct err *err);

#define OUTCOME_BIT(outcome) (1u << (outcome))
/* Fills seen[0 .. run->tests.len) with the outcomes each test had in kept runs of that purpose; 0: in none. */
int history_outcomes(struct history *history, const char *purpose, const struct suite_run *run, unsigned *seen,
		     struct err *err);

/* Wall times of green runs in that configuration (of what: engine, workers, dist and markers count), newest first. */
int history_walls(struct history *history, const struct history_run *what, double *walls_s, size_t capacity,
		  size_t *count, struct err *err);

/*
 * The touches known of each test of *run, from the last run that watched for
 * them, are added to run->touches. Tests that have some already are left out.
 */
int history_touches(struct history *history, struct suite_run *run, struct err *err);

#endif
