#include "tune/workload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tune/fixtures.h"

#include "base/banned.h"

struct key {
	const char *text; /* NULL: no key */
	size_t len;
	size_t index;
};

typedef struct key key_of(const struct test *test);

static struct key file_key(const struct test *test)
{
	const char *end = strstr(test->id, "::");
	return (struct key){ .text = test->id, .len = end ? (size_t)(end - test->id) : strlen(test->id) };
}

/* As xdist's loadscope cuts: everything before the last "::". */
static struct key unit_key(const struct test *test)
{
	const char *end = NULL;
	for (const char *at = strstr(test->id, "::"); at; at = strstr(at + 1, "::"))
		end = at;
	return (struct key){ .text = test->id, .len = end ? (size_t)(end - test->id) : strlen(test->id) };
}

static struct key group_key(const struct test *test)
{
	return (struct key){ .text = test->group, .len = test->group ? strlen(test->group) : 0 };
}

static int by_text(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	size_t least = x->len < y->len ? x->len : y->len;
	int order = least ? memcmp(x->text, y->text, least) : 0;
	if (order == 0 && x->len != y->len)
		order = x->len < y->len ? -1 : 1;
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Equal keys get equal numbers from 0; tests without a key get -1. Returns how many numbers, -1 without memory. */
static int number_keys(const struct suite_run *run, key_of *get, int *numbers)
{
	cleanup_free struct key *keys = os_calloc(run->tests.len + 1, sizeof(*keys));
	size_t count = 0;
	int total = 0;
	if (!keys)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		struct key key = get(&run->tests.at[i]);
		numbers[i] = -1;
		key.index = i;
		if (key.text)
			keys[count++] = key;
	}
	if (count > 0)
		qsort(keys, count, sizeof(*keys), by_text);
	for (size_t k = 0; k < count; k++) {
		bool same = k > 0 && keys[k].len == keys[k - 1].len &&
			memcmp(keys[k].text, keys[k - 1].text, keys[k].len) == 0;
		total += !same;
		numbers[keys[k].index] = total - 1;
	}
	return total;
}

static int add_jobs(struct workload *load, const struct suite_run *run)
{
	size_t n = run->tests.len;
	cleanup_free int *files = os_calloc(n + 1, sizeof(int));
	cleanup_free int *units = os_calloc(n + 1, sizeof(int));
	cleanup_free int *groups = os_calloc(n + 1, sizeof(int));
	if (!files || !units || !groups)
		return -1;
	load->file_total = number_keys(run, file_key, files);
	load->unit_total = number_keys(run, unit_key, units);
	load->group_total = number_keys(run, group_key, groups);
	if (load->file_total < 0 || load->unit_total < 0 || load->group_total < 0)
		return -1;
	load->lock_total = load->group_total;
	for (size_t i = 0; i < n; i++) {
		const struct test *test = &run->tests.at[i];
		struct job job = JOB_INIT;
		job.wall_s = fmax(0, test->setup_s) + fmax(0, test->call_s) + fmax(0, test->teardown_s);
		job.file = files[i];
		job.unit = units[i];
		job.group = groups[i];
		job.first_lock = load->locks.len;
		job.lock_count = groups[i] >= 0;
		if (groups[i] >= 0 && vec_push(&load->locks, groups[i]) < 0)
			return -1;
		if (vec_push(&load->jobs, job) < 0)
			return -1;
	}
	return 0;
}

static void share_costs(struct workload *load, const struct workload_costs *costs)
{
	double wall = workload_wall_s(load), n = (double)load->jobs.len;
	if (n <= 0)
		return;
	load->overhead_s = fmax(0, (costs->serial_s - costs->start_s - wall) / n);
	double cpu = costs->serial_cpu_s - costs->start_cpu_s - load->overhead_s * n;
	double share = wall > 0 ? fmin(1, fmax(0, cpu / wall)) : 0;
	for (size_t i = 0; i < load->jobs.len; i++)
		load->jobs.at[i].cpu_s = load->jobs.at[i].wall_s * share;
}

int workload_from_run(struct workload *load, const struct suite_run *run, const struct workload_costs *costs,
		      struct err *err)
{
	workload_release(load);
	load->start_s = costs->start_s;
	load->start_cpu_s = costs->start_cpu_s;
	if (add_jobs(load, run) < 0 || fixtures_add_scopes(load, run) < 0) {
		workload_release(load);
		return err_no_memory(err);
	}
	share_costs(load, costs);
	return 0;
}

void workload_release(struct workload *load)
{
	vec_release(&load->jobs);
	vec_release(&load->scopes);
	vec_release(&load->locks);
	vec_release(&load->caps);
	*load = (struct workload)WORKLOAD_INIT;
}

double workload_wall_s(const struct workload *load)
{
	double total = 0;
	for (size_t f = 0; f < load->scopes.len; f++)
		total += load->scopes.at[f].setup_s;
	for (size_t i = 0; i < load->jobs.len; i++)
		total += load->jobs.at[i].wall_s;
	return total;
}

double workload_cpu_s(const struct workload *load)
{
	double total = load->overhead_s * (double)load->jobs.len;
	for (size_t i = 0; i < load->jobs.len; i++)
		total += load->jobs.at[i].cpu_s;
	return total;
}
