#define _GNU_SOURCE
#include "base/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/os.h"
#include "base/spawn.h"

#include "base/banned.h"

struct child {
	struct spawned process;
	int out_fd, err_fd;
};

/* The signals sent, in turn, to a group that has to end. */
static const int ending_signals[] = { SIGINT, SIGTERM, SIGKILL };

static void child_release(struct child *child)
{
	cleanup_close(&child->out_fd);
	cleanup_close(&child->err_fd);
	spawned_release(&child->process);
}

static int child_start(struct child *child, const char *const argv[], const struct proc_options *options,
		       struct err *err)
{
	int out[2] = { -1, -1 }, errs[2] = { -1, -1 }, failed = 0;
	bool captures = !options->inherit_output;
	if (captures && (os_pipe(out) < 0 || (!options->merge_stderr && os_pipe(errs) < 0)))
		failed = err_set(err, ERR_INTERNAL, "cannot create a pipe:");
	struct spawn_options how = {
		.cwd = options->cwd,
		.env = options->env,
		.out_fd = captures ? out[1] : options->output_to_stderr ? 2 : -1,
		.err_fd = captures ? (options->merge_stderr ? out[1] : errs[1]) : -1,
		.inherit_input = options->inherit_input,
		.share_group = options->foreground,
		.keep_fd = -1,
	};
	if (!failed)
		failed = spawn(&child->process, argv, &how, err);
	if (!failed) {
		child->out_fd = steal_fd(&out[0]);
		child->err_fd = steal_fd(&errs[0]);
	}
	for (int i = 0; i < 2; i++) {
		cleanup_close(&out[i]);
		cleanup_close(&errs[i]);
	}
	return failed;
}

/* Keeps the last limit bytes, dropping in halves so that the copying stays linear. */
static int keep_tail(struct str *s, const char *bytes, size_t len, size_t limit)
{
	if (str_add(s, bytes, len) < 0)
		return -1;
	if (s->len > 2 * limit) {
		memmove(s->buf, s->buf + s->len - limit, limit);
		s->len = limit;
		s->buf[limit] = '\0';
	}
	return 0;
}

/* Reads what is there. Closes *fd at its end. */
static int drain(int *fd, bool is_stderr, struct str *into, const struct proc_options *options, struct err *err)
{
	char buf[65536];
	ssize_t n = os_read(*fd, buf, sizeof(buf));
	if (n <= 0) {
		cleanup_close(fd);
		return 0;
	}
	if (options->on_output)
		options->on_output(options->on_output_context, is_stderr, buf, (size_t)n);
	if (keep_tail(into, buf, (size_t)n, options->keep_bytes ? options->keep_bytes : 64u << 20) < 0)
		return err_no_memory(err);
	return 0;
}

struct ending {
	int64_t next_ns; /* when the next signal is due; INT64_MAX for never */
	size_t step;     /* index into ending_signals */
};

static void send_ending(struct child *child, struct ending *ending, double grace_s)
{
	size_t last = sizeof(ending_signals) / sizeof(*ending_signals) - 1;
	kill(child->process.target, ending_signals[ending->step]);
	if (ending->step < last)
		ending->step++;
	ending->next_ns = clock_now_ns() + (int64_t)(grace_s * NS_PER_SECOND);
}

/* For poll(): -1 waits for ever. */
static int milliseconds_until(int64_t due_ns)
{
	if (due_ns == INT64_MAX)
		return -1;
	int64_t left_ns = due_ns - clock_now_ns();
	if (left_ns <= 0)
		return 0;
	return left_ns > 3600 * NS_PER_SECOND ? 3600 * 1000 : (int)(left_ns / 1000000 + 1);
}

/*
 * Until the child has exited. Its outputs are drained on the way and once more
 * after it; a grandchild that keeps them open is not waited for.
 */
static int attend(struct child *child, const struct proc_options *options, struct proc_result *result,
		  struct err *err)
{
	double grace_s = options->grace_s > 0 ? options->grace_s : 5;
	int64_t start_ns = clock_now_ns();
	struct ending ending = { .next_ns = INT64_MAX };
	bool interrupted = false, exited = false;
	int rounds_after_exit = 0;
	if (options->timeout_s > 0)
		ending.next_ns = start_ns + (int64_t)(options->timeout_s * NS_PER_SECOND);
	int64_t tick_ns = options->on_tick ? (int64_t)(options->tick_s * NS_PER_SECOND) : 0;
	int64_t next_tick_ns = tick_ns > 0 ? start_ns + tick_ns : INT64_MAX;
	while (!exited) {
		struct pollfd fds[] = {
			{ .fd = child->process.pidfd, .events = POLLIN },
			{ .fd = child->out_fd, .events = POLLIN },
			{ .fd = child->err_fd, .events = POLLIN },
			{ .fd = interrupted || options->ignore_interrupt ? -1 : interrupt_fd(), .events = POLLIN },
		};
		int64_t due_ns = next_tick_ns < ending.next_ns ? next_tick_ns : ending.next_ns;
		if (poll(fds, 4, milliseconds_until(due_ns)) < 0 && errno != EINTR)
			return err_set(err, ERR_INTERNAL, "cannot wait for a process:");
		if (clock_now_ns() >= next_tick_ns) {
			options->on_tick(options->on_tick_context);
			next_tick_ns = clock_now_ns() + tick_ns;
		}
		if (!interrupted && !options->ignore_interrupt && (fds[3].revents || interrupt_pending())) {
			if (options->foreground && interrupt_from_terminal())
				ending.next_ns = INT64_MAX;
			else
				send_ending(child, &ending, grace_s);
			interrupted = true;
		} else if (clock_now_ns() >= ending.next_ns) {
			result->timed_out |= !interrupted;
			send_ending(child, &ending, grace_s);
		}
		if (fds[1].revents && drain(&child->out_fd, false, &result->out, options, err) < 0)
			return -1;
		if (fds[2].revents && drain(&child->err_fd, true, &result->err_out, options, err) < 0)
			return -1;
		if (fds[0].revents) {
			/* Still a zombie: its group id cannot be anybody else's yet. */
			if (!options->foreground)
				kill(child->process.target, SIGKILL);
			exited = (!fds[1].revents && !fds[2].revents) || ++rounds_after_exit > 4096;
		}
	}
	if (interrupted)
		return interrupt_error(err);
	return 0;
}

static void reap(struct child *child, struct proc_result *result)
{
	struct rusage usage;
	int status;
	while (wait4(child->process.pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	result->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	result->max_rss_bytes = (int64_t)usage.ru_maxrss * 1024;
	child->process.pid = -1;
}

int proc_run(const char *const argv[], const struct proc_options *options, struct proc_result *result,
	     struct err *err)
{
	static const struct proc_options defaults;
	struct child child = { .process = SPAWNED_INIT, .out_fd = -1, .err_fd = -1 };
	if (!options)
		options = &defaults;
	proc_result_release(result);
	if (interrupt_pending() && !options->ignore_interrupt)
		return interrupt_error(err);
	int64_t start_ns = clock_now_ns();
	if (child_start(&child, argv, options, err) < 0) {
		child_release(&child);
		return -1;
	}
	int failed = attend(&child, options, result, err);
	if (failed && err->kind != ERR_INTERRUPTED)
		child_release(&child);
	else
		reap(&child, result);
	result->wall_s = (double)(clock_now_ns() - start_ns) / (double)NS_PER_SECOND;
	child_release(&child);
	return failed;
}

void proc_result_release(struct proc_result *result)
{
	str_release(&result->out);
	str_release(&result->err_out);
	*result = (struct proc_result)PROC_RESULT_INIT;
}
