#include "safety/trial.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

static void victim_release(struct victim *victim)
{
	vec_release(&victim->before);
	free(victim->failure);
}

void trials_release(struct trials *trials)
{
	for (size_t i = 0; i < trials->victims.len; i++)
		victim_release(&trials->victims.at[i]);
	vec_release(&trials->victims);
	strings_release(&trials->troubles);
	serial_release(&trials->serial);
}

struct serial *trials_serial(struct trials *trials)
{
	trials->serial.project = trials->project;
	trials->serial.base = trials->base;
	trials->serial.sink = trials->sink;
	return &trials->serial;
}

struct victim *trials_victim(const struct trials *trials, size_t test)
{
	for (size_t i = 0; i < trials->victims.len; i++)
		if (trials->victims.at[i].test == test)
			return &trials->victims.at[i];
	return NULL;
}

/* A test in the order in which its process ran it. */
struct ran {
	int order;
	size_t test;
};

static int compare_ran(const void *a, const void *b)
{
	const struct ran *left = a, *right = b;
	return (left->order > right->order) - (left->order < right->order);
}

/* Base indexes of what ran before test `at` of the run, on its worker. */
static int list_before(const struct suite_run *run, const size_t *match, size_t at, struct test_list *before)
{
	VEC(struct ran) list = VEC_INIT;
	const struct test *test = &run->tests.at[at];
	int result = 0;
	for (size_t i = 0; i < run->tests.len && result == 0; i++) {
		const struct test *other = &run->tests.at[i];
		if (other->worker == test->worker && other->order >= 0 && other->order < test->order &&
		    match[i] != SIZE_MAX)
			result = vec_push(&list, ((struct ran){ other->order, match[i] }));
	}
	if (list.len > 1)
		qsort(list.at, list.len, sizeof(*list.at), compare_ran);
	before->len = 0;
	for (size_t i = 0; i < list.len && result == 0; i++)
		result = vec_push(before, list.at[i].test);
	vec_release(&list);
	return result;
}

static struct victim *victim_for(struct trials *trials, size_t test)
{
	struct victim *known = trials_victim(trials, test);
	if (known)
		return known;
	struct victim victim = { .test = test };
	if (vec_push(&trials->victims, victim) < 0)
		return NULL;
	return &trials->victims.at[trials->victims.len - 1];
}

/* One more failure of a test: kept when it is easier to look into than the one before. */
static int note_failure(struct trials *trials, const struct suite_run *run, const size_t *match, size_t at, bool serial)
{
	struct victim *victim = victim_for(trials, match[at]);
	struct test_list before = VEC_INIT;
	if (!victim || list_before(run, match, at, &before) < 0) {
		vec_release(&before);
		return -1;
	}
	bool first = victim->serial_failures + victim->parallel_failures == 0;
	bool better = serial == victim->before_serial ? before.len < victim->before.len : serial;
	if (serial)
		victim->serial_failures++;
	else
		victim->parallel_failures++;
	victim->explained = false;
	if (!first && !better) {
		vec_release(&before);
		return 0;
	}
	vec_release(&victim->before);
	victim->before = before;
	victim->before_serial = serial;
	victim->outcome = run->tests.at[at].outcome;
	free(victim->failure);
	victim->failure = os_strdup(run->tests.at[at].failure);
	return 0;
}

/* What is wrong with the run as a whole, for a person. */
static int note_trouble(struct trials *trials, const struct trial *trial, const struct suite_run *run, size_t missing)
{
	trials->missing += missing;
	if (run->timed_out)
		return strings_addf(&trials->troubles, "%s: the run was stopped after %.0f s", trial->name,
				    trials->timeout_s);
	const char *newly = suite_broken_only(run, trials->base), *no_more = suite_broken_only(trials->base, run);
	bool compared = run->tests.len > 0 && run->tests.at[0].id; /* a fork does not collect */
	if (compared && (newly || no_more) &&
	    strings_addf(&trials->troubles, "%s: %s %s be collected, unlike in the sequential run", trial->name,
			 newly ? newly : no_more, newly ? "cannot" : "can") < 0)
		return -1;
	if (missing > 0)
		return strings_addf(&trials->troubles, "%s: %zu tests did not run (pytest's exit code %d)", trial->name,
				    missing, run->exit_code);
	return 0;
}

/* Whether the engine has kept the tests of each group on one worker. */
static int look_at_groups(struct trials *trials, const struct trial *trial, const struct suite_run *run,
			  const size_t *match)
{
	size_t count = trials->base->tests.len;
	cleanup_free int *workers = os_calloc(count + 2, sizeof(*workers)); /* by label: n + 1 of gwN, 0 not seen */
	if (!workers)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		int label = match[i] == SIZE_MAX ? 0 : trial->labels[match[i]];
		int worker = run->tests.at[i].worker + 1;
		if (label <= 0 || (size_t)label > count + 1 || worker <= 0)
			continue;
		/* A worker that was lost is followed by another: that is no parting. */
		if (workers[label] && workers[label] != worker && run->exit_code <= 1)
			trials->groups_parted = true;
		workers[label] = worker;
	}
	return 0;
}

/* match[i]: the index in the base of test i of the run. */
static int compare_runs(struct trials *trials, const struct trial *trial, const struct suite_run *run,
			const size_t *match, size_t *differing)
{
	const struct suite_run *base = trials->base;
	cleanup_free bool *wanted = os_calloc(base->tests.len + 1, sizeof(*wanted));
	size_t missing = 0, seen = 0;
	if (!wanted)
		return -1;
	if (trial->labels && trial->workers > 0 && look_at_groups(trials, trial, run, match) < 0)
		return -1;
	for (size_t i = 0; trial->order && i < trial->order_count; i++)
		wanted[trial->order[i]] = true;
	*differing = 0;
	for (size_t i = 0; i < run->tests.len; i++) {
		if (match[i] == SIZE_MAX || base->tests.at[match[i]].outcome == TEST_NOT_RUN)
			continue;
		seen++;
		const struct test *test = &run->tests.at[i];
		if (test->outcome == TEST_NOT_RUN) {
			missing += !trial->order || wanted[match[i]];
			continue;
		}
		if (test->outcome == base->tests.at[match[i]].outcome ||
		    (trials->unsteady && trials->unsteady[match[i]]))
			continue;
		++*differing;
		if (note_failure(trials, run, match, i, trial->workers == 0) < 0)
			return -1;
	}
	for (size_t i = 0; seen < base->tests.len && i < base->tests.len; i++)
		seen += base->tests.at[i].outcome == TEST_NOT_RUN;
	missing += seen < base->tests.len ? base->tests.len - seen : 0;
	trials->differing_runs += *differing > 0;
	return note_trouble(trials, trial, run, missing);
}

static void show_progress(void *context, size_t done, size_t total, const char *running)
{
	const struct trials *trials = context;
	sink_progress(trials->sink, done, total, running);
}

static int run_suite(struct trials *trials, const struct trial *trial, struct suite_run *run, struct err *err)
{
	cleanup_strings struct strings arguments = STRINGS_INIT;
	/* A maximum of failures in the project's own options would hide the rest. */
	if (strings_add(&arguments, "--maxfail=0") < 0)
		return err_no_memory(err);
	enum suite_engine parallel = trials->engine == ENGINE_SERIAL ? ENGINE_XDIST : trials->engine;
	struct suite_options options = {
		.engine = trial->workers > 0 ? parallel : ENGINE_SERIAL,
		.workers = trial->workers,
		.all_workers = true, /* the more of them take turns, the more orders are tried */
		.dist = trial->workers > 0 ? trial->dist : NULL,
		.shuffle_seed = trial->seed,
		.order = trial->order,
		.order_count = trial->order_count,
		.timeout_s = trials->timeout_s,
		.arguments = &arguments,
		.on_progress = show_progress,
		.on_progress_context = trials,
	};
	return suite_run(trials->project, &options, run, err);
}

/* What serial_run() gives is known by the indexes of the base. */
static size_t *match_itself(size_t count)
{
	size_t *match = os_calloc(count + 1, sizeof(*match));
	for (size_t i = 0; match && i < count; i++)
		match[i] = i;
	return match;
}

/* The end of the traceback that pytest prints of an error of its own, or of a plugin's. */
static struct slice internal_error(const struct suite_run *run)
{
	static const char mark[] = "INTERNALERROR> ";
	struct slice last = SLICE("it gives no reason");
	for (const char *at = str_text(&run->output); (at = strstr(at, mark)) != NULL;) {
		at += strlen(mark);
		size_t len = strcspn(at, "\r\n");
		if (len > 0 && at[0] != ' ')
			last = (struct slice){ at, len };
	}
	return last;
}

/* pytest-xdist that ends before it has run anything does so in every run: no order and no group helps. */
static int refuse_dead_engine(const struct trials *trials, const struct trial *trial, const struct suite_run *run,
			      struct err *err)
{
	const int pytest_internal_error = 3;
	const struct project *project = trials->project;
	const struct plugin *xdist = project_plugin(project, "pytest-xdist");
	struct slice said = internal_error(run);
	if (trial->workers == 0 || trials->engine == ENGINE_COMB || run->exit_code != pytest_internal_error ||
	    suite_count(run).ran > 0)
		return 0;
	err_set(err, ERR_ENVIRONMENT, "pytest-xdist %s does not work with pytest %d.%d.%d here: it ended before any test: %.*s",
		xdist ? xdist->version : "", project->pytest_version[0], project->pytest_version[1],
		project->pytest_version[2], (int)said.len, said.ptr);
	return err_hint(err, "pin a pytest that it works with ('pytest<%d.%d'), or take another pytest-xdist; comb run needs "
			     "none. The whole of it: '%s' -m pytest -n %d", project->pytest_version[0],
			project->pytest_version[1], project->python, trial->workers);
}

int trial_run(struct trials *trials, const struct trial *trial, size_t *differing, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	bool serial = trial->workers == 0 && trial->order && !trial->seed;
	size_t ignored;
	int failed;
	sink_step(trials->sink, trial->name);
	if (serial)
		failed = serial_run(trials_serial(trials), trial->order, trial->order_count, trials->timeout_s, &run, err);
	else
		failed = run_suite(trials, trial, &run, err);
	if (failed || refuse_dead_engine(trials, trial, &run, err) < 0)
		return -1;
	if (trial->workers > 0)
		trials->parallel_runs++;
	else
		trials->serial_runs++;
	cleanup_free size_t *match = serial ? match_itself(run.tests.len) : suite_match(trials->base, &run);
	if (!match)
		return err_no_memory(err);
	return compare_runs(trials, trial, &run, match, differing ? differing : &ignored) < 0 ? err_no_memory(err) : 0;
}

size_t *order_reversed(size_t count)
{
	size_t *order = os_calloc(count + 1, sizeof(*order));
	for (size_t i = 0; order && i < count; i++)
		order[i] = count - 1 - i;
	return order;
}

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

size_t *order_shuffled(size_t count, const int *labels, uint64_t seed)
{
	size_t *order = os_calloc(count + 1, sizeof(*order));
	for (size_t i = 0; order && i < count; i++)
		order[i] = i;
	for (size_t i = count; order && i > 1; i--) {
		size_t k = (size_t)(next_random(&seed) % i), swap = order[i - 1];
		order[i - 1] = order[k];
		order[k] = swap;
	}
	/* Within the places that a group has got, its tests stand in the suite's own order. */
	for (size_t i = 0; order && labels && i < count; i++) {
		if (labels[order[i]] == 0)
			continue;
		size_t least = i;
		for (size_t k = i + 1; k < count; k++)
			if (labels[order[k]] == labels[order[i]] && order[k] < order[least])
				least = k;
		size_t swap = order[i];
		order[i] = order[least];
		order[least] = swap;
	}
	return order;
}
