#define _GNU_SOURCE
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long fault_countdown; /* 0: disarmed */
static atomic_int fault_errno;
static atomic_bool fault_fired;

void os_fault_arm(long nth, int errno_value)
{
	atomic_store(&fault_errno, errno_value);
	if (nth > 0)
		atomic_store(&fault_fired, false);
	atomic_store(&fault_countdown, nth);
}

bool os_fault_fired(void)
{
	return atomic_load(&fault_fired);
}

/* True when this very call is the one that has to fail; errno is set then. */
static bool fault_here(void)
{
	if (atomic_load_explicit(&fault_countdown, memory_order_relaxed) == 0)
		return false;
	if (atomic_fetch_sub(&fault_countdown, 1) != 1)
		return false;
	atomic_store(&fault_fired, true);
	errno = atomic_load(&fault_errno);
	return true;
}

/* Repeats an interrupted call. Not for close(): Linux has closed the descriptor by then. */
#define RETRY(call)                                     \
	({                                              \
		__typeof__(call) result_;               \
		do                                      \
			result_ = (call);               \
		while (result_ == -1 && errno == EINTR); \
		result_;                                \
	})

void *os_malloc(size_t bytes)
{
	return fault_here() ? NULL : malloc(bytes ? bytes : 1);
}

void *os_calloc(size_t count, size_t bytes)
{
	return fault_here() ? NULL : calloc(count ? count : 1, bytes ? bytes : 1);
}

void *os_realloc(void *old, size_t bytes)
{
	return fault_here() ? NULL : realloc(old, bytes ? bytes : 1);
}

char *os_strdup(const char *text)
{
	if (!text)
		return NULL;
	size_t bytes = strlen(text) + 1;
	char *copy = os_malloc(bytes);
	return copy ? memcpy(copy, text, bytes) : NULL;
}

int os_open(const char *path, int flags, mode_t mode)
{
	return fault_here() ? -1 : RETRY(open(path, flags | O_CLOEXEC, mode));
}

ssize_t os_read(int fd, void *buf, size_t bytes)
{
	return fault_here() ? -1 : RETRY(read(fd, buf, bytes));
}

ssize_t os_write(int fd, const void *buf, size_t bytes)
{
	return fault_here() ? -1 : RETRY(write(fd, buf, bytes));
}

int os_write_all(int fd, const void *buf, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = os_write(fd, (const char *)buf + done, bytes - done);
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int os_close(int fd)
{
	int result = close(fd);
	if (fault_here())
		return -1;
	return result == -1 && errno == EINTR ? 0 : result;
}

int os_fsync(int fd)
{
	return fault_here() ? -1 : RETRY(fsync(fd));
}

int os_rename(const char *from, const char *to)
{
	return fault_here() ? -1 : rename(from, to);
}

int os_unlink(const char *path)
{
	return fault_here() ? -1 : unlink(path);
}

int os_mkdir(const char *path, mode_t mode)
{
	return fault_here() ? -1 : mkdir(path, mode);
}

int os_rmdir(const char *path)
{
	return fault_here() ? -1 : rmdir(path);
}

int os_stat(const char *path, struct stat *st)
{
	return fault_here() ? -1 : stat(path, st);
}

int os_lstat(const char *path, struct stat *st)
{
	return fault_here() ? -1 : lstat(path, st);
}

int os_symlink(const char *target, const char *path)
{
	return fault_here() ? -1 : symlink(target, path);
}

ssize_t os_readlink(const char *path, char *buf, size_t bytes)
{
	return fault_here() ? -1 : readlink(path, buf, bytes);
}

int os_fchmod(int fd, mode_t mode)
{
	return fault_here() ? -1 : fchmod(fd, mode);
}

int os_ftruncate(int fd, off_t bytes)
{
	return fault_here() ? -1 : RETRY(ftruncate(fd, bytes));
}

int os_pipe(int fds[2])
{
	return fault_here() ? -1 : pipe2(fds, O_CLOEXEC);
}

int os_fill_standard(void)
{
	int fd;
	do
		fd = fault_here() ? -1 : RETRY(open("/dev/null", O_RDWR)); /* programs inherit it, as they do the others */
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -1 : os_close(fd);
}

pid_t os_fork(void)
{
	return fault_here() ? -1 : fork();
}

void *os_mmap_shared(int fd, size_t bytes)
{
	if (fault_here())
		return NULL;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

int os_munmap(void *at, size_t bytes)
{
	return munmap(at, bytes);
}

int os_memfd(const char *name)
{
	return fault_here() ? -1 : memfd_create(name, MFD_CLOEXEC);
}

int os_eventfd(void)
{
	return fault_here() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void cleanup_close(int *fd)
{
	if (*fd >= 0) {
		int saved_errno = errno;
		close(*fd);
		errno = saved_errno;
	}
	*fd = -1;
}

void cleanup_free_pointer(void *pointer)
{
	void **at = pointer;
	free(*at);
	*at = NULL;
}
