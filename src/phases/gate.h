/*
 * gate.h: what adoption has to reach, one row a gate.
 *
 * Each phase file (setup.c, mark.c, check.c, tune.c) exports a const table of
 * its gates. A gate works on ctx->project (when adopting: a git worktree) and
 *   reach()   does what is needed, then measures whether the gate is reached;
 *   verify()  only measures; comb validate runs it in a clean checkout.
 * Both return 0 with *result filled (passed or failed, with a true reason), or
 * -1 with *err where the work could not be done at all. reach() may be called
 * up to gate.attempts times; ctx->attempt (1-based) chooses the next remedy.
 * Every attempt is committed, also a failed one; the next attempt starts from
 * the files as they were before the first. A gate changes files only through
 * fs_write() (a changeset does): what was written that way is committed, what
 * the tests left behind is not.
 */
#ifndef COMB_PHASES_GATE_H
#define COMB_PHASES_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/sink.h"
#include "base/str.h"
#include "project/project.h"

struct history;

enum gate_status { GATE_PENDING, GATE_PASSED, GATE_FAILED, GATE_SKIPPED };

struct gate_result {
	enum gate_status status;
	struct str figure; /* one line with the figure reached: "152 of 152 tests have one category" */
	struct str detail; /* paragraphs for the commit message: what was done, tried, found */
	json_t *data;      /* for --json; NULL or owned */
};
#define GATE_RESULT_INIT { .status = GATE_PENDING }
/* Status and figure; the detail stays as it is. 0, or -1 with *err when out of memory. */
int gate_conclude(struct gate_result *result, enum gate_status status, struct err *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void gate_result_release(struct gate_result *result);

struct phase_settings {
	int runs;              /* sequential runs for durations: 0 = choose */
	double budget_s;       /* for tune; 0 = choose */
	double timeout_s;      /* for each pytest run; 0 = none */
	bool allow_failing;
	bool with_comb;        /* pytest-comb is declared beside pytest, so that its engine can be configured */
	bool install;          /* install what was declared with the project's own manager */
	bool marks_in_config;  /* --in config */
	bool mark_params;      /* --param: cases of one function get marks of their own where they differ */
	const char *marker_expression; /* reserved to `comb run` */
};

struct phase_ctx {
	struct project *project;
	struct history *history; /* .comb/history.db of the user's project, shared by its worktrees */
	const struct phase_settings *settings;
	const struct progress_sink *sink;
	int attempt;
};

typedef int gate_function(struct phase_ctx *ctx, struct gate_result *result, struct err *err);

struct gate {
	const char *id;        /* "2.3" */
	const char *title;     /* "no fixed resource shared by two tests that can overlap" */
	const char *cause;     /* for comb explain: why it matters */
	const char *remedy;    /* for comb explain: what to do when it fails */
	int attempts;          /* 1 … 3 */
	bool may_fail;         /* a failure is reported and fails the adoption, but the gates after it are still tried */
	gate_function *reach;
	gate_function *verify;
};

struct phase {
	int number;            /* 0 … 3 */
	const char *verb;      /* "setup" */
	const char *title;     /* "Dependencies & configuration" */
	const struct gate *gates; /* ends with a zero row */
};

extern const struct phase phase_setup, phase_mark, phase_check, phase_tune;
enum { PHASES_MAX = 8 };
extern const struct phase *const phases[]; /* in order, PHASES_MAX at most; NULL at its end */

const char *gate_status_name(enum gate_status status); /* "passed", … */
const struct gate *gate_find(const char *id);

#endif
