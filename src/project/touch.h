/*
 * touch.h: which of the things a test reaches outside itself are worth a record.
 *
 * Whoever sees a test act (the audit hook in the test's process; a system-call
 * tracer beside it) asks here first. Names become absolute and canonical; what
 * belongs to the test alone or to the machinery around it is dropped: pytest's
 * temporary folders and those made by tempfile, bytecode, caches, coverage
 * data, devices, comb's own files. What is left is new once for each test.
 */
#ifndef COMB_PROJECT_TOUCH_H
#define COMB_PROJECT_TOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum touch_kind {
	TOUCH_WRITE,   /* a file created, written, removed or renamed: its canonical path */
	TOUCH_READ,    /* a file read or a folder listed, where it is data: no code, no system file */
	TOUCH_BIND,    /* a socket bound: "tcp:127.0.0.1:8765", "unix:/path" */
	TOUCH_CONNECT,
	TOUCH_SPAWN,   /* a process started: its program */
};
const char *touch_kind_name(enum touch_kind kind); /* "write", … */
/* 0, or -1 when name is none. */
int touch_kind_parse(const char *name, enum touch_kind *kind);

struct hash_set {
	uint64_t *slots; /* 0: free */
	size_t used, capacity;
};

struct touch_log {
	struct hash_set private_paths; /* files and folders that are nobody's business, with all below */
	struct hash_set seen;          /* by the current test */
	size_t test;                   /* SIZE_MAX: collection and import */
	char phase;                    /* 's', 'c', 't'; 'i' for import */
};
#define TOUCH_LOG_INIT { .test = SIZE_MAX, .phase = 'i' }

/* What comes from now on is this test's. A new test has seen nothing. */
void touch_log_turn(struct touch_log *log, size_t test, char phase);
/* path (absolute) and everything below it belongs to one test or to the machinery. 0, or -1 when out of memory. */
int touch_log_private(struct touch_log *log, const char *path);
/*
 * Is this path a new touch? base: absolute folder that relative paths start
 * from. follow: a symlink at the end of path is followed. On true *canonical
 * is its name. Out of memory counts as no.
 */
bool touch_log_path(struct touch_log *log, enum touch_kind kind, const char *base, const char *path, bool follow,
		    struct str *canonical);
/* Is path (absolute), or a folder above it, private or a cache? */
bool touch_log_is_private(const struct touch_log *log, const char *path);
/* As touch_log_path(), for a socket or a program. */
bool touch_log_name(struct touch_log *log, enum touch_kind kind, const char *name);
void touch_log_release(struct touch_log *log);

#endif
