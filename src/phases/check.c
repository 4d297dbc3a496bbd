/*
 * Phase 2, safety: find what tests share, prove it by running, keep apart what
 * conflicts, and run again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "phases/broken.h"
#include "phases/check_groups.h"
#include "phases/check_record.h"
#include "phases/gate.h"
#include "phases/tune_measure.h"
#include "safety/rule.h"

#include "base/banned.h"

#define VERIFY_RUNS 5 /* parallel runs that have to equal the sequential one … */
#define VALIDATE_RUNS 2 /* … and where there is nothing new: measured again, or no group needed */
#define MOST_LISTED 25 /* findings in the text of a commit */
#define EXPLAIN_BUDGET_S 180.0

/* --- Findings of one gate --- */

/* Which families of codes a gate answers for: the digit behind "CB". */
static bool is_for_gate(const struct finding *finding, const char *families)
{
	return strchr(families, finding->rule->code[2]) != NULL;
}

struct tally {
	size_t confirmed, resolved, suspected, notes;
};

/* What stops a gate: tests that have to be kept apart, and suites that no two processes collect alike. */
static bool stops_gate(const struct finding *finding)
{
	static const char *const collection[] = { "CB501", "CB502", "CB503", "CB508" };
	for (size_t i = 0; i < sizeof(collection) / sizeof(*collection); i++)
		if (strcmp(finding->rule->code, collection[i]) == 0)
			return true;
	return finding->together;
}

/* Other confirmed findings are told, and stop nobody: gate 2.5 shows whether they hurt. */
static struct tally judge(struct analysis *analysis, const char *families, const struct strings *in_force)
{
	struct tally tally = { 0 };
	check_record_resolve(analysis, in_force);
	for (size_t i = 0; i < analysis->findings.list.len; i++) {
		struct finding *finding = &analysis->findings.list.at[i];
		if (!is_for_gate(finding, families))
			continue;
		bool confirmed = finding->state == FINDING_CONFIRMED;
		tally.suspected += !confirmed && !finding->resolved;
		tally.notes += confirmed && !stops_gate(finding);
		tally.confirmed += confirmed && stops_gate(finding);
		tally.resolved += confirmed && stops_gate(finding) && finding->resolved;
	}
	return tally;
}

static int add_finding(struct str *out, const struct finding *finding, const struct suite_run *run)
{
	const char *remedy = finding->remedy ? finding->remedy : finding->rule->remedy;
	if (str_addf(out, "- %s %s: %s (%s)\n", finding->rule->code, finding->rule->title, finding->subject,
		     finding->resolved                             ? "resolved"
			     : finding->state == FINDING_CONFIRMED ? "confirmed"
								   : "suspected") < 0)
		return -1;
	if (finding->places.len > 0 && finding->places.at[0].path[0] &&
	    str_addf(out, "  at %s:%d\n", finding->places.at[0].path, finding->places.at[0].line) < 0)
		return -1;
	if (finding->evidence && str_addf(out, "  observed: %s\n", finding->evidence) < 0)
		return -1;
	if (finding->tests.len > 0 &&
	    str_addf(out, "  tests: %s%s", run->tests.at[finding->tests.at[0]].id, finding->tests.len > 1 ? "" : "\n") <
		    0)
		return -1;
	if (finding->tests.len > 1 && str_addf(out, " and %zu more\n", finding->tests.len - 1) < 0)
		return -1;
	if (finding->group)
		return str_addf(out, "  kept together as xdist_group \"%s\"; in code: %s\n", finding->group, remedy);
	return str_addf(out, "  remedy: %s\n", remedy);
}

static int attach_findings(struct gate_result *result, const struct analysis *analysis, const char *families,
			   struct err *err)
{
	json_t *findings = json_array();
	for (size_t i = 0; findings && i < analysis->findings.list.len; i++)
		if (is_for_gate(&analysis->findings.list.at[i], families))
			json_array_append_new(findings, finding_json(&analysis->findings.list.at[i], &analysis->base));
	json_decref(result->data);
	result->data = json_pack("{s:o}", "findings", findings);
	return result->data ? 0 : err_no_memory(err);
}

static int describe(struct gate_result *result, const struct analysis *analysis, const char *families,
		    const struct tally *tally, struct err *err)
{
	size_t listed = 0, all = 0;
	for (size_t i = 0; i < analysis->findings.list.len; i++)
		all += is_for_gate(&analysis->findings.list.at[i], families);
	int failed = tally->confirmed > 0 ?
			     str_addf(&result->figure, "%zu conflict%s confirmed, %zu of them kept apart", tally->confirmed,
				      tally->confirmed == 1 ? "" : "s", tally->resolved) :
			     str_adds(&result->figure, "no conflict confirmed");
	if (failed || (tally->suspected > 0 && str_addf(&result->figure, "; %zu suspected", tally->suspected) < 0))
		return err_no_memory(err);
	for (size_t i = 0; i < analysis->findings.list.len && listed < MOST_LISTED; i++) {
		if (!is_for_gate(&analysis->findings.list.at[i], families))
			continue;
		listed++;
		if (add_finding(&result->detail, &analysis->findings.list.at[i], &analysis->base) < 0)
			return err_no_memory(err);
	}
	if (listed < all && str_addf(&result->detail, "and %zu more: comb check --json lists them\n", all - listed) < 0)
		return err_no_memory(err);
	return attach_findings(result, analysis, families, err);
}

static int conclude(struct gate_result *result, struct analysis *analysis, const char *families,
		    const struct strings *in_force, struct err *err)
{
	struct tally tally = judge(analysis, families, in_force);
	result->status = tally.resolved == tally.confirmed ? GATE_PASSED : GATE_FAILED;
	return describe(result, analysis, families, &tally, err);
}

/* --- The analysis --- */

static int analyse(struct phase_ctx *ctx, struct analysis *analysis, struct err *err)
{
	cleanup_strings struct strings own = STRINGS_INIT;
	struct analysis_settings settings = { .parallel_runs = ctx->settings->runs,
					      .timeout_s = ctx->settings->timeout_s,
					      .own_groups = &own };
	if (check_groups_own(ctx->history, &own, err) < 0 ||
	    analysis_run(analysis, ctx->project, ctx->history, &settings, ctx->sink, err) < 0)
		return -1;
	return check_record_store(analysis, ctx->history, err);
}

/* What is on record, or a new analysis where that does not fit. */
static int load(struct phase_ctx *ctx, struct analysis *analysis, struct strings *in_force, struct err *err)
{
	int found = check_record_load(ctx, analysis, in_force, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (analyse(ctx, analysis, err) < 0)
		return -1;
	return check_record_groups(&analysis->base, in_force, err);
}

/* Groups in force after writing, in the order of the analysis' tests. */
static int take_groups(const struct analysis *analysis, const struct suite_run *after, struct strings *in_force,
		       struct err *err)
{
	cleanup_free size_t *match = suite_match(after, &analysis->base);
	strings_release(in_force);
	if (!match)
		return err_no_memory(err);
	for (size_t i = 0; i < analysis->base.tests.len; i++) {
		const char *group = match[i] == SIZE_MAX ? NULL : after->tests.at[match[i]].group;
		if (strings_add(in_force, group ? group : "") < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int write_groups(struct phase_ctx *ctx, struct analysis *analysis, struct strings *in_force,
			struct gate_result *result, struct err *err)
{
	cleanup_check_groups struct check_groups work = CHECK_GROUPS_INIT;
	cleanup_suite_run struct suite_run after = SUITE_RUN_INIT;
	if (check_groups_write(&work, ctx, analysis, &after, err) < 0)
		return -1;
	if (str_addf(&result->detail, "%zu tests in %zu groups are kept together; %zu files changed.\n\n", work.tests,
		     work.groups, work.set.changes.len) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < work.unplaced.len; i++)
		if (str_addf(&result->detail, "Without its group: %s\n", work.unplaced.at[i]) < 0)
			return err_no_memory(err);
	return take_groups(analysis, &after, in_force, err);
}

static int add_experiments(struct gate_result *result, const struct analysis *analysis, struct err *err)
{
	if (str_addf(&result->detail,
		     "Experiments: %zu sequential and %zu parallel runs, %zu probes; %zu test%s did something else, "
		     "%zu of them explained.%s\n\n",
		     analysis->serial_runs, analysis->parallel_runs, analysis->probes, analysis->victims,
		     analysis->victims == 1 ? "" : "s", analysis->explained,
		     analysis->out_of_time ? " The time for the search ran out." : "") < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < analysis->troubles.len; i++)
		if (str_addf(&result->detail, "- %s\n", analysis->troubles.at[i]) < 0)
			return err_no_memory(err);
	return 0;
}

/* --- Gates 2.1 to 2.4 --- */

static const char state_families[] = "156", fixture_families[] = "3", resource_families[] = "2", mock_families[] = "4";

/* Looks at everything, once, and writes all groups: a test can be in several conflicts of several families. */
static int reach_state(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings in_force = STRINGS_INIT;
	if (analyse(ctx, &analysis, err) < 0 || add_experiments(result, &analysis, err) < 0 ||
	    write_groups(ctx, &analysis, &in_force, result, err) < 0 ||
	    conclude(result, &analysis, state_families, &in_force, err) < 0)
		return -1;
	return broken_say(ctx, &analysis.base, result, err);
}

static int judge_record(struct phase_ctx *ctx, struct gate_result *result, const char *families, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings in_force = STRINGS_INIT;
	if (load(ctx, &analysis, &in_force, err) < 0)
		return -1;
	return conclude(result, &analysis, families, &in_force, err);
}

static int verify_state(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings in_force = STRINGS_INIT;
	if (load(ctx, &analysis, &in_force, err) < 0 ||
	    conclude(result, &analysis, state_families, &in_force, err) < 0)
		return -1;
	return broken_say(ctx, &analysis.base, result, err);
}

static int verify_fixtures(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	return judge_record(ctx, result, fixture_families, err);
}

static int verify_resources(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	return judge_record(ctx, result, resource_families, err);
}

static int verify_mocks(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	return judge_record(ctx, result, mock_families, err);
}

/* --- Gate 2.5 --- */

/* One number for each group, so that a shuffle keeps its tests in their order; 0: alone. */
static int *group_labels(const struct analysis *analysis)
{
	int *labels = os_calloc(analysis->base.tests.len + 1, sizeof(*labels));
	for (size_t i = 0; labels && i < analysis->base.tests.len; i++)
		labels[i] = groups_name(&analysis->groups, i) ? (int)groups_root(&analysis->groups, i) + 1 : 0;
	return labels;
}

/* pytest-xdist, unless it is known to part groups and the project can be configured for comb's engine, which does not. */
static int choose_engine(struct phase_ctx *ctx, enum suite_engine *engine, struct err *err)
{
	int comb = project_xdist_parts_groups(ctx->project) ? tune_may_choose_comb(ctx, err) : 0;
	*engine = comb > 0 ? ENGINE_COMB : ENGINE_XDIST;
	return comb < 0 ? -1 : 0;
}

static int run_trials(struct phase_ctx *ctx, const struct analysis *analysis, struct trials *trials, int runs,
		      struct err *err)
{
	struct analysis_settings settings = { .timeout_s = ctx->settings->timeout_s };
	struct trial trial = { .workers = ANALYSIS_WORKERS, .dist = "loadgroup" };
	cleanup_free int *labels = group_labels(analysis);
	if (!labels)
		return err_no_memory(err);
	trials->project = ctx->project;
	trials->base = &analysis->base;
	trials->unsteady = analysis->unsteady;
	trials->sink = ctx->sink;
	if (choose_engine(ctx, &trials->engine, err) < 0)
		return -1;
	trials->timeout_s = analysis_run_limit(analysis, &settings);
	for (int i = 0; i < runs && !trials->groups_parted; i++) {
		cleanup_str struct str name = STR_INIT;
		cleanup_free size_t *order =
			i % 2 ? order_shuffled(analysis->base.tests.len, labels, (uint64_t)i) : NULL;
		if ((i % 2 && !order) ||
		    str_addf(&name, "%d workers, groups kept together%s, run %d of %d", trial.workers,
			     order ? ", the rest shuffled" : "", i + 1, runs) < 0)
			return err_no_memory(err);
		trial.name = str_text(&name);
		trial.order = order;
		trial.labels = labels;
		trial.order_count = order ? analysis->base.tests.len : 0;
		if (trial_run(trials, &trial, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* No mark helps while the engine does not heed it; that nothing failed was luck. */
static int conclude_parted(struct gate_result *result, const struct project *project, struct err *err)
{
	const struct plugin *xdist = project_plugin(project, "pytest-xdist");
	result->status = GATE_FAILED;
	str_clear(&result->figure);
	if (str_addf(&result->figure,
		     "pytest-xdist %s with pytest %d.%d.%d runs tests of one xdist_group on several workers",
		     xdist ? xdist->version : "", project->pytest_version[0], project->pytest_version[1],
		     project->pytest_version[2]) < 0 ||
	    str_adds(&result->detail,
		     "pytest-xdist 3.8.0 does not see groups under pytest 9.2 (its issue 1386). Use pytest "
		     "below 9.2, a pytest-xdist that knows it, or comb's own engine, which keeps groups together: "
		     "comb run uses it; --with-comb declares pytest-comb, so that the project can be configured "
		     "for it.\n") < 0)
		return err_no_memory(err);
	return 0;
}

/* Passed: no test of any run did something else, and none was missing. */
static int conclude_trials(struct gate_result *result, const struct analysis *analysis, const struct trials *trials,
			   struct err *err)
{
	bool same = trials->victims.len == 0 && trials->missing == 0 && trials->troubles.len == 0;
	result->status = same ? GATE_PASSED : GATE_FAILED;
	bool comb = trials->engine == ENGINE_COMB;
	if (str_addf(&result->figure, "%zu of %zu parallel runs on %d workers%s ended as the sequential one",
		     trials->parallel_runs - trials->differing_runs, trials->parallel_runs, ANALYSIS_WORKERS,
		     comb ? " of comb's engine" : "") < 0 ||
	    (comb && str_adds(&result->detail, "By comb's engine, for the pytest-xdist that is installed does not keep "
					       "groups together under this pytest (its issue 1386): these tests are "
					       "not safe with -n without --comb.\n") < 0))
		return err_no_memory(err);
	for (size_t i = 0; i < trials->victims.len; i++) {
		const struct victim *victim = &trials->victims.at[i];
		if (str_addf(&result->detail, "- %s: %s instead of %s, in %zu runs\n",
			     analysis->base.tests.at[victim->test].id, outcome_name(victim->outcome),
			     outcome_name(analysis->base.tests.at[victim->test].outcome),
			     victim->parallel_failures) < 0)
			return err_no_memory(err);
	}
	for (size_t i = 0; i < trials->troubles.len; i++)
		if (str_addf(&result->detail, "- %s\n", trials->troubles.at[i]) < 0)
			return err_no_memory(err);
	return trials->groups_parted ? conclude_parted(result, trials->project, err) : 0;
}

/* Without groups the parallel runs of the analysis were made on the very same suite. */
static int runs_needed(const struct analysis *analysis)
{
	bool proved = analysis->victims == 0 && analysis->parallel_runs >= VERIFY_RUNS;
	for (size_t i = 0; proved && i < analysis->base.tests.len; i++)
		proved = groups_name(&analysis->groups, i) == NULL;
	return proved ? VALIDATE_RUNS : VERIFY_RUNS;
}

/* xdist would refuse to run at all. */
static int conclude_unsteady(struct gate_result *result, struct err *err)
{
	result->status = GATE_FAILED;
	return str_adds(&result->figure,
			"two processes collect different tests, or in another order: no parallel run can "
			"be made") < 0
		? err_no_memory(err)
		: 0;
}

/* All tests of the victim's class, or of its file, on one worker, in their order. */
static int widen_one(struct analysis *analysis, size_t test, bool to_class, struct err *err)
{
	const struct test *victim = &analysis->base.tests.at[test];
	cleanup_str struct str subject = STR_INIT;
	if (str_addf(&subject, "%s%s%s", victim->path, to_class ? "::" : "", to_class ? victim->module_class : "") < 0)
		return err_no_memory(err);
	struct finding *finding =
		findings_add(&analysis->findings, rule_find("CB220"), str_text(&subject), victim->path,
			     victim->source_line, victim->function ? victim->function : "");
	for (size_t i = 0; finding && i < analysis->base.tests.len; i++) {
		const struct test *other = &analysis->base.tests.at[i];
		bool in_class = !to_class || text_equals(other->module_class, victim->module_class);
		if (in_class && text_equals(other->path, victim->path) && finding_add_test(finding, i) < 0)
			finding = NULL;
	}
	if (!finding)
		return err_no_memory(err);
	finding->together = finding->tests.len > 1;
	return finding_confirm(finding, "differed in parallel runs, and no single cause was found") < 0
		? err_no_memory(err)
		: 0;
}

/* The remedies where no cause was found: first the class of each test that differs, then its whole file. */
static int widen(struct analysis *analysis, const struct trials *trials, int attempt, struct err *err)
{
	for (size_t v = 0; v < trials->victims.len; v++) {
		size_t test = trials->victims.at[v].test;
		bool to_class = attempt == 1 && analysis->base.tests.at[test].module_class;
		bool has_cause = attempt == 1 && groups_name(&analysis->groups, test);
		if (!has_cause && !analysis->unsteady[test] && widen_one(analysis, test, to_class, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * First with the groups as they are. A difference is looked into, and what is
 * learnt is written by the next attempt, which starts from the same files.
 */
static int reach_parallel(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings in_force = STRINGS_INIT;
	cleanup_trials struct trials trials = TRIALS_INIT;
	if (load(ctx, &analysis, &in_force, err) < 0)
		return -1;
	if (!analysis.steady_collection)
		return conclude_unsteady(result, err);
	if ((ctx->attempt > 1 && write_groups(ctx, &analysis, &in_force, result, err) < 0) ||
	    run_trials(ctx, &analysis, &trials, runs_needed(&analysis), err) < 0 ||
	    conclude_trials(result, &analysis, &trials, err) < 0)
		return -1;
	if (result->status == GATE_PASSED || trials.victims.len == 0 || trials.groups_parted)
		return 0;
	if (ctx->attempt == 1 && analysis_explain(&analysis, &trials, EXPLAIN_BUDGET_S, err) < 0)
		return -1;
	if (widen(&analysis, &trials, ctx->attempt, err) < 0)
		return -1;
	return check_record_store(&analysis, ctx->history, err);
}

static int verify_parallel(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_analysis struct analysis analysis = ANALYSIS_INIT;
	cleanup_strings struct strings in_force = STRINGS_INIT;
	cleanup_trials struct trials trials = TRIALS_INIT;
	if (load(ctx, &analysis, &in_force, err) < 0)
		return -1;
	if (!analysis.steady_collection)
		return conclude_unsteady(result, err);
	if (run_trials(ctx, &analysis, &trials, VALIDATE_RUNS, err) < 0)
		return -1;
	return conclude_trials(result, &analysis, &trials, err);
}

static const struct gate gates[] = {
	{
		.id = "2.1",
		.title = "no unresolved shared state",
		.cause = "Tests that change state of their process (module globals, class attributes, the environment) "
			 "pass in one "
			 "order and fail in another; parallel workers run them in many orders.",
		.remedy = "comb keeps the tests of each confirmed conflict together with xdist_group. In code: undo "
			  "the change "
			  "(monkeypatch, fixtures with yield); comb explain CODE shows how.",
		.attempts = 1,
		.reach = reach_state,
		.verify = verify_state,
	},
	{
		.id = "2.2",
		.title = "fixtures isolated",
		.cause = "A fixture of a wide scope that tests change is another object on every worker, and in "
			 "another state after "
			 "every test.",
		.remedy = "Give the fixture function scope, or return a copy; until then its tests stay in one "
			  "xdist_group.",
		.attempts = 1,
		.reach = verify_fixtures,
		.verify = verify_fixtures,
	},
	{
		.id = "2.3",
		.title = "no fixed resource shared by two tests that can overlap",
		.cause = "Two tests that use the same path, port or database name at the same time break each other.",
		.remedy = "Use tmp_path, port 0, names with worker_id; until then the tests stay in one xdist_group.",
		.attempts = 1,
		.reach = verify_resources,
		.verify = verify_resources,
	},
	{
		.id = "2.4",
		.title = "mocks undone",
		.cause = "A patch that is never stopped is still there for every later test of its worker.",
		.remedy = "Patch in a with block, a decorator, mocker or monkeypatch.",
		.attempts = 1,
		.reach = verify_mocks,
		.verify = verify_mocks,
	},
	{
		.id = "2.5",
		.title = "parallel outcomes equal sequential ones",
		.cause = "What static rules and footprints do not see shows when the suite really runs in parallel.",
		.remedy = "Look at the tests named: comb check looks for what they need to be kept with. Under pytest "
			  "9.2 "
			  "pytest-xdist 3.8.0 does not keep groups together (its issue 1386): use pytest below 9.2, or comb's "
			  "own engine (comb run; --with-comb).",
		.attempts = 3,
		.reach = reach_parallel,
		.verify = verify_parallel,
	},
	{ 0 },
};

const struct phase phase_check = {
	.number = 2,
	.verb = "check",
	.title = "Safety",
	.gates = gates,
};
