/*
 * spawn.h: start a program and know, before returning, that it runs.
 *
 * The child gets a process group of its own (unless it shares the terminal),
 * no signal blocked or ignored, no descriptor of ours but those named, and dies
 * with the thread that started it even when that is killed (PR_SET_PDEATHSIG).
 * proc.h runs a program to its end on top of this.
 */
#ifndef COMB_BASE_SPAWN_H
#define COMB_BASE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

struct spawn_options {
	const char *cwd;           /* NULL: ours */
	const struct strings *env; /* "NAME=value" set, "NAME" alone removed; NULL: ours unchanged */
	int out_fd, err_fd;        /* become its stdout and stderr; -1: ours */
	bool inherit_input;        /* it reads our stdin; else /dev/null */
	bool share_group;          /* it stays in our process group */
	int keep_fd;               /* stays open in it, under the same number; -1: none */
};
#define SPAWN_OPTIONS_INIT { .out_fd = -1, .err_fd = -1, .keep_fd = -1 }

struct spawned {
	pid_t pid;    /* -1: none */
	pid_t target; /* whom signals go to: its group (negative), or with share_group itself */
	int pidfd;    /* readable when it has ended; -1 where the kernel has none */
};
#define SPAWNED_INIT { .pid = -1, .pidfd = -1 }

/* argv[0] is looked up in PATH. -1 with *err when it could not be started: *child is SPAWNED_INIT then. */
int spawn(struct spawned *child, const char *const argv[], const struct spawn_options *options, struct err *err);
/* Kills it and its group, and reaps it, where that has not been done (set pid to -1 after reaping). Safe twice. */
void spawned_release(struct spawned *child);
#define cleanup_spawned __attribute__((cleanup(spawned_release)))

#endif
