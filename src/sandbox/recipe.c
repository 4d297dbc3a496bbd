#define _GNU_SOURCE
#include "sandbox/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"

#include "base/banned.h"

/* What the child reports: the step it failed in, and errno. step -1: it went through. */
struct report {
	int step;
	int why;
};

/* Prepared before the fork: formatting is not for the child. */
struct maps {
	char uid[64], gid[64];
};

/* Every step below runs in the child, after fork: system calls only, no allocation, no stdio. */
typedef int step_function(const struct maps *maps);

static int step_user_namespace(const struct maps *maps)
{
	return unshare(CLONE_NEWUSER);
}

static int step_namespaces(const struct maps *maps)
{
	return unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, len);
	int saved = errno;
	close(fd);
	errno = saved;
	return written == (ssize_t)len ? 0 : -1;
}

static int step_deny_setgroups(const struct maps *maps)
{
	return write_file("/proc/self/setgroups", "deny");
}

static int step_map_uid(const struct maps *maps)
{
	return write_file("/proc/self/uid_map", maps->uid);
}

static int step_map_gid(const struct maps *maps)
{
	return write_file("/proc/self/gid_map", maps->gid);
}

static int step_private_mounts(const struct maps *maps)
{
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int step_tmp(const struct maps *maps)
{
	return mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=1m");
}

static int step_shm(const struct maps *maps)
{
	return mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=1m");
}

static int step_loopback(const struct maps *maps)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_flags = IFF_UP;
	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
}

static int step_bind(const struct maps *maps)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(8080) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static int step_overlay(const struct maps *maps)
{
	if (mkdir("/tmp/lower", 0700) < 0 || mkdir("/tmp/upper", 0700) < 0 || mkdir("/tmp/work", 0700) < 0 ||
	    mkdir("/tmp/merged", 0700) < 0)
		return -1;
	return mount("overlay", "/tmp/merged", "overlay", 0,
		     "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work");
}

struct step {
	const char *name;
	step_function *run;
	bool with_user_namespace; /* only there */
};

/* Every recipe begins so. */
#define PRIVATE_TMP_STEPS                                                       \
	{ "unshare a user namespace", step_user_namespace, true },              \
	{ "deny setgroups", step_deny_setgroups, true },                        \
	{ "map the user id", step_map_uid, true },                              \
	{ "map the group id", step_map_gid, true },                             \
	{ "unshare mounts, network and IPC", step_namespaces, false },          \
	{ "make mounts private", step_private_mounts, false },                  \
	{ "mount a private /tmp", step_tmp, false }

static const struct step isolation_steps[] = {
	PRIVATE_TMP_STEPS,
	{ "mount a private /dev/shm", step_shm, false },
	{ "raise the loopback interface", step_loopback, false },
	{ "bind a port in the private network", step_bind, false },
	{ NULL, NULL, false },
};

static const struct step overlay_steps[] = {
	PRIVATE_TMP_STEPS,
	{ "mount overlay", step_overlay, false },
	{ NULL, NULL, false },
};

/* In the child, after fork: system calls only. */
__attribute__((noreturn)) static void run_steps(const struct step *steps, bool user_namespace, const struct maps *maps,
						int report_fd)
{
	struct report report = { .step = -1 };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; steps[i].name && report.step < 0; i++) {
		if (steps[i].with_user_namespace && !user_namespace)
			continue;
		if (steps[i].run(maps) < 0) {
			report.step = i;
			report.why = errno;
		}
	}
	ssize_t ignored = write(report_fd, &report, sizeof(report));
	(void)ignored;
	_exit(0);
}

static bool try_steps(const struct step *steps, bool user_namespace, char *detail, size_t size)
{
	struct report report = { .step = 0, .why = EIO };
	struct maps maps;
	int fds[2];
	snprintf(maps.uid, sizeof(maps.uid), "%u %u 1\n", (unsigned)geteuid(), (unsigned)geteuid());
	snprintf(maps.gid, sizeof(maps.gid), "%u %u 1\n", (unsigned)getegid(), (unsigned)getegid());
	if (os_pipe(fds) < 0) {
		snprintf(detail, size, "pipe: %s", strerror(errno));
		return false;
	}
	pid_t pid = os_fork();
	if (pid == 0)
		run_steps(steps, user_namespace, &maps, fds[1]);
	os_close(fds[1]);
	if (pid < 0) {
		snprintf(detail, size, "fork: %s", strerror(errno));
		os_close(fds[0]);
		return false;
	}
	if (os_read(fds[0], &report, sizeof(report)) != (ssize_t)sizeof(report))
		report.why = EIO;
	os_close(fds[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (report.step >= 0)
		snprintf(detail, size, "%s: %s", steps[report.step].name, strerror(report.why));
	else
		snprintf(detail, size, "every step of it works");
	return report.step < 0;
}

bool recipe_try(bool user_namespace, char *detail, size_t size)
{
	return try_steps(isolation_steps, user_namespace, detail, size);
}

bool recipe_try_overlay(bool user_namespace, char *detail, size_t size)
{
	return try_steps(overlay_steps, user_namespace, detail, size);
}
