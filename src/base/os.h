/*
 * os.h: the one seam between comb and the operating system.
 *
 * Every allocation and every system call that can fail in a way worth testing
 * goes through here, so that the fault loops can make the Nth one fail.
 * Each function behaves like its namesake (result, errno), retries EINTR where
 * that is always right, and opens descriptors close-on-exec.
 */
#ifndef COMB_BASE_OS_H
#define COMB_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;

void *os_malloc(size_t bytes);
void *os_calloc(size_t count, size_t bytes);
void *os_realloc(void *old, size_t bytes);
/* A copy of text in memory of its own; NULL when out of memory or text is NULL. */
char *os_strdup(const char *text);

int os_open(const char *path, int flags, mode_t mode);
ssize_t os_read(int fd, void *buf, size_t bytes);
ssize_t os_write(int fd, const void *buf, size_t bytes);
/* Writes all of buf, or fails. 0 or -1. */
int os_write_all(int fd, const void *buf, size_t bytes);
int os_close(int fd);
int os_fsync(int fd);
int os_rename(const char *from, const char *to);
int os_unlink(const char *path);
int os_mkdir(const char *path, mode_t mode);
int os_rmdir(const char *path);
int os_stat(const char *path, struct stat *st);
int os_lstat(const char *path, struct stat *st);
int os_symlink(const char *target, const char *path);
ssize_t os_readlink(const char *path, char *buf, size_t bytes);
int os_fchmod(int fd, mode_t mode);
int os_ftruncate(int fd, off_t bytes);
int os_pipe(int fds[2]);
/* /dev/null in the place of each of the descriptors 0, 1 and 2 that is closed: nothing opened later gets there. 0 or -1. */
int os_fill_standard(void);
pid_t os_fork(void);
void *os_mmap_shared(int fd, size_t bytes);
int os_munmap(void *at, size_t bytes);
int os_memfd(const char *name);
int os_eventfd(void);

/*
 * Fault injection, for tests: the nth call from now (1-based) fails with
 * errno_value; allocations fail with NULL. 0 disarms. os_fault_fired() tells
 * whether the fault armed last was reached.
 */
void os_fault_arm(long nth, int errno_value);
bool os_fault_fired(void);

void cleanup_close(int *fd);
void cleanup_free_pointer(void *pointer);
/* `cleanup_fd int fd = -1;` closes on every way out; steal_fd() hands it on. */
#define cleanup_fd __attribute__((cleanup(cleanup_close)))
#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))

static inline int steal_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static inline void *steal_pointer_(void **pointer)
{
	void *taken = *pointer;
	*pointer = NULL;
	return taken;
}
#define steal_pointer(p) ((__typeof__(*(p)))steal_pointer_((void **)(p)))

#endif
