#include "source/python_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "source/python_encoding.h"
#include "source/python_outline.h"

#include "base/banned.h"

const TSLanguage *tree_sitter_python(void);

/* Beyond this, a parse is given up: valid files take milliseconds. */
#define PARSE_LIMIT_US (20 * 1000 * 1000)

/* The first ERROR or missing node in source order, or the node itself. */
static TSNode find_error(TSNode node)
{
	for (;;) {
		if (ts_node_is_missing(node) || strcmp(ts_node_type(node), "ERROR") == 0)
			return node;
		uint32_t count = ts_node_child_count(node), i = 0;
		while (i < count && !ts_node_has_error(ts_node_child(node, i)) &&
		       !ts_node_is_missing(ts_node_child(node, i)))
			i++;
		if (i == count)
			return node;
		node = ts_node_child(node, i);
	}
}

static int syntax_error(const struct python_tree *tree, const char *path, struct err *err)
{
	TSNode node = find_error(python_root(tree));
	int line = python_line(node);
	err_set_at(err, ERR_INPUT, path, line, "syntax error");
	return err_hint(err, "see what Python says: python -m py_compile %s", path);
}

/* The grammar lets a file end in a backslash that joins its last line to nothing; Python does not. */
static int check_end(const struct python_tree *tree, const char *path, struct err *err)
{
	size_t end = tree->parsed.len;
	if (end > tree->text_start && tree->parsed.buf[end - 1] == '\n')
		end--;
	if (end > tree->text_start && tree->parsed.buf[end - 1] == '\r')
		end--;
	if (end == tree->text_start || tree->parsed.buf[end - 1] != '\\')
		return 0;
	TSNode node = ts_node_descendant_for_byte_range(python_root(tree), (uint32_t)end - 1, (uint32_t)end);
	if (python_is(node, "comment"))
		return 0;
	int line = 1;
	for (size_t i = 0; i < end; i++)
		line += tree->parsed.buf[i] == '\n';
	return err_set_at(err, ERR_INPUT, path, line, "syntax error: the file ends in a backslash");
}

static int parse(struct python_tree *tree, const char *path, struct err *err)
{
	TSParser *parser = ts_parser_new();
	if (!parser)
		return err_no_memory(err);
	ts_parser_set_timeout_micros(parser, PARSE_LIMIT_US);
	if (!ts_parser_set_language(parser, tree_sitter_python())) {
		ts_parser_delete(parser);
		return err_set(err, ERR_INTERNAL, "the Python grammar does not fit this tree-sitter library");
	}
	tree->tree = ts_parser_parse_string(parser, NULL, str_text(&tree->parsed), (uint32_t)tree->parsed.len);
	ts_parser_delete(parser);
	if (!tree->tree)
		return err_set_at(err, ERR_INPUT, path, 0, "%s takes too long to parse", path);
	return ts_node_has_error(python_root(tree)) ? syntax_error(tree, path, err) : check_end(tree, path, err);
}

static int check_size(struct slice source, const char *path, struct err *err)
{
	if (source.len > UINT32_MAX / 2)
		return err_set_at(err, ERR_INPUT, path, 0, "%s is too large", path);
	const char *nul = source.len ? memchr(source.ptr, '\0', source.len) : NULL;
	if (!nul)
		return 0;
	int line = 1;
	for (const char *p = source.ptr; p < nul; p++)
		line += *p == '\n';
	return err_set_at(err, ERR_INPUT, path, line, "a NUL byte: Python refuses this file");
}

static int open_tree(struct python_tree *tree, const char *path, struct err *err)
{
	cleanup_str struct str encoding = STR_INIT;
	if (check_size(tree->source, path, err) < 0 ||
	    python_encoding_detect(tree->source, path, &encoding, &tree->text_start, err) < 0)
		return -1;
	tree->encoding = str_steal(&encoding);
	if (!tree->encoding || python_encoding_mask(tree->source, tree->encoding, &tree->parsed) < 0)
		return err_no_memory(err);
	return parse(tree, path, err) < 0 ? -1 : python_outline_fill(tree, path, err);
}

int python_tree_open(struct python_tree *tree, struct slice source, const char *path, struct err *err)
{
	*tree = (struct python_tree){ .source = source };
	if (open_tree(tree, path, err) == 0)
		return 0;
	python_tree_release(tree);
	return -1;
}

void python_tree_release(struct python_tree *tree)
{
	for (size_t i = 0; i < tree->imports.len; i++) {
		free(tree->imports.at[i].module);
		free(tree->imports.at[i].name);
		free(tree->imports.at[i].bound);
	}
	for (size_t i = 0; i < tree->defs.len; i++) {
		free(tree->defs.at[i].name);
		vec_release(&tree->defs.at[i].decorators);
	}
	for (size_t i = 0; i < tree->pytestmarks.len; i++)
		vec_release(&tree->pytestmarks.at[i].elements);
	vec_release(&tree->imports);
	vec_release(&tree->defs);
	vec_release(&tree->pytestmarks);
	if (tree->tree)
		ts_tree_delete(tree->tree);
	str_release(&tree->parsed);
	free(tree->encoding);
	*tree = (struct python_tree)PYTHON_TREE_INIT;
}

/* Python compares identifiers after NFKC; where neither is plain ASCII the line alone has to decide. */
static bool name_matches(const char *name, const char *wanted, size_t wanted_len, bool by_line)
{
	if (strlen(name) == wanted_len && memcmp(name, wanted, wanted_len) == 0)
		return true;
	bool foreign = false;
	for (const char *p = name; *p; p++)
		foreign = foreign || (unsigned char)*p >= 0x80;
	return foreign && by_line;
}

/* Whether def is named by path: its own name, then its parents' as far as path goes, up to the module. */
static bool def_matches(const struct python_tree *tree, size_t index, const char *class_path, const char *function,
			bool by_line)
{
	const struct python_def *def = &tree->defs.at[index];
	if (function) {
		if (def->kind != PYTHON_FUNCTION || !name_matches(def->name, function, strlen(function), by_line))
			return false;
		index = def->parent;
	}
	const char *end = class_path ? class_path + strlen(class_path) : NULL;
	while (end && index != PYTHON_NONE) {
		def = &tree->defs.at[index];
		const char *start = end;
		while (start > class_path && !(start[-1] == ':' && start > class_path + 1 && start[-2] == ':'))
			start--;
		if (def->kind != PYTHON_CLASS || !name_matches(def->name, start, (size_t)(end - start), by_line))
			return false;
		index = def->parent;
		end = start > class_path ? start - 2 : NULL;
	}
	return !end && index == PYTHON_NONE;
}

size_t python_tree_find(const struct python_tree *tree, const char *class_path, const char *function, int line)
{
	if (!class_path && !function)
		return PYTHON_NONE;
	size_t found = PYTHON_NONE;
	for (size_t i = 0; i < tree->defs.len; i++) {
		const struct python_def *def = &tree->defs.at[i];
		bool here = line > 0 && line >= def->first_line && line <= def->line;
		if (!def_matches(tree, i, class_path, function, here))
			continue;
		if (here)
			return i;
		found = i;
	}
	return line > 0 ? PYTHON_NONE : found;
}

int python_tree_mark_prefix(const struct python_tree *tree, size_t at, struct str *out)
{
	const struct python_import *best = NULL;
	for (size_t i = 0; i < tree->imports.len; i++) {
		const struct python_import *import = &tree->imports.at[i];
		bool is_pytest = strcmp(import->module, "pytest") == 0 &&
				 (!import->name || strcmp(import->name, "mark") == 0);
		if (!is_pytest || import->owner != PYTHON_NONE || import->conditional || import->statement.end > at)
			continue;
		if (!best || (best->name && !import->name))
			best = import;
	}
	str_clear(out);
	if (!best)
		return 0;
	return str_addf(out, best->name ? "%s" : "%s.mark", best->bound) < 0 ? -1 : 1;
}

/* In what is parsed every line ends in '\n': a lone CR is one there. */
size_t python_eol_start(const struct python_tree *tree, size_t at)
{
	const char *text = str_text(&tree->parsed);
	if (at == tree->text_start || text[at - 1] != '\n')
		return at;
	at--;
	return at > tree->text_start && text[at - 1] == '\r' ? at - 1 : at;
}

size_t python_eol_end(const struct python_tree *tree, size_t at)
{
	const char *text = str_text(&tree->parsed);
	size_t end = at + (at < tree->parsed.len && text[at] == '\r');
	return end < tree->parsed.len && text[end] == '\n' ? end + 1 : at;
}

const char *python_eol(const struct python_tree *tree, size_t at)
{
	size_t end = python_line_start(tree, at);
	if (end == tree->text_start) {
		const char *text = str_text(&tree->parsed);
		const char *newline = memchr(text + end, '\n', tree->parsed.len - end);
		if (!newline)
			return "\n";
		end = (size_t)(newline - text) + 1;
	}
	if (end - python_eol_start(tree, end) == 2)
		return "\r\n";
	return tree->source.ptr[end - 1] == '\r' ? "\r" : "\n";
}

size_t python_line_start(const struct python_tree *tree, size_t at)
{
	while (at > tree->text_start && tree->parsed.buf[at - 1] != '\n')
		at--;
	return at;
}

bool python_only_blanks(const struct python_tree *tree, struct byte_range range)
{
	for (size_t i = range.start; i < range.end; i++)
		if (tree->parsed.buf[i] != ' ' && tree->parsed.buf[i] != '\t' && tree->parsed.buf[i] != '\f')
			return false;
	return true;
}

size_t python_logical_line_start(const struct python_tree *tree, size_t at)
{
	const char *text = str_text(&tree->parsed);
	size_t start = python_line_start(tree, at);
	while (start > tree->text_start) {
		size_t end = python_eol_start(tree, start);
		size_t above = python_line_start(tree, end);
		if (end == above || text[end - 1] != '\\' ||
		    !python_only_blanks(tree, (struct byte_range){ above, end - 1 }))
			break;
		start = above;
	}
	return start;
}

/* From start, or from behind a form feed, as far as there are blanks, but not beyond limit. */
static struct byte_range blanks_at(const struct python_tree *tree, size_t start, size_t limit)
{
	struct byte_range blanks = { start, start };
	for (; blanks.end < limit && python_only_blanks(tree, (struct byte_range){ blanks.end, blanks.end + 1 });
	     blanks.end++)
		if (tree->parsed.buf[blanks.end] == '\f')
			blanks.start = blanks.end + 1;
	return blanks;
}

struct byte_range python_indent(const struct python_tree *tree, size_t at)
{
	return blanks_at(tree, python_logical_line_start(tree, at), at);
}

struct byte_range python_indent_blanks(const struct python_tree *tree, size_t at)
{
	struct byte_range blanks = python_indent(tree, at);
	while (blanks.start == blanks.end && blanks.end < at && tree->parsed.buf[blanks.end] == '\\')
		blanks = blanks_at(tree, python_eol_end(tree, blanks.end + 1), at);
	return blanks;
}

/* The statement that starts at byte at: the outermost node below a block that does. */
static TSNode statement_at(const struct python_tree *tree, size_t at)
{
	TSNode node = ts_node_descendant_for_byte_range(python_root(tree), (uint32_t)at, (uint32_t)at + 1);
	for (;;) {
		TSNode parent = ts_node_parent(node);
		if (ts_node_is_null(parent) || python_is(parent, "module") || python_is(parent, "block"))
			return node;
		node = parent;
	}
}

size_t python_logical_line_end(const struct python_tree *tree, size_t at)
{
	const char *text = str_text(&tree->parsed);
	size_t len = tree->parsed.len;
	while (at < len && text[at] != '\n') {
		if (text[at] == '#') {
			while (at < len && text[at] != '\n')
				at++;
		} else if (strchr(" \t\f\r;", text[at])) {
			at++;
		} else if (text[at] == '\\') {
			at++;
			at += at < len && text[at] == '\r';
			at += at < len && text[at] == '\n';
		} else {
			size_t end = ts_node_end_byte(statement_at(tree, at));
			at = end > at ? end : at + 1;
		}
	}
	return at < len ? at + 1 : len;
}

TSNode python_root(const struct python_tree *tree)
{
	return ts_tree_root_node(tree->tree);
}

struct slice python_text(const struct python_tree *tree, TSNode node)
{
	if (ts_node_is_null(node))
		return (struct slice){ "", 0 };
	uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
	return (struct slice){ tree->source.ptr + start, end - start };
}

bool python_text_is(const struct python_tree *tree, TSNode node, const char *text)
{
	return slice_equals(python_text(tree, node), text);
}

bool python_is(TSNode node, const char *type)
{
	return !ts_node_is_null(node) && strcmp(ts_node_type(node), type) == 0;
}

TSNode python_child(TSNode node, const char *field)
{
	if (ts_node_is_null(node))
		return node;
	TSNode child = ts_node_child_by_field_name(node, field, (uint32_t)strlen(field));
	while (!ts_node_is_null(child) && ts_node_is_extra(child))
		child = ts_node_next_named_sibling(child);
	return child;
}

TSNode python_first_named(TSNode node)
{
	if (ts_node_is_null(node))
		return node;
	TSNode child = ts_node_named_child(node, 0);
	while (!ts_node_is_null(child) && ts_node_is_extra(child))
		child = ts_node_next_named_sibling(child);
	return child;
}

int python_line(TSNode node)
{
	return ts_node_is_null(node) ? 0 : (int)ts_node_start_point(node).row + 1;
}

int python_walk(TSNode node, python_visit *visit, void *context)
{
	if (ts_node_is_null(node))
		return 0;
	TSTreeCursor cursor = ts_tree_cursor_new(node);
	int depth = 0, result = 0;
	for (;;) {
		TSNode current = ts_tree_cursor_current_node(&cursor);
		result = ts_node_is_named(current) ? visit(context, current, depth) : 0;
		if (result < 0)
			break;
		if (result == 0 && ts_tree_cursor_goto_first_child(&cursor)) {
			depth++;
			continue;
		}
		while (depth > 0 && !ts_tree_cursor_goto_next_sibling(&cursor)) {
			ts_tree_cursor_goto_parent(&cursor);
			depth--;
		}
		if (depth == 0)
			break;
	}
	ts_tree_cursor_delete(&cursor);
	return result < 0 ? -1 : 0;
}
