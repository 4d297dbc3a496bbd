#include "safety/conflict.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "safety/rule.h"

#include "base/banned.h"

/* One touch, charged to what it is about. */
struct use {
	const char *resource; /* a path, "tcp port 8765", "unix:/path" */
	const struct touch *touch;
};

struct uses {
	VEC(struct use) list;
	VEC(char *) texts; /* resources that are not a touch's own text */
};

static int compare_uses(const void *a, const void *b)
{
	const struct use *left = a, *right = b;
	int order = strcmp(left->resource, right->resource);
	return order ? order : (left->touch > right->touch) - (left->touch < right->touch);
}

/* SQLite's helper files stand for their database. */
static char *database_of(const char *path)
{
	static const char *const tails[] = { "-journal", "-wal", "-shm" };
	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		size_t len = strlen(path), tail = strlen(tails[i]);
		if (len > tail && strcmp(path + len - tail, tails[i]) == 0) {
			char *copy = os_strdup(path);
			if (copy)
				copy[len - tail] = '\0';
			return copy;
		}
	}
	return NULL;
}

static bool is_local_host(const char *host, size_t len)
{
	static const char *const hosts[] = { "", "0.0.0.0", "localhost", "::", "::1", "[::]", "[::1]" };
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		if (slice_equals((struct slice){ host, len }, hosts[i]))
			return true;
	return len > 4 && strncmp(host, "127.", 4) == 0;
}

/* One port of this machine, whatever address of it is meant: "tcp port 8765". "" for none worth a look. */
static char *port_of(const char *socket)
{
	const char *host = strchr(socket, ':'), *port = strrchr(socket, ':');
	struct str name = STR_INIT;
	if (!host || host == port || strcmp(port, ":0") == 0 || !is_local_host(host + 1, (size_t)(port - host - 1)))
		return os_strdup("");
	return str_addf(&name, "%.*s port %s", (int)(host - socket), socket, port + 1) < 0 ? NULL : str_steal(&name);
}

/* What a touch is about. 1: *resource is set; 0: nothing that two tests could fight for; -1. */
static int resource_of(const struct touch *touch, struct uses *uses, const char **resource)
{
	char *made = NULL;
	*resource = touch->what;
	if (touch->kind == TOUCH_SPAWN || (touch->test == SIZE_MAX && !touch->fixture))
		return 0;
	bool is_socket = touch->kind == TOUCH_BIND || touch->kind == TOUCH_CONNECT;
	if (is_socket && strncmp(touch->what, "unix:", 5) != 0) {
		made = port_of(touch->what);
		if (!made)
			return -1;
	} else if (!is_socket) {
		made = database_of(touch->what);
	}
	if (!made)
		return 1;
	*resource = made;
	if (vec_push(&uses->texts, made) == 0)
		return made[0] != '\0';
	free(made);
	return -1;
}

static int collect_uses(const struct suite_run *run, struct uses *uses)
{
	for (size_t i = 0; i < run->touches.len; i++) {
		struct use use = { NULL, &run->touches.at[i] };
		int found = resource_of(use.touch, uses, &use.resource);
		if (found < 0 || (found > 0 && vec_push(&uses->list, use) < 0))
			return -1;
	}
	if (uses->list.len > 1)
		qsort(uses->list.at, uses->list.len, sizeof(*uses->list.at), compare_uses);
	return 0;
}

static void uses_release(struct uses *uses)
{
	for (size_t i = 0; i < uses->texts.len; i++)
		free(uses->texts.at[i]);
	vec_release(&uses->texts);
	vec_release(&uses->list);
}

/* The set-up of that fixture, to know where it can be used. */
static const char *fixture_base(const struct suite_run *run, const struct touch *touch)
{
	for (size_t i = 0; i < run->fixture_setups.len; i++)
		if (strcmp(run->fixture_setups.at[i].name, touch->fixture) == 0 &&
		    (run->fixture_setups.at[i].test == touch->test || touch->test == SIZE_MAX))
			return run->fixture_setups.at[i].base;
	return "";
}

/* All tests that a touch is charged to. */
static int add_users(struct finding *finding, const struct suite_run *run, const struct touch *touch)
{
	if (!touch->fixture)
		return finding_add_test(finding, touch->test);
	const char *base = fixture_base(run, touch);
	for (size_t i = 0; i < run->tests.len; i++)
		if (strings_find(&run->tests.at[i].fixtures, touch->fixture) >= 0 &&
		    text_starts_with(run->tests.at[i].id, base) && finding_add_test(finding, i) < 0)
			return -1;
	return 0;
}

static bool takes(const struct touch *touch)
{
	return touch->kind == TOUCH_WRITE || touch->kind == TOUCH_BIND;
}

static bool below(const char *path, const char *folder)
{
	size_t len = folder ? strlen(folder) : 0;
	return len > 1 && strncmp(path, folder, len) == 0 && path[len] == '/';
}

static bool is_database(const char *path)
{
	return text_ends_with(path, ".db") || text_ends_with(path, ".sqlite") || text_ends_with(path, ".sqlite3");
}

/* Which rule speaks of a resource. only_read: some tests read the path and never write it. */
static const char *code_for(const char *resource, const char *root, bool only_read)
{
	const char *home = getenv("HOME");
	if (resource[0] != '/')
		return strncmp(resource, "unix:", 5) == 0 ? "CB206" : "CB204";
	if (is_database(resource))
		return "CB207";
	if (below(resource, root))
		return only_read ? "CB203" : "CB202";
	if (below(resource, "/tmp") || below(resource, "/var/tmp") || below(resource, "/dev/shm"))
		return "CB201";
	return below(resource, home) ? "CB210" : "CB202";
}

/* "port 8765", "tests/data/x.json", "/tmp/x". Replaces *out. */
static int subject_for(const char *resource, const char *root, struct str *out)
{
	str_clear(out);
	if (resource[0] == '/')
		return str_adds(out, below(resource, root) ? resource + strlen(root) + 1 : resource);
	return str_adds(out, text_starts_with(resource, "tcp ") ? resource + 4 : resource);
}

/* A suspicion from the source about the same thing: same family, and the path ends as the source says. */
static struct finding *suspicion(struct findings *findings, const char *subject)
{
	for (size_t i = 0; i < findings->list.len; i++) {
		struct finding *finding = &findings->list.at[i];
		size_t len = strlen(finding->subject), whole = strlen(subject);
		if (finding->rule->code[2] != '2' || strcmp(finding->rule->code, "CB217") == 0 || len > whole ||
		    len < 3)
			continue;
		if (strcmp(subject + whole - len, finding->subject) == 0 &&
		    (len == whole || subject[whole - len - 1] == '/'))
			return finding;
	}
	return NULL;
}

struct shared {
	const struct suite_run *run;
	const char *root;
	double share_max;
	struct findings *findings;
};

static int describe(const struct shared *shared, const struct finding *finding, const struct use *uses, size_t count,
		    struct str *out)
{
	size_t taking = 0;
	for (size_t i = 0; i < count; i++)
		taking += takes(uses[i].touch);
	bool port = uses[0].resource[0] != '/';
	return str_addf(out, "%zu tests reach %s; it was seen %s %zu time%s in one serial run", finding->tests.len,
			finding->subject, port ? "bound" : "written", taking, taking == 1 ? "" : "s");
}

/* Too many tests on one worker, for something that no run has shown to hurt. */
static bool is_too_wide(const struct shared *shared, const struct finding *finding)
{
	size_t tests = finding->tests.len;
	return finding->rule->code[4] != '4' && tests > 20 &&
		(double)tests > shared->share_max * (double)shared->run->tests.len;
}

static int add_finding(const struct shared *shared, const struct finding *users, const struct use *uses, size_t count,
		       bool only_read)
{
	cleanup_str struct str subject = STR_INIT;
	cleanup_str struct str evidence = STR_INIT;
	if (subject_for(uses[0].resource, shared->root, &subject) < 0)
		return -1;
	struct finding *known = suspicion(shared->findings, str_text(&subject));
	const struct rule *rule = known ? known->rule : rule_find(code_for(uses[0].resource, shared->root, only_read));
	const char *name = known ? known->subject : str_text(&subject);
	struct finding *finding = NULL;
	for (size_t i = 0; i < count; i++)
		if (!finding || uses[i].touch->file) {
			finding = findings_add(shared->findings, rule, name, uses[i].touch->file, uses[i].touch->line,
					       "");
			if (!finding)
				return -1;
			name = finding->subject;
		}
	finding->tests.len = 0;
	for (size_t i = 0; i < users->tests.len; i++)
		if (finding_add_test(finding, users->tests.at[i]) < 0)
			return -1;
	if (describe(shared, finding, uses, count, &evidence) < 0)
		return -1;
	if (!is_too_wide(shared, finding)) {
		finding->together = true;
		return finding_confirm(finding, str_text(&evidence));
	}
	if (str_adds(&evidence,
		     "; one worker for so many tests would cost more than it is worth until one fails by it") < 0)
		return -1;
	return finding_set(&finding->evidence, str_text(&evidence));
}

/* All uses of one resource. */
static int judge_resource(const struct shared *shared, const struct use *uses, size_t count)
{
	struct finding users = { .rule = NULL }, takers = { .rule = NULL };
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		result = add_users(&users, shared->run, uses[i].touch);
		if (result == 0 && takes(uses[i].touch))
			result = add_users(&takers, shared->run, uses[i].touch);
	}
	if (result == 0 && takers.tests.len > 0 && users.tests.len > 1)
		result = add_finding(shared, &users, uses, count, takers.tests.len < users.tests.len);
	vec_release(&users.tests);
	vec_release(&takers.tests);
	return result;
}

static bool lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

/* A folder that one test lists and others write in: suspected, for most listings do not mind. */
static int judge_listing(const struct shared *shared, const struct uses *uses, const struct use *listing)
{
	struct finding writers = { .rule = NULL };
	cleanup_str struct str subject = STR_INIT;
	int result = 0;
	for (size_t i = 0; i < uses->list.len && result == 0; i++) {
		const struct use *use = &uses->list.at[i];
		if (use->touch->kind == TOUCH_WRITE && lies_in(use->resource, listing->resource) &&
		    use->touch->test != listing->touch->test)
			result = add_users(&writers, shared->run, use->touch);
	}
	if (result == 0 && writers.tests.len > 0 && subject_for(listing->resource, shared->root, &subject) == 0) {
		struct finding *finding = findings_add(shared->findings, rule_find("CB217"), str_text(&subject),
						       listing->touch->file, listing->touch->line, "");
		result = finding ? finding_set(&finding->evidence,
					       "the folder was seen listed by one test and written "
					       "in by others")
				 : -1;
		if (result == 0)
			result = add_users(finding, shared->run, listing->touch);
		for (size_t i = 0; result == 0 && i < writers.tests.len; i++)
			result = finding_add_test(finding, writers.tests.at[i]);
	}
	vec_release(&writers.tests);
	return result;
}

static int judge_listings(const struct shared *shared, const struct uses *uses)
{
	for (size_t i = 0; i < uses->list.len; i++) {
		const struct use *use = &uses->list.at[i];
		if (use->touch->kind == TOUCH_READ && strcmp(use->resource, shared->root) != 0 &&
		    judge_listing(shared, uses, use) < 0)
			return -1;
	}
	return 0;
}

int conflicts_find(const struct suite_run *run, const char *root, double share_max, struct findings *findings,
		   struct err *err)
{
	struct shared shared = { run, root, share_max, findings };
	struct uses uses = { .list = VEC_INIT };
	int result = collect_uses(run, &uses);
	for (size_t first = 0, end; result == 0 && first < uses.list.len; first = end) {
		for (end = first + 1;
		     end < uses.list.len && strcmp(uses.list.at[end].resource, uses.list.at[first].resource) == 0;
		     end++)
			;
		result = judge_resource(&shared, uses.list.at + first, end - first);
	}
	if (result == 0)
		result = judge_listings(&shared, &uses);
	uses_release(&uses);
	return result < 0 ? err_no_memory(err) : 0;
}
