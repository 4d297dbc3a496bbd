/*
 * progress.h: .parallel_test_progress, one line for every gate that was tried.
 *
 * docs/PROGRESS_FILE.md describes the format. The parser is strict: a line it
 * does not understand is an error with file and line, never skipped.
 * `inputs` tells for which content and environment the lines hold (workspace.h);
 * they are void where it differs. The last line, of phase "validate", closes
 * the file: it names the commit that was validated.
 */
#ifndef COMB_PHASES_PROGRESS_H
#define COMB_PHASES_PROGRESS_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "phases/gate.h"

#define PROGRESS_FILE ".parallel_test_progress"
#define PROGRESS_CLOSING_PHASE "validate"
#define PROGRESS_CLOSING_GATE "all"

/* In a struct progress the texts are its own; a line given to progress_set() borrows them. */
struct progress_line {
	const char *phase;             /* "setup"; PROGRESS_CLOSING_PHASE in the last line */
	const char *gate;              /* "0.1"; PROGRESS_CLOSING_GATE in the last line */
	enum gate_status status; /* passed, failed or skipped */
	const char *commit;            /* object id; NULL where nothing is committed, or not yet */
	int64_t time_s;          /* wall clock */
	const char *figure;            /* one printable line; "" for none */
};

struct progress {
	char inputs[17]; /* 16 hexadecimal digits; "" unknown */
	VEC(struct progress_line) lines;
};
#define PROGRESS_INIT { .inputs = "" }

/* Replaces *progress. name is used in errors. */
int progress_parse(struct progress *progress, const char *name, struct slice text, struct err *err);
/* Replaces *out. progress_parse() of it gives the same progress. */
int progress_format(const struct progress *progress, struct str *out);
/* Sets the line of its gate, at its place in the order of ids; copies all texts. Figures are made printable. */
int progress_set(struct progress *progress, const struct progress_line *line);
/* NULL when the gate has none. */
struct progress_line *progress_find(const struct progress *progress, const char *gate);
void progress_remove(struct progress *progress, const char *gate);
void progress_release(struct progress *progress);
#define cleanup_progress __attribute__((cleanup(progress_release)))

#endif
