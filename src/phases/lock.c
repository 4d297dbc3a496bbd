#include "phases/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/guard.h"
#include "base/interrupt.h"
#include "base/os.h"
#include "base/str.h"

#include "base/banned.h"

#define HOLDER_PATIENCE_S 0.1 /* the name in the file may be that of the one before */
#define POLL_US 10000

int state_dir_make(const char *root, struct err *err)
{
	cleanup_str struct str dir = STR_INIT, ignore = STR_INIT;
	if (fs_join(&dir, root, ".comb") < 0 || fs_join(&ignore, str_text(&dir), ".gitignore") < 0)
		return err_no_memory(err);
	if (fs_make_dirs(dir.buf, err) < 0)
		return err_hint(err, "comb keeps its state in .comb and needs a project it can write to");
	return fs_exists(ignore.buf) ? 0 : fs_write(ignore.buf, SLICE("*\n"), err);
}

/* 0 where nobody has said that he holds it: for an instant, or during a clean-up. */
static long read_holder(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int write_holder(int fd, const char *path, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "%ld\n", (long)getpid()) < 0)
		return err_no_memory(err);
	if (os_ftruncate(fd, 0) < 0 || os_write_all(fd, text.buf, text.len) < 0)
		return err_set_at(err, ERR_INPUT, path, 0, "cannot write %s:", path);
	return 0;
}

static int say_holder(long pid, const char *root, struct err *err)
{
	if (pid > 0)
		err_set(err, ERR_ENVIRONMENT, "another comb (process %ld) is at work on %s", pid, root);
	else
		err_set(err, ERR_ENVIRONMENT, "another comb is at work on %s", root);
	return err_hint(err, "wait for it, or end it; then run this again");
}

static int wait_for_lock(int fd, const char *path, const char *root, struct err *err)
{
	int64_t start_ns = clock_now_ns();
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_set_at(err, ERR_ENVIRONMENT, path, 0, "cannot lock %s:", path);
		double waited_s = (double)(clock_now_ns() - start_ns) / (double)NS_PER_SECOND;
		long holder = read_holder(fd);
		if (waited_s > (holder > 0 ? HOLDER_PATIENCE_S : GUARD_PATIENCE_S))
			return say_holder(holder, root, err);
		if (interrupt_pending())
			return interrupt_error(err);
		usleep(POLL_US);
	}
	return 0;
}

static int open_lock(const char *root, struct str *path, struct err *err)
{
	if (str_addf(path, "%s/.comb/lock", root) < 0)
		return err_no_memory(err);
	int fd = os_open(path->buf, O_RDWR | O_CREAT, 0666);
	return fd >= 0 ? fd : err_set_at(err, ERR_INPUT, path->buf, 0, "cannot open %s:", path->buf);
}

int lock_acquire(struct lock *lock, const char *root, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	if (state_dir_make(root, err) < 0)
		return -1;
	cleanup_fd int fd = open_lock(root, &path, err);
	if (fd < 0 || wait_for_lock(fd, path.buf, root, err) < 0 || write_holder(fd, path.buf, err) < 0)
		return -1;
	lock->fd = steal_fd(&fd);
	return 0;
}

int lock_acquire_for_clean_up(struct lock *lock, const char *root, pid_t dead)
{
	cleanup_str struct str path = STR_INIT;
	struct err ignored = ERR_INIT;
	cleanup_fd int fd = open_lock(root, &path, &ignored);
	if (fd < 0)
		return 0; /* there is no project any more */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		long holder = read_holder(fd);
		return holder > 0 && holder != dead ? 0 : -1;
	}
	if (os_ftruncate(fd, 0) < 0)
		return -1;
	lock->fd = steal_fd(&fd);
	return 1;
}

void lock_release(struct lock *lock)
{
	cleanup_close(&lock->fd);
}
