#include "project/record_line.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

static void add(struct record_line *line, const char *text)
{
	line->failed |= str_adds(&line->text, text) < 0;
}

static void add_byte(struct record_line *line, unsigned char c)
{
	if (c == '"' || c == '\\')
		line->failed |= str_addf(&line->text, "\\%c", c) < 0;
	else if (c == '%' || c == 0)
		line->failed |= str_addf(&line->text, "%%%02X", c) < 0;
	else if (c < 0x20)
		line->failed |= str_addf(&line->text, "\\u%04x", c) < 0;
	else
		line->failed |= str_addc(&line->text, (char)c) < 0;
}

static void add_quoted(struct record_line *line, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	add(line, "\"");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);
		if (n == 0)
			line->failed |= str_addf(&line->text, "%%%02X", p[i++]) < 0;
		else if (n == 1)
			add_byte(line, p[i++]);
		else {
			line->failed |= str_add(&line->text, p + i, n) < 0;
			i += n;
		}
	}
	add(line, "\"");
}

static void add_key(struct record_line *line, const char *key)
{
	line->failed |= str_addf(&line->text, ",\"%s\":", key) < 0;
}

void record_line_begin(struct record_line *line, const char *event)
{
	str_clear(&line->text);
	line->failed = false;
	add(line, "{\"event\":");
	add_quoted(line, event, strlen(event));
}

void record_line_text(struct record_line *line, const char *key, const void *bytes, size_t len)
{
	add_key(line, key);
	add_quoted(line, bytes, len);
}

void record_line_integer(struct record_line *line, const char *key, long long value)
{
	line->failed |= str_addf(&line->text, ",\"%s\":%lld", key, value) < 0;
}

void record_line_flag(struct record_line *line, const char *key, bool value)
{
	add_key(line, key);
	add(line, value ? "true" : "false");
}

void record_line_null(struct record_line *line, const char *key)
{
	add_key(line, key);
	add(line, "null");
}

void record_line_list(struct record_line *line, const char *key)
{
	add_key(line, key);
	add(line, "[");
	line->list_is_empty = true;
}

void record_line_list_add(struct record_line *line, const void *bytes, size_t len)
{
	if (!line->list_is_empty)
		add(line, ",");
	line->list_is_empty = false;
	add_quoted(line, bytes, len);
}

void record_line_list_end(struct record_line *line)
{
	add(line, "]");
}

int record_line_write(struct record_line *line, int fd)
{
	add(line, "}\n");
	if (line->failed) {
		errno = ENOMEM;
		return -1;
	}
	return os_write_all(fd, line->text.buf, line->text.len);
}

void record_line_release(struct record_line *line)
{
	str_release(&line->text);
	*line = (struct record_line)RECORD_LINE_INIT;
}

int record_text_encode(struct str *out, const char *text)
{
	size_t len = strlen(text);
	str_clear(out);
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(text + i, len - i);
		bool plain = n > 0 && text[i] != '%';
		if ((plain ? str_add(out, text + i, n) : str_addf(out, "%%%02X", (unsigned char)text[i])) < 0)
			return -1;
		i += plain ? n : 1;
	}
	return str_reserve(out, 0);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int record_text_decode(struct str *out, const char *escaped)
{
	str_clear(out);
	for (const char *p = escaped; *p; p++) {
		char c = *p;
		if (c == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			c = (char)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
			p += 2;
		}
		if (str_addc(out, c) < 0)
			return -1;
	}
	return str_reserve(out, 0);
}
