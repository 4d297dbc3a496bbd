#include <string.h>

#include "source/python_encoding.h"
#include "source/python_tree.h"

#include "base/banned.h"

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads up to digits digits of base at *at. */
static unsigned read_number(struct slice s, size_t *at, int digits, int base)
{
	unsigned value = 0;
	for (; digits > 0 && *at < s.len; digits--, ++*at) {
		int digit = hex_value(s.ptr[*at]);
		if (digit < 0 || digit >= base)
			break;
		value = value * (unsigned)base + (unsigned)digit;
	}
	return value;
}

static int add_code(struct str *out, unsigned code)
{
	bool valid = code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
	return str_add_code_point(out, valid ? code : 0xfffd);
}

/* One escape; *at stands behind the backslash. */
static int add_escape(struct str *out, struct slice s, size_t *at)
{
	static const char letters[] = "abfnrtv\\'\"", values[] = "\a\b\f\n\r\t\v\\'\"";
	char c = s.ptr[*at];
	const char *letter = c ? strchr(letters, c) : NULL;
	if (letter) {
		++*at;
		return str_addc(out, values[letter - letters]);
	}
	if (c == '\r' || c == '\n') {
		*at += c == '\r' && *at + 1 < s.len && s.ptr[*at + 1] == '\n' ? 2 : 1;
		return 0;
	}
	if (c >= '0' && c <= '7')
		return add_code(out, read_number(s, at, 3, 8));
	int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	if (digits == 0)
		return str_addc(out, '\\');
	++*at;
	return add_code(out, read_number(s, at, digits, 16));
}

static int add_content(const struct python_tree *tree, struct slice s, bool raw, struct str *out)
{
	for (size_t at = 0; at < s.len;) {
		size_t from = at;
		while (at < s.len && (raw || s.ptr[at] != '\\'))
			at++;
		if (python_encoding_add(out, (struct slice){ s.ptr + from, at - from }, tree->encoding) < 0)
			return -1;
		if (at >= s.len)
			break;
		at++;
		if (at < s.len && add_escape(out, s, &at) < 0)
			return -1;
	}
	return 0;
}

/* Length of the prefix of a string literal; -1 for bytes, f-strings and template strings. */
static int plain_prefix(struct slice quote)
{
	int length = 0;
	for (size_t i = 0; i < quote.len && quote.ptr[i] != '"' && quote.ptr[i] != '\''; i++, length++)
		if (strchr("fFbBtT", quote.ptr[i]))
			return -1;
	return length;
}

bool python_is_text(const struct python_tree *tree, TSNode node)
{
	if (python_is(node, "string"))
		return plain_prefix(python_text(tree, ts_node_child(node, 0))) >= 0;
	if (!python_is(node, "concatenated_string"))
		return false;
	for (TSNode part = python_first_named(node); !ts_node_is_null(part); part = ts_node_next_named_sibling(part))
		if (!ts_node_is_extra(part) && !python_is_text(tree, part))
			return false;
	return true;
}

static int add_string(const struct python_tree *tree, TSNode node, struct str *out)
{
	uint32_t count = ts_node_child_count(node);
	if (count < 2)
		return -1;
	TSNode first = ts_node_child(node, 0), last = ts_node_child(node, count - 1);
	struct slice quote = python_text(tree, first);
	int prefix = plain_prefix(quote);
	if (prefix < 0)
		return -1;
	bool raw = memchr(quote.ptr, 'r', (size_t)prefix) || memchr(quote.ptr, 'R', (size_t)prefix);
	size_t start = ts_node_end_byte(first), end = ts_node_start_byte(last);
	return add_content(tree, (struct slice){ tree->source.ptr + start, end - start }, raw, out);
}

int python_string_value(const struct python_tree *tree, TSNode node, struct str *out)
{
	str_clear(out);
	if (python_is(node, "string"))
		return add_string(tree, node, out);
	if (!python_is(node, "concatenated_string"))
		return -1;
	for (TSNode part = python_first_named(node); !ts_node_is_null(part); part = ts_node_next_named_sibling(part))
		if (!ts_node_is_extra(part) && add_string(tree, part, out) < 0)
			return -1;
	return 0;
}
