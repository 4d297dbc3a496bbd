#define _GNU_SOURCE
#include "project/table_scan.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

/* "[ tool . pytest ]" is the same table as "[tool.pytest]": compares without blanks and quotes. */
static size_t strip_header(const char *line, size_t len, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len && line[i] != ']' && n + 1 < size; i++)
		if (line[i] != '[' && line[i] != '"' && !isspace((unsigned char)line[i]))
			out[n++] = line[i];
	out[n] = '\0';
	return n;
}

struct table_scan table_scan(struct slice text, const char *table, const char *except)
{
	struct table_scan scan = { false, false, false };
	size_t table_len = strlen(table);
	bool inside = false;
	const char *end = text.ptr + text.len;
	for (const char *line = text.ptr; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((stop ? stop : end) - line);
		char name[256];
		const char *first = line;
		while (first < line + len && isspace((unsigned char)*first))
			first++;
		if (first < line + len && *first == '[' && first == line) {
			strip_header(line, len, name, sizeof(name));
			inside = strcmp(name, table) == 0;
			bool below = strncmp(name, table, table_len) == 0 && name[table_len] == '.';
			scan.header |= inside;
			scan.there |= inside || below;
			if (below && !(except && text_starts_with(name + table_len + 1, except)))
				scan.has_keys = true;
		} else if (inside && first < line + len && *first != '#' && *first != ';') {
			scan.has_keys = true;
		}
		line = stop ? stop + 1 : end;
	}
	return scan;
}
