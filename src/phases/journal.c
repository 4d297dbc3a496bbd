#include "phases/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

static const char added[] = "A", modified[] = "M";

static int add_path(struct journal *journal, const char *kind, const char *path, struct err *err)
{
	if (strings_add(&journal->paths, path) < 0 || strings_add(&journal->kinds, kind) < 0)
		return err_no_memory(err);
	return 0;
}

/* A last line without its newline was being written when comb was killed: its file is unchanged still, and it goes. */
static int read_manifest(struct journal *journal, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	if (fs_join(&path, journal->dir, "manifest") < 0)
		return err_no_memory(err);
	if (!fs_is_file(path.buf))
		return 0;
	if (fs_read(path.buf, &text, err) < 0)
		return -1;
	char *line = text.buf;
	for (int number = 1; text.len > 0 && *line; number++) {
		char *end = strchr(line, '\n');
		if (!end) {
			cleanup_str struct str whole = STR_INIT;
			for (size_t i = 0; i < journal->paths.len; i++)
				if (str_addf(&whole, "%s %s\n", journal->kinds.at[i], journal->paths.at[i]) < 0)
					return err_no_memory(err);
			return fs_write(path.buf, str_slice(&whole), err);
		}
		*end = '\0';
		if ((line[0] != 'A' && line[0] != 'M') || line[1] != ' ' || !line[2])
			return err_set_at(err, ERR_INPUT, path.buf, number, "not a line of a journal: '%s'", line);
		if (add_path(journal, line[0] == 'A' ? added : modified, line + 2, err) < 0)
			return -1;
		line = end + 1;
	}
	return 0;
}

int journal_open(struct journal *journal, const char *root, const char *dir, const char *forbidden, struct err *err)
{
	cleanup_str struct str real = STR_INIT;
	journal_release(journal);
	if (fs_real_path(root, &real, err) < 0)
		return -1;
	journal->root = str_steal(&real);
	journal->dir = os_strdup(dir);
	journal->forbidden = os_strdup(forbidden);
	if (!journal->root || (dir && !journal->dir) || (forbidden && !journal->forbidden))
		return err_no_memory(err);
	return dir ? read_manifest(journal, err) : 0;
}

/* The file that a write to path replaces: symbolic links followed; it need not exist. */
static int resolve(const char *path, struct str *out, struct err *err)
{
	cleanup_free char *whole = realpath(path, NULL);
	cleanup_str struct str dir = STR_INIT;
	const char *name = fs_base_name(path);
	if (whole) {
		str_clear(out);
		return str_adds(out, whole) < 0 ? err_no_memory(err) : 0;
	}
	if (str_adds(&dir, name == path ? "." : "") < 0 || str_add(&dir, path, (size_t)(name - path)) < 0)
		return err_no_memory(err);
	cleanup_str struct str real = STR_INIT;
	if (fs_real_path(dir.buf, &real, err) < 0)
		return -1;
	return fs_join(out, real.buf, name) < 0 ? err_no_memory(err) : 0;
}

/* NULL when path is not below root. */
static const char *below(const char *path, const char *root)
{
	size_t len = strlen(root);
	return strncmp(path, root, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static int append_durably(const char *path, const struct str *text, struct err *err)
{
	cleanup_fd int fd = os_open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (fd < 0 || os_write_all(fd, text->buf, text->len) < 0 || os_fsync(fd) < 0)
		return err_set_at(err, ERR_INPUT, path, 0, "cannot write %s:", path);
	return 0;
}

static int make_parent(const char *path, struct err *err)
{
	cleanup_str struct str parent = STR_INIT;
	if (str_add(&parent, path, (size_t)(fs_base_name(path) - path)) < 0)
		return err_no_memory(err);
	return fs_make_dirs(parent.buf, err);
}

/* The content first, then the line that says it is there. */
static int keep(struct journal *journal, const char *path, const char *relative, const char **kind, struct err *err)
{
	cleanup_str struct str copy = STR_INIT, manifest = STR_INIT, line = STR_INIT;
	*kind = fs_exists(path) ? modified : added;
	if (!journal->dir)
		return 0;
	if (strchr(relative, '\n'))
		return err_set(err, ERR_INPUT, "a file name with a newline cannot be backed up: %s", relative);
	if (str_addf(&copy, "%s/files/%s", journal->dir, relative) < 0 ||
	    fs_join(&manifest, journal->dir, "manifest") < 0 || str_addf(&line, "%s %s\n", *kind, relative) < 0)
		return err_no_memory(err);
	if (fs_make_dirs(journal->dir, err) < 0)
		return -1;
	if (*kind == modified &&
	    (make_parent(copy.buf, err) < 0 || fs_remove_all(copy.buf, err) < 0 ||
	     fs_copy_file(path, copy.buf, err) < 0))
		return -1;
	return append_durably(manifest.buf, &line, err);
}

int journal_record(struct journal *journal, const char *path, struct err *err)
{
	cleanup_str struct str real = STR_INIT;
	const char *kind;
	if (resolve(path, &real, err) < 0)
		return -1;
	const char *relative = below(real.buf, journal->root);
	if (!relative) {
		const char *foreign = journal->forbidden ? below(real.buf, journal->forbidden) : NULL;
		if (!foreign || text_starts_with(foreign, ".comb/") || strstr(foreign, "/.comb/"))
			return 0;
		err_set_at(err, ERR_INPUT, path, 0, "%s leads into your own tree, to %s", path, real.buf);
		return err_hint(err, "comb does not edit through symbolic links that leave the repository");
	}
	if (text_starts_with(relative, ".comb/") || strstr(relative, "/.comb/") ||
	    strings_find(&journal->paths, relative) >= 0)
		return 0;
	if (keep(journal, real.buf, relative, &kind, err) < 0)
		return -1;
	return add_path(journal, kind, relative, err);
}

static int undo_one(const struct journal *journal, size_t i, struct err *err)
{
	cleanup_str struct str path = STR_INIT, copy = STR_INIT, content = STR_INIT;
	if (fs_join(&path, journal->root, journal->paths.at[i]) < 0 ||
	    str_addf(&copy, "%s/files/%s", journal->dir, journal->paths.at[i]) < 0)
		return err_no_memory(err);
	if (strcmp(journal->kinds.at[i], added) == 0)
		return fs_remove_all(path.buf, err);
	return fs_read(copy.buf, &content, err) < 0 ? -1 : fs_write(path.buf, str_slice(&content), err);
}

int journal_undo(struct journal *journal, struct err *err)
{
	for (size_t i = journal->paths.len; i-- > 0;)
		if (undo_one(journal, i, err) < 0)
			return -1;
	return journal_clear(journal, err);
}

/* relative's path below the root, and below a folder of the journal's own. */
static int both_paths(const struct journal *journal, const char *folder, const char *relative, struct str *path,
		      struct str *copy, struct err *err)
{
	str_clear(copy);
	if (fs_join(path, journal->root, relative) < 0 ||
	    str_addf(copy, "%s/%s/%s", journal->dir, folder, relative) < 0)
		return err_no_memory(err);
	return 0;
}

int journal_seal(const struct journal *journal, struct err *err)
{
	cleanup_str struct str path = STR_INIT, copy = STR_INIT;
	for (size_t i = 0; i < journal->paths.len; i++) {
		if (both_paths(journal, "after", journal->paths.at[i], &path, &copy, err) < 0 ||
		    fs_remove_all(copy.buf, err) < 0)
			return -1;
		if (fs_exists(path.buf) &&
		    (make_parent(copy.buf, err) < 0 || fs_copy_file(path.buf, copy.buf, err) < 0))
			return -1;
	}
	return 0;
}

/* 1: the same bytes, or neither is there; 0; -1. */
static int same_content(const char *a, const char *b, struct err *err)
{
	cleanup_str struct str left = STR_INIT, right = STR_INIT;
	if (!fs_exists(a) || !fs_exists(b))
		return fs_exists(a) == fs_exists(b);
	if (fs_read(a, &left, err) < 0 || fs_read(b, &right, err) < 0)
		return -1;
	return left.len == right.len && memcmp(str_text(&left), str_text(&right), left.len) == 0;
}

/* 1: as sealed, or as before comb; 0: somebody else's by now; -1. */
static int is_own(const struct journal *journal, const char *relative, struct err *err)
{
	cleanup_str struct str path = STR_INIT, copy = STR_INIT;
	if (both_paths(journal, "after", relative, &path, &copy, err) < 0)
		return -1;
	int same = same_content(path.buf, copy.buf, err);
	if (same != 0)
		return same;
	if (both_paths(journal, "files", relative, &path, &copy, err) < 0)
		return -1;
	return same_content(path.buf, copy.buf, err);
}

int journal_undo_own(struct journal *journal, size_t *count, struct err *err)
{
	struct err left = ERR_INIT;
	*count = 0;
	for (size_t i = journal->paths.len; i-- > 0;) {
		const char *relative = journal->paths.at[i];
		cleanup_str struct str path = STR_INIT;
		if (fs_join(&path, journal->root, relative) < 0)
			return err_no_memory(err);
		bool there = fs_exists(path.buf) || strcmp(journal->kinds.at[i], modified) == 0;
		int own = is_own(journal, relative, err);
		if (own < 0 || (own && undo_one(journal, i, err) < 0))
			return -1;
		*count += own && there;
		if (own)
			continue;
		err_set(&left, ERR_INPUT, "%s was changed since comb wrote it, and is left as it is", relative);
		if (strcmp(journal->kinds.at[i], added) == 0)
			err_hint(&left, "comb made that file: remove it, or what you do not want of it");
		else
			err_hint(&left, "what it held before comb is in %s/files/%s", journal->dir, relative);
	}
	if (left.kind != ERR_NONE) {
		*err = left;
		return -1;
	}
	return journal_clear(journal, err);
}

int journal_clear(struct journal *journal, struct err *err)
{
	cleanup_str struct str manifest = STR_INIT;
	strings_release(&journal->paths);
	strings_release(&journal->kinds);
	if (!journal->dir)
		return 0;
	if (fs_join(&manifest, journal->dir, "manifest") < 0)
		return err_no_memory(err);
	/* The manifest goes first: without it the rest means nothing. */
	return fs_remove_all(manifest.buf, err) < 0 ? -1 : fs_remove_all(journal->dir, err);
}

void journal_release(struct journal *journal)
{
	free(journal->root);
	free(journal->dir);
	free(journal->forbidden);
	strings_release(&journal->paths);
	strings_release(&journal->kinds);
	*journal = (struct journal)JOURNAL_INIT;
}
