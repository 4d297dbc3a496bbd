#define _GNU_SOURCE
#include "source/python_head.h"

#include <string.h>

#include "base/banned.h"

/* What stands in the line at byte at. */
enum line_kind { LINE_END_OF_FILE, LINE_BLANK, LINE_COMMENT, LINE_DEFINITION, LINE_CODE };

static enum line_kind line_kind(const struct python_tree *tree, size_t at)
{
	const char *text = str_text(&tree->parsed);
	size_t len = tree->parsed.len;
	if (at >= len)
		return LINE_END_OF_FILE;
	while (at < len && strchr(" \t\f\r", text[at]))
		at++;
	if (at >= len || text[at] == '\n')
		return LINE_BLANK;
	if (text[at] == '#')
		return LINE_COMMENT;
	static const char *const words[] = { "def ", "class ", "async ", "@" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (text_starts_with(text + at, words[i]))
			return LINE_DEFINITION;
	return LINE_CODE;
}

static size_t next_line(const struct python_tree *tree, size_t at)
{
	const char *newline = memchr(tree->parsed.buf + at, '\n', tree->parsed.len - at);
	return newline ? (size_t)(newline - tree->parsed.buf) + 1 : tree->parsed.len;
}

/* Behind lines of one kind that follow each other from at. */
static size_t lines_end(const struct python_tree *tree, size_t at, enum line_kind kind)
{
	while (line_kind(tree, at) == kind)
		at = next_line(tree, at);
	return at;
}

/* Behind the lines that must stay first: `#!` and an encoding cookie, which Python reads before it decodes. */
static size_t interpreter_lines_end(const struct python_tree *tree)
{
	size_t at = tree->text_start, end = at;
	for (int line = 0; line < 2; line++) {
		enum line_kind kind = line_kind(tree, at);
		if (kind != LINE_COMMENT && kind != LINE_BLANK)
			break;
		size_t next = next_line(tree, at);
		struct slice text = { tree->source.ptr + at, next - at };
		bool shebang = line == 0 && text.len > 1 && text.ptr[0] == '#' && text.ptr[1] == '!';
		if (shebang || memmem(text.ptr, text.len, "coding", 6))
			end = next;
		at = next;
	}
	return end;
}

struct head {
	size_t at;
	bool blank_before;
	bool blanks_after; /* as many as what follows wants */
};

static struct head find_head(const struct python_tree *tree)
{
	if (tree->leading_imports_end > 0)
		return (struct head){ .at = python_logical_line_end(tree, tree->leading_imports_end),
				      .blank_before = tree->leading_imports_end == tree->future_end };
	if (tree->docstring.end > tree->docstring.start)
		return (struct head){ python_logical_line_end(tree, tree->docstring.end), true, false };
	size_t first = lines_end(tree, tree->text_start, LINE_BLANK);
	size_t comments = lines_end(tree, first, LINE_COMMENT);
	enum line_kind below = line_kind(tree, comments);
	if (comments > first && (below == LINE_BLANK || below == LINE_END_OF_FILE))
		return (struct head){ comments, true, false };
	size_t interpreter = interpreter_lines_end(tree);
	return (struct head){ interpreter > first ? interpreter : first, false, true };
}

static bool lacks_newline(const struct python_tree *tree, size_t at)
{
	return at > tree->text_start && tree->parsed.buf[at - 1] != '\n';
}

static int add_blanks_after(const struct python_tree *tree, size_t at, const char *eol, struct str *text)
{
	enum line_kind below = line_kind(tree, at);
	int blanks = below == LINE_DEFINITION ? 2 : below == LINE_CODE || below == LINE_COMMENT ? 1 : 0;
	for (; blanks > 0; blanks--)
		if (str_adds(text, eol) < 0)
			return -1;
	return 0;
}

/* A file without a newline at its end stays so. */
static void drop_last_newline(const char *eol, struct str *text)
{
	text->len -= strlen(eol);
	text->buf[text->len] = '\0';
}

int python_head_import(const struct python_tree *tree, struct slice body, size_t *at, struct str *text)
{
	struct head head = find_head(tree);
	bool lacks = lacks_newline(tree, head.at);
	const char *eol = python_eol(tree, head.at);
	*at = head.at;
	str_clear(text);
	if ((lacks && str_adds(text, eol) < 0) || (head.blank_before && str_adds(text, eol) < 0) ||
	    str_addf(text, "import pytest%s", eol) < 0)
		return -1;
	if (body.len > 0 &&
	    (str_adds(text, eol) < 0 || str_add(text, body.ptr, body.len) < 0 || str_adds(text, eol) < 0))
		return -1;
	if (head.blanks_after && add_blanks_after(tree, head.at, eol, text) < 0)
		return -1;
	if (lacks)
		drop_last_newline(eol, text);
	return 0;
}

static bool is_usable(const struct python_import *import)
{
	return import->owner == PYTHON_NONE && !import->conditional && strcmp(import->module, "pytest") == 0 &&
	       (!import->name || strcmp(import->name, "mark") == 0);
}

/* End of the run of unconditional imports that begins with statement. */
static size_t import_run_end(const struct python_tree *tree, struct byte_range statement)
{
	TSNode node = ts_node_descendant_for_byte_range(python_root(tree), (uint32_t)statement.start,
							(uint32_t)statement.end);
	while (!ts_node_is_null(node) && !text_starts_with(ts_node_type(node), "import_"))
		node = ts_node_parent(node);
	size_t end = statement.end;
	for (; !ts_node_is_null(node); node = ts_node_next_named_sibling(node)) {
		if (ts_node_is_extra(node))
			continue;
		if (!text_starts_with(ts_node_type(node), "import_"))
			break;
		end = ts_node_end_byte(node);
	}
	return end;
}

bool python_head_place(const struct python_tree *tree, size_t before, size_t *at)
{
	const struct python_import *found = NULL;
	for (size_t i = 0; i < tree->imports.len && !found; i++)
		if (is_usable(&tree->imports.at[i]))
			found = &tree->imports.at[i];
	if (!found)
		return false;
	bool leading = found->statement.end <= tree->leading_imports_end;
	size_t end = leading ? tree->leading_imports_end : import_run_end(tree, found->statement);
	*at = python_logical_line_end(tree, end);
	return *at <= before;
}

int python_head_paragraph(const struct python_tree *tree, struct slice body, size_t at, struct str *text)
{
	bool lacks = lacks_newline(tree, at);
	const char *eol = python_eol(tree, at);
	str_clear(text);
	if ((lacks && str_adds(text, eol) < 0) || str_adds(text, eol) < 0 ||
	    str_add(text, body.ptr, body.len) < 0 || str_adds(text, eol) < 0)
		return -1;
	if (lacks)
		drop_last_newline(eol, text);
	return 0;
}
