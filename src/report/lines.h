/*
 * lines.h: what another process writes to a pipe, as whole lines with a label.
 *
 * Several processes share one terminal or file; a line of one is never broken
 * by another. Between two tests the writer puts a marker into its own stream:
 * token, the test's number as eight hex digits, a newline, in one write(2); so
 * that the reader can show all that a test wrote before its report. The token
 * is NUL and random, no test writes it by accident.
 *
 * For a terminal, control characters are escaped but tabs and colours; of a
 * line that overwrites itself (progress bars) the last state is shown. For a
 * file the bytes stay as they are.
 */
#ifndef COMB_REPORT_LINES_H
#define COMB_REPORT_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define LINES_TOKEN_BYTES 24 /* NUL, "comb", 19 hex digits and letters of the caller's choice */
#define LINES_NO_MARKER UINT32_MAX
#define LINES_LONGEST_BYTES (1u << 20) /* a longer line is cut into several */

struct lines {
	int fd;              /* non-blocking, owned; -1 when it has ended */
	bool terminal;
	struct str label;    /* in front of each line, with its space; may be empty */
	char token[LINES_TOKEN_BYTES];
	struct str raw;      /* bytes read and not given out yet, from at on */
	size_t at;
};

/* Takes fd over, and makes it non-blocking. ERR_INTERNAL when it cannot be. On failure fd is closed too. */
int lines_open(struct lines *self, int fd, const char *label, const char *token, bool terminal, struct err *err);
/* Closes fd. Safe on a zeroed struct whose fd is -1, safe twice. */
void lines_release(struct lines *self);

enum lines_state {
	LINES_FAILED = -1, /* out of memory */
	LINES_EMPTY,       /* nothing more for now */
	LINES_MARKER,      /* a test has ended here; *marker tells which */
	LINES_ENOUGH,      /* about a megabyte was appended; there may be more */
};

/* Appends to out what can be read without waiting, up to the next marker. */
enum lines_state lines_read(struct lines *self, struct str *out, uint32_t *marker);
/* Appends what stands in an unfinished line, and a newline. 0, or -1 when out of memory. */
int lines_flush(struct lines *self, struct str *out);

#endif
