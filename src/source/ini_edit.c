#include "source/ini_edit.h"

#include <string.h>

#include "base/banned.h"

#define INDENT "    "

static int add(struct edits *edits, size_t start, size_t end, const struct str *text, struct err *err)
{
	return edits_add(edits, start, end, str_slice(text)) < 0 ? err_no_memory(err) : 0;
}

static int no_line(const char *line, struct err *err)
{
	return err_set(err, ERR_INPUT, "\"%s\" cannot be a line of a value in an INI file", line);
}

/* A line of its own in a value must be neither comment nor blank, and one line. */
static bool is_line(const char *line)
{
	return *line && !strchr(" \t#;", *line) && !strpbrk(line, "\r\n\v\f\x1c\x1d\x1e");
}

static bool ends_line(const struct ini *ini, size_t at)
{
	return at == 0 || ini->source.ptr[at - 1] == '\n' || ini->source.ptr[at - 1] == '\r';
}

/*
 * Inserts whole lines, each ended in text, at byte at. Where the file ends
 * there without a line end, it does so afterwards too.
 */
static int insert_lines(const struct ini *ini, size_t at, struct str *text, struct edits *edits, struct err *err)
{
	if (at < ini->source.len || ends_line(ini, at) || (at == 3 && ini->source.ptr[0] == '\xef'))
		return add(edits, at, at, text, err);
	cleanup_str struct str moved = STR_INIT;
	if (str_adds(&moved, ini->eol) < 0 || str_add(&moved, text->buf, text->len - strlen(ini->eol)) < 0)
		return err_no_memory(err);
	return add(edits, at, at, &moved, err);
}

static struct slice blanks(const struct ini *ini, size_t start, size_t end)
{
	return (struct slice){ ini->source.ptr + start, end - start };
}

/*
 * The indentation of a key that is new at the end of a section: that of its last key, or header, but
 * no less than that of the next header, which would continue the new value otherwise.
 */
static struct slice key_indent(const struct ini *ini, const struct ini_section *section)
{
	if (!section || ini->dialect == INI_PYTEST)
		return (struct slice){ "", 0 };
	size_t count = section->keys.len;
	if (count > 0)
		return blanks(ini, section->keys.at[count - 1].start, section->keys.at[count - 1].name_start);
	struct slice own = blanks(ini, section->start, section->name_start);
	const struct ini_section *next = section + 1;
	if (next == ini->sections.at + ini->sections.len || next->name_start - next->start <= own.len)
		return own;
	return blanks(ini, next->start, next->name_start);
}

/* `key = value`, or `key =` and one line for each of several. */
static int add_key_text(const struct ini *ini, struct slice indent, const char *key, const char *const lines[],
			size_t count, bool below, struct str *out)
{
	if (str_add(out, indent.ptr, indent.len) < 0)
		return -1;
	if (!below)
		return str_addf(out, "%s = %s%s", key, count ? lines[0] : "", ini->eol);
	if (str_addf(out, "%s =%s", key, ini->eol) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (str_add(out, indent.ptr, indent.len) < 0 || str_addf(out, INDENT "%s%s", lines[i], ini->eol) < 0)
			return -1;
	return 0;
}

static int create_key(const struct ini *ini, const char *section, const char *key, const char *const lines[],
		      size_t count, bool below, struct edits *edits, struct err *err)
{
	const struct ini_section *found = ini_section(ini, section);
	cleanup_str struct str text = STR_INIT;
	size_t at = found ? found->end : ini->source.len;
	if (!found) {
		bool empty = at == 0 || (at == 3 && ini->source.ptr[0] == '\xef');
		bool blank = at >= 2 && ends_line(ini, at) && ends_line(ini, at - 1 - (ini->eol[1] != '\0'));
		if ((!empty && !blank && str_adds(&text, ini->eol) < 0) ||
		    str_addf(&text, "[%s]%s", section, ini->eol) < 0)
			return err_no_memory(err);
	}
	if (add_key_text(ini, key_indent(ini, found), key, lines, count, below, &text) < 0)
		return err_no_memory(err);
	return insert_lines(ini, at, &text, edits, err);
}

/* The blanks of the value's lines near index; where it has none below its key, four more than the key's. */
static int add_indent(const struct ini *ini, const struct ini_key *key, size_t index, struct str *out)
{
	str_clear(out);
	for (size_t i = index > 0 ? index : 1; i < key->lines.len; i++) {
		const struct ini_line *line = &key->lines.at[i];
		if (line->text_end > line->text_start && line->text_start > line->start)
			return str_add(out, ini->source.ptr + line->start, line->text_start - line->start);
	}
	if (str_add(out, ini->source.ptr + key->start, key->name_start - key->start) < 0)
		return -1;
	return str_adds(out, INDENT);
}

static size_t last_line(const struct ini_key *key)
{
	size_t last = key->lines.len - 1;
	while (last > 0 && key->lines.at[last].text_end == key->lines.at[last].text_start)
		last--;
	return last;
}

static bool holds(const struct ini *ini, const struct ini_key *key, const char *line)
{
	for (size_t i = 0; i < key->lines.len; i++) {
		const struct ini_line *at = &key->lines.at[i];
		struct slice text = { ini->source.ptr + at->text_start, at->text_end - at->text_start };
		if (slice_equals(text, line))
			return true;
	}
	return false;
}

static bool repeated(const char *const lines[], size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(lines[i], lines[index]) == 0)
			return true;
	return false;
}

static int insert_behind(const struct ini *ini, const struct ini_key *key, size_t index, const char *const lines[],
			 size_t count, struct edits *edits, struct err *err)
{
	cleanup_str struct str indent = STR_INIT, text = STR_INIT;
	if (add_indent(ini, key, index, &indent) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (!holds(ini, key, lines[i]) && !repeated(lines, i) &&
		    str_addf(&text, "%s%s%s", indent.buf, lines[i], ini->eol) < 0)
			return err_no_memory(err);
	return text.len > 0 ? insert_lines(ini, key->lines.at[index].end, &text, edits, err) : 0;
}

int ini_append(const struct ini *ini, const char *section, const char *key, const char *const lines[], size_t count,
	       struct edits *edits, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!is_line(lines[i]))
			return no_line(lines[i], err);
	const struct ini_key *found = ini_key(ini, section, key);
	if (count == 0)
		return 0;
	if (!found)
		return create_key(ini, section, key, lines, count, true, edits, err);
	return insert_behind(ini, found, last_line(found), lines, count, edits, err);
}

int ini_insert_after(const struct ini *ini, const char *section, const char *key, size_t index, const char *line,
		     struct edits *edits, struct err *err)
{
	const struct ini_key *found = ini_key(ini, section, key);
	if (!found || index >= found->lines.len || !is_line(line))
		return ini_append(ini, section, key, &line, 1, edits, err);
	return insert_behind(ini, found, index, &line, 1, edits, err);
}

static int split_lines(const char *value, struct strings *out, struct err *err)
{
	for (const char *at = value;; at++) {
		size_t len = strcspn(at, "\n");
		if (strings_addf(out, "%.*s", (int)len, at) < 0)
			return err_no_memory(err);
		at += len;
		if (!*at)
			return 0;
	}
}

static int replace_value(const struct ini *ini, const struct ini_key *key, const struct strings *lines,
			 struct edits *edits, struct err *err)
{
	const struct ini_line *first = &key->lines.at[0], *last = &key->lines.at[last_line(key)];
	cleanup_str struct str text = STR_INIT, indent = STR_INIT;
	if (add_indent(ini, key, 0, &indent) < 0)
		return err_no_memory(err);
	bool below = lines->len > 1;
	size_t start = first->text_start;
	bool touches = first->text_start == first->text_end && start > 0 && strchr("=:", ini->source.ptr[start - 1]);
	if (touches && !below && str_addc(&text, ' ') < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < lines->len; i++)
		if ((below && str_addf(&text, "%s%s", ini->eol, indent.buf) < 0) ||
		    str_adds(&text, lines->at[i]) < 0)
			return err_no_memory(err);
	return add(edits, start, last->text_end > start ? last->text_end : start, &text, err);
}

int ini_set(const struct ini *ini, const char *section, const char *key, const char *value, struct edits *edits,
	    struct err *err)
{
	cleanup_strings struct strings lines = STRINGS_INIT;
	cleanup_str struct str old = STR_INIT;
	if (split_lines(value, &lines, err) < 0)
		return -1;
	for (size_t i = 0; i < lines.len; i++)
		if (lines.len > 1 && !is_line(lines.at[i]))
			return no_line(lines.at[i], err);
	int present = ini_value(ini, section, key, &old, err);
	if (present < 0)
		return -1;
	const char *text = str_text(&old);
	if (present == 1 && strcmp(lines.len > 1 && *text == '\n' ? text + 1 : text, value) == 0)
		return 0;
	const struct ini_key *found = ini_key(ini, section, key);
	if (found)
		return replace_value(ini, found, &lines, edits, err);
	return create_key(ini, section, key, (const char *const *)lines.at, lines.len, lines.len > 1, edits, err);
}
