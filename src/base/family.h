/*
 * family.h: the processes that stem from this one, and what the kernel did to them.
 */
#ifndef COMB_BASE_FAMILY_H
#define COMB_BASE_FAMILY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/* Whether this process has a child, running or not waited for yet. One system call. */
bool family_has_children(void);
/* Fills pids with at most capacity children of process `parent` that have not ended; how many there are. */
size_t family_children(pid_t parent, pid_t *pids, size_t capacity);
/* Kills every process whose environment holds text, but this one; how many there were. */
size_t family_end_mentioning(const char *text);

/* How many of these processes run or want to (state R), counted up to `enough`. Who cannot be read does not run. */
size_t family_count_running(const pid_t *pids, size_t count, size_t enough);
/*
 * A pipe for last words, close-on-exec. Its writing end, ends[1], is lowest_fd or above where there is room: out of the
 * way of programs that count or close low descriptors. 0 or -1.
 */
int family_words_pipe(int ends[2], int lowest_fd);
/*
 * From before a fork until the child was waited for, the end of a child stays for who waits: also where SIGCHLD is
 * ignored, or its handler waits for every child there is (that runs once *old is put back). The child puts it back too.
 */
struct family_ends {
	struct sigaction action;
	bool was_blocked;
};
void family_keep_ends(struct family_ends *old);
void family_put_back(const struct family_ends *old);

/*
 * Ends threads that a library ends before a fork and begins again when it needs them (OpenBLAS's, which import numpy
 * begins), by a fork that does nothing. /proc/self/task may show one for another moment.
 */
void family_end_idle_threads(void);

#define FAMILY_STATUS_LOST -1 /* instead of a wait status: somebody else has waited for that process */
/*
 * What child pid says into a pipe, up to its end: appends to *said what comes out of fd until that is closed, or until
 * the child has ended and nothing is left in it (a process that it left running may hold the other end), and waits for
 * the child. *status is that of waitpid(2), or FAMILY_STATUS_LOST. 0; -1 with errno: EINTR when a signal came (call it again to go on), ENOMEM,
 * or what read(2) and waitpid(2) say. fd stays open.
 */
int family_last_words(pid_t pid, int fd, struct str *said, int *status);

/* Memory of this process that is resident now; 0 where the system does not tell. */
int64_t family_resident_bytes(void);
/*
 * How many processes the kernel has killed for want of memory: of this control
 * group where that is counted, else of the machine; -1 where nothing is.
 */
int64_t family_oom_kills(void);
/* The number behind a word at the start of a line ("oom_kill 3"); -1: none. */
int64_t family_count_in(const char *text, const char *word);

#endif
