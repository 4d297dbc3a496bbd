#include "phases/carry.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/os.h"
#include "phases/git.h"

#include "base/banned.h"

/* More than this in one entry, or in all of them, is data that comb does not copy. */
static const int64_t entry_bytes_limit = 64 << 20, total_bytes_limit = 256 << 20;

/* Names that no test needs: caches, environments, state of tools. */
static const char *const skipped[] = {
	".git", ".comb", ".venv", "venv", "node_modules", "__pycache__", "*.pyc", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".cache", ".eggs", "htmlcov",
	".coverage", ".coverage.*", "dist", ".idea", ".vscode", ".DS_Store", ".benchmarks", "*.swp",
};

struct size {
	const char *root;
	int64_t bytes;
	bool is_environment; /* a virtual environment by another name */
};

static bool is_skipped(const char *name)
{
	for (size_t i = 0; i < sizeof(skipped) / sizeof(*skipped); i++)
		if (fnmatch(skipped[i], name, 0) == 0)
			return true;
	return false;
}

static int add_size(void *context, const char *relative, bool is_dir, struct err *err)
{
	struct size *size = context;
	cleanup_str struct str path = STR_INIT;
	struct stat st;
	if (is_skipped(fs_base_name(relative)) || size->is_environment || size->bytes > entry_bytes_limit)
		return 1;
	if (is_dir)
		return 0;
	if (strcmp(fs_base_name(relative), "pyvenv.cfg") == 0)
		size->is_environment = true;
	if (fs_join(&path, size->root, relative) < 0)
		return err_no_memory(err);
	if (os_lstat(path.buf, &st) == 0)
		size->bytes += st.st_size;
	return 0;
}

static int measure(const char *path, struct size *size, struct err *err)
{
	struct stat st;
	size->root = path;
	if (fs_is_dir(path))
		return fs_walk(path, add_size, size, err);
	if (os_lstat(path, &st) == 0)
		size->bytes = st.st_size;
	return 0;
}

struct copy {
	const char *from, *to;
};

static int copy_file(const char *from, const char *to, struct err *err)
{
	struct stat st;
	if (os_lstat(from, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) || fs_exists(to))
		return 0; /* gone since, or a socket, or there already */
	return fs_copy_file(from, to, err);
}

static int copy_entry(void *context, const char *relative, bool is_dir, struct err *err)
{
	const struct copy *copy = context;
	cleanup_str struct str from = STR_INIT, to = STR_INIT;
	if (is_skipped(fs_base_name(relative)))
		return 1;
	if (fs_join(&from, copy->from, relative) < 0 || fs_join(&to, copy->to, relative) < 0)
		return err_no_memory(err);
	return is_dir ? fs_make_dirs(to.buf, err) : copy_file(from.buf, to.buf, err);
}

static int make_parent(const char *path, struct err *err)
{
	cleanup_str struct str parent = STR_INIT;
	if (str_add(&parent, path, (size_t)(fs_base_name(path) - path)) < 0)
		return err_no_memory(err);
	return fs_make_dirs(parent.buf, err);
}

static int copy_one(const char *from, const char *to, struct err *err)
{
	struct copy copy = { .from = from, .to = to };
	struct stat st;
	if (os_lstat(from, &st) == 0 && S_ISDIR(st.st_mode))
		return fs_make_dirs(to, err) < 0 ? -1 : fs_walk(from, copy_entry, &copy, err);
	return make_parent(to, err) < 0 ? -1 : copy_file(from, to, err);
}

/* Copies one entry, if it is small enough, and counts it. A file that cannot be read is noted. */
static int carry_entry(const char *from_root, const char *to_root, const char *relative, int64_t *total_bytes,
		       const struct progress_sink *sink, struct err *err)
{
	cleanup_str struct str from = STR_INIT, to = STR_INIT;
	struct size size = { 0 };
	struct err why = ERR_INIT;
	if (fs_join(&from, from_root, relative) < 0 || fs_join(&to, to_root, relative) < 0)
		return err_no_memory(err);
	for (struct str *s = &from; s; s = s == &from ? &to : NULL)
		while (s->len > 1 && s->buf[s->len - 1] == '/')
			s->buf[--s->len] = '\0';
	if (is_skipped(fs_base_name(from.buf)))
		return 0;
	if (measure(from.buf, &size, &why) < 0) {
		sink_notef(sink, "not copied into the worktree: %s", why.text);
		return 0;
	}
	if (size.is_environment)
		return 0;
	if (size.bytes > entry_bytes_limit || *total_bytes + size.bytes > total_bytes_limit) {
		sink_notef(sink, "not copied into the worktree, for its size (%lld MiB): %s", (long long)(size.bytes >> 20),
			   relative);
		return 0;
	}
	*total_bytes += size.bytes;
	if (copy_one(from.buf, to.buf, &why) < 0) {
		if (why.kind == ERR_INTERNAL)
			return err_no_memory(err);
		sink_notef(sink, "not copied into the worktree: %s", why.text);
	}
	return 0;
}

int carry_ignored(const char *from, const char *to, const struct progress_sink *sink, struct err *err)
{
	struct git git = { .dir = from };
	cleanup_str struct str list = STR_INIT;
	int64_t total_bytes = 0;
	size_t at = 0;
	if (git_run(&git, &list, err, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory",
		    NULL) < 0)
		return -1;
	for (const char *relative; (relative = git_next_field(&list, &at)) != NULL;)
		if (carry_entry(from, to, relative, &total_bytes, sink, err) < 0)
			return -1;
	return 0;
}

int carry_submodules(const char *from, const char *to, const struct progress_sink *sink, struct err *err)
{
	struct git git = { .dir = from };
	cleanup_str struct str list = STR_INIT;
	int64_t total_bytes = 0;
	size_t at = 0;
	if (git_run(&git, &list, err, "ls-files", "-z", "--stage", NULL) < 0)
		return -1;
	for (const char *entry; (entry = git_next_field(&list, &at)) != NULL;) {
		const char *tab = strchr(entry, '\t');
		if (!tab || !text_starts_with(entry, "160000 "))
			continue;
		sink_notef(sink, "submodule %s: its files are copied as they lie in your tree", tab + 1);
		if (carry_entry(from, to, tab + 1, &total_bytes, sink, err) < 0)
			return -1;
	}
	return 0;
}
