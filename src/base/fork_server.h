/*
 * fork_server.h: many processes that all begin in the same moment.
 *
 * fork_server_begin() forks a process that does nothing but fork, one process for each fork_server_run(), and waits for
 * its end: each of them returns from fork_server_begin() with the memory that was there when it was called. A page is
 * copied when one of them writes it, and else never: the server writes hardly any, and its owner shares none with them.
 *
 * The server has all signals blocked, holds the descriptors of its owner, and ends with it, also when that is killed;
 * what it forks is its child, not the owner's, and ends with it. Other threads of the owner are in neither.
 */
#ifndef COMB_BASE_FORK_SERVER_H
#define COMB_BASE_FORK_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct fork_server {
	pid_t pid; /* -1: none */
	int link;
};
#define FORK_SERVER_INIT { .pid = -1, .link = -1 }

/* What a process that the server has forked is for. */
struct fork_order {
	int64_t number; /* as fork_server_run() was given it */
	int words_fd;   /* takes its last words */
};

/* What became of it. Zero-initialise; fork_end_release() frees what it said. */
struct fork_end {
	pid_t pid;
	int status;      /* as family_last_words() */
	struct str said; /* into words_fd */
};
void fork_end_release(struct fork_end *end);

/* In the server, once: what every process that it forks shall find done. -1 ends the server. */
typedef int fork_server_prepare(void *context);
enum { FORK_SERVER_OWNER, FORK_SERVER_CHILD };
/*
 * Returns FORK_SERVER_OWNER once; FORK_SERVER_CHILD in every process that the server forks, with *order filled, no
 * server, and the signal mask and SIGCHLD of the owner; -1 with errno. words_fd of those is lowest_fd or above where there is room.
 */
int fork_server_begin(struct fork_server *server, fork_server_prepare *prepare, void *context, int lowest_fd,
		      struct fork_order *order);
/* Has one process forked. 0; -1 with errno, and the server is of no use any more. Its end is told by fork_server_wait(). */
int fork_server_run(struct fork_server *server, int64_t number);
/*
 * Waits for the end of that process. 0, also where the server itself was killed, and its process with it: *end tells of
 * the server then. -1 with errno: EINTR when a signal came (call it again to go on); what kept the server from forking
 * (it serves on); ENOMEM.
 */
int fork_server_wait(struct fork_server *server, struct fork_end *end);
/* Kills the server, with a process that it waits for. Safe on FORK_SERVER_INIT, safe twice. */
void fork_server_end(struct fork_server *server);

#endif
