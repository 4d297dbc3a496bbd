#include "project/draft.h"

#include <string.h>

#include "base/fs.h"

#include "base/banned.h"

/* The change that waits for this file; NULL for none. */
static struct change *waiting_change(struct changeset *set, const char *path)
{
	for (size_t i = 0; i < set->changes.len; i++)
		if (strcmp(set->changes.at[i].path, path) == 0 && !set->changes.at[i].written)
			return &set->changes.at[i];
	return NULL;
}

int draft_read(struct changeset *set, const char *path, struct str *out, struct err *err)
{
	const struct change *change = waiting_change(set, path);
	str_clear(out);
	if (change)
		return str_add(out, str_text(&change->after), change->after.len) < 0 ? err_no_memory(err) : 0;
	return fs_exists(path) ? fs_read(path, out, err) : 0;
}

int draft_apply(struct changeset *set, const char *path, const struct str *text, struct edits *edits, struct err *err)
{
	cleanup_str struct str after = STR_INIT;
	struct change *change = waiting_change(set, path);
	if (edits_apply(edits, str_slice(text), &after, err) < 0)
		return -1;
	if (!change)
		return changeset_add(set, path, str_slice(text), fs_exists(path), &after, err);
	str_release(&change->after);
	change->after = after;
	after = (struct str)STR_INIT;
	return 0;
}
