#define _GNU_SOURCE
#include "report/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

enum { PIECE_BYTES = 1 << 16, ENOUGH_BYTES = 1 << 20, NUMBER_DIGITS = 8 };

int lines_open(struct lines *self, int fd, const char *label, const char *token, bool terminal, struct err *err)
{
	*self = (struct lines){ .fd = fd, .terminal = terminal };
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		lines_release(self);
		return err_set(err, ERR_INTERNAL, "cannot read the output of %s:", label);
	}
	if (strlen(token) != LINES_TOKEN_BYTES - 1 || (*label && str_addf(&self->label, "[%s] ", label) < 0)) {
		lines_release(self);
		return err_set(err, ERR_INTERNAL, "a token of %d characters is needed", LINES_TOKEN_BYTES - 1);
	}
	memcpy(self->token + 1, token, LINES_TOKEN_BYTES - 1);
	return 0;
}

void lines_release(struct lines *self)
{
	if (self->fd >= 0)
		os_close(self->fd);
	self->fd = -1;
	str_release(&self->label);
	str_release(&self->raw);
	self->at = 0;
}

/* Length of a colour or style sequence at p (CSI ... m), or 0. */
static size_t style_length(const char *p, const char *end)
{
	const char *at = p + 2;
	if (end - p < 3 || p[0] != '\x1b' || p[1] != '[')
		return 0;
	while (at < end && ((*at >= '0' && *at <= '9') || *at == ';' || *at == ':'))
		at++;
	return at < end && *at == 'm' ? (size_t)(at + 1 - p) : 0;
}

static int add_for_terminal(struct str *out, const char *text, size_t len)
{
	const char *end = text + len;
	while (end > text && end[-1] == '\r')
		end--;
	const char *again = memrchr(text, '\r', (size_t)(end - text));
	bool styled = false;
	for (const char *p = again ? again + 1 : text; p < end;) {
		const char *plain = p;
		while (p < end && *p != '\t' && style_length(p, end) == 0)
			p++;
		if (str_add_printable(out, plain, (size_t)(p - plain)) < 0)
			return -1;
		size_t kept = p == end ? 0 : *p == '\t' ? 1 : style_length(p, end);
		styled = styled || kept > 1;
		if (str_add(out, p, kept) < 0)
			return -1;
		p += kept;
	}
	return styled ? str_adds(out, "\x1b[0m") : 0;
}

static int add_line(struct lines *self, const char *text, size_t len, struct str *out)
{
	if (str_add(out, str_text(&self->label), self->label.len) < 0)
		return -1;
	int failed = self->terminal ? add_for_terminal(out, text, len) : str_add(out, text, len);
	return failed < 0 ? -1 : str_addc(out, '\n');
}

/* The number in a marker whose token stands at p; LINES_NO_MARKER when it is none. */
static uint32_t marker_number(const char *p, const char *end)
{
	uint32_t number = 0;
	p += LINES_TOKEN_BYTES;
	if (end - p != NUMBER_DIGITS)
		return LINES_NO_MARKER;
	for (; p < end; p++) {
		const char *digits = "0123456789abcdef", *digit = *p ? strchr(digits, *p) : NULL;
		if (!digit)
			return LINES_NO_MARKER;
		number = number << 4 | (uint32_t)(digit - digits);
	}
	return number;
}

/* One whole line, or what is taken for one. 1 when it ended with a marker. */
static int take_line(struct lines *self, const char *text, size_t len, struct str *out, uint32_t *marker)
{
	const char *token = memmem(text, len, self->token, LINES_TOKEN_BYTES);
	uint32_t number = token ? marker_number(token, text + len) : LINES_NO_MARKER;
	if (!token || number == LINES_NO_MARKER)
		return add_line(self, text, len, out);
	if (token > text && add_line(self, text, (size_t)(token - text), out) < 0)
		return -1;
	*marker = number;
	return 1;
}

/* Whole lines up to a marker. 1: it was met. */
static int take_lines(struct lines *self, struct str *out, uint32_t *marker)
{
	int met = 0;
	while (met == 0 && self->at < self->raw.len) {
		const char *text = self->raw.buf + self->at;
		size_t left = self->raw.len - self->at, cut = 0;
		const char *newline = memchr(text, '\n', left);
		if (newline)
			cut = (size_t)(newline - text);
		else if (left >= LINES_LONGEST_BYTES)
			cut = LINES_LONGEST_BYTES;
		else
			break;
		met = take_line(self, text, cut, out, marker);
		self->at += cut + (newline != NULL);
	}
	if (self->at == self->raw.len) {
		str_clear(&self->raw);
		self->at = 0;
	}
	return met;
}

/* One read(2). 1: something came; 0: nothing for now, or the end. */
static int read_piece(struct lines *self)
{
	char piece[PIECE_BYTES];
	if (self->fd < 0)
		return 0;
	ssize_t got = os_read(self->fd, piece, sizeof(piece));
	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		os_close(self->fd);
		self->fd = -1;
	}
	if (got <= 0)
		return 0;
	if (self->at > 0) {
		memmove(self->raw.buf, self->raw.buf + self->at, self->raw.len - self->at);
		self->raw.len -= self->at;
		self->at = 0;
	}
	return str_add(&self->raw, piece, (size_t)got) < 0 ? -1 : 1;
}

enum lines_state lines_read(struct lines *self, struct str *out, uint32_t *marker)
{
	size_t before = out->len;
	for (;;) {
		int met = take_lines(self, out, marker);
		if (met != 0)
			return met < 0 ? LINES_FAILED : LINES_MARKER;
		if (out->len - before >= ENOUGH_BYTES)
			return LINES_ENOUGH;
		int got = read_piece(self);
		if (got <= 0)
			return got < 0 ? LINES_FAILED : LINES_EMPTY;
	}
}

int lines_flush(struct lines *self, struct str *out)
{
	size_t left = self->raw.len - self->at;
	int failed = left ? add_line(self, self->raw.buf + self->at, left, out) : 0;
	str_clear(&self->raw);
	self->at = 0;
	return failed;
}
