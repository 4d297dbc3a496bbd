#include "property.h"

#include <stdio.h>
#include <string.h>

static void print_text(const char *name, struct slice text)
{
	cleanup_str struct str printable = STR_INIT;
	str_add_printable(&printable, text.ptr, text.len);
	fprintf(stderr, "%s: \"%s\"\n", name, str_text(&printable));
}

int broken(const char *what, struct slice before, struct slice after)
{
	fprintf(stderr, "does not hold: %s\n", what);
	print_text("before", before);
	print_text("after", after);
	return 1;
}

bool slices_same(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool only_inserts(const struct edits *edits)
{
	for (size_t i = 0; i < edits->splices.len; i++)
		if (edits->splices.at[i].start != edits->splices.at[i].end)
			return false;
	return true;
}

int check_refusal(const struct err *err, struct slice source)
{
	struct slice text = { err->text, strlen(err->text) };
	if (err->kind != ERR_INPUT || text.len == 0)
		return broken("a file is refused as bad input, with a reason", source, text);
	return 0;
}
