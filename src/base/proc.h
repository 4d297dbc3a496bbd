/*
 * proc.h: run a program to its end, with its output, within a time limit.
 *
 * The child gets a process group of its own, /dev/null as standard input and
 * no descriptor of ours but its outputs. At a time limit or an interrupt the
 * whole group gets SIGINT, then SIGTERM, then SIGKILL; nothing of the group is
 * left when proc_run() returns, and the child dies with comb even when comb is
 * killed (PR_SET_PDEATHSIG). That exec failed is known, and said, as an error.
 *
 * foreground: the child stays in our process group, so that it may read the
 * terminal, and Ctrl-C and Ctrl-Z reach it as they reach us. An interrupt that
 * came from the terminal is then not sent a second time, and the child has as
 * long as it wants to end: a second Ctrl-C is its own matter. One that was sent
 * to us alone is passed on. Only the child itself is ended, not what it
 * started.
 */
#ifndef COMB_BASE_PROC_H
#define COMB_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

/* Gets output as it comes. Bytes are hostile: see str_add_printable(). */
typedef void proc_output(void *context, bool is_stderr, const char *bytes, size_t len);

struct proc_options {
	const char *cwd;              /* NULL: ours */
	const struct strings *env;    /* "NAME=value" set, "NAME" alone removed; NULL: ours unchanged */
	double timeout_s;             /* 0: none */
	double grace_s;               /* after SIGINT and again after SIGTERM; 0: 5 s */
	bool merge_stderr;            /* both into out */
	bool ignore_interrupt;        /* for clean-up: starts and ends as usual although a signal came */
	bool inherit_output;          /* the child writes to our own stdout and stderr; nothing is captured */
	bool output_to_stderr;        /* with inherit_output: its stdout too goes to our stderr */
	bool inherit_input;           /* the child reads our own stdin */
	bool foreground;              /* for a program that talks to a person, see below */
	size_t keep_bytes;            /* captured per stream at most, the tail is kept; 0: 64 MiB */
	proc_output *on_output;       /* NULL: none */
	void *on_output_context;
	void (*on_tick)(void *context); /* called every tick_s while the child runs; NULL: never */
	void *on_tick_context;
	double tick_s;
};

struct proc_result {
	int exit_code;       /* -1 when killed by a signal */
	int signal;          /* 0 when it exited */
	bool timed_out;
	double wall_s;
	double cpu_s;        /* user + system of the child and the children it waited for */
	int64_t max_rss_bytes; /* of the largest process among them */
	struct str out;
	struct str err_out;
};
#define PROC_RESULT_INIT { .exit_code = -1 }

/*
 * argv[0] is looked up in PATH. 0 when the program ran to an end (look at
 * exit_code), -1 when it could not be started, or ERR_INTERRUPTED (then too
 * *result says how it ended, if it was started). A time limit is not an error:
 * timed_out tells. *result is released first.
 */
int proc_run(const char *const argv[], const struct proc_options *options, struct proc_result *result,
	     struct err *err);
void proc_result_release(struct proc_result *result);
#define cleanup_proc_result __attribute__((cleanup(proc_result_release)))

#endif
