#include "safety/groups.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "safety/rule.h"

#include "base/banned.h"

#define NAME_MAX_BYTES 40

int groups_open(struct groups *groups, size_t tests, struct err *err)
{
	*groups = (struct groups){
		.count = tests,
		.parent = os_calloc(tests + 1, sizeof(*groups->parent)),
		.size = os_calloc(tests + 1, sizeof(*groups->size)),
		.name = os_calloc(tests + 1, sizeof(*groups->name)),
		.clash = os_calloc(tests + 1, sizeof(*groups->clash)),
	};
	if (!groups->parent || !groups->size || !groups->name || !groups->clash) {
		groups_release(groups);
		return err_no_memory(err);
	}
	for (size_t i = 0; i < tests; i++) {
		groups->parent[i] = i;
		groups->size[i] = 1;
	}
	return 0;
}

void groups_release(struct groups *groups)
{
	for (size_t i = 0; groups->name && i < groups->count; i++)
		free(groups->name[i]);
	free(groups->parent);
	free(groups->size);
	free(groups->name);
	free(groups->clash);
	*groups = (struct groups)GROUPS_INIT;
}

size_t groups_root(const struct groups *groups, size_t test)
{
	while (groups->parent[test] != test) {
		groups->parent[test] = groups->parent[groups->parent[test]];
		test = groups->parent[test];
	}
	return test;
}

void groups_join(struct groups *groups, size_t a, size_t b)
{
	a = groups_root(groups, a);
	b = groups_root(groups, b);
	if (a == b)
		return;
	if (groups->size[a] < groups->size[b]) {
		size_t swap = a;
		a = b;
		b = swap;
	}
	groups->parent[b] = a;
	groups->size[a] += groups->size[b];
}

const char *groups_name(const struct groups *groups, size_t test)
{
	size_t root = groups_root(groups, test);
	return groups->size[root] > 1 ? groups->name[root] : NULL;
}

/* The part of a subject that tells most: a file's name, a variable's last two names, a key. */
static const char *telling_part(const struct finding *finding, const char **prefix)
{
	const char *subject = finding->subject, *code = finding->rule->code;
	const char *local = strstr(subject, ": ");
	*prefix = "";
	if (code[2] == '2') {
		*prefix = strncmp(subject, "port ", 5) == 0 ? "" : "file-";
		return strncmp(subject, "port ", 5) == 0 ? subject : fs_base_name(subject);
	}
	if (local)
		subject = local + 2;
	for (const char *next; (next = strstr(subject, "::")) != NULL;)
		subject = next + 2;
	if (text_starts_with(subject, "os.environ['")) {
		*prefix = "env-";
		return subject + strlen("os.environ['");
	}
	if (strncmp(code, "CB6", 3) == 0)
		*prefix = "order-";
	if (strcmp(code, "CB125") == 0)
		*prefix = "after-";
	if (strncmp(code, "CB4", 3) == 0)
		*prefix = "patch-";
	const char *slash = strrchr(subject, '/');
	return slash ? slash + 1 : subject;
}

/* "fixture catalogue (tests/test_a.py)": the bracket says where, not what. */
int group_name_for(const struct finding *finding, struct str *out)
{
	const char *prefix, *part = telling_part(finding, &prefix);
	if (strncmp(finding->subject, "fixture ", 8) == 0)
		part = finding->subject;
	str_clear(out);
	if (str_adds(out, prefix) < 0)
		return -1;
	size_t start = out->len;
	bool gap = false;
	for (; *part && *part != '(' && *part != '[' && *part != '\'' && out->len < NAME_MAX_BYTES; part++) {
		unsigned char c = (unsigned char)*part;
		if (!isalnum(c)) {
			gap = true;
			continue;
		}
		if (gap && out->len > start && str_addc(out, '-') < 0)
			return -1;
		gap = false;
		if (str_addc(out, (char)tolower(c)) < 0)
			return -1;
	}
	return out->len == start ? str_adds(out, finding->rule->code) : 0;
}

static bool same_function(const struct test *a, const struct test *b)
{
	return a->function && b->function && text_equals(a->path, b->path) &&
		text_equals(a->module_class, b->module_class) && text_equals(a->function, b->function);
}

/* A function has one mark for all its cases. They stand together in collection order, but for other tests between. */
static void join_cases(struct groups *groups, const struct suite_run *run)
{
	for (size_t i = 0; i < run->tests.len; i++) {
		if (groups->size[groups_root(groups, i)] == 1)
			continue;
		for (size_t k = 0; k < run->tests.len; k++)
			if (k != i && same_function(&run->tests.at[i], &run->tests.at[k]))
				groups_join(groups, i, k);
	}
}

static void join_user_groups(struct groups *groups, const struct suite_run *run)
{
	for (size_t i = 0; i < run->tests.len; i++)
		for (size_t k = i + 1; run->tests.at[i].group && k < run->tests.len; k++)
			if (text_equals(run->tests.at[i].group, run->tests.at[k].group)) {
				groups_join(groups, i, k);
				break;
			}
}

/* A user's name for a set, or NULL; two of them clash. */
static const char *user_name(struct groups *groups, const struct suite_run *run, size_t root)
{
	const char *name = NULL;
	for (size_t i = 0; i < run->tests.len; i++) {
		if (!run->tests.at[i].group || groups_root(groups, i) != root)
			continue;
		if (name && strcmp(name, run->tests.at[i].group) != 0)
			groups->clash[root] = true;
		name = name ? name : run->tests.at[i].group;
	}
	return name;
}

/* The finding with most tests in a set names it. */
static const struct finding *main_finding(const struct groups *groups, const struct findings *findings, size_t root)
{
	const struct finding *best = NULL;
	for (size_t i = 0; i < findings->list.len; i++) {
		const struct finding *finding = &findings->list.at[i];
		if (!finding->together || finding->tests.len == 0 || groups_root(groups, finding->tests.at[0]) != root)
			continue;
		if (!best || finding->tests.len > best->tests.len)
			best = finding;
	}
	return best;
}

static bool is_taken(const struct groups *groups, const char *name)
{
	for (size_t i = 0; i < groups->count; i++)
		if (groups->name[i] && strcmp(groups->name[i], name) == 0)
			return true;
	return false;
}

static int name_set(struct groups *groups, const struct suite_run *run, const struct findings *findings, size_t root)
{
	cleanup_str struct str name = STR_INIT;
	const char *given = user_name(groups, run, root);
	const struct finding *finding = main_finding(groups, findings, root);
	if (given) {
		if (str_adds(&name, given) < 0)
			return -1;
	} else if (!finding || group_name_for(finding, &name) < 0) {
		return finding ? -1 : 0;
	}
	size_t len = name.len;
	for (int n = 2; !given && is_taken(groups, str_text(&name)); n++) {
		name.len = len;
		if (str_addf(&name, "-%d", n) < 0)
			return -1;
	}
	groups->name[root] = str_steal(&name);
	return groups->name[root] ? 0 : -1;
}

int groups_make(struct groups *groups, const struct suite_run *run, const struct findings *findings, struct err *err)
{
	for (size_t i = 0; i < findings->list.len; i++) {
		const struct finding *finding = &findings->list.at[i];
		for (size_t k = 1; finding->together && k < finding->tests.len; k++)
			groups_join(groups, finding->tests.at[0], finding->tests.at[k]);
	}
	join_user_groups(groups, run);
	join_cases(groups, run);
	for (size_t i = 0; i < groups->count; i++)
		if (groups->parent[i] == i && groups->size[i] > 1 && name_set(groups, run, findings, i) < 0)
			return err_no_memory(err);
	return 0;
}
