#define _GNU_SOURCE
#include "base/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/os.h"
#include "base/str.h"

#include "base/banned.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

bool family_has_children(void)
{
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* State and parent out of a line of /proc/PID/stat, whose name may hold anything. */
static bool parse_stat(const char *text, char *state, pid_t *parent)
{
	const char *behind = strrchr(text, ')');
	int parsed_parent;
	if (!behind || sscanf(behind + 1, " %c %d", state, &parsed_parent) != 2)
		return false;
	*parent = parsed_parent;
	return true;
}

static bool read_stat(const char *pid, char *state, pid_t *parent)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	return str_addf(&path, "/proc/%s/stat", pid) == 0 && fs_read(path.buf, &text, &ignored) == 0 &&
	       parse_stat(str_text(&text), state, parent);
}

static bool is_living_child(const char *pid, pid_t parent)
{
	char state;
	pid_t of;
	return read_stat(pid, &state, &of) && of == parent && state != 'Z' && state != 'X';
}

struct found {
	pid_t *pids;
	size_t count, capacity;
	pid_t parent;
};

static void add_if_child(struct found *found, const char *pid)
{
	if (pid[0] < '1' || pid[0] > '9' || !is_living_child(pid, found->parent))
		return;
	if (found->count < found->capacity)
		found->pids[found->count] = (pid_t)strtol(pid, NULL, 10);
	found->count++;
}

static void add_all_children(struct found *found)
{
	DIR *folder = opendir("/proc");
	for (struct dirent *entry; folder && (entry = readdir(folder));)
		add_if_child(found, entry->d_name);
	if (folder)
		closedir(folder);
}

/* Those that one thread started. False where the kernel has no such list. */
static bool add_children_of_thread(struct found *found, const char *thread)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	char *rest = NULL;
	if (str_addf(&path, "/proc/%d/task/%s/children", found->parent, thread) < 0 || fs_read(path.buf, &text, &ignored) < 0)
		return false;
	for (char *pid = text.buf ? strtok_r(text.buf, " ", &rest) : NULL; pid; pid = strtok_r(NULL, " ", &rest))
		add_if_child(found, pid);
	return true;
}

size_t family_children(pid_t parent, pid_t *pids, size_t capacity)
{
	struct found found = { pids, 0, capacity, parent };
	char tasks[32];
	snprintf(tasks, sizeof(tasks), "/proc/%d/task", parent);
	DIR *folder = opendir(tasks);
	bool listed = folder != NULL;
	for (struct dirent *entry; listed && (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			listed = add_children_of_thread(&found, entry->d_name);
	if (folder)
		closedir(folder);
	if (!listed) {
		found.count = 0;
		add_all_children(&found);
	}
	return found.count;
}

size_t family_count_running(const pid_t *pids, size_t count, size_t enough)
{
	size_t running = 0;
	for (size_t i = 0; i < count && running < enough; i++) {
		char pid[16], state;
		pid_t parent;
		snprintf(pid, sizeof(pid), "%d", pids[i]);
		running += read_stat(pid, &state, &parent) && state == 'R';
	}
	return running;
}

static bool mentions(const char *pid, const char *text)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str path = STR_INIT, environment = STR_INIT;
	if (str_addf(&path, "/proc/%s/environ", pid) < 0 || fs_read(path.buf, &environment, &ignored) < 0)
		return false;
	return environment.len > 0 && memmem(environment.buf, environment.len, text, strlen(text));
}

size_t family_end_mentioning(const char *text)
{
	size_t count = 0;
	DIR *folder = opendir("/proc");
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 1 && pid != getpid() && mentions(entry->d_name, text))
			count += kill(pid, SIGKILL) == 0;
	}
	if (folder)
		closedir(folder);
	return count;
}

int family_words_pipe(int ends[2], int lowest_fd)
{
	if (os_pipe(ends) < 0)
		return -1;
	int high = fcntl(ends[1], F_DUPFD_CLOEXEC, lowest_fd);
	if (high >= 0) {
		os_close(ends[1]);
		ends[1] = high;
	}
	return 0;
}

void family_keep_ends(struct family_ends *old)
{
	sigset_t children, mask;
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &children, &mask);
	old->was_blocked = sigismember(&mask, SIGCHLD) == 1;
	sigaction(SIGCHLD, NULL, &old->action);
	if (old->action.sa_handler == SIG_IGN || (old->action.sa_flags & SA_NOCLDWAIT))
		sigaction(SIGCHLD, &plain, NULL);
}

void family_put_back(const struct family_ends *old)
{
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigaction(SIGCHLD, &old->action, NULL);
	if (!old->was_blocked)
		pthread_sigmask(SIG_UNBLOCK, &children, NULL);
}

void family_end_idle_threads(void)
{
	struct family_ends before;
	family_keep_ends(&before);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	family_put_back(&before);
}

int family_last_words(pid_t pid, int fd, struct str *said, int *status)
{
	cleanup_fd int end = (int)syscall(SYS_pidfd_open, pid, 0); /* -1 on an old kernel: poll(2) passes it over */
	struct pollfd watched[] = { { .fd = fd, .events = POLLIN }, { .fd = end, .events = POLLIN } };
	bool ended = end < 0 && errno == ESRCH; /* and waited for by somebody else */
	for (;;) {
		char part[4096];
		if (poll(watched, 2, ended ? 0 : -1) < 0)
			return -1;
		if (watched[0].revents) {
			ssize_t len = read(fd, part, sizeof(part));
			if (len < 0 || (len > 0 && str_add(said, part, (size_t)len) < 0))
				return -1;
			if (len == 0)
				break;
		} else if (ended) {
			break;
		}
		ended = ended || watched[1].revents != 0;
	}
	if (waitpid(pid, status, 0) >= 0)
		return 0;
	*status = FAMILY_STATUS_LOST;
	return errno == ECHILD ? 0 : -1;
}

int64_t family_resident_bytes(void)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str text = STR_INIT;
	long size, resident;
	if (fs_read("/proc/self/statm", &text, &ignored) < 0 || sscanf(str_text(&text), "%ld %ld", &size, &resident) != 2)
		return 0;
	return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

int64_t family_count_in(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0 && line[len] == ' ')
			return strtoll(line + len + 1, NULL, 10);
	}
	return -1;
}

static int64_t count_in_file(const char *path, const char *word)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str text = STR_INIT;
	return fs_read(path, &text, &ignored) < 0 ? -1 : family_count_in(str_text(&text), word);
}

/* Of the own control group in the hierarchy that line of /proc/self/cgroup starts with prefix for. */
static int64_t count_in_group(const char *prefix, const char *root, const char *file)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str groups = STR_INIT, path = STR_INIT;
	if (fs_read("/proc/self/cgroup", &groups, &ignored) < 0)
		return -1;
	const char *found = strstr(str_text(&groups), prefix);
	if (!found)
		return -1;
	found += strlen(prefix);
	if (str_addf(&path, "%s%.*s/%s", root, (int)strcspn(found, "\n"), found, file) < 0)
		return -1;
	int64_t count = count_in_file(path.buf, "oom_kill");
	str_clear(&path);
	/* In a container the path may be the host's. */
	return count >= 0 || str_addf(&path, "%s/%s", root, file) < 0 ? count : count_in_file(path.buf, "oom_kill");
}

int64_t family_oom_kills(void)
{
	int64_t count = count_in_group("0::", CGROUP_ROOT, "memory.events");
	if (count < 0)
		count = count_in_group(":memory:", CGROUP_ROOT "/memory", "memory.oom_control");
	return count < 0 ? count_in_file("/proc/vmstat", "oom_kill") : count;
}
