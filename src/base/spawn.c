#define _GNU_SOURCE
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"

#include "base/banned.h"

extern char **environ;

static bool same_variable(const char *entry, const char *change)
{
	size_t len = strcspn(change, "=");
	return strncmp(entry, change, len) == 0 && entry[len] == '=';
}

/* Our environment with the changes applied; pointers are borrowed, the array is the caller's. */
static char **build_environment(const struct strings *changes)
{
	size_t count = 0, n = 0;
	while (environ[count])
		count++;
	char **env = os_calloc(count + (changes ? changes->len : 0) + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		bool replaced = false;
		for (size_t c = 0; changes && c < changes->len; c++)
			replaced |= same_variable(environ[i], changes->at[c]);
		if (!replaced)
			env[n++] = environ[i];
	}
	for (size_t c = 0; changes && c < changes->len; c++)
		if (strchr(changes->at[c], '='))
			env[n++] = changes->at[c];
	return env;
}

/* Async-signal-safe. */
static bool place_descriptors(const struct spawn_options *options)
{
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || (!options->inherit_input && dup2(null, 0) != 0))
		return false;
	if (null > 2)
		close(null);
	if ((options->out_fd >= 0 && dup2(options->out_fd, 1) != 1) ||
	    (options->err_fd >= 0 && dup2(options->err_fd, 2) != 2))
		return false;
	return options->keep_fd < 0 || fcntl(options->keep_fd, F_SETFD, 0) == 0;
}

/*
 * Between fork and exec: async-signal-safe calls only (no allocation, no
 * stdio). Reports errno through status_fd, which is close-on-exec.
 */
__attribute__((noreturn)) static void child_exec(const char *const argv[], const struct spawn_options *options,
						 char **env, int status_fd, pid_t parent)
{
	sigset_t none;
	if (!options->share_group)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127); /* the parent died before PDEATHSIG was in force */
	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (place_descriptors(options) && (!options->cwd || chdir(options->cwd) == 0)) {
		environ = env;
		execvpe(argv[0], (char *const *)argv, env);
	}
	int why = errno;
	ssize_t ignored = write(status_fd, &why, sizeof(why));
	(void)ignored;
	_exit(127);
}

/* Reads the status pipe: end of file means that exec succeeded. */
static int wait_for_exec(struct spawned *child, int status_fd, const char *program, const char *cwd, struct err *err)
{
	int why = 0;
	if (os_read(status_fd, &why, sizeof(why)) != (ssize_t)sizeof(why))
		return 0;
	waitpid(child->pid, NULL, 0);
	child->pid = -1;
	errno = why;
	if (cwd && access(cwd, X_OK) < 0)
		return err_set(err, ERR_INPUT, "cannot enter the folder %s:", cwd);
	return err_set(err, ERR_ENVIRONMENT, "cannot run %s:", program);
}

/* Signals are blocked around the fork, so that no handler of ours runs in the child. */
static int fork_child(struct spawned *child, const char *const argv[], const struct spawn_options *options, char **env,
		      int status_fd, struct err *err)
{
	sigset_t all, old;
	pid_t parent = getpid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	child->pid = os_fork();
	if (child->pid == 0)
		child_exec(argv, options, env, status_fd, parent);
	int fork_errno = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (child->pid < 0) {
		errno = fork_errno;
		return err_set(err, ERR_INTERNAL, "cannot start a process:");
	}
	if (!options->share_group)
		setpgid(child->pid, child->pid); /* whoever is first, the group exists from here on */
	child->target = options->share_group ? child->pid : -child->pid;
	return 0;
}

int spawn(struct spawned *child, const char *const argv[], const struct spawn_options *options, struct err *err)
{
	int status[2] = { -1, -1 };
	*child = (struct spawned)SPAWNED_INIT;
	cleanup_free char **env = build_environment(options->env);
	if (!env)
		return err_no_memory(err);
	if (os_pipe(status) < 0)
		return err_set(err, ERR_INTERNAL, "cannot create a pipe:");
	int failed = fork_child(child, argv, options, env, status[1], err);
	cleanup_close(&status[1]);
	if (!failed)
		failed = wait_for_exec(child, status[0], argv[0], options->cwd, err);
	cleanup_close(&status[0]);
	if (failed)
		return -1;
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return 0;
}

void spawned_release(struct spawned *child)
{
	cleanup_close(&child->pidfd);
	if (child->pid > 0) {
		kill(child->target, SIGKILL);
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	child->pid = -1;
}
