#define _GNU_SOURCE
#include "base/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/family.h"
#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

#define RANDOM_LETTERS 8
#define MOST_TRIES 100
#define YOUNG_S 10 /* its maker may not have locked it yet */

static size_t end_processes(const char *path)
{
	cleanup_str struct str mention = STR_INIT;
	return str_addf(&mention, "%s/", path) < 0 ? 0 : family_end_mentioning(mention.buf);
}

size_t scratch_end_processes(const struct scratch *scratch)
{
	return scratch->path.len > 0 ? end_processes(scratch->path.buf) : 0;
}

/* Nothing of the folder is left, and nobody runs who could make it again. */
static int erase(void *context)
{
	const char *path = context;
	struct err ignored = ERR_INIT;
	size_t ended = end_processes(path);
	return fs_remove_all(path, &ignored) < 0 || ended > 0 || fs_exists(path) ? -1 : 0;
}

static int add_random(struct str *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[RANDOM_LETTERS];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		if (str_addc(name, letters[bytes[i] % (sizeof(letters) - 1)]) < 0)
			return -1;
	return 0;
}

/* Was it made by a process that is gone, with its guard? */
static bool is_abandoned(const char *path)
{
	struct stat st;
	if (os_lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || time(NULL) - st.st_mtime < YOUNG_S)
		return false;
	cleanup_fd int fd = os_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void sweep(const char *folder, const char *prefix)
{
	cleanup_str struct str path = STR_INIT;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (text_starts_with(entry->d_name, prefix) && strlen(entry->d_name) == strlen(prefix) + RANDOM_LETTERS &&
		    fs_join(&path, folder, entry->d_name) == 0 && is_abandoned(path.buf))
			erase(path.buf);
	if (dir)
		closedir(dir);
}

/* The guard first: there is no moment at which the folder stands and nobody would remove it. 1: the name is taken. */
static int try_to_make(struct scratch *scratch, const char *folder, const char *prefix, struct err *err)
{
	if (fs_join(&scratch->path, folder, prefix) < 0 || add_random(&scratch->path) < 0)
		return err_no_memory(err);
	if (guard_start(&scratch->guard, erase, scratch->path.buf, err) < 0)
		return -1;
	if (os_mkdir(scratch->path.buf, 0700) == 0)
		return 0;
	int why = errno;
	guard_dismiss(&scratch->guard);
	errno = why;
	return why == EEXIST ? 1 : err_set(err, ERR_ENVIRONMENT, "cannot create a temporary folder %s:", scratch->path.buf);
}

int scratch_make(struct scratch *scratch, const char *prefix, struct err *err)
{
	const char *tmp = getenv("TMPDIR"), *folder = tmp && *tmp ? tmp : "/tmp";
	int made = 1;
	scratch_release(scratch);
	sweep(folder, prefix);
	for (int tries = 0; made == 1 && tries < MOST_TRIES; tries++)
		made = try_to_make(scratch, folder, prefix, err);
	if (made != 0) {
		str_release(&scratch->path);
		return made < 0 ? -1 : err_set(err, ERR_ENVIRONMENT, "cannot find a free name for a temporary folder in %s", folder);
	}
	scratch->lock = os_open(scratch->path.buf, O_RDONLY | O_DIRECTORY, 0);
	if (scratch->lock >= 0)
		flock(scratch->lock, LOCK_SH | LOCK_NB); /* where it cannot be locked, nobody else can take it for abandoned */
	return 0;
}

void scratch_release(struct scratch *scratch)
{
	struct err ignored = ERR_INIT;
	if (scratch->path.len > 0)
		fs_remove_all(scratch->path.buf, &ignored);
	guard_dismiss(&scratch->guard);
	cleanup_close(&scratch->lock);
	str_release(&scratch->path);
}
