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
 * Every attempt is committed, also a failed one.
 */
#ifndef COMB_PHASES_GATE_H
#define COMB_PHASES_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
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
void gate_result_release(struct gate_result *result);

/* How a phase tells a person what goes on. All texts may be hostile; the sink escapes them. */
struct progress_sink {
	void (*step)(void *context, const char *text);                            /* what runs now */
	void (*progress)(void *context, size_t done, size_t total, const char *running);
	void (*note)(void *context, const char *text);                            /* one line that stays */
	void *context;
};

struct phase_settings {
	int runs;              /* sequential runs for durations: 0 = choose */
	double budget_s;       /* for tune; 0 = choose */
	double timeout_s;      /* for each pytest run; 0 = none */
	bool allow_failing;
	bool install;          /* install what was declared with the project's own manager */
	bool marks_in_config;  /* --in config */
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
extern const struct phase *const phases[]; /* in order; NULL at its end */

const struct gate *gate_find(const char *id);

#endif
