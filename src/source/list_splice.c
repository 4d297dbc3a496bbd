#include "source/list_splice.h"

#include <string.h>

#include "base/banned.h"

size_t list_line_start(struct slice text, size_t at)
{
	while (at > 0 && text.ptr[at - 1] != '\n')
		at--;
	return at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\r';
}

size_t list_skip_blanks(struct slice text, size_t at)
{
	while (at < text.len && is_blank(text.ptr[at]))
		at++;
	return at;
}

size_t list_rest_of_line(struct slice text, size_t at)
{
	at = list_skip_blanks(text, at);
	if (at < text.len && text.ptr[at] == '#')
		while (at < text.len && text.ptr[at] != '\n')
			at++;
	return at < text.len && text.ptr[at] == '\n' ? at + 1 : 0;
}

bool list_starts_line(struct slice text, size_t at)
{
	size_t start = list_line_start(text, at);
	while (start < at && is_blank(text.ptr[start]))
		start++;
	return start == at;
}

size_t list_comma_after(struct slice text, size_t at, size_t limit)
{
	while (at < limit) {
		char c = text.ptr[at];
		if (c == ',')
			return at + 1;
		if (c == '#')
			while (at < limit && text.ptr[at] != '\n')
				at++;
		else if (is_blank(c) || c == '\n' || c == '\\')
			at++;
		else
			return 0;
	}
	return 0;
}

static int add(struct edits *edits, size_t at, struct slice text, struct err *err)
{
	return edits_add(edits, at, at, text) < 0 ? err_no_memory(err) : 0;
}

static int add_indent(const struct list_place *list, size_t element, struct str *out)
{
	size_t start = list_line_start(list->text, element);
	return str_add(out, list->text.ptr + start, element - start);
}

static int insert_lines(const struct list_place *list, size_t index, size_t comma, size_t line_end,
			const struct strings *items, struct edits *edits, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	struct byte_range element = list->elements[index];
	for (size_t i = 0; i < items->len; i++) {
		bool needs_comma = comma > 0 || i + 1 < items->len;
		if (add_indent(list, element.start, &text) < 0 ||
		    str_addf(&text, "%s%s%s", items->at[i], needs_comma ? "," : "", list->eol) < 0)
			return err_no_memory(err);
	}
	if (comma == 0 && add(edits, element.end, SLICE(","), err) < 0)
		return -1;
	return add(edits, line_end, str_slice(&text), err);
}

static int insert_inline(const struct list_place *list, size_t index, bool own_line, const struct strings *items,
			 struct edits *edits, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	struct byte_range element = list->elements[index];
	for (size_t i = 0; i < items->len; i++) {
		int result = own_line ? str_addf(&text, ",%s", list->eol) < 0 ||
						add_indent(list, element.start, &text) < 0
				      : str_adds(&text, ", ") < 0;
		if (result || str_adds(&text, items->at[i]) < 0)
			return err_no_memory(err);
	}
	return add(edits, element.end, str_slice(&text), err);
}

int list_insert_after(const struct list_place *list, size_t index, const struct strings *items, struct edits *edits,
		      struct err *err)
{
	struct byte_range element = list->elements[index];
	/* Without brackets around it a list cannot go on in another line. */
	bool bracketed = list->elements[0].start > list->value.start;
	bool own_line = bracketed && list_starts_line(list->text, element.start);
	size_t comma = list_comma_after(list->text, element.end, list->value.end);
	size_t line_end = list_rest_of_line(list->text, comma > 0 ? comma : element.end);
	bool last = index + 1 == list->count;
	if (own_line && line_end > 0 && line_end <= list->value.end)
		return insert_lines(list, index, comma, line_end, items, edits, err);
	return insert_inline(list, index, own_line && last, items, edits, err);
}
