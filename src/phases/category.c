#include "phases/category.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"

#include "base/banned.h"

static const char *const names[CATEGORY_COUNT] = { "none", "unit", "integration", "slow" };

static const char *const touch_verbs[] = {
	[TOUCH_WRITE] = "writes",	 [TOUCH_READ] = "reads",     [TOUCH_BIND] = "binds",
	[TOUCH_CONNECT] = "connects to", [TOUCH_SPAWN] = "starts",
};

/* Fixtures that measure; nothing else says as plainly that a test is about time. */
static const char *const benchmark_fixtures[] = { "benchmark", "benchmark_weave", "codspeed_benchmark" };

const char *category_name(enum category category)
{
	return (size_t)category < CATEGORY_COUNT ? names[category] : "none";
}

enum category category_parse(const char *name)
{
	for (size_t i = CATEGORY_UNIT; i < CATEGORY_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return (enum category)i;
	return CATEGORY_NONE;
}

enum category category_of_marks(const struct test *test, bool *several)
{
	enum category heaviest = CATEGORY_NONE;
	size_t count = 0;
	for (size_t i = 0; i < test->marks.len; i++) {
		enum category category = category_parse(test->marks.at[i]);
		count += category != CATEGORY_NONE;
		heaviest = category > heaviest ? category : heaviest;
	}
	*several = count > 1;
	return heaviest;
}

/* What is known of the tests of a run, prepared for looking up. */
struct evidence {
	const struct suite_run *run;
	size_t *touch;         /* one a test: the first touch of its own that counts; SIZE_MAX */
	size_t *fixture_touch; /* one a fixture set-up, the same */
};

static void evidence_release(struct evidence *evidence)
{
	free(evidence->touch);
	free(evidence->fixture_touch);
}
#define cleanup_evidence __attribute__((cleanup(evidence_release)))

/* Reading what lies in the project disturbs nobody. */
static bool counts(const struct touch *touch)
{
	return touch->kind != TOUCH_READ;
}

static int evidence_gather(struct evidence *evidence, const struct suite_run *run)
{
	evidence->run = run;
	evidence->touch = os_calloc(run->tests.len + 1, sizeof(size_t));
	evidence->fixture_touch = os_calloc(run->fixture_setups.len + 1, sizeof(size_t));
	if (!evidence->touch || !evidence->fixture_touch)
		return -1;
	memset(evidence->touch, 0xff, (run->tests.len + 1) * sizeof(size_t));
	memset(evidence->fixture_touch, 0xff, (run->fixture_setups.len + 1) * sizeof(size_t));
	for (size_t i = run->touches.len; i-- > 0;) {
		const struct touch *touch = &run->touches.at[i];
		if (!counts(touch) || touch->test >= run->tests.len)
			continue;
		if (!touch->fixture)
			evidence->touch[touch->test] = i;
		for (size_t f = 0; touch->fixture && f < run->fixture_setups.len; f++)
			if (run->fixture_setups.at[f].test == touch->test &&
			    text_equals(run->fixture_setups.at[f].name, touch->fixture))
				evidence->fixture_touch[f] = i;
	}
	return 0;
}

static bool uses_fixture(const struct test *test, const struct fixture_setup *setup)
{
	return strings_find(&test->requested, setup->name) >= 0 && text_starts_with(test->id, setup->base);
}

/* A fixture that it asks for, that several share, and that reaches outside or costs much. */
static bool fixture_evidence(const struct evidence *evidence, const struct test *test, struct verdict *verdict)
{
	if (test->requested.len == 0)
		return false;
	for (size_t f = 0; f < evidence->run->fixture_setups.len; f++) {
		const struct fixture_setup *setup = &evidence->run->fixture_setups.at[f];
		bool touches = evidence->fixture_touch[f] != SIZE_MAX;
		if ((!touches && setup->seconds < INTEGRATION_FROM_S) || !uses_fixture(test, setup))
			continue;
		verdict->reason = touches ? REASON_FIXTURE_TOUCH : REASON_FIXTURE_COST;
		verdict->touch = evidence->fixture_touch[f];
		verdict->fixture = f;
		return true;
	}
	return false;
}

bool category_has_benchmark(const struct test *test)
{
	for (size_t i = 0; i < sizeof(benchmark_fixtures) / sizeof(*benchmark_fixtures); i++)
		if (strings_find(&test->fixtures, benchmark_fixtures[i]) >= 0)
			return true;
	return false;
}

static bool is_slow(const struct test *test, int clock_line, struct verdict *verdict)
{
	verdict->clock_line = clock_line;
	if (category_has_benchmark(test))
		verdict->reason = REASON_BENCHMARK;
	else if (clock_line > 0)
		verdict->reason = REASON_CLOCK;
	else if (verdict->seconds >= SLOW_FROM_S)
		verdict->reason = REASON_DURATION;
	else
		return false;
	return true;
}

static bool is_integration(const struct evidence *evidence, size_t index, struct verdict *verdict)
{
	if (evidence->touch[index] != SIZE_MAX) {
		verdict->reason = REASON_TOUCH;
		verdict->touch = evidence->touch[index];
		return true;
	}
	if (fixture_evidence(evidence, &evidence->run->tests.at[index], verdict))
		return true;
	verdict->reason = REASON_DURATION;
	return verdict->seconds >= INTEGRATION_FROM_S;
}

/* A test that was skipped, or did not get so far, shows nothing but what stands in its source. */
static bool gives_evidence(const struct test *test)
{
	return test->outcome != TEST_NOT_RUN && test->outcome != TEST_SKIPPED;
}

static void judge(const struct evidence *evidence, size_t index, int clock_line, struct verdict *verdict)
{
	const struct test *test = &evidence->run->tests.at[index];
	bool several;
	enum category marked = category_of_marks(test, &several);
	if (marked != CATEGORY_NONE) {
		verdict->category = marked;
		verdict->reason = REASON_MARKED;
		verdict->by_user = true;
	} else if (is_slow(test, clock_line, verdict)) {
		verdict->category = CATEGORY_SLOW;
	} else if (!gives_evidence(test)) {
		verdict->reason = REASON_SIBLINGS;
	} else if (is_integration(evidence, index, verdict)) {
		verdict->category = CATEGORY_INTEGRATION;
	} else {
		verdict->category = CATEGORY_UNIT;
		verdict->reason = REASON_NOTHING;
	}
}

/* The commonest category of the same file, the lighter one where two are as common; unit without any. */
static enum category category_of_file(const struct suite_run *run, const struct verdict *verdicts, size_t index)
{
	size_t seen[CATEGORY_COUNT] = { 0 };
	for (size_t i = 0; i < run->tests.len; i++)
		if (verdicts[i].reason != REASON_SIBLINGS && text_equals(run->tests.at[i].path, run->tests.at[index].path))
			seen[verdicts[i].category]++;
	enum category best = CATEGORY_UNIT;
	for (size_t c = CATEGORY_UNIT; c < CATEGORY_COUNT; c++)
		if (seen[c] > seen[best])
			best = (enum category)c;
	return best;
}

static void judge_by_siblings(const struct suite_run *run, struct verdict *verdicts)
{
	const char *path = NULL;
	enum category category = CATEGORY_UNIT;
	for (size_t i = 0; i < run->tests.len; i++) {
		if (verdicts[i].reason != REASON_SIBLINGS)
			continue;
		if (!path || !text_equals(path, run->tests.at[i].path))
			category = category_of_file(run, verdicts, i);
		path = run->tests.at[i].path;
		verdicts[i].category = category;
	}
}

enum category category_allowed(const struct test *test, enum category category)
{
	static const enum category nearest[CATEGORY_COUNT][3] = {
		[CATEGORY_UNIT] = { CATEGORY_UNIT, CATEGORY_INTEGRATION, CATEGORY_SLOW },
		[CATEGORY_INTEGRATION] = { CATEGORY_INTEGRATION, CATEGORY_SLOW, CATEGORY_UNIT },
		[CATEGORY_SLOW] = { CATEGORY_SLOW, CATEGORY_INTEGRATION, CATEGORY_UNIT },
	};
	for (size_t i = 0; test->barred.len > 0 && i < 3; i++)
		if (strings_find(&test->barred, category_name(nearest[category][i])) < 0)
			return nearest[category][i];
	return category;
}

static void keep_selection(const struct test *test, struct verdict *verdict)
{
	enum category allowed = category_allowed(test, verdict->category);
	if (verdict->by_user || allowed == verdict->category)
		return;
	verdict->category = allowed;
	verdict->reason = REASON_SELECTION;
}

int categorise(const struct suite_run *run, const double *seconds, const bool *left_out, const int *clock_lines,
	       struct verdict *verdicts, struct err *err)
{
	cleanup_evidence struct evidence evidence = { .run = run };
	if (evidence_gather(&evidence, run) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < run->tests.len; i++) {
		verdicts[i] = (struct verdict){ .seconds = seconds[i], .touch = SIZE_MAX, .fixture = SIZE_MAX };
		judge(&evidence, i, clock_lines[i], &verdicts[i]);
		if (left_out && left_out[i] && verdicts[i].reason == REASON_SIBLINGS) {
			verdicts[i].category = CATEGORY_INTEGRATION;
			verdicts[i].reason = REASON_LEFT_OUT;
		}
	}
	judge_by_siblings(run, verdicts);
	for (size_t i = 0; i < run->tests.len; i++)
		keep_selection(&run->tests.at[i], &verdicts[i]);
	return 0;
}

static int add_touch(const struct suite_run *run, size_t index, struct str *out)
{
	const struct touch *touch = &run->touches.at[index];
	if (str_addf(out, "%s ", touch_verbs[touch->kind]) < 0 ||
	    str_add_printable(out, touch->what, strlen(touch->what)) < 0)
		return -1;
	if (!touch->file)
		return 0;
	return str_adds(out, " (") < 0 || str_add_printable(out, touch->file, strlen(touch->file)) < 0 ||
			       str_addf(out, ":%d)", touch->line) < 0 ?
		       -1 :
		       0;
}

static int add_fixture(const struct verdict *verdict, const struct suite_run *run, struct str *out)
{
	const struct fixture_setup *setup = &run->fixture_setups.at[verdict->fixture];
	if (str_addf(out, "uses the %s fixture ", setup->scope) < 0 ||
	    str_add_printable(out, setup->name, strlen(setup->name)) < 0)
		return -1;
	if (verdict->reason == REASON_FIXTURE_TOUCH)
		return str_adds(out, ", which ") < 0 ? -1 : add_touch(run, verdict->touch, out);
	return str_adds(out, ", which takes ") < 0 ? -1 : clock_add_duration(out, setup->seconds);
}

int verdict_explain(const struct verdict *verdict, const struct suite_run *run, struct str *out)
{
	switch (verdict->reason) {
	case REASON_MARKED:
		return str_adds(out, "marked by hand");
	case REASON_DURATION:
		return str_adds(out, "takes ") < 0 ? -1 : clock_add_duration(out, verdict->seconds);
	case REASON_BENCHMARK:
		return str_adds(out, "is a benchmark");
	case REASON_CLOCK:
		return str_addf(out, "asserts on elapsed time in line %d", verdict->clock_line);
	case REASON_TOUCH:
		return add_touch(run, verdict->touch, out);
	case REASON_FIXTURE_TOUCH:
	case REASON_FIXTURE_COST:
		return add_fixture(verdict, run, out);
	case REASON_SIBLINGS:
		return str_adds(out, "did not run; as most of its file");
	case REASON_LEFT_OUT:
		return str_adds(out, "is left out by the suite's own -m, and was not measured");
	case REASON_SELECTION:
		return str_adds(out, "another mark would change what the suite's own -m selects");
	case REASON_CASES:
		return str_adds(out, "as its heaviest parameters");
	case REASON_NOTHING:
		break;
	}
	return str_adds(out, "quick, and touches nothing outside itself");
}
