/*
 * message.h: what a commit of comb says, and how it is read back.
 *
 *     gate 2.3 passed: no fixed resource shared by two tests that can overlap
 *
 *     0 of 3 fixed resources left unprotected
 *
 *     Paragraphs of detail, wrapped at 72 columns.
 *
 *     Comb-Phase: check
 *     Comb-Gate: 2.3
 *     Comb-Status: passed
 */
#ifndef COMB_PHASES_MESSAGE_H
#define COMB_PHASES_MESSAGE_H

#include "base/err.h"
#include "base/str.h"
#include "phases/gate.h"

/*
 * subject, one line of figure, detail, trailers (none without gate). Replaces
 * *out. Text is made printable; lines laid out by hand (indented, lists, tables)
 * are not wrapped.
 */
struct message_text {
	const char *subject, *figure, *detail;
	const char *phase, *gate, *status; /* the trailers' words: "check", "2.3", "stopped" */
};
int message_format(const struct message_text *text, struct str *out);
/* The message for one attempt at a gate; attempt 0: not told. */
int message_for_gate(const struct phase *phase, const struct gate *gate, int attempt,
		     const struct gate_result *result, struct str *out);

/* What a commit of comb tells. Owned by the caller. */
struct message {
	char *phase;
	char *gate;   /* NULL: not a commit of comb about a gate */
	char *status; /* "passed", "failed", "stopped" */
	char *figure;
};
/* 0, or -1 when out of memory. */
int message_parse(struct slice text, struct message *message);
void message_release(struct message *message);
#define cleanup_message __attribute__((cleanup(message_release)))

#endif
