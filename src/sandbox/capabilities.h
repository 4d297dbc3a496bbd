/*
 * capabilities.h: what this machine can give to keep tests apart.
 *
 * Each capability is tried, not guessed: a forked child does what a worker
 * would do, step by step, and says which step failed. Nothing stays behind.
 * The levels are those of ENGINE.md: I0 folders, I1 locks, I2 private folders
 * and network in a user namespace, I3 the same with CAP_SYS_ADMIN.
 */
#ifndef COMB_SANDBOX_CAPABILITIES_H
#define COMB_SANDBOX_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>

struct capability {
	const char *name;   /* "user-namespace" */
	const char *use;    /* what it is good for */
	bool there;
	char detail[160];   /* what was found, or which step failed and why */
	char remedy[240];   /* what to type; "" when it is there or nothing helps */
};

#define CAPABILITY_COUNT 7

struct capabilities {
	struct capability rows[CAPABILITY_COUNT];
	int isolation;      /* the level reached: 1, 2 or 3 (I0 and I1 need nothing) */
};

void capabilities_probe(struct capabilities *capabilities);
/* "I2" and what it means. */
const char *isolation_name(int level);
const char *isolation_text(int level);

#endif
