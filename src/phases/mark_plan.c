#include "phases/mark_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "source/param_marks.h"

#include "base/banned.h"

enum { LEVEL_MODULE = 0, LEVEL_CLASS = 1, LEVEL_FUNCTION = 1000 };

/* One test, and one place that would mark it. */
struct membership {
	int level;                  /* classes: LEVEL_CLASS + how many classes are around */
	struct test_source *source;
	size_t def;                 /* PYTHON_NONE for a module */
	int line;                   /* of a function without a def: tests of one code object stay together */
	size_t test;
};

struct planner {
	struct mark_plan *plan;
	struct test_sources *sources;
	const struct suite_run *run;
	struct verdict *verdicts;
	bool params;
	VEC(struct membership) members;
	struct err *err;
};

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* --- Cases of one function --- */

struct numbered_test {
	const struct test *test;
	size_t index;
};

static int compare_functions(const void *a, const void *b)
{
	const struct numbered_test *x = a, *y = b;
	int order = compare_texts(x->test->path, y->test->path);
	order = order ? order : compare_texts(x->test->module_class, y->test->module_class);
	order = order ? order : compare_texts(x->test->function, y->test->function);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool same_function(const struct test *a, const struct test *b)
{
	return a->function && b->function && text_equals(a->path, b->path) &&
	       text_equals(a->module_class, b->module_class) && text_equals(a->function, b->function);
}

/* tests[0 .. count): all cases of one function. */
static void unite_cases(struct verdict *verdicts, const struct numbered_test *tests, size_t count)
{
	enum category heaviest = CATEGORY_NONE;
	for (size_t i = 0; i < count; i++)
		if (!verdicts[tests[i].index].by_user && verdicts[tests[i].index].category > heaviest)
			heaviest = verdicts[tests[i].index].category;
	for (size_t i = 0; i < count; i++) {
		struct verdict *verdict = &verdicts[tests[i].index];
		if (verdict->by_user || verdict->category == heaviest)
			continue;
		verdict->category = heaviest;
		verdict->reason = REASON_CASES;
	}
}

/* Whether each of these cases can have a mark of its own in the source. -1: no memory. */
static int marked_one_by_one(struct planner *planner, const struct numbered_test *tests, size_t count)
{
	const struct test *test = tests[0].test;
	if (!planner->params || count < 2 || !test->source_path)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (planner->verdicts[tests[i].index].by_user)
			return 0;
	struct test_source *source = test_sources_get(planner->sources, test->source_path, planner->err);
	if (!source)
		return -1;
	size_t def = test_source_def(source, test);
	return def != PYTHON_NONE && param_marks_count(&source->tree, def) == count;
}

static int unite_all_cases(struct planner *planner)
{
	size_t count = planner->run->tests.len;
	cleanup_free struct numbered_test *tests = os_calloc(count + 1, sizeof(*tests));
	if (!tests)
		return err_no_memory(planner->err);
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct numbered_test){ &planner->run->tests.at[i], i };
	qsort(tests, count, sizeof(*tests), compare_functions);
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && same_function(tests[first].test, tests[end].test); end++)
			;
		int apart = marked_one_by_one(planner, tests + first, end - first);
		if (apart < 0)
			return -1;
		if (!apart)
			unite_cases(planner->verdicts, tests + first, end - first);
	}
	return 0;
}

/* --- Who would be marked by what --- */

static int add_member(struct planner *planner, struct membership member)
{
	return vec_push(&planner->members, member) < 0 ? err_no_memory(planner->err) : 0;
}

/* "path::Outer.Inner" */
static int add_class(struct planner *planner, size_t test, const char *base)
{
	const char *separator = NULL;
	cleanup_str struct str path = STR_INIT, class_path = STR_INIT;
	int depth = 0;
	for (const char *p = base; (p = strstr(p, "::")); p += 2)
		separator = p;
	if (!separator)
		return 0;
	if (str_add(&path, base, (size_t)(separator - base)) < 0)
		return err_no_memory(planner->err);
	for (const char *p = separator + 2; *p; p++) {
		depth += *p == '.';
		if ((*p == '.' ? str_adds(&class_path, "::") : str_addc(&class_path, *p)) < 0)
			return err_no_memory(planner->err);
	}
	struct test_source *source = test_sources_get(planner->sources, str_text(&path), planner->err);
	if (!source)
		return -1;
	size_t def = source->problem ? PYTHON_NONE : python_tree_find(&source->tree, str_text(&class_path), NULL, 0);
	if (def == PYTHON_NONE)
		return 0;
	return add_member(planner, (struct membership){ LEVEL_CLASS + depth, source, def, 0, test });
}

static int add_function(struct planner *planner, size_t index)
{
	const struct test *test = &planner->run->tests.at[index];
	if (!test->source_path || test->source_line <= 0)
		return 0;
	struct test_source *source = test_sources_get(planner->sources, test->source_path, planner->err);
	if (!source)
		return -1;
	size_t def = test_source_def(source, test);
	return add_member(planner, (struct membership){ LEVEL_FUNCTION, source, def, test->source_line, index });
}

static int add_members(struct planner *planner, size_t index)
{
	const struct test *test = &planner->run->tests.at[index];
	if (!text_equals(test->kind, "function") || !test->path)
		return 0;
	struct test_source *module = test_sources_get(planner->sources, test->path, planner->err);
	if (!module)
		return -1;
	if (!module->problem &&
	    add_member(planner, (struct membership){ LEVEL_MODULE, module, PYTHON_NONE, 0, index }) < 0)
		return -1;
	for (size_t i = 0; i < test->bases.len; i++)
		if (add_class(planner, index, test->bases.at[i]) < 0)
			return -1;
	return add_function(planner, index);
}

static int compare_places(const struct membership *a, const struct membership *b)
{
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	if (a->source != b->source)
		return strcmp(a->source->path, b->source->path);
	if (a->level == LEVEL_FUNCTION)
		return (a->line > b->line) - (a->line < b->line);
	return (a->def > b->def) - (a->def < b->def);
}

static int compare_members(const void *a, const void *b)
{
	const struct membership *x = a, *y = b;
	int order = compare_places(x, y);
	return order ? order : (x->test > y->test) - (x->test < y->test);
}

/* --- Taking places --- */

/* The def that stands for all members: of a function, that of a test which Python knows by the def's name. */
static size_t place_def(const struct membership *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].def != PYTHON_NONE)
			return members[i].def;
	return PYTHON_NONE;
}

/* The one category that all members shall have, when some are not covered yet; CATEGORY_NONE: not to be taken. */
static enum category common_category(const struct planner *planner, const struct membership *members, size_t count)
{
	enum category common = planner->verdicts[members[0].test].category;
	bool useful = false;
	for (size_t i = 0; i < count; i++) {
		if (planner->verdicts[members[i].test].category != common)
			return CATEGORY_NONE;
		useful |= !planner->plan->covered[members[i].test];
	}
	return useful ? common : CATEGORY_NONE;
}

static int name_place(struct mark_place *place, const struct membership *member, size_t def)
{
	cleanup_str struct str class_path = STR_INIT;
	const struct python_tree *tree = &member->source->tree;
	if (member->level == LEVEL_MODULE)
		return 0;
	if (test_source_class_path(member->source, def, &class_path) < 0)
		return -1;
	if (member->level == LEVEL_FUNCTION) {
		place->function = os_strdup(tree->defs.at[def].name);
		if (!place->function)
			return -1;
	} else if (str_addf(&class_path, "%s%s", class_path.len ? "::" : "", tree->defs.at[def].name) < 0) {
		return -1;
	}
	place->line = tree->defs.at[def].line;
	place->class_path = class_path.len > 0 ? str_steal(&class_path) : NULL;
	return 0;
}

static void place_release(struct mark_place *place)
{
	free(place->class_path);
	free(place->function);
	vec_release(&place->cases);
	str_release(&place->letters);
}

static bool stands_in_function(const struct membership *member, size_t def)
{
	const struct python_tree *tree = &member->source->tree;
	for (size_t i = def; i != PYTHON_NONE; i = tree->defs.at[i].parent)
		if (i != def && tree->defs.at[i].kind == PYTHON_FUNCTION)
			return true;
	return false;
}

/* 1: the function's cases, members in their order, each get a mark of their own; 0: they cannot; -1: no memory. */
static int take_cases(const struct planner *planner, const struct membership *members, size_t count, size_t def,
		      struct mark_place *place)
{
	if (!planner->params || members->level != LEVEL_FUNCTION ||
	    param_marks_count(&members->source->tree, def) != count)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (planner->plan->covered[members[i].test])
			return 0;
	for (size_t i = 0; i < count; i++)
		if (vec_push(&place->cases, planner->verdicts[members[i].test].category) < 0)
			return -1;
	return 1;
}

/* members[0 .. count): all tests that one place would mark. */
static int consider(struct planner *planner, const struct membership *members, size_t count)
{
	struct mark_place place = { .source = members->source, .tests = count };
	size_t def = place_def(members, count);
	if (members->source->problem || (members->level != LEVEL_MODULE && def == PYTHON_NONE))
		return 0;
	if (def != PYTHON_NONE && stands_in_function(members, def))
		return 0;
	place.category = common_category(planner, members, count);
	int cases = place.category == CATEGORY_NONE ? take_cases(planner, members, count, def, &place) : 0;
	if (cases < 0) {
		place_release(&place);
		return err_no_memory(planner->err);
	}
	if (place.category == CATEGORY_NONE && cases == 0)
		return 0;
	if (name_place(&place, members, def) < 0 || vec_push(&planner->plan->places, place) < 0) {
		place_release(&place);
		return err_no_memory(planner->err);
	}
	for (size_t i = 0; i < count; i++)
		planner->plan->covered[members[i].test] = true;
	return 0;
}

static int take_places(struct planner *planner)
{
	const struct membership *members = planner->members.at;
	size_t count = planner->members.len;
	if (count > 1)
		qsort(planner->members.at, count, sizeof(*members), compare_members);
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && compare_places(&members[first], &members[end]) == 0; end++)
			;
		if (consider(planner, members + first, end - first) < 0)
			return -1;
	}
	return 0;
}

int mark_plan_make(struct mark_plan *plan, struct test_sources *sources, const struct suite_run *run,
		   struct verdict *verdicts, bool params, struct err *err)
{
	struct planner planner = { .plan = plan, .sources = sources, .run = run, .verdicts = verdicts,
				   .params = params, .err = err };
	mark_plan_release(plan);
	plan->count = run->tests.len;
	plan->covered = os_calloc(plan->count + 1, sizeof(bool));
	if (!plan->covered)
		return err_no_memory(err);
	for (size_t i = 0; i < plan->count; i++)
		plan->covered[i] = verdicts[i].by_user;
	int failed = unite_all_cases(&planner);
	for (size_t i = 0; !failed && i < plan->count; i++)
		failed = add_members(&planner, i);
	failed = failed ? failed : take_places(&planner);
	vec_release(&planner.members);
	return failed;
}

bool mark_place_gives(const struct mark_place *place, enum category category)
{
	for (size_t i = 0; i < place->cases.len; i++)
		if (place->cases.at[i] == category)
			return true;
	return place->category == category;
}

void mark_plan_release(struct mark_plan *plan)
{
	for (size_t i = 0; i < plan->places.len; i++)
		place_release(&plan->places.at[i]);
	vec_release(&plan->places);
	free(plan->covered);
	*plan = (struct mark_plan)MARK_PLAN_INIT;
}
