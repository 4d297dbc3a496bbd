#include "source/toml_edit.h"

#include <string.h>

#include "source/toml_tree.h"

#include "base/banned.h"

/* A new array longer than this gets one element a line. */
#define LINE_BYTES 100

static int add(struct edits *edits, size_t start, size_t end, const char *text, struct err *err)
{
	return edits_add(edits, start, end, (struct slice){ text, strlen(text) }) < 0 ? err_no_memory(err) : 0;
}

static int add_key(struct str *out, const char *key)
{
	bool bare = key[0] != '\0';
	for (const char *p = key; *p; p++)
		bare = bare && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
				*p == '-' || *p == '_');
	return bare ? str_adds(out, key) : toml_quote(out, key);
}

static int add_dotted(struct str *out, const char *const path[], size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if ((i > from && str_addc(out, '.') < 0) || add_key(out, path[i]) < 0)
			return -1;
	return 0;
}

static size_t path_length(const char *const path[])
{
	size_t length = 0;
	while (path[length])
		length++;
	return length;
}

/* The deepest table on the way to path that exists; *depth keys lead to it. ERR_INPUT when a value is in the way. */
static struct toml_item *deepest_table(const struct toml *toml, const char *const path[], size_t *depth,
				       struct err *err)
{
	struct toml_item *table = toml->root;
	for (*depth = 0; path[*depth]; ++*depth) {
		struct toml_item *child = toml_enter(toml_child(table, path[*depth]));
		if (!child)
			break;
		if (child->type != TOML_TABLE) {
			err_set_at(err, ERR_INPUT, toml->path, child->line, "%s should be a table", path[*depth]);
			return NULL;
		}
		table = child;
	}
	return table;
}

static bool newline_before(const struct toml *toml, size_t at)
{
	return at == 0 || toml->source.ptr[at - 1] == '\n' || (at == 3 && toml->source.ptr[0] == '\xef');
}

/* A line of its own behind the line of byte at, indented as the line of byte like. */
static int insert_line(const struct toml *toml, size_t at, size_t like, const char *line, struct edits *edits,
		       struct err *err)
{
	struct slice s = toml->source;
	const char *newline = at < s.len ? memchr(s.ptr + at, '\n', s.len - at) : NULL;
	size_t end = newline ? (size_t)(newline - s.ptr) + 1 : s.len;
	cleanup_str struct str text = STR_INIT;
	size_t start = list_line_start(s, like), indent = 0;
	while (start + indent < like && (s.ptr[start + indent] == ' ' || s.ptr[start + indent] == '\t'))
		indent++;
	if ((!newline && str_adds(&text, toml->eol) < 0) || str_add(&text, s.ptr + start, indent) < 0 ||
	    str_adds(&text, line) < 0 || (newline && str_adds(&text, toml->eol) < 0))
		return err_no_memory(err);
	return add(edits, end, end, text.buf, err);
}

static int insert_in_inline(const struct toml *toml, const struct toml_item *table, const char *pair,
			    struct edits *edits, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	bool empty = table->last_pair_end == 0;
	size_t at = empty ? table->value.start + 1 : table->last_pair_end;
	bool spaced = toml->source.ptr[at] == ' ';
	if (str_addf(&text, "%s%s", !empty ? ", " : spaced ? " " : "", pair) < 0)
		return err_no_memory(err);
	return add(edits, at, at, text.buf, err);
}

/* At the end of the file: `[table]` with one pair. */
static int append_table(const struct toml *toml, const char *const path[], size_t keys, const char *value,
			struct edits *edits, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	size_t len = toml->source.len;
	bool text_is_empty = len == 0 || (len == 3 && newline_before(toml, len));
	bool ends = newline_before(toml, len);
	bool blank = ends && list_starts_line(toml->source, len - (len > 0));
	if ((!ends && str_adds(&text, toml->eol) < 0) ||
	    (!text_is_empty && !blank && str_adds(&text, toml->eol) < 0) || str_addc(&text, '[') < 0 ||
	    add_dotted(&text, path, 0, keys - 1) < 0 || str_addf(&text, "]%s", toml->eol) < 0 ||
	    add_key(&text, path[keys - 1]) < 0 || str_addf(&text, " = %s", value) < 0 ||
	    (ends && str_adds(&text, toml->eol) < 0))
		return err_no_memory(err);
	return add(edits, len, len, text.buf, err);
}

/* The last pair below a dotted table. */
static const struct toml_item *last_pair(const struct toml_item *table)
{
	const struct toml_item *last = NULL;
	for (size_t i = 0; i < table->children.len; i++) {
		const struct toml_item *child = table->children.at[i];
		if (child->type == TOML_TABLE && child->origin == TOML_DOTTED)
			child = last_pair(child);
		if (child && child->pair.end > child->pair.start && (!last || child->pair.start > last->pair.start))
			last = child;
	}
	return last;
}

static size_t item_depth(const struct toml_item *item)
{
	size_t depth = 0;
	for (; item->parent; item = item->parent)
		depth += item->key != NULL;
	return depth;
}

/* `a.b.key = value` beside the other `a.b. …` of a dotted table. */
static int insert_dotted(const struct toml *toml, const struct toml_item *table, const char *const path[],
			 size_t keys, const char *value, struct edits *edits, struct err *err)
{
	const struct toml_item *beside = last_pair(table);
	cleanup_str struct str pair = STR_INIT;
	if (!beside)
		return err_set(err, ERR_INTERNAL, "a dotted table without a key");
	if (add_dotted(&pair, path, item_depth(beside->container), keys) < 0 || str_addf(&pair, " = %s", value) < 0)
		return err_no_memory(err);
	if (beside->container->origin == TOML_INLINE)
		return insert_in_inline(toml, beside->container, pair.buf, edits, err);
	return insert_line(toml, beside->pair.end, beside->pair.start, pair.buf, edits, err);
}

static int insert_in_header(const struct toml *toml, const struct toml_item *table, const char *pair,
			    struct edits *edits, struct err *err)
{
	if (table->last_pair_end > 0)
		return insert_line(toml, table->last_pair_end, table->last_pair_start, pair, edits, err);
	if (table->header.end > 0)
		return insert_line(toml, table->header.end, table->header.start, pair, edits, err);
	/* The document itself, without a key: above everything. */
	size_t at = toml->source.len >= 3 && memcmp(toml->source.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "%s%s%s", pair, toml->eol, at < toml->source.len ? toml->eol : "") < 0)
		return err_no_memory(err);
	return add(edits, at, at, text.buf, err);
}

static int add_new(const struct toml *toml, const char *const path[], const char *value, struct edits *edits,
		   struct err *err)
{
	size_t depth, keys = path_length(path);
	struct toml_item *table = deepest_table(toml, path, &depth, err);
	if (!table)
		return -1;
	if (table->origin == TOML_DOTTED)
		return insert_dotted(toml, table, path, keys, value, edits, err);
	bool direct = depth + 1 == keys && table->origin != TOML_IMPLIED;
	if (!direct && table->origin != TOML_INLINE)
		return append_table(toml, path, keys, value, edits, err);
	cleanup_str struct str pair = STR_INIT;
	if (add_dotted(&pair, path, depth, keys) < 0 || str_addf(&pair, " = %s", value) < 0)
		return err_no_memory(err);
	return table->origin == TOML_INLINE ? insert_in_inline(toml, table, pair.buf, edits, err)
					    : insert_in_header(toml, table, pair.buf, edits, err);
}

int toml_set(const struct toml *toml, const char *const path[], const char *value, struct edits *edits,
	     struct err *err)
{
	const struct toml_item *item = toml_find(toml, path);
	if (!item)
		return add_new(toml, path, value, edits, err);
	if (item->value.end == item->value.start)
		return err_set_at(err, ERR_INPUT, toml->path, item->line, "%s is a table here",
				  path[0] ? path[path_length(path) - 1] : "the document");
	struct slice old = { toml->source.ptr + item->value.start, item->value.end - item->value.start };
	if (slice_equals(old, value))
		return 0;
	return add(edits, item->value.start, item->value.end, value, err);
}

/* --- arrays --- */

/* text as a string in the quotes that the array's first string has. */
static int add_string(const struct toml *toml, const struct toml_item *array, const char *text, struct str *out)
{
	bool literal = false;
	for (size_t i = 0; array && i < array->children.len; i++)
		if (array->children.at[i]->type == TOML_STRING) {
			literal = toml->source.ptr[array->children.at[i]->value.start] == '\'';
			break;
		}
	for (const char *p = text; *p; p++)
		literal = literal && *p != '\'' && (unsigned char)*p >= 0x20 && *p != 0x7f;
	return literal ? str_addf(out, "'%s'", text) : toml_quote(out, text);
}

static bool array_holds(const struct strings *present, const struct strings *added, const char *text)
{
	return strings_find(present, text) >= 0 || strings_find(added, text) >= 0;
}

/* Quoted forms of those texts that the array lacks. */
static int missing_strings(const struct toml *toml, const char *const path[], const struct toml_item *array,
			   const char *const texts[], size_t count, struct strings *out, struct err *err)
{
	cleanup_strings struct strings present = STRINGS_INIT, added = STRINGS_INIT;
	if (array && toml_some_strings(toml, path, &present, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		cleanup_str struct str quoted = STR_INIT;
		if (array_holds(&present, &added, texts[i]))
			continue;
		if (add_string(toml, array, texts[i], &quoted) < 0 || strings_add(out, quoted.buf) < 0 ||
		    strings_add(&added, texts[i]) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int add_array(const struct toml *toml, const struct strings *items, struct str *out)
{
	size_t bytes = 0;
	for (size_t i = 0; i < items->len; i++)
		bytes += strlen(items->at[i]) + 2;
	bool lines = bytes > LINE_BYTES;
	if (str_addc(out, '[') < 0 || (lines && str_adds(out, toml->eol) < 0))
		return -1;
	for (size_t i = 0; i < items->len; i++) {
		int result = lines ? str_addf(out, "    %s,%s", items->at[i], toml->eol)
				   : str_addf(out, "%s%s", i > 0 ? ", " : "", items->at[i]);
		if (result < 0)
			return -1;
	}
	return str_addc(out, ']');
}

/* Into an array without an element: beside its brackets, or on lines of its own below its comments. */
static int fill_empty(const struct toml *toml, const struct toml_item *array, const struct strings *items,
		      struct edits *edits, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	size_t close = array->value.end - 1;
	bool lines = list_starts_line(toml->source, close);
	size_t at = lines ? list_line_start(toml->source, close) : array->value.start + 1;
	size_t indent = close - at;
	for (size_t i = 0; i < items->len; i++) {
		int result = lines ? str_add(&text, toml->source.ptr + at, indent) < 0 ||
					     str_addf(&text, "    %s,%s", items->at[i], toml->eol) < 0
				   : str_addf(&text, "%s%s", i > 0 ? ", " : "", items->at[i]) < 0;
		if (result)
			return err_no_memory(err);
	}
	return add(edits, at, at, text.buf, err);
}

static int fill_array(const struct toml *toml, const struct toml_item *array, size_t index,
		      const struct strings *items, struct edits *edits, struct err *err)
{
	if (array->children.len == 0)
		return fill_empty(toml, array, items, edits, err);
	VEC(struct byte_range) elements = VEC_INIT;
	int result = 0;
	for (size_t i = 0; i < array->children.len && result == 0; i++)
		result = vec_push(&elements, array->children.at[i]->value) < 0 ? err_no_memory(err) : 0;
	struct list_place list = { .text = toml->source,
				   .value = array->value,
				   .elements = elements.at,
				   .count = elements.len,
				   .eol = toml->eol };
	if (result == 0)
		result = list_insert_after(&list, index < elements.len ? index : elements.len - 1, items, edits, err);
	vec_release(&elements);
	return result;
}

int toml_insert_after(const struct toml *toml, const char *const path[], size_t index, const char *const texts[],
		      size_t count, struct edits *edits, struct err *err)
{
	const struct toml_item *array = toml_find(toml, path);
	if (array && array->type != TOML_ARRAY)
		return err_set_at(err, ERR_INPUT, toml->path, array->line, "%s should be an array",
				  path[0] ? path[path_length(path) - 1] : "the document");
	cleanup_strings struct strings items = STRINGS_INIT;
	if (missing_strings(toml, path, array, texts, count, &items, err) < 0)
		return -1;
	if (items.len == 0)
		return 0;
	if (array)
		return fill_array(toml, array, index, &items, edits, err);
	cleanup_str struct str value = STR_INIT;
	return add_array(toml, &items, &value) < 0 ? err_no_memory(err) : add_new(toml, path, value.buf, edits, err);
}

int toml_append(const struct toml *toml, const char *const path[], const char *const texts[], size_t count,
		struct edits *edits, struct err *err)
{
	return toml_insert_after(toml, path, SIZE_MAX, texts, count, edits, err);
}

/* --- removing --- */

static int remove_from_inline(const struct toml *toml, const struct toml_item *item, struct edits *edits,
			      struct err *err)
{
	struct slice s = toml->source;
	size_t comma = list_comma_after(s, item->pair.end, item->container->value.end);
	if (comma > 0) {
		while (comma < s.len && (s.ptr[comma] == ' ' || s.ptr[comma] == '\t'))
			comma++;
		return add(edits, item->pair.start, comma, "", err);
	}
	size_t start = item->pair.start;
	while (start > item->container->value.start + 1 && strchr(" \t", s.ptr[start - 1]))
		start--;
	bool behind_comma = s.ptr[start - 1] == ',';
	return add(edits, behind_comma ? start - 1 : item->pair.start, item->pair.end, "", err);
}

int toml_remove(const struct toml *toml, const char *const path[], struct edits *edits, struct err *err)
{
	const struct toml_item *item = toml_find(toml, path);
	if (!item)
		return 0;
	if (item->pair.end == item->pair.start)
		return err_set_at(err, ERR_INPUT, toml->path, item->line, "%s is a table here: it is not removed",
				  path[0] ? path[path_length(path) - 1] : "the document");
	if (item->container->origin == TOML_INLINE)
		return remove_from_inline(toml, item, edits, err);
	size_t line_end = list_rest_of_line(toml->source, item->pair.end);
	size_t end = line_end > 0 ? line_end : toml->source.len;
	return add(edits, list_line_start(toml->source, item->pair.start), end, "", err);
}
