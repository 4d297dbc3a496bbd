#include "tune/fixtures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

#define WORTH_S 0.005 /* cheaper set-ups do not matter */
#define SHARED 0.5 /* of the most that a test of the group needs */

/* Fixtures that are set up together: those of one scope in one module, class or package, or of the session. */
struct group {
	const char *scope;
	size_t payer; /* a test of it */
	VEC(size_t) setups; /* indexes into run->fixture_setups */
	double setup_s; /* least need of a member */
};

struct groups {
	VEC(struct group) list;
	double *need_s; /* scratch, one a test */
};

static void groups_release(struct groups *groups)
{
	for (size_t g = 0; g < groups->list.len; g++)
		vec_release(&groups->list.at[g].setups);
	vec_release(&groups->list);
	free(groups->need_s);
}

static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) : 0;
}

static bool same_folder(const char *a, const char *b)
{
	size_t len = folder_length(a);
	return len == folder_length(b) && memcmp(a, b, len) == 0;
}

/* Do the two tests share one instance of a fixture of that scope? */
static bool same_place(const struct suite_run *run, const struct workload *load, const char *scope, size_t a, size_t b)
{
	const struct test *x = &run->tests.at[a], *y = &run->tests.at[b];
	if (strcmp(scope, "session") == 0)
		return true;
	if (strcmp(scope, "package") == 0)
		return x->path && y->path && same_folder(x->path, y->path);
	if (load->jobs.at[a].file != load->jobs.at[b].file)
		return false;
	return strcmp(scope, "module") == 0 || text_equals(x->module_class, y->module_class);
}

static struct group *find_group(struct groups *groups, const struct suite_run *run, const struct workload *load,
				const struct fixture_setup *setup)
{
	for (size_t g = 0; g < groups->list.len; g++) {
		struct group *group = &groups->list.at[g];
		if (strcmp(group->scope, setup->scope) == 0 &&
		    same_place(run, load, setup->scope, group->payer, setup->test))
			return group;
	}
	struct group group = { .scope = setup->scope, .payer = setup->test };
	if (vec_push(&groups->list, group) < 0)
		return NULL;
	return &groups->list.at[groups->list.len - 1];
}

static int build_groups(struct groups *groups, const struct suite_run *run, const struct workload *load)
{
	for (size_t i = 0; i < run->fixture_setups.len; i++) {
		const struct fixture_setup *setup = &run->fixture_setups.at[i];
		if (setup->seconds < WORTH_S || setup->test >= run->tests.len)
			continue;
		struct group *group = find_group(groups, run, load, setup);
		if (!group || vec_push(&group->setups, i) < 0)
			return -1;
	}
	return 0;
}

/* The least that a fixture of this name took in the group: one with parameters is set up several times. */
static double least_of_name(const struct suite_run *run, const struct group *group, const char *name)
{
	double least = INFINITY;
	for (size_t k = 0; k < group->setups.len; k++) {
		const struct fixture_setup *setup = &run->fixture_setups.at[group->setups.at[k]];
		if (strcmp(setup->name, name) == 0)
			least = fmin(least, setup->seconds);
	}
	return least;
}

static bool is_first_of_name(const struct suite_run *run, const struct group *group, size_t k)
{
	const char *name = run->fixture_setups.at[group->setups.at[k]].name;
	for (size_t i = 0; i < k; i++)
		if (strcmp(run->fixture_setups.at[group->setups.at[i]].name, name) == 0)
			return false;
	return true;
}

/* Fills need_s[] with what each test needs of the group; returns the most. */
static double fill_needs(struct groups *groups, const struct suite_run *run, const struct workload *load,
			 const struct group *group)
{
	double most = 0;
	memset(groups->need_s, 0, run->tests.len * sizeof(double));
	for (size_t k = 0; k < group->setups.len; k++) {
		const struct fixture_setup *setup = &run->fixture_setups.at[group->setups.at[k]];
		if (!is_first_of_name(run, group, k))
			continue;
		double seconds = least_of_name(run, group, setup->name);
		for (size_t i = 0; i < run->tests.len; i++) {
			const struct test *test = &run->tests.at[i];
			if (!same_place(run, load, group->scope, group->payer, i) ||
			    strings_find(&test->fixtures, setup->name) < 0 || !text_starts_with(test->id, setup->base))
				continue;
			groups->need_s[i] += seconds;
			most = fmax(most, groups->need_s[i]);
		}
	}
	return most;
}

/* What the payers' durations hold of the set-up goes to the scope. */
static void take_from_payers(struct workload *load, const struct suite_run *run, const struct group *group)
{
	double left = group->setup_s;
	for (size_t k = 0; k < group->setups.len; k++) {
		const struct fixture_setup *setup = &run->fixture_setups.at[group->setups.at[k]];
		struct job *payer = &load->jobs.at[setup->test];
		double part = fmin(fmin(left, setup->seconds), payer->wall_s);
		payer->wall_s -= part;
		left -= part;
	}
}

static int add_scope(struct workload *load, struct groups *groups, const struct suite_run *run, struct group *group)
{
	double most = fill_needs(groups, run, load, group), least = INFINITY;
	int id = (int)load->scopes.len;
	for (size_t i = 0; i < run->tests.len; i++) {
		if (groups->need_s[i] <= 0 || groups->need_s[i] < SHARED * most || load->jobs.at[i].scope >= 0)
			continue;
		load->jobs.at[i].scope = id;
		least = fmin(least, groups->need_s[i]);
	}
	if (!isfinite(least))
		return 0;
	group->setup_s = least;
	take_from_payers(load, run, group);
	struct scope scope = { .setup_s = least, .sticky = strcmp(group->scope, "session") == 0 };
	return vec_push(&load->scopes, scope);
}

static double total_seconds(const struct suite_run *run, const struct group *group)
{
	double total = 0;
	for (size_t k = 0; k < group->setups.len; k++)
		total += run->fixture_setups.at[group->setups.at[k]].seconds;
	return total;
}

int fixtures_add_scopes(struct workload *load, const struct suite_run *run)
{
	struct groups groups = { .need_s = os_calloc(run->tests.len + 1, sizeof(double)) };
	int failed = !groups.need_s || build_groups(&groups, run, load) < 0;
	/* The most expensive first: a job has one scope. */
	for (size_t done = 0; !failed && done < groups.list.len; done++) {
		size_t next = done;
		for (size_t g = done + 1; g < groups.list.len; g++)
			if (total_seconds(run, &groups.list.at[g]) > total_seconds(run, &groups.list.at[next]))
				next = g;
		struct group group = groups.list.at[next];
		groups.list.at[next] = groups.list.at[done];
		groups.list.at[done] = group;
		failed = add_scope(load, &groups, run, &groups.list.at[done]) < 0;
	}
	groups_release(&groups);
	return failed ? -1 : 0;
}
