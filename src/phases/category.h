/*
 * category.h: unit, integration or slow, by evidence.
 *
 *   slow         takes 1 s or more, uses a benchmark fixture, or asserts on how
 *                long something took
 *   integration  takes 100 ms or more, or reaches outside itself: writes files
 *                outside its own temporary folder, binds or connects sockets,
 *                starts processes, or asks for a fixture shared by several
 *                tests that does so or costs as much
 *   unit         anything else
 *
 * Where the suite's own configuration selects by marks (-m "not slow"), a test
 * gets no mark that would take it out of the selection or into it.
 *
 * A test that the user has marked keeps its mark. One that did not run (skipped,
 * say) gives no evidence: it goes with most of its file.
 */
#ifndef COMB_PHASES_CATEGORY_H
#define COMB_PHASES_CATEGORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "project/suite.h"

#define INTEGRATION_FROM_S 0.1
#define SLOW_FROM_S 1.0

/* In order of weight. */
enum category { CATEGORY_NONE, CATEGORY_UNIT, CATEGORY_INTEGRATION, CATEGORY_SLOW };
#define CATEGORY_COUNT 4
const char *category_name(enum category category); /* "unit", …; "none" */
/* CATEGORY_NONE when name is none. */
enum category category_parse(const char *name);

/* The heaviest category among a test's marks; *several: there is more than one. */
enum category category_of_marks(const struct test *test, bool *several);

/* It uses a fixture that measures. */
bool category_has_benchmark(const struct test *test);

enum reason {
	REASON_MARKED,    /* by the user */
	REASON_DURATION,
	REASON_BENCHMARK,
	REASON_CLOCK,
	REASON_TOUCH,
	REASON_FIXTURE_TOUCH,
	REASON_FIXTURE_COST,
	REASON_SIBLINGS,  /* no evidence of its own */
	REASON_LEFT_OUT,  /* the suite's own selection leaves it out: nobody measured it */
	REASON_SELECTION, /* its mark would change whether the suite's own selection takes it */
	REASON_CASES,     /* another parameter of the same function is heavier */
	REASON_NOTHING,   /* quick, and touches nothing */
};

struct verdict {
	enum category category;
	enum reason reason;
	bool by_user;
	double seconds;      /* -1: it never ran */
	size_t touch;        /* index into run->touches, for the touch reasons */
	size_t fixture;      /* index into run->fixture_setups, for the fixture reasons */
	int clock_line;      /* for REASON_CLOCK */
};

/*
 * verdicts: one for each test of run, which was watched. seconds: as in
 * struct measurement. left_out: the suite's own -m leaves it out (NULL: none).
 * clock_lines: line of an assertion on time, or 0.
 */
int categorise(const struct suite_run *run, const double *seconds, const bool *left_out, const int *clock_lines,
	       struct verdict *verdicts, struct err *err);
/* The category nearest to this one whose mark leaves the suite's own selection as it is; itself where none does. */
enum category category_allowed(const struct test *test, enum category category);
/* "writes /tmp/x (tests/test_x.py:12)". */
int verdict_explain(const struct verdict *verdict, const struct suite_run *run, struct str *out);

#endif
