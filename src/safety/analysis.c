#include "safety/analysis.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/os.h"
#include "safety/concern.h"
#include "safety/conflict.h"
#include "safety/investigate.h"
#include "safety/rule.h"

#include "base/banned.h"

#define SHARE_MAX 0.25 /* of all tests: what one conflict may put on one worker before a test fails by it */
#define SHORT_S 20.0 /* a suite that takes no longer is run twice to find unsteady tests */
#define LONG_S 90.0 /* a suite that takes longer is not run serially in other orders */
#define RUN_LIMIT_FACTOR 6.0
#define RUN_LIMIT_LEAST_S 60.0
#define BUDGET_FACTOR 15.0
#define BUDGET_LEAST_S 120.0
#define BUDGET_MOST_S 1800.0
#define CLOSING_ROUNDS 2

void analysis_release(struct analysis *analysis)
{
	suite_run_release(&analysis->base);
	code_set_release(&analysis->code);
	findings_release(&analysis->findings);
	groups_release(&analysis->groups);
	free(analysis->unsteady);
	strings_release(&analysis->troubles);
	*analysis = (struct analysis)ANALYSIS_INIT;
}

double analysis_run_limit(const struct analysis *analysis, const struct analysis_settings *settings)
{
	double limit = analysis->base_s * RUN_LIMIT_FACTOR;
	if (settings->timeout_s > 0)
		return settings->timeout_s;
	return limit > RUN_LIMIT_LEAST_S ? limit : RUN_LIMIT_LEAST_S;
}

int analysis_read(struct analysis *analysis, const struct project *project, struct err *err)
{
	if (code_set_load(&analysis->code, project->root, err) < 0)
		return -1;
	return rules_run(&analysis->code, &analysis->findings, err);
}

/* --- The base --- */

struct base_progress {
	const struct progress_sink *sink;
};

static void show_progress(void *context, size_t done, size_t total, const char *running)
{
	const struct base_progress *progress = context;
	sink_progress(progress->sink, done, total, running);
}

static int run_base(struct analysis *analysis, const struct project *project, double timeout_s,
		    const struct progress_sink *sink, struct err *err)
{
	struct base_progress progress = { sink };
	struct suite_options options = { .engine = ENGINE_SERIAL,
					 .footprint = true,
					 .timeout_s = timeout_s,
					 .on_progress = show_progress,
					 .on_progress_context = &progress };
	sink_step(sink, "the suite serially, watching what its tests touch");
	if (suite_run(project, &options, &analysis->base, err) < 0)
		return -1;
	struct suite_run *base = &analysis->base;
	if (base->collect_errors.len > 0 && !project->past_broken) {
		struct collect_error *first = &base->collect_errors.at[0];
		err_set_at(err, ERR_INPUT, first->path, first->line, "pytest cannot collect the suite");
		return err_hint(err, "see what `%s -m pytest --collect-only` says, or go on with the rest: --allow-failing",
				project->python);
	}
	if (base->tests.len == 0) {
		err_set(err, ERR_INPUT, "pytest finds no tests in %s", project->root);
		return err_hint(err, "see what it collects: cd %s && '%s' -m pytest --collect-only", project->root, project->python);
	}
	if (base->timed_out)
		return err_set(err, ERR_GATE, "the suite did not end within %.0f s", timeout_s);
	analysis->base_s = base->wall_s;
	analysis->serial_runs++;
	analysis->unsteady = os_calloc(base->tests.len + 1, sizeof(bool));
	return analysis->unsteady ? 0 : err_no_memory(err);
}

/* Tests that did something else in an earlier run in the same order. */
static int mark_unsteady(struct analysis *analysis, const struct project *project, struct history *history,
			 double timeout_s, const struct progress_sink *sink, struct err *err)
{
	static const char *const purposes[] = { "baseline", "mark" };
	struct suite_run *base = &analysis->base;
	cleanup_free unsigned *seen = os_calloc(base->tests.len + 1, sizeof(*seen));
	bool known = false;
	if (!seen)
		return err_no_memory(err);
	for (size_t p = 0; history && p < sizeof(purposes) / sizeof(*purposes); p++) {
		if (history_outcomes(history, purposes[p], base, seen, err) < 0)
			return -1;
		for (size_t i = 0; i < base->tests.len; i++) {
			known |= seen[i] != 0;
			analysis->unsteady[i] |=
				(seen[i] & ~OUTCOME_BIT(base->tests.at[i].outcome) & ~OUTCOME_BIT(TEST_NOT_RUN)) != 0;
		}
	}
	if (known || analysis->base_s > SHORT_S)
		return 0;
	cleanup_suite_run struct suite_run again = SUITE_RUN_INIT;
	struct suite_options options = { .engine = ENGINE_SERIAL, .timeout_s = timeout_s };
	sink_step(sink, "the suite serially once more: do its tests always do the same?");
	if (suite_run(project, &options, &again, err) < 0)
		return -1;
	analysis->serial_runs++;
	cleanup_free size_t *match = suite_match(base, &again);
	for (size_t i = 0; match && i < again.tests.len; i++)
		if (match[i] != SIZE_MAX && again.tests.at[i].outcome != TEST_NOT_RUN)
			analysis->unsteady[match[i]] |= again.tests.at[i].outcome != base->tests.at[match[i]].outcome;
	return match ? 0 : err_no_memory(err);
}

/* --- Collection --- */

static int collect_with_seed(const struct project *project, const char *seed, double timeout_s, struct suite_run *run,
			     struct err *err)
{
	cleanup_strings struct strings env = STRINGS_INIT;
	if (strings_addf(&env, "PYTHONHASHSEED=%s", seed) < 0)
		return err_no_memory(err);
	struct suite_options options = {
		.engine = ENGINE_SERIAL, .collect_only = true, .timeout_s = timeout_s, .env = &env
	};
	return suite_run(project, &options, run, err);
}

/* A finding of the source that explains why the ids of a file differ. */
static struct finding *collection_finding(struct analysis *analysis, const char *path)
{
	for (size_t i = 0; i < analysis->findings.list.len; i++) {
		struct finding *finding = &analysis->findings.list.at[i];
		for (size_t p = 0; finding->rule->code[2] == '5' && p < finding->places.len; p++)
			if (text_equals(finding->places.at[p].path, path))
				return finding;
	}
	return NULL;
}

/* Whether the source makes a parameter of something that changes. */
static bool has_changing_values(const struct analysis *analysis)
{
	for (size_t i = 0; i < analysis->findings.list.len; i++)
		if (strcmp(analysis->findings.list.at[i].rule->code, "CB508") == 0)
			return true;
	return false;
}

/* Two processes must collect the same tests in the same order, or no parallel run can be made. */
static int compare_collections(struct analysis *analysis, const struct project *project, double timeout_s,
			       const struct progress_sink *sink, struct err *err)
{
	cleanup_suite_run struct suite_run one = SUITE_RUN_INIT, two = SUITE_RUN_INIT;
	sink_step(sink, "collecting twice: do all processes see the same tests?");
	if (collect_with_seed(project, "1", timeout_s, &one, err) < 0)
		return -1;
	/* A time of day without fractions is the same text in processes of one second. */
	if (has_changing_values(analysis))
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	if (collect_with_seed(project, "2", timeout_s, &two, err) < 0)
		return -1;
	size_t at = 0;
	while (at < one.tests.len && at < two.tests.len && strcmp(one.tests.at[at].id, two.tests.at[at].id) == 0)
		at++;
	analysis->steady_collection = at == one.tests.len && at == two.tests.len;
	if (analysis->steady_collection)
		return 0;
	const struct test *test = at < one.tests.len ? &one.tests.at[at] : &two.tests.at[at];
	struct finding *finding = collection_finding(analysis, test->path);
	if (!finding)
		finding = findings_add(&analysis->findings, rule_find("CB501"), test->id, test->path, test->source_line,
				       test->function ? test->function : "");
	if (!finding)
		return err_no_memory(err);
	finding->severity = SEVERITY_ERROR;
	return finding_confirm(finding, "two processes collected different tests, or in another order") < 0
		? err_no_memory(err)
		: 0;
}

static int find_equal_ids(struct analysis *analysis, struct err *err)
{
	struct suite_run *base = &analysis->base;
	for (size_t i = 1; i < base->tests.len; i++) {
		/* Equal ids stand beside each other but for plugins that reorder: neighbours and the file's first will do. */
		const struct test *test = &base->tests.at[i], *before = &base->tests.at[i - 1];
		if (strcmp(test->id, before->id) != 0)
			continue;
		struct finding *finding = findings_add(&analysis->findings, rule_find("CB507"), test->id, test->path,
						       test->source_line, test->function ? test->function : "");
		if (!finding || finding_add_test(finding, i - 1) < 0 || finding_add_test(finding, i) < 0 ||
		    finding_confirm(finding, "collected with equal ids") < 0)
			return err_no_memory(err);
	}
	return 0;
}

/* --- Experiments --- */

static double budget(const struct analysis *analysis, const struct analysis_settings *settings)
{
	double chosen = analysis->base_s * BUDGET_FACTOR;
	if (settings->budget_s > 0)
		return settings->budget_s;
	return chosen < BUDGET_LEAST_S ? BUDGET_LEAST_S : chosen > BUDGET_MOST_S ? BUDGET_MOST_S : chosen;
}

static bool is_late(struct analysis *analysis, int64_t deadline_ns)
{
	analysis->out_of_time |= clock_now_ns() > deadline_ns;
	return analysis->out_of_time;
}

static int parallel_trials(struct analysis *analysis, struct trials *trials, const struct analysis_settings *settings,
			   int64_t deadline_ns, struct err *err)
{
	int runs = settings->parallel_runs > 0 ? settings->parallel_runs : ANALYSIS_RUNS;
	struct trial trial = { .workers = settings->workers > 0 ? settings->workers : ANALYSIS_WORKERS,
			       .dist = "load" };
	for (int i = 0; i < runs && !is_late(analysis, deadline_ns); i++) {
		cleanup_str struct str name = STR_INIT;
		trial.seed = (uint64_t)i;
		if (str_addf(&name, "%d workers%s, run %d of %d", trial.workers, i > 0 ? ", shuffled" : "", i + 1,
			     runs) < 0)
			return err_no_memory(err);
		trial.name = str_text(&name);
		if (trial_run(trials, &trial, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* Reverse and one full shuffle: serially, or a long suite on workers, where each runs a part of that order. */
static int order_trials(struct analysis *analysis, struct trials *trials, const struct analysis_settings *settings,
			int64_t deadline_ns, struct err *err)
{
	size_t count = analysis->base.tests.len;
	cleanup_free size_t *reversed = order_reversed(count), *shuffled = order_shuffled(count, NULL, 1);
	if (!reversed || !shuffled)
		return err_no_memory(err);
	bool serial = analysis->base_s <= LONG_S;
	struct trial trial = { .dist = "load", .order_count = count };
	if (!serial)
		trial.workers = settings->workers > 0 ? settings->workers : ANALYSIS_WORKERS;
	for (int i = 0; i < 2 && !is_late(analysis, deadline_ns); i++) {
		trial.order = i == 0 ? reversed : shuffled;
		trial.name = i == 0 ? "the suite in reverse" : "the suite shuffled, test by test";
		if (trial_run(trials, &trial, NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int name_groups(struct analysis *analysis, struct err *err)
{
	groups_release(&analysis->groups);
	if (groups_open(&analysis->groups, analysis->base.tests.len, err) < 0 ||
	    groups_make(&analysis->groups, &analysis->base, &analysis->findings, err) < 0)
		return -1;
	for (size_t i = 0; i < analysis->findings.list.len; i++) {
		struct finding *finding = &analysis->findings.list.at[i];
		bool grouped = finding->together && finding->tests.len > 1;
		const char *name = grouped ? groups_name(&analysis->groups, finding->tests.at[0]) : NULL;
		if (finding_set(&finding->group, name) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int explain(struct analysis *analysis, struct trials *trials, int64_t deadline_ns, struct err *err)
{
	struct suite_run *base = &analysis->base;
	cleanup_free enum outcome *expected = os_calloc(base->tests.len + 1, sizeof(*expected));
	if (!expected)
		return err_no_memory(err);
	for (size_t i = 0; i < base->tests.len; i++)
		expected[i] = base->tests.at[i].outcome;
	struct serial_probe how = { trials_serial(trials), trials->timeout_s };
	struct probe probe = serial_probe_open(&how, expected);
	probe.deadline_ns = deadline_ns;
	struct investigation investigation = {
		.trials = trials,
		.code = &analysis->code,
		.findings = &analysis->findings,
		.probe = &probe,
		.unsteady = analysis->unsteady,
		.sink = trials->sink,
	};
	int result = investigate(&investigation, err);
	analysis->probes += probe.runs;
	analysis->out_of_time |= probe.late;
	return result < 0 ? -1 : name_groups(analysis, err);
}

int analysis_explain(struct analysis *analysis, struct trials *trials, double budget_s, struct err *err)
{
	return explain(analysis, trials, clock_now_ns() + (int64_t)(budget_s * NS_PER_SECOND), err);
}

/* Groups as units before, or behind, all other tests: what is outside must neither spoil them nor be spoilt. */
static size_t *closing_order(const struct analysis *analysis, bool groups_first)
{
	size_t count = analysis->base.tests.len, at = 0;
	size_t *order = os_calloc(count + 1, sizeof(*order));
	for (int pass = 0; order && pass < 2; pass++) {
		bool grouped = (pass == 0) == groups_first;
		for (size_t i = 0; !grouped && i < count; i++)
			if (!groups_name(&analysis->groups, i))
				order[at++] = i;
		for (size_t root = 0; grouped && root < count; root++)
			for (size_t i = 0; groups_name(&analysis->groups, root) && i < count; i++)
				if (groups_root(&analysis->groups, root) == root &&
				    groups_root(&analysis->groups, i) == root)
					order[at++] = i;
	}
	return order;
}

static int closing_trials(struct analysis *analysis, struct trials *trials, int64_t deadline_ns, struct err *err)
{
	for (int round = 0; round < CLOSING_ROUNDS && analysis->base_s <= LONG_S; round++) {
		size_t differing = 0;
		for (int i = 0; i < 2 && !is_late(analysis, deadline_ns); i++) {
			size_t more = 0;
			cleanup_free size_t *order = closing_order(analysis, i == 1);
			if (!order)
				return err_no_memory(err);
			struct trial trial = { .order = order,
					       .order_count = analysis->base.tests.len,
					       .name = i == 1 ? "groups first, then all other tests"
							      : "all other tests first, then the groups" };
			if (trial_run(trials, &trial, &more, err) < 0)
				return -1;
			differing += more;
		}
		if (differing == 0 || explain(analysis, trials, deadline_ns, err) < 0)
			return differing == 0 ? 0 : -1;
	}
	return 0;
}

static int keep_figures(struct analysis *analysis, const struct trials *trials)
{
	analysis->serial_runs += trials->serial_runs;
	analysis->parallel_runs += trials->parallel_runs;
	analysis->victims = analysis->explained = 0;
	for (size_t i = 0; i < trials->victims.len; i++) {
		analysis->victims++;
		analysis->explained += trials->victims.at[i].explained;
	}
	for (size_t i = 0; i < trials->troubles.len; i++)
		if (strings_add(&analysis->troubles, trials->troubles.at[i]) < 0)
			return -1;
	return 0;
}

static bool any_group(const struct analysis *analysis)
{
	for (size_t i = 0; i < analysis->base.tests.len; i++)
		if (groups_name(&analysis->groups, i))
			return true;
	return false;
}

static int experiment(struct analysis *analysis, const struct project *project,
		      const struct analysis_settings *settings, const struct progress_sink *sink, struct err *err)
{
	cleanup_trials struct trials trials = TRIALS_INIT;
	int64_t deadline_ns = clock_now_ns() + (int64_t)(budget(analysis, settings) * NS_PER_SECOND);
	trials.project = project;
	trials.base = &analysis->base;
	trials.unsteady = analysis->unsteady;
	trials.sink = sink;
	trials.timeout_s = analysis_run_limit(analysis, settings);
	if (parallel_trials(analysis, &trials, settings, deadline_ns, err) < 0 ||
	    order_trials(analysis, &trials, settings, deadline_ns, err) < 0 ||
	    explain(analysis, &trials, deadline_ns, err) < 0)
		return -1;
	if (any_group(analysis) && closing_trials(analysis, &trials, deadline_ns, err) < 0)
		return -1;
	return keep_figures(analysis, &trials) < 0 ? err_no_memory(err) : 0;
}

/* A group that comb has placed in an earlier check binds nobody. */
static void drop_own_groups(struct suite_run *run, const struct strings *own)
{
	for (size_t i = 0; own && i < run->tests.len; i++)
		if (run->tests.at[i].group && strings_find(own, run->tests.at[i].group) >= 0) {
			free(run->tests.at[i].group);
			run->tests.at[i].group = NULL;
		}
}

int analysis_run(struct analysis *analysis, const struct project *project, struct history *history,
		 const struct analysis_settings *settings, const struct progress_sink *sink, struct err *err)
{
	if (!project_plugin(project, "pytest-xdist")) {
		err_set(err, ERR_ENVIRONMENT, "pytest-xdist is not installed for %s", project->python);
		return err_hint(err, "comb setup --install %s", project->path ? project->path : project->root);
	}
	if (analysis_read(analysis, project, err) < 0 ||
	    run_base(analysis, project, settings->timeout_s, sink, err) < 0 ||
	    compare_collections(analysis, project, settings->timeout_s, sink, err) < 0 ||
	    find_equal_ids(analysis, err) < 0 ||
	    mark_unsteady(analysis, project, history, settings->timeout_s, sink, err) < 0 ||
	    concern_all(&analysis->findings, &analysis->code, &analysis->base, err) < 0 ||
	    conflicts_find(&analysis->base, project->root, SHARE_MAX, &analysis->findings, err) < 0)
		return -1;
	drop_own_groups(&analysis->base, settings->own_groups);
	int result = analysis->steady_collection ? experiment(analysis, project, settings, sink, err)
						 : name_groups(analysis, err);
	findings_sort(&analysis->findings);
	return result;
}
