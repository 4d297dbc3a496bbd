/*
 * contest.h: time several ways of running one suite, round by round, until
 * they can be told apart or the budget ends.
 *
 * Rounds are interleaved (ABC, BCA, CAB, …), so that a machine that slows down
 * slows all of them down. What is clearly slower than the best drops out early;
 * the first entry is the reference that ratios are told against, and stays for
 * CONTEST_ROUNDS_LEAST rounds. A way of running that gives other results than
 * the reference is out at once, however fast.
 */
#ifndef COMB_TUNE_CONTEST_H
#define COMB_TUNE_CONTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "project/suite.h"
#include "tune/simulate.h"
#include "tune/stats.h"

#define CONTEST_ENTRIES_MAX 12
#define CONTEST_ROUNDS_LEAST 3
#define CONTEST_ROUNDS_MOST 20
#define CONTEST_OVERDRAFT 1.5 /* of the budget, when without it there were fewer rounds than the least */
#define CONTEST_CONFIDENCE 0.95
#define CONTEST_CONFIDENCE_EARLY 0.90 /* what three rounds can give at most */

struct configuration {
	enum suite_engine engine;
	int workers; /* 0: serial */
	enum dist dist; /* of the parallel engines */
	char markers[32]; /* -m expression; "": the whole suite */
	bool configured; /* as the project's own addopts say; engine, workers and dist only describe it */
};

/* "serial", "xdist -n 4 --dist loadgroup", "as configured". 0, or -1 when out of memory. */
int configuration_add_name(const struct configuration *configuration, struct str *out);

struct contestant {
	struct configuration configuration;
	double predicted_s; /* by simulation; NAN where none was made */
	struct sample wall_s, cpu_s;
	bool beside; /* measured to be told, never chosen */
	bool dropped; /* clearly slower than the best: not measured any further */
	char failure[256]; /* why its results cannot be used; "" while they can. Hostile */
};

enum contest_end {
	CONTEST_SEPARATED, /* the best is told apart from all others */
	CONTEST_EQUIVALENT, /* some are as fast as the best, within 3 % */
	CONTEST_BUDGET, /* time ran out: some may be as fast as the best */
};

struct contest {
	struct contestant entries[CONTEST_ENTRIES_MAX];
	size_t count;
	size_t rounds;
	size_t best; /* least median of what can be chosen; the fewest workers among what is as fast */
	enum contest_end end;
	double spent_s;
};

/*
 * Runs one entry once and adds to its samples. 0; 1 when the run's results
 * cannot be used (fills entry->failure); -1 with *err when it could not be run.
 */
typedef int contest_runner(void *context, struct contestant *entry, struct err *err);

struct contest_options {
	double budget_s;
	bool reference_given; /* the reference has its samples already (a suite too long to run again) */
	contest_runner *run;
	void *context;
	/* Called before each run; may be NULL. */
	void (*on_run)(void *context, const struct contest *contest, const struct contestant *entry);
};

/* NULL when it is full. */
struct contestant *contest_add(struct contest *contest, const struct configuration *configuration, double predicted_s);
/* At least one round, whatever the budget. -1 where the reference cannot be run, with *err. */
int contest_run(struct contest *contest, const struct contest_options *options, struct err *err);
/* How many times as long as `of` an entry takes. */
struct ratio contest_ratio(const struct contestant *entry, const struct contestant *of);

#endif
