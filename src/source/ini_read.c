#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "source/ini_edit.h"

#include "base/banned.h"

struct reader {
	struct ini *ini;
	struct err *err;
	size_t key_indent; /* characters before the current key (configparser) */
};

static int refuse(struct reader *self, int line, const char *what)
{
	err_set_at(self->err, ERR_INPUT, self->ini->path, line, "invalid INI: %s", what);
	return err_hint(self->err, "correct this line and run again");
}

/* --- characters, as Python's str methods see them --- */

/* Characters beyond ASCII that str.strip() takes off, in UTF-8. */
static const char *const wide_blanks[] = {
	"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83",
	"\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
	"\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

/* Bytes of the blank at p, 0 when it is none. */
static size_t blank_length(const char *p, size_t left)
{
	unsigned char c = left > 0 ? (unsigned char)*p : 'x';
	if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f))
		return 1;
	for (size_t i = 0; c >= 0x80 && i < sizeof(wide_blanks) / sizeof(*wide_blanks); i++)
		if (strlen(wide_blanks[i]) <= left && memcmp(p, wide_blanks[i], strlen(wide_blanks[i])) == 0)
			return strlen(wide_blanks[i]);
	return 0;
}

static void strip(struct slice s, size_t *start, size_t *end)
{
	size_t n;
	while (*start < *end && (n = blank_length(s.ptr + *start, *end - *start)) > 0)
		*start += n;
	while (*end > *start) {
		size_t back = *end - 1;
		while (back > *start && ((unsigned char)s.ptr[back] & 0xc0) == 0x80)
			back--;
		if (blank_length(s.ptr + back, *end - back) != *end - back)
			break;
		*end = back;
	}
}

/* Bytes of the line end at byte at, 0 when none is there. iniconfig splits where str.splitlines() does. */
static size_t newline_length(const struct ini *ini, size_t at)
{
	struct slice s = ini->source;
	unsigned char c = (unsigned char)s.ptr[at];
	if (c == '\n')
		return 1;
	if (c == '\r')
		return at + 1 < s.len && s.ptr[at + 1] == '\n' ? 2 : 1;
	if (ini->dialect != INI_PYTEST)
		return 0;
	if (c == '\v' || c == '\f' || (c >= 0x1c && c <= 0x1e))
		return 1;
	if (c == 0xc2 && at + 1 < s.len && (unsigned char)s.ptr[at + 1] == 0x85)
		return 2;
	bool separator = c == 0xe2 && at + 2 < s.len && (unsigned char)s.ptr[at + 1] == 0x80 &&
			 ((unsigned char)s.ptr[at + 2] & 0xfe) == 0xa8;
	return separator ? 3 : 0;
}

/* --- sections and keys --- */

static struct ini_section *current_section(struct reader *self)
{
	struct ini *ini = self->ini;
	return ini->sections.len > 0 ? &ini->sections.at[ini->sections.len - 1] : NULL;
}

static struct ini_key *current_key(struct reader *self)
{
	struct ini_section *section = current_section(self);
	return section && section->keys.len > 0 ? &section->keys.at[section->keys.len - 1] : NULL;
}

static char *copy(const struct ini *ini, size_t start, size_t end)
{
	cleanup_str struct str text = STR_INIT;
	return str_add(&text, ini->source.ptr + start, end - start) < 0 ? NULL : str_steal(&text);
}

static int add_section(struct reader *self, const struct ini_line *line, size_t start, size_t end)
{
	struct ini *ini = self->ini;
	struct ini_section section = { .name = copy(ini, start, end),
				       .line = line->number,
				       .start = line->start,
				       .name_start = line->text_start,
				       .header_end = line->end,
				       .end = line->end };
	if (!section.name)
		return err_no_memory(self->err);
	bool repeated = ini_section(ini, section.name) &&
			!(ini->dialect == INI_SETUPTOOLS && strcmp(section.name, "DEFAULT") == 0);
	int result = repeated     ? refuse(self, line->number, "a section that is here twice")
		     : start == end ? refuse(self, line->number, "a section without a name")
				    : 0;
	if (result == 0 && vec_push(&ini->sections, section) < 0)
		result = err_no_memory(self->err);
	if (result < 0)
		free(section.name);
	return result;
}

/* name ends at name_end; the value is what is left of the line behind the delimiter. */
static int add_key(struct reader *self, struct ini_line line, size_t name_end, size_t delimiter)
{
	struct ini *ini = self->ini;
	struct ini_section *section = current_section(self);
	size_t name_start = line.text_start;
	if (!section)
		return refuse(self, line.number, "a key above the first section");
	strip(ini->source, &name_start, &name_end);
	struct ini_key key = { .name = copy(ini, name_start, name_end), .line = line.number, .start = line.start,
			       .name_start = line.text_start };
	line.text_start = delimiter + 1;
	strip(ini->source, &line.text_start, &line.text_end);
	if (!key.name || vec_push(&key.lines, line) < 0) {
		free(key.name);
		return err_no_memory(self->err);
	}
	bool repeated = false;
	for (size_t i = 0; i < section->keys.len; i++)
		repeated = repeated || strcmp(section->keys.at[i].name, key.name) == 0;
	bool unnamed = ini->dialect == INI_SETUPTOOLS && name_start == name_end;
	int result = repeated  ? refuse(self, line.number, "a key that is here twice")
		     : unnamed ? refuse(self, line.number, "a value without a key")
			       : 0;
	if (result == 0 && vec_push(&section->keys, key) < 0)
		result = err_no_memory(self->err);
	if (result == 0) {
		section->end = line.end;
		return 0;
	}
	free(key.name);
	vec_release(&key.lines);
	return -1;
}

static int add_continuation(struct reader *self, const struct ini_line *line)
{
	struct ini_key *key = current_key(self);
	if (!key)
		return refuse(self, line->number, "an indented line that continues no value");
	if (vec_push(&key->lines, *line) < 0)
		return err_no_memory(self->err);
	if (line->text_end > line->text_start)
		current_section(self)->end = line->end;
	return 0;
}

static size_t find(const struct ini *ini, char c, size_t start, size_t end)
{
	const char *found = end > start ? memchr(ini->source.ptr + start, c, end - start) : NULL;
	return found ? (size_t)(found - ini->source.ptr) : end;
}

/* --- iniconfig --- */

static int read_pytest_header(struct reader *self, const struct ini_line *line)
{
	struct ini *ini = self->ini;
	size_t start = line->text_start, end = line->text_end;
	static const char comments[] = "#;";
	for (size_t i = 0; i < 2; i++) {
		end = find(ini, comments[i], start, end);
		size_t from = start;
		strip(ini->source, &from, &end);
	}
	if (end > start + 1 && ini->source.ptr[end - 1] == ']')
		return add_section(self, line, start + 1, end - 1);
	return add_continuation(self, line);
}

static int read_pytest_line(struct reader *self, const struct ini_line *line)
{
	const char *text = self->ini->source.ptr + line->text_start;
	if (line->text_start == line->text_end || *text == '#' || *text == ';')
		return 0;
	if (line->text_start > line->start)
		return add_continuation(self, line);
	if (*text == '[')
		return read_pytest_header(self, line);
	size_t equals = find(self->ini, '=', line->text_start, line->text_end);
	size_t colon = find(self->ini, ':', line->text_start, line->text_end);
	size_t delimiter = equals < colon ? equals : colon;
	if (delimiter == line->text_end)
		return refuse(self, line->number, "a line that is neither `key = value` nor a section");
	return add_key(self, *line, delimiter, delimiter);
}

/* --- configparser --- */

static size_t count_characters(struct slice s, size_t start, size_t end)
{
	size_t count = 0;
	for (size_t i = start; i < end; i++)
		count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return count;
}

/* End of the name in `[name]`, whatever follows the last ']'; 0 when the line is no header. */
static size_t setuptools_header_end(struct slice s, const struct ini_line *line)
{
	size_t close = line->text_end;
	while (close > line->text_start && s.ptr[close - 1] != ']')
		close--;
	return s.ptr[line->text_start] == '[' && close > line->text_start + 2 ? close - 1 : 0;
}

static int read_setuptools_line(struct reader *self, const struct ini_line *line)
{
	struct ini *ini = self->ini;
	const char *text = ini->source.ptr + line->text_start;
	bool empty = line->text_start == line->text_end;
	if (empty)
		return current_key(self) ? add_continuation(self, line) : 0;
	if (*text == '#' || *text == ';')
		return 0;
	size_t indent = count_characters(ini->source, line->start, line->text_start);
	if (current_key(self) && indent > self->key_indent)
		return add_continuation(self, line);
	self->key_indent = indent;
	size_t header_end = setuptools_header_end(ini->source, line);
	if (header_end > 0)
		return add_section(self, line, line->text_start + 1, header_end);
	if (!current_section(self))
		return refuse(self, line->number, "a key above the first section");
	size_t equals = find(ini, '=', line->text_start, line->text_end);
	size_t colon = find(ini, ':', line->text_start, line->text_end);
	size_t delimiter = equals < colon ? equals : colon;
	if (delimiter == line->text_end)
		return refuse(self, line->number, "a line that is neither `key = value` nor a section");
	return add_key(self, *line, delimiter, delimiter);
}

/* --- opening --- */

static int check_text(struct reader *self)
{
	struct slice s = self->ini->source;
	int line = 1;
	for (size_t at = 0; at < s.len;) {
		size_t n = utf8_length(s.ptr + at, s.len - at);
		if (n == 0)
			return refuse(self, line, "a byte that is not UTF-8");
		if (s.ptr[at] == '\0')
			return refuse(self, line, "a NUL byte");
		line += s.ptr[at] == '\n';
		at += n;
	}
	return 0;
}

static int read_lines(struct reader *self)
{
	struct ini *ini = self->ini;
	struct slice s = ini->source;
	size_t at = s.len >= 3 && memcmp(s.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	for (int number = 1; at < s.len; number++) {
		struct ini_line line = { .start = at, .text_start = at, .number = number };
		size_t newline = 0;
		while (at < s.len && (newline = newline_length(ini, at)) == 0)
			at++;
		line.text_end = at;
		line.end = at += newline;
		strip(s, &line.text_start, &line.text_end);
		int result = ini->dialect == INI_PYTEST ? read_pytest_line(self, &line)
							: read_setuptools_line(self, &line);
		if (result < 0)
			return -1;
	}
	return 0;
}

int ini_open(struct ini *ini, struct slice source, const char *path, enum ini_dialect dialect, struct err *err)
{
	*ini = (struct ini){ .source = source, .path = os_strdup(path), .eol = "\n", .dialect = dialect };
	if (!ini->path)
		return err_no_memory(err);
	for (size_t i = 0; i < source.len; i++)
		if (source.ptr[i] == '\n' || source.ptr[i] == '\r') {
			bool pair = i + 1 < source.len && source.ptr[i] == '\r' && source.ptr[i + 1] == '\n';
			ini->eol = source.ptr[i] == '\n' ? "\n" : pair ? "\r\n" : "\r";
			break;
		}
	struct reader self = { .ini = ini, .err = err };
	if (check_text(&self) == 0 && read_lines(&self) == 0)
		return 0;
	ini_release(ini);
	return -1;
}

void ini_release(struct ini *ini)
{
	for (size_t i = 0; i < ini->sections.len; i++) {
		struct ini_section *section = &ini->sections.at[i];
		for (size_t j = 0; j < section->keys.len; j++) {
			free(section->keys.at[j].name);
			vec_release(&section->keys.at[j].lines);
		}
		vec_release(&section->keys);
		free(section->name);
	}
	vec_release(&ini->sections);
	free(ini->path);
	*ini = (struct ini)INI_INIT;
}

const struct ini_section *ini_section(const struct ini *ini, const char *section)
{
	for (size_t i = 0; i < ini->sections.len; i++)
		if (strcmp(ini->sections.at[i].name, section) == 0)
			return &ini->sections.at[i];
	return NULL;
}

const struct ini_key *ini_key(const struct ini *ini, const char *section, const char *key)
{
	for (size_t i = 0; i < ini->sections.len; i++) {
		const struct ini_section *found = &ini->sections.at[i];
		for (size_t j = 0; j < found->keys.len && strcmp(found->name, section) == 0; j++)
			if (strcmp(found->keys.at[j].name, key) == 0)
				return &found->keys.at[j];
	}
	return NULL;
}

int ini_value(const struct ini *ini, const char *section, const char *key, struct str *out, struct err *err)
{
	const struct ini_key *found = ini_key(ini, section, key);
	str_clear(out);
	if (!found)
		return 0;
	bool first = true;
	for (size_t i = 0; i < found->lines.len; i++) {
		const struct ini_line *line = &found->lines.at[i];
		size_t len = line->text_end - line->text_start;
		if (ini->dialect == INI_PYTEST && len == 0)
			continue;
		if ((!first && str_addc(out, '\n') < 0) ||
		    str_add(out, ini->source.ptr + line->text_start, len) < 0)
			return err_no_memory(err);
		first = false;
	}
	while (ini->dialect == INI_SETUPTOOLS && out->len > 0 && out->buf[out->len - 1] == '\n')
		out->buf[--out->len] = '\0';
	return str_adds(out, "") < 0 ? err_no_memory(err) : 1;
}

int ini_value_lines(const struct ini *ini, const char *section, const char *key, struct strings *out, struct err *err)
{
	const struct ini_key *found = ini_key(ini, section, key);
	if (!found)
		return 0;
	for (size_t i = 0; i < found->lines.len; i++) {
		const struct ini_line *line = &found->lines.at[i];
		cleanup_str struct str text = STR_INIT;
		if (line->text_end == line->text_start)
			continue;
		if (str_add(&text, ini->source.ptr + line->text_start, line->text_end - line->text_start) < 0 ||
		    strings_add(out, text.buf) < 0)
			return err_no_memory(err);
	}
	return 1;
}
