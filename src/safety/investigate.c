#include "safety/investigate.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "safety/concern.h"
#include "safety/rule.h"

#include "base/banned.h"

#define UNSTEADY_TRIES 2

static const struct test *test_at(const struct investigation *in, size_t test)
{
	return &in->trials->base->tests.at[test];
}

static bool has_test(const struct finding *finding, size_t test)
{
	for (size_t i = 0; i < finding->tests.len; i++)
		if (finding->tests.at[i] == test)
			return true;
	return false;
}

static char family(const struct finding *finding)
{
	return finding->rule->code[2];
}

/* State that one process keeps from test to test. */
static bool is_state(const struct finding *finding)
{
	return strchr("1346", family(finding)) && strcmp(finding->rule->code, "CB602") != 0;
}

/* "failed in 3 of 5 parallel runs" */
static int add_failures(const struct investigation *in, const struct victim *victim, struct str *out)
{
	const struct trials *trials = in->trials;
	int failed = 0;
	if (victim->parallel_failures > 0)
		failed = str_addf(out, "%s in %zu of %zu parallel runs", outcome_name(victim->outcome),
				  victim->parallel_failures, trials->parallel_runs);
	if (!failed && victim->serial_failures > 0)
		failed = str_addf(out, "%s%s in %zu of %zu serial runs in another order",
				  victim->parallel_failures > 0 ? " and " : "", outcome_name(victim->outcome),
				  victim->serial_failures, trials->serial_runs);
	return failed;
}

/* One more thing observed, behind what is known already. */
static int add_evidence(struct finding *finding, const char *text)
{
	cleanup_str struct str all = STR_INIT;
	if (finding->evidence && str_addf(&all, "%s; ", finding->evidence) < 0)
		return -1;
	if (str_adds(&all, text) < 0)
		return -1;
	finding->state = FINDING_CONFIRMED;
	return finding_set(&finding->evidence, str_text(&all));
}

/* --- Victims of tests beside them --- */

/* A known shared resource of this test. */
static struct finding *resource_of(const struct investigation *in, size_t test)
{
	for (size_t i = 0; i < in->findings->list.len; i++) {
		struct finding *finding = &in->findings->list.at[i];
		if (family(finding) == '2' && has_test(finding, test))
			return finding;
	}
	return NULL;
}

static int blame_finding(struct investigation *in, struct victim *victim, struct finding *finding)
{
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "%s ", test_at(in, victim->test)->id) < 0 || add_failures(in, victim, &text) < 0 ||
	    add_evidence(finding, str_text(&text)) < 0)
		return -1;
	finding->together = finding->tests.len > 1;
	victim->explained = true;
	return 0;
}

/* --- Victims of the order --- */

enum { GUESS_NAMED, GUESS_ALIKE, GUESS_SAME_FILE, GUESSES };

/*
 * Where to look first: tests of findings that speak of the victim, tests that
 * name what the victim names, the tests of its file.
 */
static int list_guesses(const struct investigation *in, size_t victim, struct test_list guesses[GUESSES])
{
	size_t count = in->trials->base->tests.len;
	cleanup_free bool *concerned = os_calloc(count + 1, sizeof(*concerned));
	cleanup_free bool *chosen = os_calloc(GUESSES * count + 1, sizeof(*chosen));
	if (!concerned || !chosen)
		return -1;
	for (size_t i = 0; i < in->findings->list.len; i++) {
		const struct finding *finding = &in->findings->list.at[i];
		if (!is_state(finding) || concern_by_name(finding, in->code, in->trials->base, concerned) < 0)
			continue;
		bool named = has_test(finding, victim);
		for (size_t t = 0; t < count; t++) {
			chosen[GUESS_NAMED * count + t] |= named && has_test(finding, t);
			chosen[GUESS_ALIKE * count + t] |= concerned[victim] && (concerned[t] || has_test(finding, t));
		}
	}
	for (size_t t = 0; t < count; t++)
		chosen[GUESS_SAME_FILE * count + t] = text_equals(test_at(in, t)->path, test_at(in, victim)->path);
	for (size_t g = 0; g < GUESSES; g++)
		for (size_t t = 0; t < count; t++)
			if (chosen[g * count + t] && t != victim && vec_push(&guesses[g], t) < 0)
				return -1;
	return 0;
}

/* How well a suspicion from the source explains that the culprits spoil the victim; 0: not at all. */
static int fitness(const struct investigation *in, const struct finding *finding, const struct test_list *culprits,
		   size_t victim, bool *concerned)
{
	size_t named = 0, alike = 0;
	for (size_t i = 0; i < culprits->len; i++)
		named += has_test(finding, culprits->at[i]);
	/* A file that one test leaves for the next is state as well. */
	if (!is_state(finding))
		return family(finding) == '2' && named == culprits->len && has_test(finding, victim) ? 3 : 0;
	if (named == culprits->len && has_test(finding, victim))
		return 4;
	if ((named < culprits->len && finding->tests.len > 0) ||
	    concern_by_name(finding, in->code, in->trials->base, concerned) < 0)
		return 0;
	for (size_t i = 0; i < culprits->len; i++)
		alike += concerned[culprits->at[i]];
	if (named == culprits->len)
		return concerned[victim] ? 3 : 2;
	return alike == culprits->len && concerned[victim] ? 1 : 0;
}

/* The finding that names the cause, made where the source says nothing. */
static struct finding *cause_of(struct investigation *in, const struct test_list *culprits, size_t victim,
				enum order_kind kind)
{
	struct finding *best = NULL;
	int best_fitness = 0;
	cleanup_free bool *concerned = os_calloc(in->trials->base->tests.len + 1, sizeof(*concerned));
	for (size_t i = 0; concerned && i < in->findings->list.len; i++) {
		int fits = fitness(in, &in->findings->list.at[i], culprits, victim, concerned);
		if (fits > best_fitness) {
			best = &in->findings->list.at[i];
			best_fitness = fits;
		}
	}
	if (best || !concerned)
		return best;
	cleanup_str struct str subject = STR_INIT;
	const struct test *first = test_at(in, culprits->at[0]);
	if (str_addf(&subject, kind == ORDER_BRITTLE ? "%s prepares later tests" : "left by %s", first->id) < 0)
		return NULL;
	return findings_add(in->findings, rule_find(kind == ORDER_BRITTLE ? "CB601" : "CB125"), str_text(&subject),
			    first->source_path ? first->source_path : first->path, first->source_line,
			    first->function ? first->function : "");
}

static int describe_order(const struct investigation *in, const struct victim *victim,
			  const struct order_verdict *verdict, struct str *out)
{
	bool brittle = verdict->kind == ORDER_BRITTLE;
	int failed = str_addf(out, "%s %s alone and %s after ", test_at(in, victim->test)->id,
			      brittle ? outcome_name(victim->outcome) : "passes",
			      brittle ? "passes" : outcome_name(victim->outcome));
	for (size_t i = 0; !failed && i < verdict->culprits.len && i < 4; i++)
		failed = str_addf(out, "%s%s", i ? " and " : "", test_at(in, verdict->culprits.at[i])->id);
	if (!failed && verdict->culprits.len > 4)
		failed = str_addf(out, " and %zu more", verdict->culprits.len - 4);
	return failed;
}

/* The cause stands in code under test: whatever test names it takes part. */
static int add_concerned(const struct investigation *in, struct finding *finding)
{
	cleanup_free bool *concerned = os_calloc(in->trials->base->tests.len + 1, sizeof(*concerned));
	if (!concerned)
		return -1;
	if (finding->rule->match == NULL)
		return 0;
	if (concern_by_name(finding, in->code, in->trials->base, concerned) < 0)
		return -1;
	for (size_t t = 0; t < in->trials->base->tests.len; t++)
		if (concerned[t] && finding_add_test(finding, t) < 0)
			return -1;
	return 0;
}

static int blame_order(struct investigation *in, struct victim *victim, const struct order_verdict *verdict)
{
	cleanup_str struct str text = STR_INIT;
	struct test_list culprits = { verdict->culprits.at, verdict->culprits.len, 0 };
	struct finding *finding = cause_of(in, &culprits, victim->test, verdict->kind);
	if (!finding || describe_order(in, victim, verdict, &text) < 0)
		return -1;
	if (finding->tests.len == 0 && add_concerned(in, finding) < 0)
		return -1;
	for (size_t i = 0; i < culprits.len; i++)
		if (finding_add_test(finding, culprits.at[i]) < 0)
			return -1;
	finding->together = true;
	victim->explained = true;
	return finding_add_test(finding, victim->test) < 0 ? -1 : add_evidence(finding, str_text(&text));
}

/* What spoils one test spoils others: one probe asks for all victims that are left. */
static int blame_for_others(struct investigation *in, const struct victim *known, const struct order_verdict *verdict,
			    struct err *err)
{
	size_t len = in->trials->victims.len, count = 0;
	cleanup_free size_t *candidates = os_calloc(len + 1, sizeof(*candidates));
	cleanup_free bool *fails = os_calloc(len + 1, sizeof(*fails));
	if (!candidates || !fails)
		return err_no_memory(err);
	for (size_t t = 0; t < in->trials->base->tests.len; t++) {
		const struct victim *victim = trials_victim(in->trials, t);
		bool culprit = false;
		for (size_t i = 0; i < verdict->culprits.len; i++)
			culprit |= verdict->culprits.at[i] == t;
		if (victim && !victim->explained && !culprit)
			candidates[count++] = t;
	}
	if (count == 0 || known->test == SIZE_MAX)
		return 0;
	if (order_also_fail(in->probe, verdict->culprits.at, verdict->culprits.len, candidates, count, fails, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (fails[i] && blame_order(in, trials_victim(in->trials, candidates[i]), verdict) < 0)
			return err_no_memory(err);
	return 0;
}

/* --- Victims of neither --- */

/* 1: alone, in its own process, it does not always do the same. */
static int is_unsteady(struct investigation *in, size_t test, struct err *err)
{
	int differs = 0;
	for (int i = 0; i < UNSTEADY_TRIES && differs == 0; i++)
		differs = probe_last_fails(in->probe, &test, 1, err);
	return differs;
}

static struct finding *clock_finding(const struct investigation *in, size_t test)
{
	for (size_t i = 0; i < in->findings->list.len; i++)
		if (strcmp(in->findings->list.at[i].rule->code, "CB602") == 0 &&
		    has_test(&in->findings->list.at[i], test))
			return &in->findings->list.at[i];
	return NULL;
}

static int blame_company(struct investigation *in, struct victim *victim, struct err *err)
{
	struct finding *finding = resource_of(in, victim->test);
	if (finding)
		return blame_finding(in, victim, finding) < 0 ? err_no_memory(err) : 0;
	finding = clock_finding(in, victim->test);
	int unsteady = finding ? 0 : is_unsteady(in, victim->test, err);
	if (unsteady < 0)
		return -1;
	if (unsteady) {
		in->unsteady[victim->test] = true;
		victim->explained = true;
		return 0;
	}
	const struct test *test = test_at(in, victim->test);
	if (!finding)
		finding = findings_add(in->findings, rule_find("CB220"), test->id,
				       test->source_path ? test->source_path : test->path, test->source_line,
				       test->function ? test->function : "");
	cleanup_str struct str text = STR_INIT;
	if (!finding || finding_add_test(finding, victim->test) < 0 || str_addf(&text, "%s ", test->id) < 0 ||
	    add_failures(in, victim, &text) < 0 || add_evidence(finding, str_text(&text)) < 0)
		return err_no_memory(err);
	victim->explained = true;
	return 0;
}

/* --- All of them --- */

static int ask_for_order(struct investigation *in, const struct victim *victim, struct order_verdict *verdict,
			 struct err *err)
{
	struct test_list lists[GUESSES] = { VEC_INIT };
	struct order_guess guesses[GUESSES];
	cleanup_free size_t *good = os_calloc(victim->test + 1, sizeof(*good));
	size_t good_count = 0;
	for (size_t t = 0; good && t < victim->test; t++)
		if (test_at(in, t)->outcome != TEST_NOT_RUN)
			good[good_count++] = t;
	int result = good ? list_guesses(in, victim->test, lists) : -1;
	if (result < 0)
		err_no_memory(err);
	for (size_t g = 0; g < GUESSES; g++)
		guesses[g] = (struct order_guess){ lists[g].at, lists[g].len };
	struct order_question question = {
		.test = victim->test,
		.before = victim->before.at,
		.before_count = victim->before.len,
		.good = good,
		.good_count = good_count,
		.guesses = guesses,
		.guess_count = GUESSES,
	};
	if (result == 0)
		result = order_explain(in->probe, &question, verdict, err);
	for (size_t g = 0; g < GUESSES; g++)
		vec_release(&lists[g]);
	return result;
}

/* A confirmed cause that has this test among its own. */
static struct finding *known_cause(const struct investigation *in, const struct victim *victim)
{
	for (size_t i = 0; i < in->findings->list.len; i++) {
		struct finding *finding = &in->findings->list.at[i];
		bool fits = is_state(finding) || (family(finding) == '2' && victim->serial_failures == 0);
		if (fits && finding->state == FINDING_CONFIRMED && finding->together && has_test(finding, victim->test))
			return finding;
	}
	return NULL;
}

static int look_into(struct investigation *in, struct victim *victim, struct err *err)
{
	cleanup_order_verdict struct order_verdict verdict = ORDER_VERDICT_INIT;
	struct finding *known = known_cause(in, victim);
	if (known)
		return blame_finding(in, victim, known) < 0 ? err_no_memory(err) : 0;
	sink_stepf(in->sink, "looking for what spoils %s", test_at(in, victim->test)->id);
	size_t test = victim->test;
	if (ask_for_order(in, victim, &verdict, err) < 0)
		return -1;
	switch (verdict.kind) {
	case ORDER_VICTIM:
	case ORDER_BRITTLE:
		if (blame_order(in, victim, &verdict) < 0)
			return err_no_memory(err);
		return verdict.kind == ORDER_VICTIM
			? blame_for_others(in, trials_victim(in->trials, test), &verdict, err)
			: 0;
	case ORDER_STEADY:
	case ORDER_BROKEN:
		return blame_company(in, victim, err);
	case ORDER_UNKNOWN:
		break;
	}
	return 0;
}

/* Those that failed serially first, then those with the fewest tests before them: their probes are short. */
static int compare_victims(const void *a, const void *b)
{
	const struct victim *left = a, *right = b;
	if ((left->serial_failures > 0) != (right->serial_failures > 0))
		return left->serial_failures > 0 ? -1 : 1;
	if (left->before.len != right->before.len)
		return left->before.len < right->before.len ? -1 : 1;
	return (left->test > right->test) - (left->test < right->test);
}

int investigate(struct investigation *in, struct err *err)
{
	struct trials *trials = in->trials;
	if (trials->victims.len > 1)
		qsort(trials->victims.at, trials->victims.len, sizeof(*trials->victims.at), compare_victims);
	for (size_t i = 0; i < trials->victims.len && !in->probe->late; i++) {
		sink_progress(in->sink, i, trials->victims.len, NULL);
		if (!trials->victims.at[i].explained && look_into(in, &trials->victims.at[i], err) < 0)
			return -1;
	}
	return 0;
}
