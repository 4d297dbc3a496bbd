#include "source/mark_text.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

static bool slice_same(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The attribute that names the mark, and the arguments of its call if it is one. */
static bool split(const struct python_tree *tree, TSNode node, TSNode *object, struct mark_text *mark)
{
	while (python_is(node, "parenthesized_expression"))
		node = python_first_named(node);
	*mark = (struct mark_text){ .called = false };
	if (python_is(node, "call")) {
		TSNode list = python_child(node, "arguments");
		if (!python_is(list, "argument_list"))
			return false;
		struct slice text = python_text(tree, list);
		mark->called = true;
		mark->arguments = (struct slice){ text.ptr + 1, text.len - 2 };
		node = python_child(node, "function");
	}
	if (!python_is(node, "attribute"))
		return false;
	*object = python_child(node, "object");
	mark->name = python_text(tree, python_child(node, "attribute"));
	return true;
}

int mark_text_parse(struct mark_text *mark, const char *text, struct err *err)
{
	cleanup_str struct str source = STR_INIT;
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	struct err reason = ERR_INIT;
	TSNode object = { 0 };
	if (str_addf(&source, "m.%s\n", text) < 0)
		return err_no_memory(err);
	bool one_line = strpbrk(text, "\r\n#;\\") == NULL;
	if (one_line && python_tree_open(&tree, str_slice(&source), "", &reason) == 0) {
		TSNode statement = python_first_named(python_root(&tree));
		TSNode expression = python_first_named(statement);
		bool whole = ts_node_end_byte(expression) + 1 == source.len;
		if (whole && split(&tree, expression, &object, mark) && python_text_is(&tree, object, "m")) {
			/* Same offsets, but in text, which outlives the tree. */
			mark->name.ptr = text + (mark->name.ptr - source.buf - 2);
			if (mark->called)
				mark->arguments.ptr = text + (mark->arguments.ptr - source.buf - 2);
			return 0;
		}
	}
	if (reason.kind == ERR_INTERNAL)
		return err_set(err, ERR_INTERNAL, "%s", reason.text);
	return err_set(err, ERR_INPUT, "\"%s\" is no mark: write name or name(arguments)", text);
}

/* Whether object is what this file calls pytest.mark. */
static bool is_mark_namespace(const struct python_tree *tree, TSNode object)
{
	bool dotted = python_is(object, "attribute");
	if (dotted && !python_text_is(tree, python_child(object, "attribute"), "mark"))
		return false;
	TSNode base = dotted ? python_child(object, "object") : object;
	if (!python_is(base, "identifier"))
		return false;
	if (dotted && python_text_is(tree, base, "pytest"))
		return true;
	for (size_t i = 0; i < tree->imports.len; i++) {
		const struct python_import *import = &tree->imports.at[i];
		if (strcmp(import->module, "pytest") != 0 || !python_text_is(tree, base, import->bound))
			continue;
		if (dotted ? import->name == NULL : import->name && strcmp(import->name, "mark") == 0)
			return true;
	}
	return false;
}

bool mark_text_read(const struct python_tree *tree, struct byte_range range, struct mark_text *mark)
{
	TSNode object = { 0 };
	TSNode node = ts_node_named_descendant_for_byte_range(python_root(tree), (uint32_t)range.start,
							      (uint32_t)range.end);
	return range.end > range.start && split(tree, node, &object, mark) && is_mark_namespace(tree, object);
}

/* Copies a string literal at *at; with double quotes where that changes nothing. */
static int add_literal(struct str *out, struct slice s, size_t *at)
{
	char quote = s.ptr[*at];
	size_t end = *at + 1;
	bool simple = true;
	while (end < s.len && s.ptr[end] != quote) {
		simple = simple && s.ptr[end] != '\\' && s.ptr[end] != '"';
		end += s.ptr[end] == '\\' ? 2 : 1;
	}
	end = end < s.len ? end + 1 : s.len;
	struct slice inner = { s.ptr + *at + 1, end - *at >= 2 ? end - *at - 2 : 0 };
	int result = simple ? str_addc(out, '"') < 0 || str_add(out, inner.ptr, inner.len) < 0 || str_addc(out, '"') < 0
			    : str_add(out, s.ptr + *at, end - *at) < 0;
	*at = end;
	return result ? -1 : 0;
}

/* Arguments without blanks and a comma at their end, strings in double quotes, `name=` dropped. */
static int normalise(struct str *out, const struct mark_text *mark)
{
	struct slice s = mark->arguments;
	if (str_adds(out, "") < 0)
		return -1;
	for (size_t at = 0; at < s.len;) {
		if (s.ptr[at] == '"' || s.ptr[at] == '\'') {
			if (add_literal(out, s, &at) < 0)
				return -1;
		} else {
			if (!isspace((unsigned char)s.ptr[at]) && str_addc(out, s.ptr[at]) < 0)
				return -1;
			at++;
		}
	}
	if (out->len > 0 && out->buf[out->len - 1] == ',')
		out->buf[--out->len] = '\0';
	if (slice_equals(mark->name, "xdist_group") && text_starts_with(out->buf, "name=")) {
		memmove(out->buf, out->buf + 5, out->len - 4);
		out->len -= 5;
	}
	return 0;
}

int mark_text_equals(const struct mark_text *a, const struct mark_text *b)
{
	if (!slice_same(a->name, b->name))
		return 0;
	cleanup_str struct str left = STR_INIT, right = STR_INIT;
	if (normalise(&left, a) < 0 || normalise(&right, b) < 0)
		return -1;
	return strcmp(left.buf, right.buf) == 0;
}

int mark_text_matches(const struct mark_text *mark, const struct mark_text *pattern)
{
	return pattern->called ? mark_text_equals(mark, pattern) : slice_same(mark->name, pattern->name);
}
