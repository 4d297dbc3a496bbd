#include "source/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "source/diff.h"

#include "base/banned.h"

int edits_add(struct edits *edits, size_t start, size_t end, struct slice text)
{
	cleanup_free char *copy = os_malloc(text.len + 1);
	if (!copy)
		return -1;
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	struct splice splice = { .start = start, .end = end, .text = copy, .len = text.len };
	if (vec_push(&edits->splices, splice) < 0)
		return -1;
	steal_pointer(&copy);
	return 0;
}

void edits_release(struct edits *edits)
{
	for (size_t i = 0; i < edits->splices.len; i++)
		free(edits->splices.at[i].text);
	vec_release(&edits->splices);
}

/* By place; insertions before the replacement that starts there; else in the order they were added. */
static int by_place(const void *left, const void *right)
{
	const struct splice *a = *(const struct splice *const *)left, *b = *(const struct splice *const *)right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	bool a_inserts = a->start == a->end, b_inserts = b->start == b->end;
	if (a_inserts != b_inserts)
		return a_inserts ? -1 : 1;
	return a < b ? -1 : a > b;
}

int edits_apply(const struct edits *edits, struct slice original, struct str *out, struct err *err)
{
	size_t count = edits->splices.len;
	cleanup_free const struct splice **order = os_calloc(count + 1, sizeof(*order));
	cleanup_str struct str result = STR_INIT;
	if (!order || str_reserve(&result, original.len) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		order[i] = &edits->splices.at[i];
	qsort(order, count, sizeof(*order), by_place);
	size_t done = 0;
	for (size_t i = 0; i < count; i++) {
		const struct splice *splice = order[i];
		if (splice->start < done || splice->end < splice->start || splice->end > original.len)
			return err_set(err, ERR_INTERNAL, "splices overlap at byte %zu", splice->start);
		if (str_add(&result, original.ptr + done, splice->start - done) < 0 ||
		    str_add(&result, splice->text, splice->len) < 0)
			return err_no_memory(err);
		done = splice->end;
	}
	if (str_add(&result, original.ptr + done, original.len - done) < 0)
		return err_no_memory(err);
	str_release(out);
	*out = result;
	result = (struct str)STR_INIT;
	return 0;
}

static void change_release(struct change *change)
{
	free(change->path);
	free(change->made_dir);
	str_release(&change->before);
	str_release(&change->after);
	str_release(&change->on_disk);
}

static struct change *changeset_find(const struct changeset *set, const char *path)
{
	for (size_t i = 0; i < set->changes.len; i++)
		if (strcmp(set->changes.at[i].path, path) == 0)
			return &set->changes.at[i];
	return NULL;
}

static int str_copy(struct str *out, struct slice from)
{
	str_clear(out);
	return str_add(out, from.ptr, from.len);
}

static bool str_same(const struct str *a, const struct str *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->buf, b->buf, a->len) == 0);
}

int changeset_add(struct changeset *set, const char *path, struct slice before, bool existed, struct str *after,
		  struct err *err)
{
	struct change *change = changeset_find(set, path);
	if (!change) {
		struct change new_change = { .path = os_strdup(path), .existed = existed };
		if (!new_change.path || str_copy(&new_change.before, before) < 0 ||
		    vec_push(&set->changes, new_change) < 0) {
			change_release(&new_change);
			return err_no_memory(err);
		}
		change = &set->changes.at[set->changes.len - 1];
	}
	if (str_copy(&change->on_disk, before) < 0)
		return err_no_memory(err);
	change->exists = existed;
	str_release(&change->after);
	change->after = *after;
	*after = (struct str)STR_INIT;
	return 0;
}

static bool change_is_due(const struct change *change)
{
	return !str_same(&change->on_disk, &change->after) || (!change->exists && !change->existed);
}

/* A file that is not as we know it is somebody else's work. */
static int check_on_disk(const struct change *change, struct err *err)
{
	if (fs_exists(change->path) != change->exists)
		return err_set_at(err, ERR_INPUT, change->path, 0, "%s was %s since it was read", change->path,
				  change->exists ? "removed" : "created");
	cleanup_str struct str now = STR_INIT;
	if (!change->exists)
		return 0;
	if (fs_read(change->path, &now, err) < 0)
		return -1;
	if (str_same(&now, &change->on_disk))
		return 0;
	err_set_at(err, ERR_INPUT, change->path, 0, "%s was changed since it was read", change->path);
	return err_hint(err, "save your editor's work and run the same command again");
}

/* Replaces *out by the folder that holds path. */
static int parent_dir(struct str *out, const char *path)
{
	size_t len = (size_t)(fs_base_name(path) - path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	return str_copy(out, (struct slice){ path, len });
}

static int make_parent(struct change *change, struct err *err)
{
	cleanup_str struct str dir = STR_INIT, missing = STR_INIT, up = STR_INIT;
	if (parent_dir(&dir, change->path) < 0)
		return err_no_memory(err);
	if (dir.len == 0 || fs_exists(dir.buf))
		return 0;
	if (str_copy(&missing, str_slice(&dir)) < 0)
		return err_no_memory(err);
	for (;;) {
		if (parent_dir(&up, missing.buf) < 0)
			return err_no_memory(err);
		if (up.len == 0 || fs_exists(up.buf))
			break;
		if (str_copy(&missing, str_slice(&up)) < 0)
			return err_no_memory(err);
	}
	free(change->made_dir);
	change->made_dir = os_strdup(missing.buf);
	return change->made_dir ? fs_make_dirs(dir.buf, err) : err_no_memory(err);
}

static void remove_made_dirs(struct change *change)
{
	cleanup_str struct str dir = STR_INIT, up = STR_INIT;
	if (!change->made_dir || parent_dir(&dir, change->path) < 0)
		return;
	/* A folder that holds other things stays: rmdir says so. */
	while (dir.len >= strlen(change->made_dir) && (os_rmdir(dir.buf) == 0 || errno == ENOENT)) {
		if (parent_dir(&up, dir.buf) < 0 || str_copy(&dir, str_slice(&up)) < 0)
			break;
	}
	free(change->made_dir);
	change->made_dir = NULL;
}

static int back_up(const struct changeset *set, const struct change *change, struct err *err)
{
	if (!set->backup_dir || !change->existed || change->written)
		return 0;
	cleanup_str struct str copy = STR_INIT, dir = STR_INIT;
	const char *slash = change->path[0] == '/' ? "" : "/";
	if (str_addf(&copy, "%s%s%s", set->backup_dir, slash, change->path) < 0 || parent_dir(&dir, copy.buf) < 0)
		return err_no_memory(err);
	return fs_make_dirs(dir.buf, err) < 0 ? -1 : fs_write(copy.buf, str_slice(&change->before), err);
}

static int put_content(struct change *change, const struct str *content, struct err *err)
{
	if (fs_write(change->path, str_slice(content), err) < 0)
		return -1;
	change->exists = true;
	change->written = true;
	return str_copy(&change->on_disk, str_slice(content)) < 0 ? err_no_memory(err) : 0;
}

static int put_back(struct change *change, struct err *err)
{
	if (!change->written)
		return 0;
	if (check_on_disk(change, err) < 0)
		return -1;
	if (change->existed) {
		if (put_content(change, &change->before, err) < 0)
			return -1;
	} else {
		if (os_unlink(change->path) < 0 && errno != ENOENT)
			return err_set_at(err, ERR_INPUT, change->path, 0, "cannot remove %s:", change->path);
		change->exists = false;
		str_clear(&change->on_disk);
		remove_made_dirs(change);
	}
	change->written = false;
	return 0;
}

/* One file of a write that may have to be taken back: what it held before this write. */
struct step {
	struct change *change;
	struct str held;
	bool existed;
};

static void step_revert(struct step *step)
{
	struct err ignored = ERR_INIT;
	struct change *change = step->change;
	bool was_original = step->existed == change->existed && str_same(&step->held, &change->before);
	if (was_original)
		put_back(change, &ignored);
	else if (step->existed)
		put_content(change, &step->held, &ignored);
}

static int write_steps(struct changeset *set, struct step *steps, size_t *done, struct err *err)
{
	for (size_t i = 0; i < set->changes.len; i++) {
		struct change *change = &set->changes.at[i];
		if (!change_is_due(change))
			continue;
		struct step *step = &steps[*done];
		*step = (struct step){ .change = change, .existed = change->exists };
		if (str_copy(&step->held, str_slice(&change->on_disk)) < 0) {
			str_release(&step->held);
			return err_no_memory(err);
		}
		(*done)++;
		if (!change->exists && make_parent(change, err) < 0) {
			remove_made_dirs(change);
			return -1;
		}
		if (put_content(change, &change->after, err) < 0) {
			if (!change->exists)
				remove_made_dirs(change);
			return -1;
		}
		change->written = !change->existed || !str_same(&change->on_disk, &change->before);
	}
	return 0;
}

int changeset_write(struct changeset *set, struct err *err)
{
	for (size_t i = 0; i < set->changes.len; i++)
		if (change_is_due(&set->changes.at[i]) && check_on_disk(&set->changes.at[i], err) < 0)
			return -1;
	for (size_t i = 0; i < set->changes.len; i++)
		if (change_is_due(&set->changes.at[i]) && back_up(set, &set->changes.at[i], err) < 0)
			return -1;
	cleanup_free struct step *steps = os_calloc(set->changes.len + 1, sizeof(*steps));
	if (!steps)
		return err_no_memory(err);
	size_t done = 0;
	int result = write_steps(set, steps, &done, err);
	for (size_t i = done; i-- > 0;) {
		if (result < 0)
			step_revert(&steps[i]);
		str_release(&steps[i].held);
	}
	return result;
}

int changeset_undo(struct changeset *set, struct err *err)
{
	int result = 0;
	for (size_t i = set->changes.len; i-- > 0;)
		if (put_back(&set->changes.at[i], err) < 0)
			result = -1;
	if (result < 0 && set->backup_dir)
		err_hint(err, "the old contents are in %s", set->backup_dir);
	return result;
}

int changeset_undo_file(struct changeset *set, const char *path, struct err *err)
{
	struct change *change = changeset_find(set, path);
	if (!change)
		return 0;
	if (put_back(change, err) < 0)
		return -1;
	change_release(change);
	size_t at = (size_t)(change - set->changes.at);
	memmove(change, change + 1, (set->changes.len - at - 1) * sizeof(*change));
	set->changes.len--;
	return 0;
}

static const char *relative_to(const char *root, const char *path)
{
	size_t len = strlen(root);
	while (len > 0 && root[len - 1] == '/')
		len--;
	return strncmp(path, root, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

int changeset_diff(const struct changeset *set, const char *root, struct str *out, struct err *err)
{
	cleanup_str struct str before = STR_INIT, after = STR_INIT;
	for (size_t i = 0; i < set->changes.len; i++) {
		const struct change *change = &set->changes.at[i];
		const char *name = relative_to(root, change->path);
		const char *slash = name[0] == '/' ? "" : "/";
		str_clear(&before);
		str_clear(&after);
		if (str_addf(&after, "b%s%s", slash, name) < 0 ||
		    (change->existed ? str_addf(&before, "a%s%s", slash, name) : str_adds(&before, "/dev/null")) < 0)
			return err_no_memory(err);
		if (diff_unified(out, before.buf, after.buf, str_slice(&change->before), str_slice(&change->after),
				 err) < 0)
			return -1;
	}
	return 0;
}

void changeset_release(struct changeset *set)
{
	for (size_t i = 0; i < set->changes.len; i++)
		change_release(&set->changes.at[i]);
	vec_release(&set->changes);
	free(set->backup_dir);
	set->backup_dir = NULL;
}
