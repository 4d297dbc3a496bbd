/*
 * terminal.h: comb talking to a person: lines that stay, and one live line.
 *
 * On a terminal the live line shows phase, step, bar, time left and what runs
 * now, and is redrawn in place. In a pipe there are plain lines: steps, notes,
 * and a sign of life every half minute. Every text given is escaped; marks are
 * ✓ and ✗ where the locale speaks UTF-8. Quiet drops all but terminal_line().
 * A write that fails is kept and told by terminal_close().
 */
#ifndef COMB_REPORT_TERMINAL_H
#define COMB_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sink.h"
#include "base/str.h"

enum mark { MARK_NONE, MARK_PASSED, MARK_FAILED, MARK_SKIPPED, MARK_PENDING };

struct terminal {
	int fd;
	int verbosity;  /* below 0: quiet */
	bool live;      /* fd is a terminal that can redraw a line */
	bool color;
	bool unicode;
	bool drawn;     /* the live line stands there */
	int write_errno;
	struct str title, step, running;
	size_t done, total;
	int64_t step_start_ns, last_draw_ns;
	struct progress_sink sink; /* give &terminal.sink to whoever works */
};

/* fd stays the caller's. With color the marks are green and red. */
void terminal_open(struct terminal *terminal, int fd, bool color, int verbosity);
/* What stands first in the live line, a few words: the gate at work. */
void terminal_title(struct terminal *terminal, const char *text);
/* A line that stays, with its mark in front. Also when quiet. */
void terminal_line(struct terminal *terminal, enum mark mark, const char *text);
/* A line that stays, bold where the terminal has colours. Also when quiet. */
void terminal_heading(struct terminal *terminal, const char *text);
/* "✓" or "ok", coloured when the terminal is. A literal. */
const char *terminal_mark(const struct terminal *terminal, enum mark mark);
/* Removes the live line. -1 when anything could not be written. Safe twice. */
int terminal_close(struct terminal *terminal, struct err *err);

/* Columns that text takes on a terminal; what str_add_printable() makes has one or two a character. */
size_t text_columns(const char *text);
/* Adds text, cut to columns with "…" (or "..") at its end. */
int str_add_fitted(struct str *s, const char *text, size_t columns, bool unicode);
/* From LC_ALL, LC_CTYPE, LANG. */
bool locale_is_utf8(void);

#endif
