#define _GNU_SOURCE
#include "base/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/os.h"

static volatile sig_atomic_t pending;
static volatile sig_atomic_t from_terminal;
static int pipe_fds[2] = { -1, -1 };

/* Signal handler: write() only. */
static void on_signal(int signal_number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	(void)context;
	from_terminal = signal_number == SIGINT && info->si_code == SI_KERNEL;
	pending = 1;
	ssize_t ignored = write(pipe_fds[1], "!", 1);
	(void)ignored;
	errno = saved_errno;
}

int interrupt_install(struct err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	if (pipe_fds[0] >= 0)
		return 0;
	if (os_pipe(pipe_fds) < 0)
		return err_set(err, ERR_INTERNAL, "cannot create a pipe:");
	fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
		sigemptyset(&action.sa_mask);
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int interrupt_fd(void)
{
	return pipe_fds[0];
}

bool interrupt_pending(void)
{
	return pending != 0;
}

bool interrupt_from_terminal(void)
{
	return from_terminal != 0;
}

int interrupt_error(struct err *err)
{
	return err_set(err, ERR_INTERRUPTED, "interrupted");
}
