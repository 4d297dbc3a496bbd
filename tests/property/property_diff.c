#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "source/diff.h"

static struct slice next_line(struct slice *text)
{
	const char *newline = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
	struct slice line = { text->ptr, newline ? (size_t)(newline - text->ptr) + 1 : text->len };
	text->ptr += line.len;
	text->len -= line.len;
	return line;
}

/* A small patch(1): follows the hunks strictly and copies what is between them. -1 when they do not fit. */
static int apply(struct slice diff, struct slice before, struct str *out)
{
	size_t line_number = 1;
	next_line(&diff);
	next_line(&diff);
	while (diff.len > 0) {
		struct slice line = next_line(&diff);
		if (line.len > 4 && memcmp(line.ptr, "@@ -", 4) == 0) {
			char *end;
			size_t start = strtoul(line.ptr + 4, &end, 10);
			bool none = end[0] == ',' && end[1] == '0';
			for (; line_number < start + none; line_number++) {
				struct slice copied = next_line(&before);
				str_add(out, copied.ptr, copied.len);
			}
			continue;
		}
		struct slice text = { line.ptr + 1, line.len - 1 };
		if (diff.len > 0 && diff.ptr[0] == '\\') {
			text.len--;
			next_line(&diff);
		}
		if (line.ptr[0] != '+' && (line_number++, !slices_same(next_line(&before), text)))
			return -1;
		if (line.ptr[0] != '-')
			str_add(out, text.ptr, text.len);
	}
	return str_add(out, before.ptr, before.len);
}

int property_diff(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	if (!nul)
		return 0;
	struct slice before = { (const char *)data, (size_t)(nul - data) };
	struct slice after = { (const char *)nul + 1, size - before.len - 1 };
	cleanup_str struct str diff = STR_INIT, result = STR_INIT;
	if (diff_unified(&diff, "a", "b", before, after, &err) < 0)
		return broken(err.text, before, after);
	if (diff.len == 0)
		return slices_same(before, after) ? 0 : broken("a difference is shown", before, after);
	if (apply(str_slice(&diff), before, &result) < 0 || !slices_same(str_slice(&result), after))
		return broken("the diff turns one text into the other", str_slice(&diff), str_slice(&result));
	return 0;
}
