#include "source/diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/vec.h"

#include "base/banned.h"

#define CONTEXT_LINES 3
/* Beyond so many differing lines the middle is shown as replaced as a whole: memory grows with the square. */
#define MAX_DISTANCE 3000

struct line {
	const char *ptr;
	size_t len; /* with its '\n' */
	uint64_t hash;
};

struct text {
	VEC(struct line) lines;
	bool *changed; /* per line, and one more */
};

static void text_release(struct text *text)
{
	vec_release(&text->lines);
	free(text->changed);
	text->changed = NULL;
}

static int text_split(struct text *text, struct slice source)
{
	for (size_t at = 0; at < source.len;) {
		const char *newline = memchr(source.ptr + at, '\n', source.len - at);
		size_t len = newline ? (size_t)(newline - source.ptr) + 1 - at : source.len - at;
		struct line line = { source.ptr + at, len, 14695981039346656037U };
		for (size_t i = 0; i < len; i++)
			line.hash = (line.hash ^ (unsigned char)source.ptr[at + i]) * 1099511628211U;
		if (vec_push(&text->lines, line) < 0)
			return -1;
		at += len;
	}
	text->changed = os_calloc(text->lines.len + 1, sizeof(bool));
	return text->changed ? 0 : -1;
}

static bool line_equals(const struct line *a, const struct line *b)
{
	return a->hash == b->hash && a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

/* The middle of two texts, without their common head and tail. */
struct window {
	struct text *a, *b;
	long a_start, b_start, a_len, b_len;
};

static bool window_equal_at(const struct window *w, long x, long y)
{
	return line_equals(&w->a->lines.at[w->a_start + x], &w->b->lines.at[w->b_start + y]);
}

/*
 * Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), greedy form.
 * Row d of the trace holds the furthest x on each diagonal k = -d … d.
 */
static size_t trace_index(long d, long k)
{
	return (size_t)(d * d + d + k);
}

/* Whether diagonal k of row d is reached from k + 1 (a line of b inserted) and not from k - 1. */
static bool came_from_above(const int32_t *trace, long d, long k)
{
	return k == -d || (k != d && trace[trace_index(d - 1, k - 1)] < trace[trace_index(d - 1, k + 1)]);
}

static long furthest_start(const int32_t *trace, long d, long k)
{
	if (d == 0)
		return 0;
	return came_from_above(trace, d, k) ? trace[trace_index(d - 1, k + 1)] : trace[trace_index(d - 1, k - 1)] + 1;
}

static void mark_path(const struct window *w, const int32_t *trace, long distance)
{
	long x = w->a_len, y = w->b_len;
	for (long d = distance; d > 0; d--) {
		long k = x - y;
		bool inserted = came_from_above(trace, d, k);
		long previous_k = inserted ? k + 1 : k - 1;
		long previous_x = trace[trace_index(d - 1, previous_k)], previous_y = previous_x - previous_k;
		if (inserted)
			w->b->changed[w->b_start + previous_y] = true;
		else
			w->a->changed[w->a_start + previous_x] = true;
		x = previous_x;
		y = previous_y;
	}
}

static void mark_all(const struct window *w)
{
	for (long i = 0; i < w->a_len; i++)
		w->a->changed[w->a_start + i] = true;
	for (long i = 0; i < w->b_len; i++)
		w->b->changed[w->b_start + i] = true;
}

/* 1 when the ends are reached in row d, 0 when not. */
static int fill_row(const struct window *w, int32_t *trace, long d)
{
	for (long k = -d; k <= d; k += 2) {
		long x = furthest_start(trace, d, k), y = x - k;
		while (x < w->a_len && y >= 0 && y < w->b_len && window_equal_at(w, x, y)) {
			x++;
			y++;
		}
		trace[trace_index(d, k)] = (int32_t)x;
		if (x >= w->a_len && y >= w->b_len && k == w->a_len - w->b_len)
			return 1;
	}
	return 0;
}

static int compare(struct text *a, struct text *b)
{
	struct window w = { .a = a, .b = b };
	long a_end = (long)a->lines.len, b_end = (long)b->lines.len;
	while (w.a_start < a_end && w.b_start < b_end &&
	       line_equals(&a->lines.at[w.a_start], &b->lines.at[w.b_start])) {
		w.a_start++;
		w.b_start++;
	}
	while (a_end > w.a_start && b_end > w.b_start &&
	       line_equals(&a->lines.at[a_end - 1], &b->lines.at[b_end - 1])) {
		a_end--;
		b_end--;
	}
	w.a_len = a_end - w.a_start;
	w.b_len = b_end - w.b_start;
	if (w.a_len == 0 || w.b_len == 0) {
		mark_all(&w);
		return 0;
	}
	int32_t *trace = NULL;
	size_t capacity = 0;
	for (long d = 0; d <= MAX_DISTANCE; d++) {
		if (trace_index(d, d) >= capacity) {
			capacity = 2 * trace_index(d, d) + 64;
			int32_t *grown = os_realloc(trace, capacity * sizeof(*trace));
			if (!grown) {
				free(trace);
				return -1;
			}
			trace = grown;
		}
		if (fill_row(&w, trace, d) == 1) {
			mark_path(&w, trace, d);
			free(trace);
			return 0;
		}
	}
	free(trace);
	mark_all(&w);
	return 0;
}

/* A run of changed lines that can stand lower with the same meaning does, as in diff(1): blank lines lead. */
static void slide_down(struct text *text, const struct text *other)
{
	size_t i = 0, j = 0;
	while (i < text->lines.len) {
		if (!text->changed[i]) {
			while (j < other->lines.len && other->changed[j])
				j++;
			i++;
			j++;
			continue;
		}
		size_t end = i;
		while (end < text->lines.len && text->changed[end])
			end++;
		while (end < text->lines.len && !text->changed[end] && !other->changed[j] &&
		       line_equals(&text->lines.at[i], &text->lines.at[end])) {
			text->changed[i++] = false;
			text->changed[end++] = true;
			j++;
		}
		i = end;
	}
}

static int add_line(struct str *out, char sign, const struct line *line)
{
	if (str_addc(out, sign) < 0 || str_add(out, line->ptr, line->len) < 0)
		return -1;
	if (line->ptr[line->len - 1] == '\n')
		return 0;
	return str_adds(out, "\n\\ No newline at end of file\n");
}

static int add_range(struct str *out, char sign, size_t start, size_t len)
{
	if (len == 1)
		return str_addf(out, "%c%zu", sign, start + 1);
	return str_addf(out, "%c%zu,%zu", sign, len == 0 ? start : start + 1, len);
}

struct hunk {
	size_t a_start, a_end, b_start, b_end;
};

static int add_hunk(struct str *out, const struct text *a, const struct text *b, const struct hunk *h)
{
	if (str_adds(out, "@@ ") < 0 || add_range(out, '-', h->a_start, h->a_end - h->a_start) < 0 ||
	    str_addc(out, ' ') < 0 || add_range(out, '+', h->b_start, h->b_end - h->b_start) < 0 ||
	    str_adds(out, " @@\n") < 0)
		return -1;
	size_t i = h->a_start, j = h->b_start;
	while (i < h->a_end || j < h->b_end) {
		int result;
		if (i < h->a_end && a->changed[i])
			result = add_line(out, '-', &a->lines.at[i++]);
		else if (j < h->b_end && b->changed[j])
			result = add_line(out, '+', &b->lines.at[j++]);
		else {
			result = add_line(out, ' ', &a->lines.at[i++]);
			j++;
		}
		if (result < 0)
			return -1;
	}
	return 0;
}

/* Skips equal lines; false at the end of both texts. */
static bool next_change(const struct text *a, const struct text *b, size_t *i, size_t *j)
{
	while (!a->changed[*i] && !b->changed[*j]) {
		if (*i >= a->lines.len)
			return false;
		(*i)++;
		(*j)++;
	}
	return true;
}

static int add_hunks(struct str *out, const struct text *a, const struct text *b)
{
	size_t i = 0, j = 0;
	bool more = next_change(a, b, &i, &j);
	while (more) {
		size_t lead = i < CONTEXT_LINES ? i : CONTEXT_LINES;
		struct hunk hunk = { .a_start = i - lead, .b_start = j - lead };
		size_t equal;
		do {
			while (a->changed[i])
				i++;
			while (b->changed[j])
				j++;
			hunk.a_end = i;
			hunk.b_end = j;
			more = next_change(a, b, &i, &j);
			equal = i - hunk.a_end;
		} while (more && equal <= 2 * CONTEXT_LINES);
		size_t left = a->lines.len - hunk.a_end;
		size_t tail = left < CONTEXT_LINES ? left : CONTEXT_LINES;
		hunk.a_end += tail;
		hunk.b_end += tail;
		if (add_hunk(out, a, b, &hunk) < 0)
			return -1;
	}
	return 0;
}

static int add_name(struct str *out, const char *lead, const char *name)
{
	bool quote = false;
	for (const char *p = name; *p; p++)
		quote = quote || (unsigned char)*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\';
	if (!quote)
		return str_addf(out, "%s%s\n", lead, name);
	if (str_addf(out, "%s\"", lead) < 0)
		return -1;
	for (const char *p = name; *p; p++) {
		bool control = (unsigned char)*p < 0x20 || *p == 0x7f;
		int result = control                 ? str_addf(out, "\\%03o", (unsigned char)*p)
			     : *p == '"' || *p == '\\' ? str_addf(out, "\\%c", *p)
						       : str_addc(out, *p);
		if (result < 0)
			return -1;
	}
	return str_adds(out, "\"\n");
}

int diff_unified(struct str *out, const char *before_name, const char *after_name, struct slice before,
		 struct slice after, struct err *err)
{
	if (before.len == after.len && (before.len == 0 || memcmp(before.ptr, after.ptr, before.len) == 0))
		return 0;
	struct text a = { .lines = VEC_INIT }, b = { .lines = VEC_INIT };
	int result = text_split(&a, before) < 0 || text_split(&b, after) < 0 || compare(&a, &b) < 0 ? -1 : 0;
	if (result == 0) {
		slide_down(&a, &b);
		slide_down(&b, &a);
		result = add_name(out, "--- ", before_name) < 0 || add_name(out, "+++ ", after_name) < 0 ||
					 add_hunks(out, &a, &b) < 0
				 ? -1
				 : 0;
	}
	text_release(&a);
	text_release(&b);
	return result < 0 ? err_no_memory(err) : 0;
}
