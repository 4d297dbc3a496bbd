#define _GNU_SOURCE
#include "base/fork_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/family.h"
#include "base/os.h"

#include "base/banned.h"

/* Over the link, behind each order; what the process said follows. */
struct answer {
	pid_t pid; /* -1: could not be forked, for the reason in status */
	int status;
	uint64_t said_bytes;
};

/* False at the end of the stream, or where it broke off. */
static bool read_all(int fd, void *buf, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t got = os_read(fd, (char *)buf + done, bytes - done);
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/*
 * The server: between fork and fork, system calls and little memory only. Returns in the processes that it forks; ends
 * with the owner's end of the link.
 */
static void serve(int link, int lowest_fd, struct fork_order *order)
{
	pid_t server = getpid();
	while (read_all(link, &order->number, sizeof(order->number))) {
		int ends[2] = { -1, -1 };
		struct answer answer = { .pid = -1 };
		cleanup_str struct str said = STR_INIT;
		if (family_words_pipe(ends, lowest_fd) < 0 || (answer.pid = os_fork()) < 0) {
			answer.status = errno;
		} else if (answer.pid == 0) {
			end_with(server);
			os_close(ends[0]);
			order->words_fd = ends[1];
			return;
		} else {
			cleanup_close(&ends[1]);
			if (family_last_words(answer.pid, ends[0], &said, &answer.status) < 0)
				str_clear(&said); /* out of memory */
		}
		cleanup_close(&ends[0]);
		cleanup_close(&ends[1]);
		answer.said_bytes = said.len;
		if (os_write_all(link, &answer, sizeof(answer)) < 0 || os_write_all(link, str_text(&said), said.len) < 0)
			break;
	}
	_exit(0);
}

int fork_server_begin(struct fork_server *server, fork_server_prepare *prepare, void *context, int lowest_fd,
		      struct fork_order *order)
{
	int ends[2] = { -1, -1 };
	sigset_t all, old;
	struct family_ends ends_of_owner;
	pid_t owner = getpid();
	*server = (struct fork_server)FORK_SERVER_INIT;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = os_fork();
	if (pid == 0) {
		end_with(owner);
		os_close(ends[0]);
		family_keep_ends(&ends_of_owner);
		if (prepare(context) < 0)
			_exit(1);
		serve(ends[1], lowest_fd, order);
		os_close(ends[1]);
		family_put_back(&ends_of_owner);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return FORK_SERVER_CHILD;
	}
	int fork_errno = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	os_close(ends[1]);
	if (pid < 0) {
		os_close(ends[0]);
		errno = fork_errno;
		return -1;
	}
	*server = (struct fork_server){ pid, ends[0] };
	return FORK_SERVER_OWNER;
}

int fork_server_run(struct fork_server *server, int64_t number)
{
	/* A server that was killed is told of by fork_server_wait(). */
	return send(server->link, &number, sizeof(number), MSG_NOSIGNAL) < 0 && errno != EPIPE ? -1 : 0;
}

/* The server is gone: what became of it stands for its process, which ended with it. */
static int tell_of_server(struct fork_server *server, struct fork_end *end)
{
	end->pid = server->pid;
	str_clear(&end->said);
	cleanup_close(&server->link);
	while (waitpid(server->pid, &end->status, 0) < 0) {
		if (errno == ECHILD) {
			end->status = FAMILY_STATUS_LOST;
			break;
		}
		if (errno != EINTR)
			return -1;
	}
	*server = (struct fork_server)FORK_SERVER_INIT;
	return 0;
}

int fork_server_wait(struct fork_server *server, struct fork_end *end)
{
	struct pollfd watched = { .fd = server->link, .events = POLLIN };
	struct answer answer;
	if (poll(&watched, 1, -1) < 0)
		return -1;
	if (!read_all(server->link, &answer, sizeof(answer)))
		return tell_of_server(server, end);
	str_clear(&end->said);
	if (str_reserve(&end->said, answer.said_bytes) < 0)
		return -1;
	if (!read_all(server->link, end->said.buf, answer.said_bytes))
		return tell_of_server(server, end);
	end->said.buf[answer.said_bytes] = '\0';
	end->said.len = answer.said_bytes;
	end->pid = answer.pid;
	end->status = answer.status;
	errno = answer.status;
	return answer.pid < 0 ? -1 : 0;
}

void fork_server_end(struct fork_server *server)
{
	cleanup_close(&server->link);
	if (server->pid > 0)
		kill(server->pid, SIGKILL);
	while (server->pid > 0 && waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*server = (struct fork_server)FORK_SERVER_INIT;
}

void fork_end_release(struct fork_end *end)
{
	str_release(&end->said);
}
