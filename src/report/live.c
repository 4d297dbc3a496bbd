#define _GNU_SOURCE
#include "report/live.h"

#include <stdlib.h>
#include <string.h>

#include "report/terminal.h"

#include "base/banned.h"

enum { BAR_COLUMNS = 16, NARROW_BAR_COLUMNS = 6, NARROW = 60, MIN_NAME_COLUMNS = 8, TAB_COLUMNS = 8 };

struct line {
	const struct live_view *view;
	struct str *out;
	size_t left; /* columns */
};

static const char *separator_of(const struct live_view *view)
{
	return view->unicode ? " · " : " | ";
}

/* Plain text that fits as a whole, in a colour; otherwise nothing. */
static int add_part(struct line *line, const char *text, const char *color)
{
	const char *separator = line->out->len ? separator_of(line->view) : "";
	size_t columns = text_columns(separator) + text_columns(text);
	if (columns > line->left)
		return 0;
	line->left -= columns;
	bool colored = line->view->color && color;
	return str_addf(line->out, "%s%s%s%s", separator, colored ? color : "", text, colored ? "\x1b[0m" : "");
}

static int add_bar(struct line *line, size_t columns)
{
	const struct live_view *view = line->view;
	size_t width = columns < NARROW ? NARROW_BAR_COLUMNS : BAR_COLUMNS;
	size_t filled = view->total ? view->done * width / view->total : 0;
	cleanup_str struct str bar = STR_INIT;
	for (size_t i = 0; i < width; i++)
		if (str_adds(&bar, i < filled ? (view->unicode ? "█" : "#") : view->unicode ? "░" : ".") < 0)
			return -1;
	if (str_addf(&bar, " %zu/%zu", view->done, view->total) < 0)
		return -1;
	return add_part(line, str_text(&bar), NULL);
}

static int add_failures(struct line *line)
{
	cleanup_str struct str text = STR_INIT;
	if (line->view->failed == 0)
		return 0;
	if (str_addf(&text, "%zu failed", line->view->failed) < 0)
		return -1;
	return add_part(line, str_text(&text), "\x1b[31m");
}

static int add_time_left(struct line *line)
{
	cleanup_str struct str text = STR_INIT;
	double left_s = line->view->left_s;
	if (left_s < 0 || line->view->done >= line->view->total)
		return 0;
	long whole = (long)(left_s + 0.999);
	int failed = whole < 60 ? str_addf(&text, "%ld s left", whole) :
				  str_addf(&text, "%ld min %02ld s left", whole / 60, whole % 60);
	return failed < 0 ? -1 : add_part(line, str_text(&text), NULL);
}

static int compare_workers(const void *a, const void *b)
{
	const struct live_worker *x = a, *y = b;
	if (!x->test != !y->test)
		return x->test ? -1 : 1;
	return x->seconds > y->seconds ? -1 : x->seconds < y->seconds;
}

/* The part of a node id behind its file. */
static struct slice short_name(const struct live_worker *worker)
{
	const char *found = memmem(worker->test, worker->test_len, "::", 2);
	size_t skipped = found ? (size_t)(found + 2 - worker->test) : 0;
	return (struct slice){ worker->test + skipped, worker->test_len - skipped };
}

static int duration_text(double seconds, struct str *out)
{
	if (seconds < 60)
		return str_addf(out, " %.1fs", seconds);
	return str_addf(out, " %ldm%02lds", (long)seconds / 60, (long)seconds % 60);
}

/* "gw0 test_name 1.2s" with the name cut so that all of it takes at most columns. 1 when it was added, 0: too narrow. */
static int add_worker(struct line *line, const struct live_worker *worker, size_t columns)
{
	cleanup_str struct str text = STR_INIT, name = STR_INIT, time = STR_INIT;
	struct slice test = short_name(worker);
	if (str_add_printable(&name, test.ptr, test.len) < 0 || duration_text(worker->seconds, &time) < 0)
		return -1;
	size_t fixed = strlen(worker->id) + 1 + time.len, wanted = text_columns(str_text(&name));
	size_t least = wanted < MIN_NAME_COLUMNS ? wanted : MIN_NAME_COLUMNS;
	if (columns < fixed + least)
		return 0;
	if (str_addf(&text, "%s ", worker->id) < 0 ||
	    str_add_fitted(&text, str_text(&name), columns - fixed, line->view->unicode) < 0 ||
	    str_addf(&text, "%s", str_text(&time)) < 0)
		return -1;
	return add_part(line, str_text(&text), NULL) < 0 ? -1 : 1;
}

/* Each worker gets an equal share of what is left; those without room are counted. */
static int add_workers(struct line *line)
{
	const struct live_view *view = line->view;
	size_t running = 0, separator = text_columns(separator_of(view)), least = separator + MIN_NAME_COLUMNS + 10;
	while (running < view->worker_count && view->workers[running].test)
		running++;
	size_t shown = line->left / least < running ? line->left / least : running;
	for (size_t i = 0; i < shown; i++) {
		size_t share = line->left / (shown - i);
		int added = share > separator ? add_worker(line, &view->workers[i], share - separator) : 0;
		if (added < 0)
			return -1;
	}
	cleanup_str struct str rest = STR_INIT;
	if (shown == running)
		return 0;
	return str_addf(&rest, "+%zu", running - shown) < 0 ? -1 : add_part(line, str_text(&rest), NULL);
}

int live_compose(struct live_view *view, size_t columns, struct str *out)
{
	struct line line = { view, out, columns };
	if (view->worker_count)
		qsort(view->workers, view->worker_count, sizeof(*view->workers), compare_workers);
	if (add_bar(&line, columns) < 0 || add_failures(&line) < 0 || add_time_left(&line) < 0)
		return -1;
	return add_workers(&line);
}

/* Bytes of the control sequence at p, which is ESC: CSI, OSC (to BEL or ESC \) or two characters. */
static size_t sequence_length(const char *p, const char *end)
{
	const char *at = p + 2;
	if (end - p < 2)
		return 1;
	if (p[1] == '[') {
		while (at < end && (*at < '@' || *at > '~'))
			at++;
		return (size_t)((at < end ? at + 1 : end) - p);
	}
	if (p[1] != ']')
		return 2;
	while (at < end && *at != '\a' && *at != '\x1b')
		at++;
	if (at < end)
		at += *at == '\x1b' && at + 1 < end ? 2 : 1;
	return (size_t)(at - p);
}

/* The part of text behind its last newline or carriage return; *column is 0 when there was one. */
static const char *last_line(const char *text, const char *end, size_t *column)
{
	for (const char *p = end; p > text; p--)
		if (p[-1] == '\n' || p[-1] == '\r') {
			*column = 0;
			return p;
		}
	return text;
}

size_t live_column_after(size_t column, const char *text, size_t len)
{
	const char *end = text + len;
	for (const char *p = last_line(text, end, &column); p < end;) {
		unsigned char c = (unsigned char)*p;
		if (c == '\x1b') {
			p += sequence_length(p, end);
			continue;
		}
		size_t n = utf8_length(p, (size_t)(end - p));
		char one[5] = { 0 };
		memcpy(one, p, n ? n : 1);
		if (c == '\t')
			column += TAB_COLUMNS - column % TAB_COLUMNS;
		else if (c == '\b')
			column -= column > 0;
		else if (c >= 0x20 && c != 0x7f)
			column += n ? text_columns(one) : 1;
		p += n ? n : 1;
	}
	return column;
}
