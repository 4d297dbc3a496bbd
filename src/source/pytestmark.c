#include "source/pytestmark.h"

#include <string.h>

#include "base/banned.h"

/* What stands for "whatever pytestmark is now" where its shape cannot be known from the source. */
#define GENERIC_REST "*(pytestmark if isinstance(pytestmark, list) else [pytestmark])"

static int add(struct edits *edits, size_t start, size_t end, const char *text, struct err *err)
{
	return edits_add(edits, start, end, (struct slice){ text, strlen(text) }) < 0 ? err_no_memory(err) : 0;
}

static int add_joined(struct str *out, const struct strings *marks)
{
	for (size_t i = 0; i < marks->len; i++)
		if ((i > 0 && str_adds(out, ", ") < 0) || str_adds(out, marks->at[i]) < 0)
			return -1;
	return 0;
}

static TSNode node_at(const struct python_tree *tree, struct byte_range range)
{
	return ts_node_named_descendant_for_byte_range(python_root(tree), (uint32_t)range.start, (uint32_t)range.end);
}

static bool is_display(const struct python_pytestmark *statement)
{
	return statement->shape == PYTESTMARK_LIST || statement->shape == PYTESTMARK_TUPLE ||
	       statement->shape == PYTESTMARK_BARE_TUPLE;
}

int pytestmark_holds(const struct python_tree *tree, const struct python_pytestmark *statement,
		     const struct mark_text *mark)
{
	struct mark_text found;
	if (!is_display(statement))
		return mark_text_read(tree, statement->value, &found) ? mark_text_equals(&found, mark) : 0;
	for (size_t i = 0; i < statement->elements.len; i++) {
		int equal = mark_text_read(tree, statement->elements.at[i], &found) ? mark_text_equals(&found, mark) : 0;
		if (equal != 0)
			return equal;
	}
	return 0;
}

bool pytestmark_is_superseded(const struct python_tree *tree, size_t index)
{
	const struct python_pytestmark *self = &tree->pytestmarks.at[index];
	for (size_t i = index + 1; i < tree->pytestmarks.len; i++) {
		const struct python_pytestmark *later = &tree->pytestmarks.at[i];
		if (later->owner == self->owner && !later->augmented &&
		    (!later->conditional || later->block == self->block))
			return true;
	}
	return false;
}

/* --- insert --- */

static int insert_element(const struct python_tree *tree, const struct python_pytestmark *statement,
			  const struct strings *marks, struct edits *edits, struct err *err)
{
	if (statement->elements.len == 0) {
		cleanup_str struct str text = STR_INIT;
		bool one_of_tuple = statement->shape == PYTESTMARK_TUPLE && marks->len == 1;
		if (add_joined(&text, marks) < 0 || (one_of_tuple && str_addc(&text, ',') < 0))
			return err_no_memory(err);
		return add(edits, statement->value.start + 1, statement->value.start + 1, text.buf, err);
	}
	size_t last = statement->elements.at[statement->elements.len - 1].end;
	size_t comma = list_comma_after(str_slice(&tree->parsed), last, statement->value.end);
	size_t line_end = list_rest_of_line(str_slice(&tree->parsed), comma > 0 ? comma : last);
	struct list_place list = {
		.text = str_slice(&tree->parsed),
		.value = statement->value,
		.elements = statement->elements.at,
		.count = statement->elements.len,
		.eol = python_eol(tree, line_end > 0 ? line_end : last),
	};
	return list_insert_after(&list, list.count - 1, marks, edits, err);
}

enum value_kind { VALUE_MARK, VALUE_LIST, VALUE_UNKNOWN };

static enum value_kind value_kind(const struct python_tree *tree, TSNode value, int depth);

/* What a name that the module assigns just once, unconditionally and at its top, stands for. */
static enum value_kind name_kind(const struct python_tree *tree, TSNode name, int depth)
{
	struct slice wanted = python_text(tree, name);
	TSNode found = { 0 };
	TSTreeCursor cursor = ts_tree_cursor_new(python_root(tree));
	bool more = ts_tree_cursor_goto_first_child(&cursor);
	for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
		TSNode inner = python_first_named(ts_tree_cursor_current_node(&cursor));
		struct slice left = python_text(tree, python_child(inner, "left"));
		bool same = left.len == wanted.len && memcmp(left.ptr, wanted.ptr, left.len) == 0;
		if (same && python_is(inner, "assignment") && ts_node_end_byte(inner) <= ts_node_start_byte(name))
			found = python_child(inner, "right");
	}
	ts_tree_cursor_delete(&cursor);
	return ts_node_is_null(found) ? VALUE_UNKNOWN : value_kind(tree, found, depth + 1);
}

static enum value_kind value_kind(const struct python_tree *tree, TSNode value, int depth)
{
	struct mark_text ignored;
	struct byte_range range = { ts_node_start_byte(value), ts_node_end_byte(value) };
	if (mark_text_read(tree, range, &ignored))
		return VALUE_MARK;
	if (python_is(value, "list") || python_is(value, "list_comprehension"))
		return VALUE_LIST;
	if (python_is(value, "identifier") && depth < 8)
		return name_kind(tree, value, depth);
	return VALUE_UNKNOWN;
}

/* A statement of its own behind this one; `;` joins them where other code shares the line. */
static int insert_behind(const struct python_tree *tree, const struct python_pytestmark *statement,
			 const struct strings *marks, struct edits *edits, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	struct byte_range range = statement->statement;
	size_t line_end = list_rest_of_line(str_slice(&tree->parsed), range.end);
	struct byte_range indent = python_indent(tree, range.start);
	bool own_line = line_end > 0 && indent.end == range.start;
	int result = own_line ? str_add(&text, tree->source.ptr + indent.start, indent.end - indent.start)
			      : str_adds(&text, "; ");
	if (result < 0 || str_adds(&text, "pytestmark = [") < 0 || add_joined(&text, marks) < 0 ||
	    str_adds(&text, ", " GENERIC_REST "]") < 0 || (own_line && str_adds(&text, python_eol(tree, line_end)) < 0))
		return err_no_memory(err);
	size_t at = own_line ? line_end : range.end;
	return add(edits, at, at, text.buf, err);
}

static int insert_single(const struct python_tree *tree, const struct python_pytestmark *statement,
			 const struct strings *marks, struct edits *edits, struct err *err)
{
	enum value_kind kind = value_kind(tree, node_at(tree, statement->value), 0);
	if (kind == VALUE_UNKNOWN)
		return insert_behind(tree, statement, marks, edits, err);
	cleanup_str struct str text = STR_INIT;
	if (str_addc(&text, '[') < 0 || add_joined(&text, marks) < 0 ||
	    str_adds(&text, kind == VALUE_LIST ? ", *" : ", ") < 0)
		return err_no_memory(err);
	if (add(edits, statement->value.start, statement->value.start, text.buf, err) < 0)
		return -1;
	return add(edits, statement->value.end, statement->value.end, "]", err);
}

int pytestmark_insert(const struct python_tree *tree, const struct python_pytestmark *statement,
		      const struct strings *marks, struct edits *edits, struct err *err)
{
	if (is_display(statement))
		return insert_element(tree, statement, marks, edits, err);
	if (statement->shape == PYTESTMARK_SINGLE)
		return insert_single(tree, statement, marks, edits, err);
	return insert_behind(tree, statement, marks, edits, err);
}

/* --- remove --- */

static int fits(const struct python_tree *tree, struct byte_range range, const struct mark_text *patterns, size_t count)
{
	struct mark_text found;
	if (!mark_text_read(tree, range, &found))
		return 0;
	for (size_t i = 0; i < count; i++) {
		int match = mark_text_matches(&found, &patterns[i]);
		if (match != 0)
			return match;
	}
	return 0;
}

/* The whole statement, with its line and the blank line above it, as python_head_paragraph() writes them. */
static int remove_statement(const struct python_tree *tree, const struct python_pytestmark *statement,
			    bool with_blank_line, struct edits *edits, struct err *err)
{
	struct byte_range range = statement->statement;
	struct byte_range indent = python_indent(tree, range.start);
	const char *text = tree->parsed.buf;
	size_t line_end = list_rest_of_line(str_slice(&tree->parsed), range.end);
	bool at_end = list_skip_blanks(str_slice(&tree->parsed), range.end) == tree->parsed.len;
	if (indent.end != range.start || statement->conditional || statement->owner != PYTHON_NONE ||
	    (line_end == 0 && !at_end))
		return add(edits, range.start, range.end, "pass", err);
	size_t start = indent.start, above = python_eol_start(tree, start);
	size_t end = at_end && line_end == 0 ? tree->parsed.len : line_end;
	bool blank_above = above < start && above > 0 && text[above - 1] == '\n';
	if (with_blank_line && blank_above)
		start = above;
	if (end == tree->parsed.len && text[end - 1] != '\n')
		start = python_eol_start(tree, start);
	return add(edits, start, end, "", err);
}

/* One element out of many that stay. */
static int remove_element(const struct python_tree *tree, const struct python_pytestmark *statement, size_t index,
			  const bool *gone, struct edits *edits, struct err *err)
{
	struct byte_range self = statement->elements.at[index];
	size_t comma = list_comma_after(str_slice(&tree->parsed), self.end, statement->value.end);
	size_t line_end = list_rest_of_line(str_slice(&tree->parsed), comma > 0 ? comma : self.end);
	bool closed_inside = line_end > 0 && line_end <= statement->value.end;
	size_t kept = index; /* the element before it that stays is kept - 1 */
	while (kept > 0 && gone[kept - 1])
		kept--;
	if (list_starts_line(str_slice(&tree->parsed), self.start) && closed_inside) {
		size_t line_start = python_line_start(tree, self.start);
		if (add(edits, line_start, line_end, "", err) < 0)
			return -1;
		size_t before = kept > 0 ? statement->elements.at[kept - 1].end : 0;
		size_t its_comma = kept > 0 ? list_comma_after(str_slice(&tree->parsed), before, statement->value.end) : 0;
		bool was_last = index + 1 == statement->elements.len && comma == 0;
		bool tuple_of_one = statement->shape == PYTESTMARK_TUPLE && kept == 1;
		if (was_last && its_comma > 0 && !tuple_of_one)
			return add(edits, its_comma - 1, its_comma, "", err);
		return 0;
	}
	if (index > 0) {
		size_t previous = statement->elements.at[index - 1].end;
		bool comment = memchr(tree->parsed.buf + previous, '#', self.start - previous) != NULL;
		bool leaves_tuple_of_one = statement->shape != PYTESTMARK_LIST && comma == 0 && kept == 1;
		size_t start = comment ? self.start : previous;
		return add(edits, start, self.end, leaves_tuple_of_one && !comment ? "," : "", err);
	}
	if (comma == 0)
		return add(edits, self.start, self.end, "", err);
	size_t end = list_skip_blanks(str_slice(&tree->parsed), comma);
	return add(edits, self.start, tree->parsed.buf[end] == '\n' ? comma : end, "", err);
}

/* [new, x] back to x. */
static int unwrap(const struct python_tree *tree, const struct python_pytestmark *statement, struct edits *edits,
		  struct err *err)
{
	struct byte_range last = statement->elements.at[statement->elements.len - 1];
	struct slice text = { tree->source.ptr + last.start, last.end - last.start };
	if (slice_equals(text, GENERIC_REST)) {
		size_t start = statement->statement.start;
		bool joined = start >= 2 && memcmp(tree->parsed.buf + start - 2, "; ", 2) == 0;
		if (joined)
			return add(edits, start - 2, statement->statement.end, "", err);
		size_t line_end = list_rest_of_line(str_slice(&tree->parsed), statement->statement.end);
		size_t end = line_end > 0 ? line_end : tree->parsed.len;
		return add(edits, python_indent(tree, start).start, end, "", err);
	}
	bool splat = text.len > 1 && text.ptr[0] == '*';
	if (add(edits, statement->value.start, last.start + splat, "", err) < 0)
		return -1;
	return add(edits, last.end, statement->value.end, "", err);
}

/* Whether what stays is one value that insert_single() or insert_behind() put new marks before. */
static bool was_wrapped(const struct python_tree *tree, const struct python_pytestmark *statement, const bool *gone)
{
	size_t len = statement->elements.len;
	if (statement->shape != PYTESTMARK_LIST || gone[len - 1])
		return false;
	for (size_t i = 0; i + 1 < len; i++)
		if (!gone[i])
			return false;
	size_t start = statement->value.start, end = statement->value.end;
	size_t first = statement->elements.at[0].start, last = statement->elements.at[len - 1].end;
	return len > 1 && first == start + 1 && last + 1 == end;
}

static int remove_from_display(const struct python_tree *tree, const struct python_pytestmark *statement,
			       const bool *gone, size_t gone_count, struct edits *edits, struct err *err)
{
	bool all = gone_count == statement->elements.len;
	if (all && gone_count > 1 && !statement->augmented && statement->shape == PYTESTMARK_LIST)
		return remove_statement(tree, statement, true, edits, err);
	if (all) {
		size_t inside = statement->value.start + 1, end = statement->value.end - 1;
		if (statement->shape == PYTESTMARK_BARE_TUPLE)
			return add(edits, statement->value.start, statement->value.end, "[]", err);
		size_t last = statement->elements.at[statement->elements.len - 1].end;
		size_t comma = list_comma_after(str_slice(&tree->parsed), last, end);
		bool alone = statement->elements.at[0].start == inside;
		return add(edits, alone ? inside : statement->elements.at[0].start, comma > 0 ? comma : last, "", err);
	}
	if (was_wrapped(tree, statement, gone))
		return unwrap(tree, statement, edits, err);
	for (size_t i = 0; i < statement->elements.len; i++)
		if (gone[i] && remove_element(tree, statement, i, gone, edits, err) < 0)
			return -1;
	return 0;
}

int pytestmark_remove(const struct python_tree *tree, const struct python_pytestmark *statement,
		      const struct mark_text *patterns, size_t count, size_t *removed, struct edits *edits,
		      struct err *err)
{
	*removed = 0;
	if (!is_display(statement)) {
		int match = statement->augmented ? 0 : fits(tree, statement->value, patterns, count);
		if (match < 0)
			return err_no_memory(err);
		*removed = (size_t)match;
		return match ? remove_statement(tree, statement, true, edits, err) : 0;
	}
	VEC(bool) gone = VEC_INIT;
	int result = 0;
	for (size_t i = 0; i < statement->elements.len && result == 0; i++) {
		int match = fits(tree, statement->elements.at[i], patterns, count);
		if (match < 0 || vec_push(&gone, match == 1) < 0)
			result = err_no_memory(err);
		*removed += match == 1;
	}
	if (result == 0 && *removed > 0)
		result = remove_from_display(tree, statement, gone.at, *removed, edits, err);
	vec_release(&gone);
	return result;
}
