#include "safety/order_match.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "safety/collect_match.h"
#include "safety/match.h"
#include "safety/names.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The class attribute that a test sets for others: "order_id" of `TestCheckout.order_id = …`; NULL for other events. */
static const char *class_attribute(const struct code *code, const struct code_event *event)
{
	if (event->kind != EVENT_SET || event->class_index < 0 || event->function < 0 ||
	    !python_is(event->node, "attribute"))
		return NULL;
	const char *owners[] = { code->classes.at[event->class_index].name, "self.__class__", "type()", "cls", NULL };
	for (size_t i = 0; owners[i]; i++) {
		size_t len = strlen(owners[i]);
		if (strncmp(event->name, owners[i], len) == 0 && event->name[len] == '.' &&
		    !strchr(event->name + len + 1, '.'))
			return event->name + len + 1;
	}
	return NULL;
}

/* A test other than the writer that reads the attribute and does not set it itself. */
static bool attribute_is_read(const struct code *code, int writer, int class_index, const char *attribute)
{
	cleanup_str struct str own = STR_INIT;
	cleanup_str struct str by_class = STR_INIT;
	if (str_addf(&own, "self.%s", attribute) < 0 ||
	    str_addf(&by_class, "%s.%s", code->classes.at[class_index].name, attribute) < 0)
		return false;
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *test = &code->functions.at[i];
		if ((int)i == writer || test->kind != FUNCTION_TEST || test->class_index != class_index)
			continue;
		if (code_node_contains(code, test->body, str_text(&own)) ||
		    code_node_contains(code, test->body, str_text(&by_class)))
			return true;
	}
	return false;
}

static int match_class_steps(const struct rule *rule, const struct code *code, struct findings *out)
{
	cleanup_str struct str subject = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		const char *attribute = class_attribute(code, event);
		int test = code_outermost(code, event->function);
		if (!attribute || code->functions.at[test].kind != FUNCTION_TEST ||
		    !attribute_is_read(code, test, event->class_index, attribute))
			continue;
		str_clear(&subject);
		if (str_addf(&subject, "%s.%s", code->classes.at[event->class_index].name, attribute) < 0 ||
		    match_add_local(rule, code, event->node, event->function, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

/* `global token; token = login()` in one test, token used in another. */
static int match_global_steps(const struct rule *rule, const struct code *code, struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->kind != EVENT_SET || event->function < 0 || !python_is(event->node, "identifier") ||
		    code->functions.at[event->function].kind != FUNCTION_TEST)
			continue;
		bool read = false;
		for (size_t f = 0; f < code->functions.len && !read; f++)
			read = (int)f != event->function && code->functions.at[f].kind == FUNCTION_TEST &&
				strings_find(&code->functions.at[f].globals, event->name) < 0 &&
				function_uses_global(code, (int)f, event->name);
		if (read && match_add_local(rule, code, event->node, event->function, event->name, out) < 0)
			return -1;
	}
	return 0;
}

static int match_order_marks(const struct rule *rule, const struct code *code, struct findings *out)
{
	static const char *const marks[] = {
		"mark.order(", "mark.run(order", "mark.dependency(", "mark.incremental", "mark.first", "mark.last", NULL
	};
	for (size_t i = 0; i < code->functions.len + code->classes.len; i++) {
		bool is_class = i >= code->functions.len;
		const char *decorators = is_class ? code->classes.at[i - code->functions.len].decorators
						  : code->functions.at[i].decorators;
		for (size_t m = 0; marks[m]; m++) {
			if (!strstr(decorators, marks[m]))
				continue;
			TSNode node =
				is_class ? code->classes.at[i - code->functions.len].node : code->functions.at[i].node;
			if (match_add_local(rule, code, node, is_class ? -1 : (int)i, "order given by marks", out) < 0)
				return -1;
			break;
		}
	}
	return 0;
}

/* The number in test_1_create, test_02_pay; -1 without. */
static long step_number(const char *name)
{
	const char *at = name + strlen("test");
	while (*at == '_')
		at++;
	if (!isdigit((unsigned char)*at))
		return -1;
	char *end;
	long number = strtol(at, &end, 10);
	return *end == '_' || *end == '\0' ? number : -1;
}

/* Tests of one class or module named as steps 1, 2, 3. */
static int match_numbered(const struct rule *rule, const struct code *code, struct findings *out)
{
	for (size_t i = 0; i + 2 < code->functions.len; i++) {
		const struct code_function *first = &code->functions.at[i];
		if (first->kind != FUNCTION_TEST || first->parameters.len == 0)
			continue;
		long number = step_number(first->name);
		if (number < 0 || number > 1)
			continue;
		long expected = number;
		for (size_t k = i + 1; k < code->functions.len; k++) {
			const struct code_function *next = &code->functions.at[k];
			if (next->kind != FUNCTION_TEST || next->class_index != first->class_index)
				continue;
			if (step_number(next->name) != expected + 1)
				break;
			expected++;
		}
		if (expected < number + 2)
			continue;
		const char *class = first->class_index >= 0 ? code->classes.at[first->class_index].name : "";
		cleanup_str struct str subject = STR_INIT;
		if (str_addf(&subject, "%s%snumbered steps", class, *class ? ": " : "") < 0 ||
		    match_add_local(rule, code, first->node, (int)i, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

int match_needs_order(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	if (match_class_steps(rule, code, out) < 0 || match_global_steps(rule, code, out) < 0 ||
	    match_order_marks(rule, code, out) < 0)
		return -1;
	return match_numbered(rule, code, out);
}

static const char *const clocks[] = { "time.time()", "time.monotonic()", "time.perf_counter()", "perf_counter()",
				      "monotonic()", "datetime.now()",   "time.process_time()", NULL };

/* An expression that subtracts clock readings, names followed. */
static bool is_elapsed(const struct code *code, TSNode node, int function, int depth)
{
	node = code_resolve(code, node_without_parentheses(node), function);
	if (depth > 3 || !python_is(node, "binary_operator") ||
	    !code_node_equals(code, python_child(node, "operator"), "-"))
		return false;
	TSNode start = code_resolve(code, python_child(node, "right"), function);
	for (size_t i = 0; clocks[i] && python_is(start, "call"); i++)
		if (code_node_contains(code, start, clocks[i]))
			return true;
	return false;
}

struct comparison_search {
	const struct rule *rule;
	const struct code *code;
	struct findings *out;
	int function;
};

/* `elapsed < 1`: an upper limit, which a busy machine breaks. */
static bool limits_time(const struct code *code, TSNode comparison, int function)
{
	uint32_t count = ts_node_child_count(comparison);
	for (uint32_t i = 1; i + 1 < count; i++) {
		TSNode operator= ts_node_child(comparison, i);
		bool less = code_node_equals(code, operator, "<") || code_node_equals(code, operator, "<=");
		bool more = code_node_equals(code, operator, ">") || code_node_equals(code, operator, ">=");
		if ((less && is_elapsed(code, ts_node_child(comparison, i - 1), function, 0)) ||
		    (more && is_elapsed(code, ts_node_child(comparison, i + 1), function, 0)))
			return true;
	}
	return false;
}

typedef int assert_check(const struct comparison_search *search, TSNode assert_node);

static int each_assert(const struct comparison_search *search, TSNode node, assert_check *check, int depth)
{
	if (python_is(node, "assert_statement"))
		return check(search, node);
	for (uint32_t i = 0; depth < 200 && i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		if (!python_is(child, "function_definition") && each_assert(search, child, check, depth + 1) < 0)
			return -1;
	}
	return 0;
}

static int match_asserts(const struct rule *rule, const struct code *code, assert_check *check, struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		struct comparison_search search = { rule, code, out, (int)i };
		if (code->functions.at[code_outermost(code, (int)i)].kind == FUNCTION_TEST &&
		    each_assert(&search, code->functions.at[i].body, check, 0) < 0)
			return -1;
	}
	return 0;
}

static TSNode first_comparison(TSNode assert_node)
{
	TSNode node = node_without_parentheses(ts_node_named_child(assert_node, 0));
	return python_is(node, "comparison_operator") ? node : (TSNode){ .id = NULL };
}

static int check_elapsed(const struct comparison_search *search, TSNode assert_node)
{
	TSNode comparison = first_comparison(assert_node);
	if (ts_node_is_null(comparison) || !limits_time(search->code, comparison, search->function))
		return 0;
	return match_add(search->rule, search->code, assert_node, search->function, NULL, search->out);
}

int match_elapsed_time(const struct rule *rule, const struct code_set *set, const struct code *code,
		       struct findings *out)
{
	return match_asserts(rule, code, check_elapsed, out);
}

int match_wall_clock(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	static const char *const calls[] = { "call datetime.date.today",
					     "call datetime.datetime.now",
					     "call datetime.datetime.utcnow",
					     "call datetime.datetime.today",
					     "call time.localtime",
					     "call time.strftime",
					     NULL };
	static const char *const frozen[] = { "freez", "travel", "patch", "time_machine", NULL };
	if (code_imports(code, "freezegun") || code_imports(code, "time_machine"))
		return 0;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, calls))
			continue;
		TSNode assertion = node_above(event->node, "assert_statement");
		if (ts_node_is_null(assertion) || !code_node_contains(code, assertion, "==") ||
		    node_is_guarded(code, event->node, event->function, frozen))
			continue;
		if (match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

static int check_unordered(const struct comparison_search *search, TSNode assert_node)
{
	TSNode comparison = first_comparison(assert_node);
	if (ts_node_is_null(comparison) || ts_node_named_child_count(comparison) != 2 ||
	    !code_node_equals(search->code, ts_node_child(comparison, 1), "=="))
		return 0;
	for (uint32_t i = 0; i < 2; i++) {
		TSNode list = ts_node_named_child(comparison, i), other = ts_node_named_child(comparison, 1 - i);
		if (!python_is(list, "list") || ts_node_named_child_count(list) < 2)
			continue;
		TSNode meaning = code_resolve(search->code, other, search->function);
		if (python_is(meaning, "set") || python_is(meaning, "set_comprehension"))
			continue;
		if (node_is_unordered(search->code, other, search->function))
			return match_add(search->rule, search->code, assert_node, search->function, NULL, search->out);
	}
	return 0;
}

int match_unordered_assert(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	return match_asserts(rule, code, check_unordered, out);
}

int match_benchmark(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *test = &code->functions.at[i];
		if (test->kind == FUNCTION_TEST && strings_find(&test->parameters, "benchmark") >= 0 &&
		    match_add_local(rule, code, test->node, (int)i, test->name, out) < 0)
			return -1;
	}
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		int test = code_outermost(code, event->function);
		if (test >= 0 && code->functions.at[test].kind == FUNCTION_TEST &&
		    event_matches(event, WORDS("call timeit.timeit", "call timeit.repeat")) &&
		    match_add_local(rule, code, event->node, event->function, code->functions.at[test].name, out) < 0)
			return -1;
	}
	return 0;
}

/* `assert seen == {…}`: compares a global collection with everything that other tests should have put in. */
static bool asserts_on(const struct code *code, int function, const char *name)
{
	for (size_t i = 0; i < code->functions.len; i++)
		if ((int)i == function && code_node_contains(code, code->functions.at[i].body, "assert") &&
		    !code_node_contains(code, code->functions.at[i].body, "not ") &&
		    code_node_contains(code, code->functions.at[i].body, name))
			return true;
	return false;
}

int match_everything_ran(const struct rule *rule, const struct code_set *set, const struct code *code,
			 struct findings *out)
{
	for (size_t i = 0; i < code->bindings.len; i++) {
		const struct code_binding *binding = &code->bindings.at[i];
		if (binding->class_index >= 0 || !node_is_mutable(code, binding->value, -1))
			continue;
		struct global_use use = global_use_of(set, code, binding->name);
		if (use.test_writers < 2 || use.test_readers != 1)
			continue;
		for (size_t f = 0; f < code->functions.len; f++) {
			const struct code_function *test = &code->functions.at[f];
			bool only_reads = test->kind == FUNCTION_TEST &&
				function_uses_global(code, (int)f, binding->name) &&
				asserts_on(code, (int)f, binding->name);
			for (size_t e = 0; e < code->events.len && only_reads; e++)
				only_reads = code_outermost(code, code->events.at[e].function) != (int)f ||
					!event_leaves_changed(set, code, &code->events.at[e], binding->name);
			if (only_reads && match_add_local(rule, code, test->node, (int)f, binding->name, out) < 0)
				return -1;
		}
	}
	return 0;
}
