#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

int str_reserve(struct str *s, size_t extra)
{
	if (extra > SIZE_MAX / 2 - s->len)
		return -1;
	size_t need = s->len + extra + 1;
	if (need <= s->capacity)
		return 0;
	size_t capacity = s->capacity ? s->capacity : 32;
	while (capacity < need)
		capacity *= 2;
	char *buf = os_realloc(s->buf, capacity);
	if (!buf)
		return -1;
	if (!s->buf)
		buf[0] = '\0';
	s->buf = buf;
	s->capacity = capacity;
	return 0;
}

int str_add(struct str *s, const void *bytes, size_t len)
{
	if (str_reserve(s, len) < 0)
		return -1;
	if (len > 0)
		memcpy(s->buf + s->len, bytes, len);
	s->len += len;
	s->buf[s->len] = '\0';
	return 0;
}

int str_adds(struct str *s, const char *text)
{
	return str_add(s, text, strlen(text));
}

int str_addc(struct str *s, char c)
{
	return str_add(s, &c, 1);
}

int str_vaddf(struct str *s, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0 || str_reserve(s, (size_t)n) < 0)
		return -1;
	vsnprintf(s->buf + s->len, (size_t)n + 1, format, args);
	s->len += (size_t)n;
	return 0;
}

int str_addf(struct str *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int result = str_vaddf(s, format, args);
	va_end(args);
	return result;
}

const char *str_text(const struct str *s)
{
	return s->buf ? s->buf : "";
}

struct slice str_slice(const struct str *s)
{
	return (struct slice){ str_text(s), s->len };
}

void str_clear(struct str *s)
{
	s->len = 0;
	if (s->buf)
		s->buf[0] = '\0';
}

char *str_steal(struct str *s)
{
	if (!s->buf && str_reserve(s, 0) < 0)
		return NULL;
	char *buf = s->buf;
	*s = (struct str)STR_INIT;
	return buf;
}

void str_release(struct str *s)
{
	free(s->buf);
	*s = (struct str)STR_INIT;
}

bool slice_equals(struct slice a, const char *text)
{
	size_t len = strlen(text);
	return a.len == len && (len == 0 || memcmp(a.ptr, text, len) == 0);
}

size_t slice_line_end(struct slice s, size_t at)
{
	while (at < s.len && s.ptr[at] != '\n' && s.ptr[at] != '\r')
		at++;
	return at;
}

size_t slice_next_line(struct slice s, size_t end)
{
	if (end + 1 < s.len && s.ptr[end] == '\r' && s.ptr[end + 1] == '\n')
		return end + 2;
	return end < s.len ? end + 1 : end;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);
	return len >= tail && memcmp(text + len - tail, suffix, tail) == 0;
}

bool text_equals(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

size_t utf8_length(const void *bytes, size_t left)
{
	const unsigned char *p = bytes;
	if (left == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

int str_add_code_point(struct str *s, unsigned code)
{
	char b[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = n; i-- > 1; code >>= 6)
		b[i] = (char)(0x80 | (code & 0x3f));
	b[0] = (char)(lead[n] | code);
	return str_add(s, b, n);
}

static int add_escaped_byte(struct str *s, unsigned char c)
{
	if (c == '\n')
		return str_adds(s, "\\n");
	if (c == '\t')
		return str_adds(s, "\\t");
	return str_addf(s, "\\x%02x", c);
}

/* U+2028 to U+202E and U+2066 to U+2069: line separators, and what turns the direction of the text behind it. */
static bool moves_text(const unsigned char *p, size_t n)
{
	if (n != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

int str_add_printable(struct str *s, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);
		bool control = n == 1 && (p[i] < 0x20 || p[i] == 0x7f);
		bool c1 = n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0;
		if (n == 0 || control) {
			if (add_escaped_byte(s, p[i]) < 0)
				return -1;
			i++;
		} else if (c1) {
			if (str_addf(s, "\\x%02x", p[i + 1]) < 0)
				return -1;
			i += 2;
		} else if (moves_text(p + i, n)) {
			if (str_addf(s, "\\u20%02x", (p[i + 1] & 3) << 6 | (p[i + 2] & 0x3f)) < 0)
				return -1;
			i += n;
		} else {
			if (str_add(s, p + i, n) < 0)
				return -1;
			i += n;
		}
	}
	return 0;
}
