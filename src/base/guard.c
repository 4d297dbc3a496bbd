#define _GNU_SOURCE
#include "base/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"

#include "base/banned.h"

#define RETRY_US 50000
#define MOST_DESCRIPTORS 65536 /* closed one by one, where the kernel has no close_range() */

/* Standard streams become /dev/null, the link descriptor 3, and nothing else stays open. */
static int keep_only(int link)
{
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(link, 3) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (syscall(SYS_close_range, 4U, ~0U, 0U) == 0)
		return 0;
	struct rlimit limit;
	int most = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MOST_DESCRIPTORS ? (int)limit.rlim_cur : MOST_DESCRIPTORS;
	for (int fd = 4; fd < most; fd++)
		close(fd);
	return 0;
}

static void heed_nothing(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP };
	sigset_t none;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the guard: waits for a word or for the end of the one who would say it. */
__attribute__((noreturn)) static void serve(int link, guard_work *work, void *context)
{
	char word;
	setsid();
	heed_nothing();
	prctl(PR_SET_NAME, "comb-guard");
	if (keep_only(link) < 0 || chdir("/") < 0 || os_read(3, &word, 1) != 0)
		_exit(0);
	int64_t end_ns = clock_now_ns() + GUARD_PATIENCE_S * NS_PER_SECOND;
	while (work(context) < 0 && clock_now_ns() < end_ns)
		usleep(RETRY_US);
	_exit(0);
}

int guard_start(struct guard *guard, guard_work *work, void *context, struct err *err)
{
	int ends[2] = { -1, -1 };
	sigset_t all, old;
	*guard = (struct guard)GUARD_INIT;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(err, ERR_INTERNAL, "cannot create a socket:");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = os_fork();
	if (pid == 0)
		serve(ends[1], work, context);
	int fork_errno = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	cleanup_close(&ends[1]);
	if (pid < 0) {
		cleanup_close(&ends[0]);
		errno = fork_errno;
		return err_set(err, ERR_INTERNAL, "cannot start a process:");
	}
	*guard = (struct guard){ pid, ends[0] };
	return 0;
}

void guard_dismiss(struct guard *guard)
{
	if (guard->pid > 0) {
		send(guard->link, "", 1, MSG_NOSIGNAL);
		cleanup_close(&guard->link);
		while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*guard = (struct guard)GUARD_INIT;
}
