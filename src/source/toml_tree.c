#include "source/toml_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

const TSLanguage *tree_sitter_toml(void);

#define MAX_DEPTH 100
#define PARSE_LIMIT_US (20 * 1000 * 1000)

struct reader {
	struct toml *toml;
	struct err *err;
	int section;
};

static int line_at(struct slice s, size_t at)
{
	int line = 1;
	for (size_t i = 0; i < at && i < s.len; i++)
		line += s.ptr[i] == '\n';
	return line;
}

static int refuse(struct reader *self, size_t at, const char *what, const char *key)
{
	err_set_at(self->err, ERR_INPUT, self->toml->path, line_at(self->toml->source, at), "invalid TOML: %s%s%s", what,
		   key ? " " : "", key ? key : "");
	return err_hint(self->err, "correct this line and run again");
}

static struct byte_range range_of(TSNode node)
{
	return (struct byte_range){ ts_node_start_byte(node), ts_node_end_byte(node) };
}

static struct slice text_of(const struct toml *toml, TSNode node)
{
	struct byte_range range = range_of(node);
	return (struct slice){ toml->source.ptr + range.start, range.end - range.start };
}

static bool is(TSNode node, const char *type)
{
	return strcmp(ts_node_type(node), type) == 0;
}

static void item_free(struct toml_item *item)
{
	/* Depth is bounded by MAX_DEPTH and by the length of dotted keys: free without recursion. */
	while (item) {
		if (item->children.len > 0) {
			item = item->children.at[--item->children.len];
			continue;
		}
		struct toml_item *parent = item->parent;
		vec_release(&item->children);
		free(item->key);
		free(item);
		item = parent;
	}
}

static struct toml_item *item_add(struct reader *self, struct toml_item *parent, const char *key)
{
	struct toml_item *item = os_calloc(1, sizeof(*item));
	if (item && key)
		item->key = os_strdup(key);
	if (!item || (key && !item->key) || (parent && vec_push(&parent->children, item) < 0)) {
		if (item)
			free(item->key);
		free(item);
		err_no_memory(self->err);
		return NULL;
	}
	item->parent = parent;
	item->type = TOML_TABLE;
	return item;
}

struct toml_item *toml_child(const struct toml_item *table, const char *key)
{
	for (size_t i = 0; i < table->children.len; i++)
		if (table->children.at[i]->key && strcmp(table->children.at[i]->key, key) == 0)
			return table->children.at[i];
	return NULL;
}

struct toml_item *toml_enter(struct toml_item *item)
{
	if (item && item->type == TOML_TABLES && item->children.len > 0)
		return item->children.at[item->children.len - 1];
	return item;
}

struct toml_item *toml_find(const struct toml *toml, const char *const path[])
{
	struct toml_item *item = toml->root;
	for (size_t i = 0; path[i] && item; i++) {
		item = toml_enter(item);
		item = item->type == TOML_TABLE ? toml_child(item, path[i]) : NULL;
	}
	return item;
}

/* --- keys --- */

static int add_key_part(struct reader *self, TSNode node, struct strings *keys)
{
	cleanup_str struct str decoded = STR_INIT;
	struct slice text = text_of(self->toml, node);
	bool quoted = is(node, "quoted_key");
	if (quoted && !toml_literal_is_valid(text))
		return refuse(self, ts_node_start_byte(node), "a key with a bad escape", NULL);
	int result = quoted ? toml_decode(&decoded, text) : str_add(&decoded, text.ptr, text.len);
	if (result < 0 || strings_add(keys, str_text(&decoded)) < 0)
		return err_no_memory(self->err);
	if (strlen(str_text(&decoded)) != decoded.len)
		return refuse(self, ts_node_start_byte(node), "a NUL in a key", NULL);
	return 0;
}

/* A dotted key nests to the left, one level a dot. */
static int read_key(struct reader *self, TSNode node, struct strings *keys)
{
	VEC(TSNode) parts = VEC_INIT;
	int result = 0;
	while (result == 0 && is(node, "dotted_key")) {
		uint32_t count = ts_node_named_child_count(node);
		result = count < 2 || vec_push(&parts, ts_node_named_child(node, count - 1)) < 0;
		node = ts_node_named_child(node, 0);
	}
	if (result)
		result = err_no_memory(self->err);
	else
		result = add_key_part(self, node, keys);
	while (result == 0 && parts.len > 0)
		result = add_key_part(self, parts.at[--parts.len], keys);
	vec_release(&parts);
	return result;
}

/* --- values --- */

static int read_pair(struct reader *self, TSNode node, struct toml_item *container, int depth);

static const struct {
	const char *node;
	enum toml_type type;
} value_types[] = {
	{ "string", TOML_STRING },	   { "integer", TOML_INTEGER },	    { "float", TOML_FLOAT },
	{ "boolean", TOML_BOOLEAN },	   { "array", TOML_ARRAY },	    { "inline_table", TOML_TABLE },
	{ "offset_date_time", TOML_DATE }, { "local_date_time", TOML_DATE }, { "local_date", TOML_DATE },
	{ "local_time", TOML_DATE },
};

static enum toml_type type_of(TSNode node)
{
	for (size_t i = 0; i < sizeof(value_types) / sizeof(*value_types); i++)
		if (is(node, value_types[i].node))
			return value_types[i].type;
	return TOML_NONE;
}

static int read_value(struct reader *self, TSNode node, struct toml_item *item, int depth)
{
	item->type = type_of(node);
	item->origin = TOML_INLINE;
	item->value = range_of(node);
	item->line = (int)ts_node_start_point(node).row + 1;
	if (item->type == TOML_NONE)
		return refuse(self, item->value.start, "no value of a known kind", NULL);
	if (depth > MAX_DEPTH)
		return refuse(self, item->value.start, "nested too deep", NULL);
	if (item->type == TOML_STRING && !toml_literal_is_valid(text_of(self->toml, node)))
		return refuse(self, item->value.start, "a string with a bad escape or too many quotes", NULL);
	if (item->type == TOML_DATE && !toml_date_is_valid(text_of(self->toml, node)))
		return refuse(self, item->value.start, "no such day", NULL);
	if (item->type != TOML_ARRAY && item->type != TOML_TABLE)
		return 0;
	TSTreeCursor cursor = ts_tree_cursor_new(node);
	int result = 0;
	bool more = ts_tree_cursor_goto_first_child(&cursor);
	for (; more && result == 0; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
		TSNode child = ts_tree_cursor_current_node(&cursor);
		if (!ts_node_is_named(child) || ts_node_is_extra(child))
			continue;
		if (item->type == TOML_TABLE) {
			result = read_pair(self, child, item, depth + 1);
		} else {
			struct toml_item *element = item_add(self, item, NULL);
			result = element ? read_value(self, child, element, depth + 1) : -1;
		}
	}
	ts_tree_cursor_delete(&cursor);
	return result;
}

/* --- pairs and headers --- */

/* The table that keys[0 … count-2] lead to from table, made where it is missing. */
static struct toml_item *dotted_parent(struct reader *self, struct toml_item *table, const struct strings *keys,
				       size_t at)
{
	for (size_t i = 0; i + 1 < keys->len; i++) {
		struct toml_item *child = toml_child(table, keys->at[i]);
		if (!child) {
			child = item_add(self, table, keys->at[i]);
			if (!child)
				return NULL;
			child->origin = TOML_DOTTED;
			child->section = self->section;
			child->line = line_at(self->toml->source, at);
		}
		bool closed = child->type != TOML_TABLE || child->origin == TOML_INLINE ||
			      child->origin == TOML_HEADER ||
			      (child->origin == TOML_DOTTED && child->section != self->section);
		if (closed) {
			refuse(self, at, "a second definition of", keys->at[i]);
			return NULL;
		}
		if (child->origin == TOML_IMPLIED) {
			child->origin = TOML_DOTTED;
			child->section = self->section;
		}
		table = child;
	}
	return table;
}

static int read_pair(struct reader *self, TSNode node, struct toml_item *container, int depth)
{
	uint32_t count = is(node, "pair") ? ts_node_named_child_count(node) : 0;
	while (count > 0 && ts_node_is_extra(ts_node_named_child(node, count - 1)))
		count--;
	if (count < 2)
		return refuse(self, ts_node_start_byte(node), "syntax error", NULL);
	cleanup_strings struct strings keys = STRINGS_INIT;
	struct byte_range pair = range_of(node);
	TSNode value = ts_node_named_child(node, count - 1);
	pair.end = ts_node_end_byte(value);
	if (read_key(self, ts_node_named_child(node, 0), &keys) < 0)
		return -1;
	if (keys.len > MAX_DEPTH)
		return refuse(self, pair.start, "nested too deep", NULL);
	struct toml_item *parent = dotted_parent(self, container, &keys, pair.start);
	if (!parent)
		return -1;
	if (toml_child(parent, keys.at[keys.len - 1]))
		return refuse(self, pair.start, "a second definition of", keys.at[keys.len - 1]);
	struct toml_item *item = item_add(self, parent, keys.at[keys.len - 1]);
	if (!item)
		return -1;
	item->pair = pair;
	item->container = container;
	container->last_pair_start = pair.start;
	container->last_pair_end = pair.end;
	return read_value(self, value, item, depth);
}

static struct toml_item *header_parent(struct reader *self, const struct strings *keys, size_t at)
{
	struct toml_item *table = self->toml->root;
	for (size_t i = 0; i + 1 < keys->len; i++) {
		struct toml_item *child = toml_child(table, keys->at[i]);
		if (!child) {
			child = item_add(self, table, keys->at[i]);
			if (!child)
				return NULL;
			child->line = line_at(self->toml->source, at);
		}
		child = toml_enter(child);
		if (child->type != TOML_TABLE || child->origin == TOML_INLINE) {
			refuse(self, at, "a table inside a value:", keys->at[i]);
			return NULL;
		}
		table = child;
	}
	return table;
}

/* The table that a header opens; NULL with an error when it was opened before. */
static struct toml_item *open_header(struct reader *self, const struct strings *keys, bool element, size_t at)
{
	struct toml_item *parent = header_parent(self, keys, at);
	if (!parent)
		return NULL;
	const char *key = keys->at[keys->len - 1];
	struct toml_item *item = toml_child(parent, key);
	bool fresh = !item;
	if (fresh) {
		item = item_add(self, parent, key);
		if (!item)
			return NULL;
		item->type = element ? TOML_TABLES : TOML_TABLE;
		item->line = line_at(self->toml->source, at);
	}
	bool fits = element ? item->type == TOML_TABLES
			    : item->type == TOML_TABLE && (fresh || item->origin == TOML_IMPLIED);
	if (!fits) {
		refuse(self, at, "a second definition of", key);
		return NULL;
	}
	return element ? item_add(self, item, NULL) : item;
}

static int read_table(struct reader *self, TSNode node)
{
	cleanup_strings struct strings keys = STRINGS_INIT;
	size_t at = ts_node_start_byte(node);
	if (read_key(self, ts_node_named_child(node, 0), &keys) < 0)
		return -1;
	if (keys.len > MAX_DEPTH)
		return refuse(self, at, "nested too deep", NULL);
	self->section++;
	struct toml_item *table = open_header(self, &keys, is(node, "table_array_element"), at);
	if (!table)
		return -1;
	table->origin = TOML_HEADER;
	table->line = (int)ts_node_start_point(node).row + 1;
	TSTreeCursor cursor = ts_tree_cursor_new(node);
	int result = 0;
	bool more = ts_tree_cursor_goto_first_child(&cursor);
	for (; more && result == 0; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
		TSNode child = ts_tree_cursor_current_node(&cursor);
		if (is(child, "]") || is(child, "]]"))
			table->header = (struct byte_range){ at, ts_node_end_byte(child) };
		else if (is(child, "pair"))
			result = read_pair(self, child, table, 0);
	}
	ts_tree_cursor_delete(&cursor);
	return result;
}

static int read_document(struct reader *self)
{
	struct toml *toml = self->toml;
	toml->root = item_add(self, NULL, NULL);
	if (!toml->root)
		return -1;
	toml->root->origin = TOML_HEADER;
	toml->root->line = 1;
	TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(toml->tree));
	int result = 0;
	bool more = ts_tree_cursor_goto_first_child(&cursor);
	for (; more && result == 0; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
		TSNode node = ts_tree_cursor_current_node(&cursor);
		if (is(node, "pair"))
			result = read_pair(self, node, toml->root, 0);
		else if (is(node, "table") || is(node, "table_array_element"))
			result = read_table(self, node);
	}
	ts_tree_cursor_delete(&cursor);
	return result;
}

/* --- opening --- */

static int check_bytes(struct reader *self)
{
	struct slice s = self->toml->source;
	if (s.len > UINT32_MAX / 2)
		return err_set_at(self->err, ERR_INPUT, self->toml->path, 0, "%s is too large", self->toml->path);
	for (size_t at = 0; at < s.len;) {
		size_t n = utf8_length(s.ptr + at, s.len - at);
		unsigned char c = (unsigned char)s.ptr[at];
		bool newline = c == '\n' || (c == '\r' && at + 1 < s.len && s.ptr[at + 1] == '\n');
		if (n == 0)
			return refuse(self, at, "a byte that is not UTF-8", NULL);
		if ((c < 0x20 && c != '\t' && !newline) || c == 0x7f)
			return refuse(self, at, "a control character", NULL);
		at += n;
	}
	return 0;
}

static size_t first_error(TSNode node)
{
	for (;;) {
		uint32_t count = ts_node_child_count(node), i = 0;
		if (ts_node_is_missing(node) || is(node, "ERROR"))
			return ts_node_start_byte(node);
		while (i < count && !ts_node_has_error(ts_node_child(node, i)) &&
		       !ts_node_is_missing(ts_node_child(node, i)))
			i++;
		if (i == count)
			return ts_node_start_byte(node);
		node = ts_node_child(node, i);
	}
}

/*
 * The grammar wants the backslash that joins lines at the very end of its line, TOML allows blanks
 * behind it: there it changes places with them. Outside strings that makes no difference.
 */
static int mask(struct toml *toml)
{
	struct slice s = toml->source;
	if (str_add(&toml->parsed, s.ptr, s.len) < 0)
		return -1;
	char *text = toml->parsed.buf;
	for (size_t at = 0; at + 1 < s.len; at++) {
		if (text[at] != '\\')
			continue;
		size_t end = at + 1;
		while (end < s.len && (text[end] == ' ' || text[end] == '\t'))
			end++;
		bool at_line_end = end < s.len && (text[end] == '\n' || text[end] == '\r');
		if (end > at + 1 && at_line_end) {
			text[at] = ' ';
			text[end - 1] = '\\';
			at = end;
		} else {
			at++; /* an escape: its second character is no backslash of its own */
		}
	}
	return 0;
}

static int parse(struct reader *self)
{
	struct toml *toml = self->toml;
	if (mask(toml) < 0)
		return err_no_memory(self->err);
	TSParser *parser = ts_parser_new();
	if (!parser)
		return err_no_memory(self->err);
	ts_parser_set_timeout_micros(parser, PARSE_LIMIT_US);
	bool fits = ts_parser_set_language(parser, tree_sitter_toml());
	toml->tree = fits ? ts_parser_parse_string(parser, NULL, toml->parsed.buf, (uint32_t)toml->parsed.len) : NULL;
	ts_parser_delete(parser);
	if (!fits)
		return err_set(self->err, ERR_INTERNAL, "the TOML grammar does not fit this tree-sitter library");
	if (!toml->tree)
		return err_set_at(self->err, ERR_INPUT, toml->path, 0, "%s takes too long to parse", toml->path);
	TSNode root = ts_tree_root_node(toml->tree);
	return ts_node_has_error(root) ? refuse(self, first_error(root), "syntax error", NULL) : 0;
}

int toml_open(struct toml *toml, struct slice source, const char *path, struct err *err)
{
	*toml = (struct toml){ .source = source, .eol = "\n", .path = os_strdup(path) };
	if (source.len == 0)
		toml->source.ptr = "";
	if (!toml->path)
		return err_no_memory(err);
	const char *newline = source.len ? memchr(source.ptr, '\n', source.len) : NULL;
	if (newline && newline > source.ptr && newline[-1] == '\r')
		toml->eol = "\r\n";
	struct reader self = { .toml = toml, .err = err };
	if (check_bytes(&self) == 0 && parse(&self) == 0 && read_document(&self) == 0)
		return 0;
	toml_release(toml);
	return -1;
}

void toml_release(struct toml *toml)
{
	item_free(toml->root);
	if (toml->tree)
		ts_tree_delete(toml->tree);
	str_release(&toml->parsed);
	free(toml->path);
	*toml = (struct toml)TOML_INIT;
}
