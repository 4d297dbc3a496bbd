#define _GNU_SOURCE
#include "report/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"

#include "base/banned.h"

enum { BAR_COLUMNS = 16, MIN_COLUMNS = 20 };

static const int64_t redraw_ns = NS_PER_SECOND / 10;
static const int64_t sign_of_life_ns = 30 * NS_PER_SECOND;

/* [mark][unicode][color] */
static const char *const marks[][2][2] = {
	[MARK_NONE] = { { " ", " " }, { " ", " " } },
	[MARK_PASSED] = { { "ok", "\x1b[32mok\x1b[0m" }, { "✓", "\x1b[32m✓\x1b[0m" } },
	[MARK_FAILED] = { { "FAILED", "\x1b[31mFAILED\x1b[0m" }, { "✗", "\x1b[31m✗\x1b[0m" } },
	[MARK_SKIPPED] = { { "-", "\x1b[2m-\x1b[0m" }, { "–", "\x1b[2m–\x1b[0m" } },
	[MARK_PENDING] = { { ".", "\x1b[2m.\x1b[0m" }, { "·", "\x1b[2m·\x1b[0m" } },
};

const char *terminal_mark(const struct terminal *terminal, enum mark mark)
{
	return marks[mark][terminal->unicode][terminal->color];
}

bool locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

static size_t decode(const unsigned char *p, unsigned long *character)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 1;
	*character = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		*character = *character << 6 | (p[i] & 0x3f);
	}
	return n;
}

/* East Asian wide and emoji blocks (Unicode TR11, coarse); combining marks take none. */
static size_t character_columns(unsigned long c)
{
	static const struct {
		unsigned long first, last;
		size_t columns;
	} blocks[] = {
		{ 0x0300, 0x036f, 0 }, { 0x200b, 0x200f, 0 }, { 0xfe00, 0xfe0f, 0 }, { 0x1100, 0x115f, 2 },
		{ 0x2e80, 0xa4cf, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 }, { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 }, { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
	};
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		if (c >= blocks[i].first && c <= blocks[i].last)
			return blocks[i].columns;
	return 1;
}

size_t text_columns(const char *text)
{
	size_t columns = 0;
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		unsigned long character;
		p += decode(p, &character);
		columns += character_columns(character);
	}
	return columns;
}

int str_add_fitted(struct str *s, const char *text, size_t columns, bool unicode)
{
	const unsigned char *p = (const unsigned char *)text, *cut = p;
	const char *ellipsis = unicode ? "…" : "..";
	size_t used = 0, tail = unicode ? 1 : 2;
	if (text_columns(text) <= columns)
		return str_adds(s, text);
	if (columns < tail)
		return 0;
	while (*p) {
		unsigned long character;
		size_t n = decode(p, &character);
		used += character_columns(character);
		if (used > columns - tail)
			break;
		p += n;
		cut = p;
	}
	return str_add(s, text, (size_t)(cut - (const unsigned char *)text)) < 0 ? -1 : str_adds(s, ellipsis);
}

static size_t terminal_columns(const struct terminal *terminal)
{
	struct winsize size;
	if (ioctl(terminal->fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= MIN_COLUMNS)
		return size.ws_col;
	return 80;
}

static void put(struct terminal *terminal, const struct str *text)
{
	if (os_write_all(terminal->fd, str_text(text), text->len) < 0 && !terminal->write_errno)
		terminal->write_errno = errno;
}

/* Forgets nothing on purpose: the next event draws the line again. */
static void erase_live(struct terminal *terminal)
{
	static struct str erase = { .buf = (char *)"\r\x1b[K", .len = 4 };
	if (terminal->drawn)
		put(terminal, &erase);
	terminal->drawn = false;
}

static int add_bar(struct str *s, size_t done, size_t total, bool unicode)
{
	size_t filled = total ? done * BAR_COLUMNS / total : 0;
	for (size_t i = 0; i < BAR_COLUMNS; i++)
		if (str_adds(s, i < filled ? (unicode ? "█" : "#") : unicode ? "░" : ".") < 0)
			return -1;
	return str_addf(s, " %zu/%zu", done, total);
}

/* The rate so far, carried on; nothing before a second has shown what it is. */
static int add_time_left(const struct terminal *terminal, struct str *s, const char *separator)
{
	double elapsed_s = (double)(clock_now_ns() - terminal->step_start_ns) / (double)NS_PER_SECOND;
	if (terminal->done == 0 || terminal->done >= terminal->total || elapsed_s < 1)
		return 0;
	double left_s = elapsed_s / (double)terminal->done * (double)(terminal->total - terminal->done);
	long whole = (long)(left_s + 0.999);
	if (whole < 60)
		return str_addf(s, "%s%ld s left", separator, whole);
	return str_addf(s, "%s%ld min %02ld s left", separator, whole / 60, whole % 60);
}

/* Joins a part to the line, at most columns wide with its separator. *left: columns that remain. */
static int add_part(const struct terminal *terminal, struct str *s, const char *part, size_t *left)
{
	const char *separator = s->len == 0 ? "" : terminal->unicode ? " · " : " | ";
	size_t taken = text_columns(separator), before = s->len;
	if (!part[0] || *left <= taken + 2)
		return 0;
	if (str_adds(s, separator) < 0 || str_add_fitted(s, part, *left - taken, terminal->unicode) < 0)
		return -1;
	*left -= text_columns(s->buf + before);
	return 0;
}

/* The bar is always whole; the names around it are cut. */
static int compose(const struct terminal *terminal, size_t columns, struct str *s)
{
	cleanup_str struct str bar = STR_INIT;
	const char *separator = terminal->unicode ? " · " : " | ";
	if (terminal->total > 0 && (add_bar(&bar, terminal->done, terminal->total, terminal->unicode) < 0 ||
				    add_time_left(terminal, &bar, separator) < 0))
		return -1;
	size_t reserved = bar.len ? text_columns(bar.buf) + text_columns(separator) : 0;
	size_t left = columns > reserved ? columns - reserved : columns;
	if (add_part(terminal, s, str_text(&terminal->title), &left) < 0 ||
	    add_part(terminal, s, str_text(&terminal->step), &left) < 0)
		return -1;
	left = left + reserved < columns ? left + reserved : columns;
	return add_part(terminal, s, str_text(&bar), &left) < 0 ? -1 : add_part(terminal, s, str_text(&terminal->running), &left);
}

static void draw(struct terminal *terminal, bool now)
{
	cleanup_str struct str line = STR_INIT, live = STR_INIT;
	int64_t time_ns = clock_now_ns();
	if (!terminal->live || terminal->verbosity < 0 ||
	    (!now && terminal->drawn && time_ns - terminal->last_draw_ns < redraw_ns))
		return;
	if (compose(terminal, terminal_columns(terminal) - 1, &live) < 0 ||
	    str_addf(&line, "\r\x1b[K%s", str_text(&live)) < 0)
		return;
	put(terminal, &line);
	terminal->drawn = true;
	terminal->last_draw_ns = time_ns;
}

static void replace(struct str *s, const char *text)
{
	str_clear(s);
	str_add_printable(s, text, strlen(text));
}

/* before, escaped text, after. */
static void put_line(struct terminal *terminal, const char *before, const char *text, const char *after)
{
	cleanup_str struct str line = STR_INIT;
	bool redraw = terminal->drawn;
	if (str_adds(&line, before) < 0 || str_add_printable(&line, text, strlen(text)) < 0 ||
	    str_addf(&line, "%s\n", after) < 0)
		return;
	erase_live(terminal);
	put(terminal, &line);
	if (redraw)
		draw(terminal, true);
}

static void on_step(void *context, const char *text)
{
	struct terminal *terminal = context;
	replace(&terminal->step, text);
	replace(&terminal->running, "");
	terminal->done = terminal->total = 0;
	terminal->step_start_ns = terminal->last_draw_ns = clock_now_ns();
	if (!terminal->live && terminal->verbosity >= 0)
		put_line(terminal, "  ", text, "");
	draw(terminal, true);
}

static void on_progress(void *context, size_t done, size_t total, const char *running)
{
	struct terminal *terminal = context;
	int64_t now_ns = clock_now_ns();
	terminal->done = done < total ? done : total;
	terminal->total = total;
	replace(&terminal->running, running ? running : "");
	draw(terminal, false);
	if (!terminal->live && terminal->verbosity >= 0 && now_ns - terminal->last_draw_ns >= sign_of_life_ns) {
		cleanup_str struct str text = STR_INIT;
		str_addf(&text, "  %zu of %zu: %s", done, total, running ? running : "");
		put_line(terminal, "  ", str_text(&text), "");
		terminal->last_draw_ns = now_ns;
	}
}

static void on_note(void *context, const char *text)
{
	struct terminal *terminal = context;
	if (terminal->verbosity >= 0)
		put_line(terminal, "  ", text, "");
}

void terminal_open(struct terminal *terminal, int fd, bool color, int verbosity)
{
	const char *kind = getenv("TERM");
	*terminal = (struct terminal){
		.fd = fd,
		.verbosity = verbosity,
		.live = isatty(fd) && kind && *kind && strcmp(kind, "dumb") != 0,
		.color = color,
		.unicode = locale_is_utf8(),
		.sink = { .step = on_step, .progress = on_progress, .note = on_note, .context = terminal },
	};
}

void terminal_title(struct terminal *terminal, const char *text)
{
	replace(&terminal->title, text);
	replace(&terminal->step, "");
	replace(&terminal->running, "");
	terminal->done = terminal->total = 0;
	draw(terminal, true);
}

void terminal_line(struct terminal *terminal, enum mark mark, const char *text)
{
	cleanup_str struct str before = STR_INIT;
	if (str_addf(&before, "%s ", terminal_mark(terminal, mark)) == 0)
		put_line(terminal, before.buf, text, "");
}

void terminal_heading(struct terminal *terminal, const char *text)
{
	put_line(terminal, terminal->color ? "\x1b[1m" : "", text, terminal->color ? "\x1b[0m" : "");
}

int terminal_close(struct terminal *terminal, struct err *err)
{
	erase_live(terminal);
	str_release(&terminal->title);
	str_release(&terminal->step);
	str_release(&terminal->running);
	errno = terminal->write_errno;
	return errno ? err_set(err, ERR_INPUT, "cannot write the output:") : 0;
}
