#define _GNU_SOURCE
#include "sandbox/capabilities.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "sandbox/recipe.h"

#include "base/banned.h"

/* The engine keeps its rings and test table in shared memory: a few MiB, with room for traces. */
#define LEAST_SHARED_MIB 16

static bool read_number(const char *path, long *value)
{
	char text[32];
	cleanup_fd int fd = os_open(path, O_RDONLY, 0);
	ssize_t len = fd < 0 ? -1 : os_read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	*value = strtol(text, NULL, 10);
	return true;
}

static bool in_container(void)
{
	static const char *const signs[] = { "/.dockerenv", "/run/.containerenv" };
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (access(signs[i], F_OK) == 0)
			return true;
	return getenv("KUBERNETES_SERVICE_HOST") != NULL;
}

/* Kernel settings that forbid user namespaces, and how to change them. */
static const struct {
	const char *path;
	long forbids;
	const char *remedy;
} namespace_settings[] = {
	{ "/proc/sys/user/max_user_namespaces", 0, "sudo sysctl -w user.max_user_namespaces=15000" },
	{ "/proc/sys/kernel/unprivileged_userns_clone", 0, "sudo sysctl -w kernel.unprivileged_userns_clone=1" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1,
	  "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" },
};

static const char *namespace_remedy(void)
{
	for (size_t i = 0; i < sizeof(namespace_settings) / sizeof(*namespace_settings); i++) {
		long value;
		if (read_number(namespace_settings[i].path, &value) && value == namespace_settings[i].forbids)
			return namespace_settings[i].remedy;
	}
	return in_container() ? "start the container with: docker run --security-opt seccomp=unconfined "
				"--security-opt apparmor=unconfined"
			      : "ask the administrator of this machine to allow user namespaces";
}

static void probe_user_namespace(struct capability *row)
{
	row->there = recipe_try(true, row->detail, sizeof(row->detail));
	if (!row->there)
		snprintf(row->remedy, sizeof(row->remedy), "%s", namespace_remedy());
}

static bool has_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_SYS_ADMIN & 1u);
}

static void probe_admin(struct capability *row)
{
	if (!has_admin()) {
		snprintf(row->detail, sizeof(row->detail), "this process has no CAP_SYS_ADMIN");
		snprintf(row->remedy, sizeof(row->remedy), "%s",
			 in_container() ? "start the container with: docker run --cap-add SYS_ADMIN "
					  "--security-opt apparmor=unconfined"
					: "needed only where user namespaces are not to be had: run as root");
		return;
	}
	row->there = recipe_try(false, row->detail, sizeof(row->detail));
	if (!row->there && in_container())
		snprintf(row->remedy, sizeof(row->remedy),
			 "start the container with: docker run --cap-add SYS_ADMIN --security-opt apparmor=unconfined");
}

/* In the child: a filter that allows everything, with a listener. Only system calls. */
static int try_notification(void)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = 1, .filter = allow };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	return fd < 0 ? errno : 0;
}

static void probe_notification(struct capability *row)
{
	unsigned int action = SECCOMP_RET_USER_NOTIF;
	int failed = 0, status = 0;
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0) {
		failed = errno;
	} else {
		pid_t pid = os_fork();
		if (pid == 0)
			_exit(try_notification());
		if (pid < 0)
			failed = errno;
		else if (waitpid(pid, &status, 0) == pid)
			failed = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
	}
	row->there = failed == 0;
	snprintf(row->detail, sizeof(row->detail), "%s",
		 row->there ? "a filter with a listener was installed" : strerror(failed));
	if (!row->there)
		snprintf(row->remedy, sizeof(row->remedy), "%s",
			 in_container() ? "start the container with: docker run --security-opt seccomp=unconfined"
					: "Linux 5.0 or newer, with CONFIG_SECCOMP_FILTER");
}

static void probe_pidfd(struct capability *row)
{
	cleanup_fd int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	row->there = fd >= 0;
	snprintf(row->detail, sizeof(row->detail), "%s", row->there ? "pidfd_open works" : strerror(errno));
	if (!row->there)
		snprintf(row->remedy, sizeof(row->remedy), "Linux 5.3 or newer");
}

static void probe_shared_memory(struct capability *row)
{
	struct statvfs fs;
	if (statvfs("/dev/shm", &fs) < 0 || access("/dev/shm", W_OK) < 0) {
		snprintf(row->detail, sizeof(row->detail), "/dev/shm: %s", strerror(errno));
	} else {
		unsigned long long total = (unsigned long long)fs.f_blocks * fs.f_frsize >> 20;
		unsigned long long left = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
		row->there = left >= LEAST_SHARED_MIB;
		snprintf(row->detail, sizeof(row->detail), "/dev/shm: %llu MiB, %llu MiB of it free", total, left);
	}
	if (!row->there)
		snprintf(row->remedy, sizeof(row->remedy), "%s",
			 in_container() ? "start the container with: docker run --shm-size 256m"
					: "sudo mount -o remount,size=256m /dev/shm");
}

static void probe_memfd(struct capability *row)
{
	cleanup_fd int fd = os_memfd("comb-probe");
	row->there = fd >= 0;
	snprintf(row->detail, sizeof(row->detail), "%s", row->there ? "memfd_create works" : strerror(errno));
}

static void probe_overlay(struct capability *row)
{
	row->there = recipe_try_overlay(!has_admin(), row->detail, sizeof(row->detail));
	if (!row->there && strncmp(row->detail, "mount overlay", 13) == 0)
		snprintf(row->remedy, sizeof(row->remedy), "sudo modprobe overlay; Linux 5.11 or newer without root");
}

static const struct {
	const char *name, *use;
	void (*probe)(struct capability *row);
	int gives; /* isolation level; 0: none by itself */
} probes[CAPABILITY_COUNT] = {
	{ "user-namespace", "private /tmp, /dev/shm and network for each worker", probe_user_namespace, 2 },
	{ "sys-admin", "the same without a user namespace", probe_admin, 3 },
	{ "overlay", "a private view of the project folder", probe_overlay, 0 },
	{ "seccomp-notify", "seeing what a test touches, also from C code", probe_notification, 0 },
	{ "pidfd", "waiting for workers without races", probe_pidfd, 0 },
	{ "shared-memory", "results of workers without copying", probe_shared_memory, 0 },
	{ "memfd", "files in memory that no name can clash with", probe_memfd, 0 },
};

void capabilities_probe(struct capabilities *capabilities)
{
	memset(capabilities, 0, sizeof(*capabilities));
	capabilities->isolation = 1;
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		struct capability *row = &capabilities->rows[i];
		row->name = probes[i].name;
		row->use = probes[i].use;
		probes[i].probe(row);
		if (probes[i].gives > 0 && capabilities->isolation > 1)
			row->remedy[0] = '\0'; /* another way is open already */
		if (row->there && probes[i].gives > capabilities->isolation)
			capabilities->isolation = probes[i].gives;
	}
}

static const struct {
	const char *name, *text;
} levels[] = {
	{ "I0", "folders of its own for each worker" },
	{ "I1", "folders of its own for each worker, and locks between tests that share something" },
	{ "I2", "also private /tmp, /dev/shm and network, in a user namespace" },
	{ "I3", "also private /tmp, /dev/shm and network, as administrator" },
};

const char *isolation_name(int level)
{
	return levels[level].name;
}

const char *isolation_text(int level)
{
	return levels[level].text;
}
