/*
 * err.h: how a failure travels from where it happens to who can say it.
 *
 * A function that can fail returns 0 or -1 and fills the caller's struct err:
 * a kind (which decides the exit status), a sentence, and where it applies,
 * the place in a file and the next step. The library never prints.
 *
 * Usage: pass ERR_INIT; read it only after -1. The first failure wins: setting
 * an err that already holds one keeps the old one (so clean-up code may fail
 * too). err_clear() makes it usable again. No allocation, nothing to free.
 */
#ifndef COMB_BASE_ERR_H
#define COMB_BASE_ERR_H

enum err_kind {
	ERR_NONE = 0,
	ERR_GATE,        /* exit 1: a gate or a test failed */
	ERR_INPUT,       /* exit 2: bad usage or bad input */
	ERR_ENVIRONMENT, /* exit 3: the environment lacks something */
	ERR_INTERNAL,    /* exit 4: a bug, or out of memory */
	ERR_INTERRUPTED, /* exit 130 */
};

struct err {
	enum err_kind kind;
	char text[1024]; /* one sentence, no newline at its end */
	char file[512];  /* "" where no file is to blame */
	int line;        /* 1-based; 0 where unknown */
	char hint[512];  /* the next step; "" for none */
};
#define ERR_INIT { .kind = ERR_NONE }

#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))

/*
 * Always returns -1, so that `return err_set(...)` reads well. A format that
 * ends in ':' has the system's text for errno appended.
 */
int err_set(struct err *err, enum err_kind kind, const char *format, ...) ERR_PRINTF(3, 4);
/* The same, for a place in a file. line 0: the file as a whole. */
int err_set_at(struct err *err, enum err_kind kind, const char *file, int line, const char *format, ...)
	ERR_PRINTF(5, 6);
/* Adds what to do next; keeps the first hint given. Returns -1. */
int err_hint(struct err *err, const char *format, ...) ERR_PRINTF(2, 3);
/* Out of memory, said without allocating. Returns -1. */
int err_no_memory(struct err *err);
void err_clear(struct err *err);
int err_exit_status(const struct err *err);

#endif
