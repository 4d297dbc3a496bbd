/*
 * mark_plan.h: where marks go so that every test has its category.
 *
 * A place marks a set of tests: a module all of its functions and classes; a
 * class those in it, in classes inside it and in classes that inherit from it,
 * wherever they stand; a function all cases made of it. A place is taken when
 * all the tests it would mark shall have one and the same category; the widest
 * first. So no test gets two. What no place can mark is left over.
 */
#ifndef COMB_PHASES_MARK_PLAN_H
#define COMB_PHASES_MARK_PLAN_H

#include "base/err.h"
#include "base/vec.h"
#include "phases/category.h"
#include "phases/test_sources.h"

struct mark_place {
	struct test_source *source; /* borrowed */
	char *class_path;           /* "A::B"; NULL: the module, or a function outside classes */
	char *function;             /* NULL: the class or module itself */
	int line;                   /* of the def, 0 for a module */
	enum category category;     /* CATEGORY_NONE where each case has its own */
	VEC(enum category) cases;   /* then: in the order of the parameters */
	struct str letters;         /* how the cases were marked (param_marks.h), once they were */
	size_t tests;               /* how many it marks */
};

struct mark_plan {
	VEC(struct mark_place) places;
	bool *covered;              /* one a test: marked by the user or by a place */
	size_t count;
};
#define MARK_PLAN_INIT { .places = VEC_INIT }

/*
 * verdicts may change: cases of one function get the heaviest category among
 * them, for a function has one mark; with params its cases are marked one by
 * one where the source has a shape for that. Places in files that cannot be edited are
 * not taken.
 */
int mark_plan_make(struct mark_plan *plan, struct test_sources *sources, const struct suite_run *run,
		   struct verdict *verdicts, bool params, struct err *err);
/* Whether that place gives some test that category. */
bool mark_place_gives(const struct mark_place *place, enum category category);
void mark_plan_release(struct mark_plan *plan);
#define cleanup_mark_plan __attribute__((cleanup(mark_plan_release)))

#endif
