/*
 * family.h: the processes that stem from this one, and what the kernel did to them.
 */
#ifndef COMB_BASE_FAMILY_H
#define COMB_BASE_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether this process has a child, running or not waited for yet. One system call. */
bool family_has_children(void);
/* Fills pids with at most capacity children of this process that have not ended; how many there are. */
size_t family_children(pid_t *pids, size_t capacity);
/* Kills every process whose environment holds text, but this one; how many there were. */
size_t family_end_mentioning(const char *text);

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
