/*
 * str.h: a growing byte string, and borrowed slices of one.
 *
 * A struct str owns its buffer until str_release(); buf is NUL-terminated
 * whenever it is not NULL, and may hold NUL bytes besides (len counts).
 * Functions that allocate return 0, or -1 when out of memory, and leave the
 * string as it was.
 */
#ifndef COMB_BASE_STR_H
#define COMB_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *buf;       /* NULL while empty and never written */
	size_t len;      /* bytes, without the NUL */
	size_t capacity; /* bytes allocated */
};
#define STR_INIT { .buf = NULL }

/* A view of bytes owned by someone else. Not NUL-terminated. */
struct slice {
	const char *ptr;
	size_t len;
};
#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

int str_add(struct str *s, const void *bytes, size_t len);
int str_adds(struct str *s, const char *text);
int str_addc(struct str *s, char c);
int str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
int str_vaddf(struct str *s, const char *format, va_list args);
int str_reserve(struct str *s, size_t extra);
/* The text, or "" while nothing was written. Valid until the next change. */
const char *str_text(const struct str *s);
struct slice str_slice(const struct str *s);
/* Empties, keeps the buffer. */
void str_clear(struct str *s);
/* Hands the buffer (never NULL unless out of memory) to the caller, who frees it; *s is STR_INIT again. */
char *str_steal(struct str *s);
/* Safe on STR_INIT, safe twice. */
void str_release(struct str *s);

bool slice_equals(struct slice a, const char *text);
/* Where the line that holds `at` ends: at its \n, \r or \r\n, or at the end of s. */
size_t slice_line_end(struct slice s, size_t at);
/* Behind the line ending at `end`, which slice_line_end() gave. */
size_t slice_next_line(struct slice s, size_t end);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* Equality that takes NULL as a value of its own. */
bool text_equals(const char *a, const char *b);

/* Length of the valid UTF-8 sequence at p (1-4); 0 if there is none. Overlong forms and surrogates are invalid. */
size_t utf8_length(const void *p, size_t left);
/* Appends the UTF-8 form of code, which is no surrogate and at most 0x10ffff. */
int str_add_code_point(struct str *s, unsigned code);

/*
 * Text from a test (a name, an output, a path) made safe for a terminal or a
 * log line: control characters, DEL, C1 and invalid UTF-8 become \xNN escapes;
 * newlines and tabs become \n and \t; U+2028, U+202E and their like, which break
 * lines or turn the text behind them round, become \uNNNN.
 */
int str_add_printable(struct str *s, const void *bytes, size_t len);

#define cleanup_str __attribute__((cleanup(str_release)))

#endif
