/*
 * record_line.h: one line of the record that a watched pytest process writes.
 *
 * A line is a JSON object. Its texts come from tests and may be no text at
 * all (undecodable bytes, lone surrogates, NUL), which JSON cannot carry, so
 * each text is percent-escaped first: '%' is "%25", NUL is "%00" and every
 * byte that is not part of valid UTF-8 is "%XX". record_text_decode() undoes
 * it; nothing is lost.
 *
 * A line is written with one write(2) to a file opened O_APPEND, so that a
 * killed process leaves whole lines and its forked children may write too.
 * Numbers are whole (durations are nanoseconds): a test may have changed the
 * locale, and with it the decimal point. Out of memory is remembered and reported by record_line_write().
 */
#ifndef COMB_PROJECT_RECORD_LINE_H
#define COMB_PROJECT_RECORD_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct record_line {
	struct str text;
	bool failed;
	bool list_is_empty;
};
#define RECORD_LINE_INIT { .text = STR_INIT }

/* Starts anew, keeps the buffer. */
void record_line_begin(struct record_line *line, const char *event);
void record_line_text(struct record_line *line, const char *key, const void *bytes, size_t len);
void record_line_integer(struct record_line *line, const char *key, long long value);
void record_line_flag(struct record_line *line, const char *key, bool value);
void record_line_null(struct record_line *line, const char *key);
/* A list of texts: open, add, close. */
void record_line_list(struct record_line *line, const char *key);
void record_line_list_add(struct record_line *line, const void *bytes, size_t len);
void record_line_list_end(struct record_line *line);
/* 0, or -1 with errno. */
int record_line_write(struct record_line *line, int fd);
void record_line_release(struct record_line *line);

/* Replaces *out by text escaped as above: valid UTF-8 for any JSON library. 0, or -1 when out of memory. */
int record_text_encode(struct str *out, const char *text);
/* Replaces *out by the bytes that were escaped. 0, or -1 when out of memory. */
int record_text_decode(struct str *out, const char *escaped);

#endif
