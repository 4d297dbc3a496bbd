#include "phases/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/str.h"

#include "base/banned.h"

int state_dir_make(const char *root, struct err *err)
{
	cleanup_str struct str dir = STR_INIT, ignore = STR_INIT;
	if (fs_join(&dir, root, ".comb") < 0 || fs_join(&ignore, str_text(&dir), ".gitignore") < 0)
		return err_no_memory(err);
	if (fs_make_dirs(dir.buf, err) < 0)
		return err_hint(err, "comb keeps its state in .comb and needs a project it can write to");
	return fs_exists(ignore.buf) ? 0 : fs_write(ignore.buf, SLICE("*\n"), err);
}

static int say_holder(int fd, const char *root, struct err *err)
{
	char text[32] = "";
	ssize_t n = os_read(fd, text, sizeof(text) - 1);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;
	if (pid > 0)
		err_set(err, ERR_ENVIRONMENT, "another comb (process %ld) is at work on %s", pid, root);
	else
		err_set(err, ERR_ENVIRONMENT, "another comb is at work on %s", root);
	return err_hint(err, "wait for it, or end it; then run this again");
}

int lock_acquire(struct lock *lock, const char *root, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	if (str_addf(&path, "%s/.comb/lock", root) < 0 || str_addf(&text, "%ld\n", (long)getpid()) < 0)
		return err_no_memory(err);
	if (state_dir_make(root, err) < 0)
		return -1;
	cleanup_fd int fd = os_open(path.buf, O_RDWR | O_CREAT, 0666);
	if (fd < 0)
		return err_set_at(err, ERR_INPUT, path.buf, 0, "cannot open %s:", path.buf);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return say_holder(fd, root, err);
		return err_set_at(err, ERR_ENVIRONMENT, path.buf, 0, "cannot lock %s:", path.buf);
	}
	if (os_ftruncate(fd, 0) < 0 || os_write_all(fd, text.buf, text.len) < 0)
		return err_set_at(err, ERR_INPUT, path.buf, 0, "cannot write %s:", path.buf);
	lock->fd = steal_fd(&fd);
	return 0;
}

void lock_release(struct lock *lock)
{
	cleanup_close(&lock->fd);
}
