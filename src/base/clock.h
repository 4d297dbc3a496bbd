/* clock.h: the monotonic clock, and durations as people write and read them. */
#ifndef COMB_BASE_CLOCK_H
#define COMB_BASE_CLOCK_H

#include <stdint.h>

#include "base/str.h"

#define NS_PER_SECOND 1000000000LL

/* CLOCK_MONOTONIC, in nanoseconds. For differences only. */
int64_t clock_now_ns(void);
/* The wall clock, in seconds since 1970. For records only. */
int64_t clock_wall_s(void);
/* "2026-11-23T15:04:05Z" */
int clock_add_timestamp(struct str *out, int64_t wall_s);
/* "12 ms", "3.42 s", "2 min 05 s". */
int clock_add_duration(struct str *out, double seconds);
/* "90", "90s", "5m", "1h30m", "250ms" to seconds. 0, or -1 when text is none of these. */
int clock_parse_duration(const char *text, double *seconds);

#endif
