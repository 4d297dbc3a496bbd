/* machine.h: what this process may use of the machine: its affinity and its control groups are obeyed. */
#ifndef COMB_BASE_MACHINE_H
#define COMB_BASE_MACHINE_H

#include <stdint.h>

/* Processors, at least 1; less than a whole one more where a control group's quota says so (1.5). */
double machine_cores(void);
/* machine_whole(machine_cores()): how many computing processes make sense. */
int machine_processes(void);
/* Rounded to the nearest, at least 1: half a processor more than one is worth a second process. */
int machine_whole(double cores);
/* Processors of the machine; those that this process may run on; what control groups allow, 0: no limit. */
int machine_online(void);
int machine_allowed(void);
double machine_quota(void);
/* Memory that can be taken without swapping; 0 where the system does not tell. */
int64_t machine_available_bytes(void);

/* "max 100000" or "150000 100000", the content of cpu.max, as processors; 0: no limit. */
double machine_parse_quota(const char *text);
/*
 * Bytes that a control group can still take, by the content of its memory.max, memory.current and memory.stat ("" where
 * there is none): what is used counts without the page cache and slabs that the kernel gives up on demand. 0: no limit.
 */
double machine_parse_room(const char *limit, const char *current, const char *stat);

#endif
