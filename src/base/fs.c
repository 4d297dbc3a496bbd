#define _GNU_SOURCE
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"

#include "base/banned.h"

#define TEMPORARY_MARK ".comb-" /* and letters, behind the name of the file that is written */
#define RANDOM_LETTERS 6        /* as mkostemp() wants them */

int fs_read(const char *path, struct str *out, struct err *err)
{
	cleanup_fd int fd = os_open(path, O_RDONLY, 0);
	if (fd < 0)
		return err_set_at(err, ERR_INPUT, path, 0, "cannot read %s:", path);
	str_clear(out);
	for (;;) {
		if (str_reserve(out, 65536) < 0)
			return err_no_memory(err);
		ssize_t n = os_read(fd, out->buf + out->len, 65536);
		if (n < 0)
			return err_set_at(err, ERR_INPUT, path, 0, "cannot read %s:", path);
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		out->buf[out->len] = '\0';
	}
}

static int write_temporary(int fd, const char *target, struct slice content)
{
	struct stat old;
	if (os_write_all(fd, content.ptr, content.len) < 0)
		return -1;
	bool is_new = os_stat(target, &old) < 0;
	if (is_new && errno != ENOENT)
		return -1;
	mode_t mask = umask(0);
	umask(mask);
	mode_t mode = is_new ? 0666 & ~mask : old.st_mode & 07777;
	return os_fchmod(fd, mode) < 0 || os_fsync(fd) < 0 ? -1 : 0;
}

static fs_watcher *write_watcher;
static void *write_watcher_context;

void fs_watch_writes(fs_watcher *watcher, void *context)
{
	write_watcher = watcher;
	write_watcher_context = context;
}

/* Removes a temporary file whose writer is gone: nobody holds its lock, and we do until it is removed. */
static void remove_abandoned(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlink(path);
	if (fd >= 0)
		close(fd);
}

/* Removes what killed writers of target have left beside it. */
static void sweep(const char *target)
{
	const char *name = fs_base_name(target);
	cleanup_str struct str folder = STR_INIT, prefix = STR_INIT, path = STR_INIT;
	if (str_add(&folder, target, (size_t)(name - target)) < 0 || str_addf(&prefix, "%s" TEMPORARY_MARK, name) < 0)
		return;
	DIR *dir = opendir(folder.len ? folder.buf : ".");
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (text_starts_with(entry->d_name, prefix.buf) && strlen(entry->d_name) == prefix.len + RANDOM_LETTERS &&
		    fs_join(&path, str_text(&folder), entry->d_name) == 0)
			remove_abandoned(path.buf);
	if (dir)
		closedir(dir);
}

/*
 * A new file, locked for as long as it is open. *name ends with the place for its name. Not through os_open():
 * mkostemp() picks the name; its failure is injected at the first write.
 */
static int open_temporary(struct str *name)
{
	for (;;) {
		struct stat st;
		memset(name->buf + name->len - RANDOM_LETTERS, 'X', RANDOM_LETTERS);
		int fd = mkostemp(name->buf, O_CLOEXEC);
		/* Swept by another writer before it was locked: once more. */
		if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0 || st.st_nlink > 0)
			return fd;
		close(fd);
	}
}

int fs_write(const char *path, struct slice content, struct err *err)
{
	if (write_watcher && write_watcher(write_watcher_context, path, err) < 0)
		return -1;
	cleanup_free char *resolved = realpath(path, NULL);
	const char *target = resolved ? resolved : path;
	cleanup_str struct str temporary = STR_INIT;
	if (str_addf(&temporary, "%s" TEMPORARY_MARK "XXXXXX", target) < 0)
		return err_no_memory(err);
	sweep(target);
	int fd = open_temporary(&temporary);
	if (fd < 0)
		return err_set_at(err, ERR_INPUT, path, 0, "cannot write %s:", path);
	/* The lock is held until the file has its name. */
	cleanup_fd int lock = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool written = write_temporary(fd, target, content) == 0;
	int saved_errno = errno;
	bool closed = os_close(fd) == 0;
	if (written && !closed)
		saved_errno = errno;
	if (!written || !closed || os_rename(temporary.buf, target) < 0) {
		if (written && closed)
			saved_errno = errno;
		unlink(temporary.buf);
		errno = saved_errno;
		return err_set_at(err, ERR_INPUT, path, 0, "cannot write %s:", path);
	}
	return 0;
}

bool fs_exists(const char *path)
{
	struct stat st;
	return os_lstat(path, &st) == 0;
}

bool fs_is_file(const char *path)
{
	struct stat st;
	return os_stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool fs_is_dir(const char *path)
{
	struct stat st;
	return os_stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int fs_make_dirs(const char *path, struct err *err)
{
	cleanup_str struct str partial = STR_INIT;
	if (str_adds(&partial, path) < 0)
		return err_no_memory(err);
	for (char *p = partial.buf + (partial.len > 0); partial.len > 0; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char saved = *p;
		*p = '\0';
		if (os_mkdir(partial.buf, 0777) < 0 && !(errno == EEXIST && fs_is_dir(partial.buf)))
			return err_set_at(err, ERR_INPUT, path, 0, "cannot create folder %s:", partial.buf);
		*p = saved;
		if (saved == '\0')
			break;
	}
	return 0;
}

/* Names in a folder, sorted by byte; "." and ".." left out. */
static int list_dir(const char *path, struct strings *names, struct err *err)
{
	DIR *dir = opendir(path);
	if (!dir)
		return err_set_at(err, ERR_INPUT, path, 0, "cannot list %s:", path);
	int result = 0;
	struct dirent *entry;
	while (result == 0 && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strings_add(names, entry->d_name) < 0)
			result = err_no_memory(err);
	closedir(dir);
	strings_sort(names);
	return result;
}

int fs_remove_all(const char *path, struct err *err)
{
	struct stat st;
	if (os_lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set_at(err, ERR_INPUT, path, 0, "cannot remove %s:", path);
	if (!S_ISDIR(st.st_mode))
		return os_unlink(path) == 0 || errno == ENOENT ? 0 :
			err_set_at(err, ERR_INPUT, path, 0, "cannot remove %s:", path);
	cleanup_strings struct strings names = STRINGS_INIT;
	cleanup_str struct str child = STR_INIT;
	if (list_dir(path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		if (fs_join(&child, path, names.at[i]) < 0)
			return err_no_memory(err);
		if (fs_remove_all(child.buf, err) < 0)
			return -1;
	}
	return os_rmdir(path) == 0 || errno == ENOENT ? 0 :
		err_set_at(err, ERR_INPUT, path, 0, "cannot remove %s:", path);
}

static int copy_symlink(const char *from, const char *to, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = os_readlink(from, target, sizeof(target) - 1);
	if (n < 0)
		return err_set_at(err, ERR_INPUT, from, 0, "cannot read link %s:", from);
	target[n] = '\0';
	if (os_symlink(target, to) < 0)
		return err_set_at(err, ERR_INPUT, to, 0, "cannot create link %s:", to);
	return 0;
}

static int copy_regular(const char *from, const char *to, mode_t mode, struct err *err)
{
	cleanup_fd int in = os_open(from, O_RDONLY, 0);
	if (in < 0)
		return err_set_at(err, ERR_INPUT, from, 0, "cannot read %s:", from);
	cleanup_fd int out = os_open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (out < 0)
		return err_set_at(err, ERR_INPUT, to, 0, "cannot write %s:", to);
	char buf[65536];
	ssize_t n;
	while ((n = os_read(in, buf, sizeof(buf))) > 0)
		if (os_write_all(out, buf, (size_t)n) < 0)
			return err_set_at(err, ERR_INPUT, to, 0, "cannot write %s:", to);
	if (n < 0)
		return err_set_at(err, ERR_INPUT, from, 0, "cannot read %s:", from);
	if (os_fchmod(out, mode & 07777) < 0)
		return err_set_at(err, ERR_INPUT, to, 0, "cannot set the mode of %s:", to);
	return 0;
}

int fs_copy_file(const char *from, const char *to, struct err *err)
{
	struct stat st;
	if (os_lstat(from, &st) < 0)
		return err_set_at(err, ERR_INPUT, from, 0, "cannot read %s:", from);
	return S_ISLNK(st.st_mode) ? copy_symlink(from, to, err) : copy_regular(from, to, st.st_mode, err);
}

int fs_copy_tree(const char *from, const char *to, const struct strings *skip, struct err *err)
{
	cleanup_strings struct strings names = STRINGS_INIT;
	cleanup_str struct str source = STR_INIT, target = STR_INIT;
	if (fs_make_dirs(to, err) < 0 || list_dir(from, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		struct stat st;
		int result = 0;
		if (skip && strings_find(skip, names.at[i]) >= 0)
			continue;
		if (fs_join(&source, from, names.at[i]) < 0 || fs_join(&target, to, names.at[i]) < 0)
			return err_no_memory(err);
		if (os_lstat(source.buf, &st) < 0)
			return err_set_at(err, ERR_INPUT, source.buf, 0, "cannot read %s:", source.buf);
		if (S_ISLNK(st.st_mode))
			result = copy_symlink(source.buf, target.buf, err);
		else if (S_ISDIR(st.st_mode))
			result = fs_copy_tree(source.buf, target.buf, skip, err);
		else if (S_ISREG(st.st_mode))
			result = copy_regular(source.buf, target.buf, st.st_mode, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

int fs_make_temp_dir(const char *prefix, struct str *out, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	str_clear(out);
	if (str_addf(out, "%s/%sXXXXXX", tmp && *tmp ? tmp : "/tmp", prefix) < 0)
		return err_no_memory(err);
	if (!mkdtemp(out->buf))
		return err_set(err, ERR_ENVIRONMENT, "cannot create a temporary folder %s:", out->buf);
	return 0;
}

int fs_real_path(const char *path, struct str *out, struct err *err)
{
	cleanup_free char *resolved = realpath(path, NULL);
	if (!resolved)
		return err_set_at(err, ERR_INPUT, path, 0, "no such file or folder: %s:", path);
	str_clear(out);
	return str_adds(out, resolved) < 0 ? err_no_memory(err) : 0;
}

int fs_join(struct str *out, const char *dir, const char *name)
{
	str_clear(out);
	if (name[0] == '/' || dir[0] == '\0')
		return str_adds(out, name);
	if (str_adds(out, dir) < 0 || (!text_ends_with(dir, "/") && str_addc(out, '/') < 0))
		return -1;
	return str_adds(out, name);
}

const char *fs_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int walk_below(const char *root, const char *relative, fs_visit *visit, void *context, struct err *err)
{
	cleanup_strings struct strings names = STRINGS_INIT;
	cleanup_str struct str path = STR_INIT, child = STR_INIT;
	if (fs_join(&path, root, relative) < 0)
		return err_no_memory(err);
	if (list_dir(path.buf, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		struct stat st;
		if (fs_join(&child, relative, names.at[i]) < 0 || fs_join(&path, root, child.buf) < 0)
			return err_no_memory(err);
		if (os_lstat(path.buf, &st) < 0)
			continue; /* gone since the listing */
		bool is_dir = S_ISDIR(st.st_mode);
		int go = visit(context, child.buf, is_dir, err);
		if (go < 0)
			return -1;
		if (is_dir && go == 0 && walk_below(root, child.buf, visit, context, err) < 0)
			return -1;
	}
	return 0;
}

int fs_walk(const char *root, fs_visit *visit, void *context, struct err *err)
{
	return walk_below(root, "", visit, context, err);
}
