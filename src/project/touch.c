#define _GNU_SOURCE
#include "project/touch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

static const char *const kind_names[] = {
	[TOUCH_WRITE] = "write",     [TOUCH_READ] = "read",   [TOUCH_BIND] = "bind",
	[TOUCH_CONNECT] = "connect", [TOUCH_SPAWN] = "spawn",
};
#define KIND_COUNT (sizeof(kind_names) / sizeof(*kind_names))

/* A path with one of these as a component is a cache or comb's own. */
static const char *const machinery_components[] = {
	"__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".comb",
};
/* Nothing below these is shared data; /dev/shm is. */
static const char *const machinery_folders[] = { "/dev/", "/proc/", "/sys/" };
static const char *const shared_exception = "/dev/shm/";
/* Reading these is how programs start, not what tests share. */
static const char *const system_folders[] = { "/usr/", "/etc/", "/lib", "/bin/", "/opt/", "/var/lib/", "/run/" };
static const char *const library_folders[] = { "/site-packages/", "/dist-packages/", "/lib/python" };
static const char *const code_suffixes[] = { ".py", ".pyc", ".so", ".pyi", ".pth", ".egg-link", ".dist-info" };

const char *touch_kind_name(enum touch_kind kind)
{
	return (size_t)kind < KIND_COUNT ? kind_names[kind] : "unknown";
}

int touch_kind_parse(const char *name, enum touch_kind *kind)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (enum touch_kind)i;
			return 0;
		}
	return -1;
}

/* FNV-1a, never 0. */
static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
	return hash ? hash : 1;
}
#define HASH_START 0xcbf29ce484222325u

static size_t set_slot(const struct hash_set *set, uint64_t hash)
{
	size_t i = hash & (set->capacity - 1);
	while (set->slots[i] && set->slots[i] != hash)
		i = (i + 1) & (set->capacity - 1);
	return i;
}

static bool set_has(const struct hash_set *set, uint64_t hash)
{
	return set->used > 0 && set->slots[set_slot(set, hash)] == hash;
}

static int set_grow(struct hash_set *set)
{
	struct hash_set bigger = { .capacity = set->capacity ? set->capacity * 2 : 64 };
	bigger.slots = os_calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < set->capacity; i++)
		if (set->slots[i]) {
			bigger.slots[set_slot(&bigger, set->slots[i])] = set->slots[i];
			bigger.used++;
		}
	free(set->slots);
	*set = bigger;
	return 0;
}

/* 1 when it was added, 0 when it was there, -1 when out of memory. */
static int set_add(struct hash_set *set, uint64_t hash)
{
	if (set->used * 2 >= set->capacity && set_grow(set) < 0)
		return -1;
	size_t slot = set_slot(set, hash);
	if (set->slots[slot])
		return 0;
	set->slots[slot] = hash;
	set->used++;
	return 1;
}

static void set_clear(struct hash_set *set)
{
	if (set->used > 0)
		memset(set->slots, 0, set->capacity * sizeof(*set->slots));
	set->used = 0;
}

static void set_release(struct hash_set *set)
{
	free(set->slots);
	*set = (struct hash_set){ 0 };
}

void touch_log_turn(struct touch_log *log, size_t test, char phase)
{
	if (test != log->test)
		set_clear(&log->seen);
	log->test = test;
	log->phase = phase;
}

/* Removes "." and "..", and doubled slashes, from an absolute path, without looking at the disk. */
static int add_normal(struct str *out, const char *path)
{
	str_clear(out);
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (out->len > 0 && out->buf[--out->len] != '/')
				;
			if (out->buf)
				out->buf[out->len] = '\0';
		} else if (len > 0 && !(len == 1 && p[0] == '.')) {
			if (str_addc(out, '/') < 0 || str_add(out, p, len) < 0)
				return -1;
		}
		p += len;
		p += strspn(p, "/");
	}
	return out->len > 0 ? 0 : str_adds(out, "/");
}

/* The folder's real path + the last component, or, with follow, the real path of what it names. */
static int canonicalise(struct str *out, const char *base, const char *path, bool follow)
{
	cleanup_str struct str absolute = STR_INIT, folder = STR_INIT;
	char real[PATH_MAX];
	if ((path[0] != '/' && (str_adds(&absolute, base) < 0 || str_addc(&absolute, '/') < 0)) ||
	    str_adds(&absolute, path) < 0)
		return -1;
	str_clear(out);
	if (follow && realpath(absolute.buf, real))
		return str_adds(out, real);
	while (absolute.len > 1 && absolute.buf[absolute.len - 1] == '/')
		absolute.buf[--absolute.len] = '\0';
	const char *last = strrchr(absolute.buf, '/');
	const char *name = last + 1;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    str_add(&folder, absolute.buf, last == absolute.buf ? 1 : (size_t)(last - absolute.buf)) < 0)
		return add_normal(out, absolute.buf);
	if (!realpath(folder.buf, real))
		return add_normal(out, absolute.buf);
	return str_addf(out, "%s%s%s", real, real[1] ? "/" : "", name);
}

int touch_log_private(struct touch_log *log, const char *path)
{
	cleanup_str struct str canonical = STR_INIT;
	if (canonicalise(&canonical, "/", path, true) < 0)
		return -1;
	return set_add(&log->private_paths, hash_bytes(HASH_START, canonical.buf, canonical.len)) < 0 ? -1 : 0;
}

static bool starts_with_any(const char *path, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_starts_with(path, prefixes[i]))
			return true;
	return false;
}
#define STARTS_WITH_ANY(path, table) starts_with_any(path, table, sizeof(table) / sizeof(*(table)))

static bool is_machinery_component(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(machinery_components) / sizeof(*machinery_components); i++)
		if (strlen(machinery_components[i]) == len && memcmp(machinery_components[i], name, len) == 0)
			return true;
	return false;
}

bool touch_log_is_private(const struct touch_log *log, const char *path)
{
	uint64_t hash = HASH_START;
	for (const char *p = path; *p;) {
		size_t len = 1 + strcspn(p + 1, "/");
		hash = hash_bytes(hash, p, len);
		if (set_has(&log->private_paths, hash) || is_machinery_component(p + 1, len - 1))
			return true;
		p += len;
	}
	return false;
}

static bool is_code(const char *path)
{
	for (size_t i = 0; i < sizeof(library_folders) / sizeof(*library_folders); i++)
		if (strstr(path, library_folders[i]))
			return true;
	for (size_t i = 0; i < sizeof(code_suffixes) / sizeof(*code_suffixes); i++)
		if (text_ends_with(path, code_suffixes[i]))
			return true;
	return false;
}

static bool is_relevant(const struct touch_log *log, enum touch_kind kind, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	if (STARTS_WITH_ANY(path, machinery_folders) && !text_starts_with(path, shared_exception))
		return false;
	if (text_starts_with(name, ".coverage") || text_ends_with(name, ".pyc"))
		return false;
	if (kind == TOUCH_READ && (STARTS_WITH_ANY(path, system_folders) || is_code(path)))
		return false;
	return !touch_log_is_private(log, path);
}

static bool is_new(struct touch_log *log, enum touch_kind kind, const char *name)
{
	char tag = (char)('0' + (int)kind);
	uint64_t hash = hash_bytes(HASH_START, &tag, 1);
	return set_add(&log->seen, hash_bytes(hash, name, strlen(name))) == 1;
}

bool touch_log_path(struct touch_log *log, enum touch_kind kind, const char *base, const char *path, bool follow,
		    struct str *canonical)
{
	/* Importing reads a great deal of code: no system call is spent on that. */
	if (!path[0] || (kind == TOUCH_READ && (is_code(path) || STARTS_WITH_ANY(path, system_folders))) ||
	    canonicalise(canonical, base, path, follow) < 0)
		return false;
	return is_relevant(log, kind, canonical->buf) && is_new(log, kind, canonical->buf);
}

bool touch_log_name(struct touch_log *log, enum touch_kind kind, const char *name)
{
	return is_new(log, kind, name);
}

void touch_log_release(struct touch_log *log)
{
	set_release(&log->private_paths);
	set_release(&log->seen);
	*log = (struct touch_log)TOUCH_LOG_INIT;
}
