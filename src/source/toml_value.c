#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/toml_tree.h"

#include "base/banned.h"

/* --- strings --- */

static unsigned read_hex(struct slice s, size_t *at, int digits)
{
	unsigned value = 0;
	for (; digits > 0 && *at < s.len; digits--, ++*at) {
		char c = s.ptr[*at];
		value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static bool is_character(unsigned code)
{
	return code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
}

/* Behind the escape whose backslash is at byte at; 0 when it stands for no character. */
static size_t check_escape(struct slice s, size_t at)
{
	char c = s.ptr[++at];
	if (c != 'u' && c != 'U')
		return at + 1;
	at++;
	return is_character(read_hex(s, &at, c == 'u' ? 4 : 8)) ? at : 0;
}

bool toml_literal_is_valid(struct slice literal)
{
	char quote = literal.len > 0 ? literal.ptr[0] : '\0';
	bool multiline = literal.len >= 6 && literal.ptr[1] == quote && literal.ptr[2] == quote;
	size_t quotes = multiline ? 3 : 1, run = 0;
	for (size_t at = quotes; at + quotes < literal.len;) {
		run = literal.ptr[at] == quote ? run + 1 : 0;
		if (run == 3)
			return false;
		if (quote == '"' && literal.ptr[at] == '\\' && at + 1 < literal.len)
			at = check_escape(literal, at);
		else
			at++;
		if (at == 0)
			return false;
	}
	return true;
}

static int number(const char *digits, size_t count)
{
	int value = 0;
	for (size_t i = 0; i < count; i++)
		value = value * 10 + digits[i] - '0';
	return value;
}

bool toml_date_is_valid(struct slice date)
{
	static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	size_t digits = 0;
	while (digits < date.len && date.ptr[digits] >= '0' && date.ptr[digits] <= '9')
		digits++;
	if (digits == 2 && date.len > 2 && date.ptr[2] == ':')
		return true;
	if (digits != 4 || date.len < 10)
		return false;
	int year = number(date.ptr, 4), month = number(date.ptr + 5, 2), day = number(date.ptr + 8, 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month >= 1 && month <= 12 && day >= 1 && day <= month_days[month - 1] + (month == 2 && leap);
}

/* A backslash at the end of a line swallows all blanks up to the next character. */
static size_t skip_line_end(struct slice s, size_t at)
{
	while (at < s.len && strchr(" \t\r\n", s.ptr[at]) && s.ptr[at])
		at++;
	return at;
}

static int add_escape(struct str *out, struct slice s, size_t *at)
{
	static const char letters[] = "btnfre\"\\/", values[] = "\b\t\n\f\r\x1b\"\\/";
	char c = s.ptr[*at];
	if (c == 'u' || c == 'U' || c == 'x') {
		++*at;
		unsigned code = read_hex(s, at, c == 'u' ? 4 : c == 'U' ? 8 : 2);
		return str_add_code_point(out, is_character(code) ? code : 0xfffd);
	}
	const char *letter = c ? strchr(letters, c) : NULL;
	if (letter) {
		++*at;
		return str_addc(out, values[letter - letters]);
	}
	*at = skip_line_end(s, *at);
	return 0;
}

int toml_decode(struct str *out, struct slice literal)
{
	if (literal.len < 2)
		return 0;
	char quote = literal.ptr[0];
	bool multiline = literal.len >= 6 && literal.ptr[1] == quote && literal.ptr[2] == quote;
	size_t quotes = multiline ? 3 : 1;
	struct slice s = { literal.ptr + quotes, literal.len - 2 * quotes };
	size_t at = 0;
	if (multiline && s.len > 0 && s.ptr[0] == '\n')
		at = 1;
	else if (multiline && s.len > 1 && s.ptr[0] == '\r' && s.ptr[1] == '\n')
		at = 2;
	while (at < s.len) {
		char c = s.ptr[at++];
		int result = 0;
		if (c == '\\' && quote == '"' && at < s.len)
			result = add_escape(out, s, &at);
		else if (c != '\r')
			result = str_addc(out, c);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int add_quoted_char(struct str *out, const char *p, size_t len)
{
	static const char special[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found = len == 1 ? strchr(special, *p) : NULL;
	if (found && *found)
		return str_addf(out, "\\%c", letters[found - special]);
	if (len == 0)
		return str_adds(out, "\xef\xbf\xbd");
	if (len == 1 && ((unsigned char)*p < 0x20 || *p == 0x7f))
		return str_addf(out, "\\u%04X", (unsigned char)*p);
	return str_add(out, p, len);
}

int toml_quote(struct str *out, const char *text)
{
	size_t left = strlen(text);
	if (str_addc(out, '"') < 0)
		return -1;
	while (left > 0) {
		size_t n = utf8_length(text, left);
		if (add_quoted_char(out, text, n) < 0)
			return -1;
		text += n ? n : 1;
		left -= n ? n : 1;
	}
	return str_addc(out, '"');
}

/* --- reading --- */

enum toml_type toml_type(const struct toml *toml, const char *const path[])
{
	const struct toml_item *item = toml_find(toml, path);
	return item ? item->type : TOML_NONE;
}

int toml_line(const struct toml *toml, const char *const path[])
{
	const struct toml_item *item = toml_find(toml, path);
	return item ? item->line : 0;
}

static struct slice text_of(const struct toml *toml, const struct toml_item *item)
{
	return (struct slice){ toml->source.ptr + item->value.start, item->value.end - item->value.start };
}

/* 1 with *item set, 0 when nothing is there, -1 when it is of another type. */
static int expect(const struct toml *toml, const char *const path[], enum toml_type type, const char *what,
		  const struct toml_item **item, struct err *err)
{
	*item = toml_find(toml, path);
	if (!*item)
		return 0;
	if ((*item)->type == type)
		return 1;
	size_t last = 0;
	while (path[last] && path[last + 1])
		last++;
	return err_set_at(err, ERR_INPUT, toml->path, (*item)->line, "%s should be %s", path[last] ? path[last] : "this",
			  what);
}

int toml_string(const struct toml *toml, const char *const path[], struct str *out, struct err *err)
{
	const struct toml_item *item;
	int found = expect(toml, path, TOML_STRING, "a string", &item, err);
	if (found != 1)
		return found;
	str_clear(out);
	return toml_decode(out, text_of(toml, item)) < 0 ? err_no_memory(err) : 1;
}

int toml_integer(const struct toml *toml, const char *const path[], int64_t *out, struct err *err)
{
	const struct toml_item *item;
	int found = expect(toml, path, TOML_INTEGER, "an integer", &item, err);
	if (found != 1)
		return found;
	struct slice text = text_of(toml, item);
	cleanup_str struct str digits = STR_INIT;
	bool negative = text.ptr[0] == '-';
	for (size_t i = text.ptr[0] == '+' || negative; i < text.len; i++)
		if (text.ptr[i] != '_' && str_addc(&digits, text.ptr[i]) < 0)
			return err_no_memory(err);
	const char *start = str_text(&digits);
	bool prefixed = digits.len > 2 && start[0] == '0';
	int base = !prefixed ? 10 : start[1] == 'x' ? 16 : start[1] == 'o' ? 8 : start[1] == 'b' ? 2 : 10;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(start + (base == 10 ? 0 : 2), &end, base);
	if (errno != 0 || *end || value > (unsigned long long)INT64_MAX + negative)
		return err_set_at(err, ERR_INPUT, toml->path, item->line, "this integer is out of range");
	*out = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 1;
}

int toml_boolean(const struct toml *toml, const char *const path[], bool *out, struct err *err)
{
	const struct toml_item *item;
	int found = expect(toml, path, TOML_BOOLEAN, "true or false", &item, err);
	if (found == 1)
		*out = slice_equals(text_of(toml, item), "true");
	return found;
}

static int read_strings(const struct toml *toml, const char *const path[], bool all, struct strings *out,
			struct err *err)
{
	const struct toml_item *item;
	int found = expect(toml, path, TOML_ARRAY, "an array", &item, err);
	if (found != 1)
		return found;
	for (size_t i = 0; i < item->children.len; i++) {
		const struct toml_item *element = item->children.at[i];
		if (element->type != TOML_STRING && all)
			return err_set_at(err, ERR_INPUT, toml->path, element->line, "this element should be a string");
		if (element->type != TOML_STRING)
			continue;
		cleanup_str struct str text = STR_INIT;
		if (toml_decode(&text, text_of(toml, element)) < 0 || strings_add(out, str_text(&text)) < 0)
			return err_no_memory(err);
	}
	return 1;
}

int toml_strings(const struct toml *toml, const char *const path[], struct strings *out, struct err *err)
{
	return read_strings(toml, path, true, out, err);
}

int toml_some_strings(const struct toml *toml, const char *const path[], struct strings *out, struct err *err)
{
	return read_strings(toml, path, false, out, err);
}

int toml_keys(const struct toml *toml, const char *const path[], struct strings *out, struct err *err)
{
	struct toml_item *item = toml_enter(toml_find(toml, path));
	if (!item)
		return 0;
	if (item->type != TOML_TABLE)
		return err_set_at(err, ERR_INPUT, toml->path, item->line, "this should be a table");
	for (size_t i = 0; i < item->children.len; i++)
		if (strings_add(out, item->children.at[i]->key) < 0)
			return err_no_memory(err);
	return 1;
}

int toml_element_line(const struct toml *toml, const char *const path[], size_t index)
{
	const struct toml_item *item = toml_find(toml, path);
	return item && item->type == TOML_ARRAY && index < item->children.len ? item->children.at[index]->line : 0;
}
