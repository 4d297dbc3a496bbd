#include "source/requirements_edit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

/* --- names --- */

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* Length of the project name that text starts with; it ends in a letter or digit. */
static size_t name_length(const char *text)
{
	size_t len = 0;
	while (is_name_char(text[len]))
		len++;
	while (len > 0 && !isalnum((unsigned char)text[len - 1]))
		len--;
	return len > 0 && isalnum((unsigned char)text[0]) ? len : 0;
}

int requirement_name(struct str *out, const char *text)
{
	size_t len = name_length(text);
	str_clear(out);
	if (str_adds(out, "") < 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		bool separator = !isalnum((unsigned char)text[i]);
		if (separator && i > 0 && !isalnum((unsigned char)text[i - 1]))
			continue;
		if (str_addc(out, separator ? '-' : (char)tolower((unsigned char)text[i])) < 0)
			return -1;
	}
	return 0;
}

/* Whether the name that text starts with is that normalised one. Allocates nothing, so that it cannot fail. */
static bool is_name(const char *normalised, const char *text)
{
	size_t len = name_length(text);
	for (size_t i = 0; i < len; i++) {
		bool separator = !isalnum((unsigned char)text[i]);
		if (separator && !isalnum((unsigned char)text[i - 1]))
			continue;
		if (*normalised++ != (separator ? '-' : (char)tolower((unsigned char)text[i])))
			return false;
	}
	return len > 0 && *normalised == '\0';
}

/* A file or URL instead of a name: "./x", "https://…", "x.whl". */
static bool is_location(const char *text)
{
	static const char *const archives[] = { ".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar" };
	size_t len = name_length(text);
	if (len == 0 || (text[len] && strchr(":/\\", text[len])))
		return true;
	size_t word = strcspn(text, " \t;[");
	for (size_t i = 0; i < sizeof(archives) / sizeof(*archives); i++) {
		size_t tail = strlen(archives[i]);
		if (word > tail && memcmp(text + word - tail, archives[i], tail) == 0 && word <= len)
			return true;
	}
	return false;
}

/* --- one logical line --- */

struct option {
	const char *name;
	bool constraint;
};

static const struct option includes[] = {
	{ "--requirement", false }, { "--constraint", true }, { "-r", false }, { "-c", true }
};

static int read_include(struct requirement *item, const char *text)
{
	for (size_t i = 0; i < sizeof(includes) / sizeof(*includes); i++) {
		if (!text_starts_with(text, includes[i].name))
			continue;
		const char *value = text + strlen(includes[i].name);
		bool long_name = includes[i].name[1] == '-';
		if (long_name && *value != '=' && *value != ' ' && *value != '\t')
			continue;
		value += strspn(value, "= \t");
		item->include = os_strdup(value);
		item->constraint = includes[i].constraint;
		return item->include ? 0 : -1;
	}
	return 0;
}

static int read_egg(struct requirement *item, const char *text)
{
	const char *egg = strstr(text, "#egg=");
	cleanup_str struct str name = STR_INIT;
	if (!egg)
		return 0;
	if (requirement_name(&name, egg + 5) < 0)
		return -1;
	item->name = name.len > 0 ? str_steal(&name) : NULL;
	return 0;
}

static int read_marker(struct requirement *item, const char *text)
{
	const char *semicolon = strchr(text, ';');
	if (!semicolon)
		return 0;
	const char *start = semicolon + 1 + strspn(semicolon + 1, " \t"), *option = strstr(start, " --");
	size_t len = option ? (size_t)(option - start) : strlen(start);
	while (len > 0 && isspace((unsigned char)start[len - 1]))
		len--;
	cleanup_str struct str marker = STR_INIT;
	if (str_add(&marker, start, len) < 0)
		return -1;
	item->marker = len > 0 ? str_steal(&marker) : NULL;
	return 0;
}

static int read_requirement(struct requirement *item, const char *text)
{
	cleanup_str struct str name = STR_INIT;
	if (is_location(text))
		return read_egg(item, text);
	if (requirement_name(&name, text) < 0)
		return -1;
	item->name = str_steal(&name);
	const char *equals = strstr(text, "=="), *marker = strchr(text, ';');
	item->pinned = equals && (!marker || equals < marker);
	return item->name ? read_marker(item, text) : -1;
}

/* text: the logical line without comments and blanks around it. */
static int read_item(struct requirements *self, struct requirement *item, const char *text)
{
	item->hashed = strstr(text, "--hash=") != NULL || strstr(text, "--hash ") != NULL;
	self->hash_mode = self->hash_mode || item->hashed || text_starts_with(text, "--require-hashes");
	bool editable = text_starts_with(text, "-e") || text_starts_with(text, "--editable");
	if (editable)
		return read_egg(item, text);
	return *text == '-' ? read_include(item, text) : read_requirement(item, text);
}

/* --- lines --- */

static size_t skip_blanks(struct slice s, size_t at, size_t end)
{
	while (at < end && (s.ptr[at] == ' ' || s.ptr[at] == '\t' || s.ptr[at] == '\f' || s.ptr[at] == '\v'))
		at++;
	return at;
}

static bool is_comment(struct slice s, size_t start, size_t end)
{
	size_t at = skip_blanks(s, start, end);
	return at < end && s.ptr[at] == '#';
}

/* Joins physical lines as pip does; *at moves behind the last. The text keeps its comment. */
static int join_lines(struct requirements *self, size_t *at, int *line, struct str *text)
{
	struct slice s = self->source;
	for (;;) {
		size_t start = *at, end = slice_line_end(s, start);
		bool comment = is_comment(s, start, end);
		bool goes_on = end > start && s.ptr[end - 1] == '\\' && !comment;
		if ((comment && str_addc(text, ' ') < 0) || str_add(text, s.ptr + start, end - start - goes_on) < 0)
			return -1;
		*at = slice_next_line(s, end);
		++*line;
		if (!goes_on || *at >= s.len)
			return 0;
	}
}

/* Cuts a comment off (at the start, or behind a blank) and blanks at both ends. */
static void trim(struct str *text)
{
	size_t start = 0;
	for (size_t i = 0; i < text->len; i++)
		if (text->buf[i] == '#' && (i == 0 || isspace((unsigned char)text->buf[i - 1]))) {
			text->len = i;
			break;
		}
	while (text->len > 0 && isspace((unsigned char)text->buf[text->len - 1]))
		text->len--;
	while (start < text->len && isspace((unsigned char)text->buf[start]))
		start++;
	text->len -= start;
	if (start > 0)
		memmove(text->buf, text->buf + start, text->len);
	if (text->buf)
		text->buf[text->len] = '\0';
}

static size_t skip_indented_comments(struct slice s, size_t at, int *line)
{
	while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t')) {
		size_t end = slice_line_end(s, at);
		if (!is_comment(s, at, end))
			break;
		at = slice_next_line(s, end);
		++*line;
	}
	return at;
}

static int read_lines(struct requirements *self)
{
	struct slice s = self->source;
	size_t at = s.len >= 3 && memcmp(s.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	for (int line = 1; at < s.len;) {
		cleanup_str struct str text = STR_INIT;
		struct requirement item = { .start = at, .line = line };
		if (join_lines(self, &at, &line, &text) < 0)
			return -1;
		trim(&text);
		if (text.len == 0)
			continue;
		at = skip_indented_comments(s, at, &line);
		item.end = at;
		if (read_item(self, &item, text.buf) < 0 || vec_push(&self->items, item) < 0) {
			free(item.name);
			free(item.include);
			free(item.marker);
			return -1;
		}
	}
	return 0;
}

int requirements_open(struct requirements *requirements, struct slice source, const char *path, struct err *err)
{
	*requirements = (struct requirements){ .source = source, .path = os_strdup(path), .eol = "\n" };
	size_t first = slice_line_end(source, 0);
	if (first < source.len && source.ptr[first] == '\r')
		requirements->eol = slice_next_line(source, first) == first + 2 ? "\r\n" : "\r";
	if (source.len > 0 && memchr(source.ptr, '\0', source.len)) {
		err_set_at(err, ERR_INPUT, path, 0, "%s holds NUL bytes: it is no UTF-8 text", path);
		err_hint(err, "save it as UTF-8 and run again");
	} else if (!requirements->path || read_lines(requirements) < 0) {
		err_no_memory(err);
	} else {
		return 0;
	}
	requirements_release(requirements);
	return -1;
}

void requirements_release(struct requirements *requirements)
{
	for (size_t i = 0; i < requirements->items.len; i++) {
		free(requirements->items.at[i].name);
		free(requirements->items.at[i].include);
		free(requirements->items.at[i].marker);
	}
	vec_release(&requirements->items);
	free(requirements->path);
	*requirements = (struct requirements)REQUIREMENTS_INIT;
}

const struct requirement *requirements_find(const struct requirements *requirements, const char *name)
{
	for (size_t i = 0; i < requirements->items.len; i++)
		if (requirements->items.at[i].name && is_name(requirements->items.at[i].name, name))
			return &requirements->items.at[i];
	return NULL;
}

/* --- insert --- */

/* Whether the line that ends at byte at waits for another one. */
static bool is_continued(struct slice s, size_t at)
{
	size_t end = at;
	if (end > 0 && s.ptr[end - 1] == '\n')
		end--;
	if (end > 0 && s.ptr[end - 1] == '\r')
		end--;
	size_t start = end;
	while (start > 0 && s.ptr[start - 1] != '\n' && s.ptr[start - 1] != '\r')
		start--;
	return end > start && s.ptr[end - 1] == '\\' && !is_comment(s, start, end);
}

static int refuse_hashes(const struct requirements *self, const char *text, struct err *err)
{
	int line = 0;
	for (size_t i = 0; i < self->items.len && line == 0; i++)
		line = self->items.at[i].hashed ? self->items.at[i].line : 0;
	err_set_at(err, ERR_INPUT, self->path, line ? line : 1,
		   "pip checks hashes here, so a requirement cannot be added without its hashes");
	return err_hint(err, "add %s to the file this one is compiled from, compile it again, and run again", text);
}

int requirements_insert(const struct requirements *requirements, const char *text, const char *beside,
			struct edits *edits, struct err *err)
{
	struct slice s = requirements->source;
	if (requirements_find(requirements, text))
		return 0;
	if (requirements->hash_mode)
		return refuse_hashes(requirements, text, err);
	const struct requirement *neighbour = beside ? requirements_find(requirements, beside) : NULL;
	size_t at = neighbour ? neighbour->end : s.len;
	bool has_mark = s.len >= 3 && memcmp(s.ptr, "\xef\xbb\xbf", 3) == 0;
	bool ends = at == 0 || s.ptr[at - 1] == '\n' || s.ptr[at - 1] == '\r' || (has_mark && at == 3);
	cleanup_str struct str line = STR_INIT;
	bool marked = neighbour && neighbour->marker && !strpbrk(neighbour->marker, "\\#") && !strchr(text, ';');
	/* A lone CR and our newline would make one line end of two. */
	const char *separator = at > 0 && s.ptr[at - 1] == '\r' ? "\r" : requirements->eol;
	if ((!ends && str_adds(&line, requirements->eol) < 0) ||
	    (is_continued(s, at) && str_adds(&line, separator) < 0) || str_adds(&line, text) < 0 ||
	    (marked && str_addf(&line, "; %s", neighbour->marker) < 0) ||
	    (ends && str_adds(&line, requirements->eol) < 0))
		return err_no_memory(err);
	return edits_add(edits, at, at, str_slice(&line)) < 0 ? err_no_memory(err) : 0;
}
