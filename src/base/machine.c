#define _GNU_SOURCE
#include "base/machine.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#include "base/banned.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Files of the kernel: short, and absent where there is no such thing. */
static bool read_small(const char *path, struct str *out)
{
	struct err ignored = ERR_INIT;
	return fs_read(path, out, &ignored) == 0;
}

double machine_parse_quota(const char *text)
{
	double quota, period;
	if (sscanf(text, "%lf %lf", &quota, &period) != 2 || quota <= 0 || period <= 0)
		return 0;
	return quota / period;
}

/* Our control group of version 2, below CGROUP_ROOT; "" where there is none. */
static void own_group(struct str *out)
{
	cleanup_str struct str text = STR_INIT;
	if (!read_small("/proc/self/cgroup", &text))
		return;
	const char *line = strncmp(str_text(&text), "0::", 3) == 0 ? text.buf : strstr(str_text(&text), "\n0::");
	if (!line)
		return;
	line += *line == '\n' ? 4 : 3;
	str_add(out, line, strcspn(line, "\n"));
}

typedef void group_visit(const char *group, double *least);

/* Calls visit for our control group and all above it: each may limit us. */
static double least_of_groups(group_visit *visit)
{
	cleanup_str struct str group = STR_INIT;
	double least = 0;
	own_group(&group);
	for (;;) {
		visit(str_text(&group), &least);
		char *slash = group.len > 0 ? strrchr(group.buf, '/') : NULL;
		if (!slash)
			return least;
		*slash = '\0';
		group.len = (size_t)(slash - group.buf);
	}
}

static void note_least(double *least, double value)
{
	if (value > 0 && (*least <= 0 || value < *least))
		*least = value;
}

static bool read_group_file(const char *group, const char *name, struct str *out)
{
	cleanup_str struct str path = STR_INIT;
	return str_addf(&path, "%s%s/%s", CGROUP_ROOT, group, name) == 0 && read_small(str_text(&path), out);
}

static void visit_quota(const char *group, double *least)
{
	cleanup_str struct str text = STR_INIT;
	if (read_group_file(group, "cpu.max", &text))
		note_least(least, machine_parse_quota(str_text(&text)));
}

/* The number behind a name at the beginning of a line; 0 where there is none. */
static double named_number(const char *text, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return atof(line + length);
	}
	return 0;
}

double machine_parse_room(const char *limit, const char *current, const char *stat)
{
	double most = atof(limit), used = atof(current);
	used -= named_number(stat, "inactive_file") + named_number(stat, "active_file") + named_number(stat, "slab_reclaimable");
	if (most <= 0)
		return 0;
	return fmax(1, most - fmax(0, used));
}

static void visit_memory(const char *group, double *least)
{
	cleanup_str struct str limit = STR_INIT, current = STR_INIT, stat = STR_INIT;
	if (!read_group_file(group, "memory.max", &limit) || !read_group_file(group, "memory.current", &current))
		return;
	read_group_file(group, "memory.stat", &stat);
	note_least(least, machine_parse_room(str_text(&limit), str_text(&current), str_text(&stat)));
}

/* Control groups of version 1. */
static double old_quota(void)
{
	cleanup_str struct str quota = STR_INIT, period = STR_INIT;
	if (!read_small(CGROUP_ROOT "/cpu/cpu.cfs_quota_us", &quota) ||
	    !read_small(CGROUP_ROOT "/cpu/cpu.cfs_period_us", &period))
		return 0;
	double us = atof(str_text(&quota)), per_us = atof(str_text(&period));
	return us > 0 && per_us > 0 ? us / per_us : 0;
}

int machine_online(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (int)online : 1;
}

int machine_allowed(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	return machine_online();
}

double machine_quota(void)
{
	double quota = least_of_groups(visit_quota);
	note_least(&quota, old_quota());
	return quota;
}

double machine_cores(void)
{
	double cores = machine_allowed();
	note_least(&cores, machine_quota());
	return cores < 1 ? 1 : cores;
}

int machine_whole(double cores)
{
	return cores < 1 ? 1 : (int)lround(cores);
}

int machine_processes(void)
{
	return machine_whole(machine_cores());
}

int64_t machine_available_bytes(void)
{
	cleanup_str struct str text = STR_INIT;
	if (!read_small("/proc/meminfo", &text))
		return 0;
	const char *line = strstr(str_text(&text), "MemAvailable:");
	double available = line ? atof(line + strlen("MemAvailable:")) * 1024 : 0;
	note_least(&available, least_of_groups(visit_memory));
	return (int64_t)available;
}
