#include "source/clock_use.h"

#include <string.h>

#include "base/vec.h"

#include "base/banned.h"

enum value { VALUE_OTHER, VALUE_CLOCK, VALUE_DURATION };

/* Calls that read a clock, by the last part of their name; `before` restricts what may stand in front of it. */
static const struct {
	const char *name;
	const char *before; /* NULL: anything */
	enum value value;
} clock_calls[] = {
	{ "perf_counter", NULL, VALUE_CLOCK },	{ "perf_counter_ns", NULL, VALUE_CLOCK },
	{ "monotonic", NULL, VALUE_CLOCK },	{ "monotonic_ns", NULL, VALUE_CLOCK },
	{ "process_time", NULL, VALUE_CLOCK },	{ "process_time_ns", NULL, VALUE_CLOCK },
	{ "thread_time", NULL, VALUE_CLOCK },	{ "default_timer", NULL, VALUE_CLOCK },
	{ "time_ns", NULL, VALUE_CLOCK },	{ "time", "", VALUE_CLOCK },
	{ "time", "time", VALUE_CLOCK },	{ "time", "loop", VALUE_CLOCK },
	{ "utcnow", "datetime", VALUE_CLOCK },	{ "now", "datetime", VALUE_CLOCK },
	{ "timeit", NULL, VALUE_DURATION },
};
/* What these do to a duration leaves it one. */
static const char *const passing_calls[] = { "abs", "float", "int", "max", "min", "round", "total_seconds" };
static const char *const judging_calls[] = {
	"approx",	  "assertAlmostEqual", "assertGreater", "assertGreaterEqual",
	"assertLess", "assertLessEqual",   "isclose",
};
static const char *const freezing_names[] = { "freeze_time", "freezer", "time_machine", "frozen_time" };

struct holder {
	struct slice name;
	enum value value;
};

struct search {
	const struct python_tree *tree;
	VEC(struct holder) holders; /* names that hold a reading or a duration */
	bool no_memory;
	bool changed;
	int line;
};

static bool is_one_of(struct slice text, const char *const *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equals(text, table[i]))
			return true;
	return false;
}
#define IS_ONE_OF(text, table) is_one_of(text, table, sizeof(table) / sizeof(*(table)))

static bool same_text(struct slice a, struct slice b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static enum value known_value(const struct search *search, struct slice name)
{
	for (size_t i = 0; i < search->holders.len; i++)
		if (same_text(search->holders.at[i].name, name))
			return search->holders.at[i].value;
	return VALUE_OTHER;
}

static bool ends_with(struct slice text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

/* Splits what is called into its last name and what stands before the dot: "time" and "perf_counter". */
static struct slice called_name(const struct python_tree *tree, TSNode call, struct slice *before)
{
	TSNode function = python_child(call, "function");
	*before = (struct slice){ "", 0 };
	if (!python_is(function, "attribute"))
		return python_text(tree, function);
	TSNode object = python_child(function, "object");
	/* asyncio.get_running_loop().time() */
	*before = python_text(tree, python_is(object, "call") ? python_child(object, "function") : object);
	return python_text(tree, python_child(function, "attribute"));
}

static enum value value_of(const struct search *search, TSNode node);

static enum value greatest_child(const struct search *search, TSNode node)
{
	enum value greatest = VALUE_OTHER;
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
		enum value value = value_of(search, ts_node_named_child(node, i));
		greatest = value > greatest ? value : greatest;
	}
	return greatest;
}

static enum value value_of_call(const struct search *search, TSNode call)
{
	struct slice before, name = called_name(search->tree, call, &before);
	for (size_t i = 0; i < sizeof(clock_calls) / sizeof(*clock_calls); i++) {
		const char *wanted = clock_calls[i].before;
		bool fits = !wanted || (wanted[0] ? ends_with(before, wanted) : before.len == 0);
		if (fits && slice_equals(name, clock_calls[i].name))
			return clock_calls[i].value;
	}
	if (!IS_ONE_OF(name, passing_calls))
		return VALUE_OTHER;
	if (slice_equals(name, "total_seconds"))
		return value_of(search, python_child(python_child(call, "function"), "object"));
	return greatest_child(search, python_child(call, "arguments"));
}

static enum value value_of(const struct search *search, TSNode node)
{
	if (python_is(node, "identifier") || python_is(node, "attribute")) {
		enum value known = known_value(search, python_text(search->tree, node));
		bool seconds = known == VALUE_OTHER && python_is(node, "attribute");
		return seconds ? value_of(search, python_child(node, "object")) : known;
	}
	if (python_is(node, "call"))
		return value_of_call(search, node);
	if (python_is(node, "binary_operator")) {
		enum value value = greatest_child(search, node);
		bool minus = python_text_is(search->tree, python_child(node, "operator"), "-");
		return minus && value == VALUE_CLOCK ? VALUE_DURATION : value;
	}
	if (python_is(node, "parenthesized_expression") || python_is(node, "unary_operator") ||
	    python_is(node, "conditional_expression") || python_is(node, "named_expression"))
		return greatest_child(search, node);
	return VALUE_OTHER;
}

static void hold(struct search *search, TSNode target, enum value value)
{
	struct slice name = python_text(search->tree, target);
	bool is_name = python_is(target, "identifier") || python_is(target, "attribute");
	if (!is_name || value == VALUE_OTHER || known_value(search, name) >= value)
		return;
	search->changed = true;
	search->no_memory |= vec_push(&search->holders, ((struct holder){ name, value })) < 0;
}

static int note_assignment(void *context, TSNode node, int depth)
{
	struct search *search = context;
	(void)depth;
	if (python_is(node, "assignment"))
		hold(search, python_child(node, "left"), value_of(search, python_child(node, "right")));
	else if (python_is(node, "augmented_assignment"))
		hold(search, python_child(node, "left"), value_of(search, python_child(node, "right")));
	return search->no_memory ? -1 : 0;
}

static bool orders(TSNode comparison)
{
	for (uint32_t i = 0; i < ts_node_child_count(comparison); i++) {
		const char *type = ts_node_type(ts_node_child(comparison, i));
		if (type[0] == '<' || type[0] == '>')
			return true;
	}
	return false;
}

static int find_duration(void *context, TSNode node, int depth)
{
	struct search *search = context;
	(void)depth;
	struct slice before;
	bool judges = python_is(node, "comparison_operator") && orders(node);
	TSNode operands = node;
	if (python_is(node, "call") && IS_ONE_OF(called_name(search->tree, node, &before), judging_calls)) {
		judges = true;
		operands = python_child(node, "arguments");
	}
	if (!judges || greatest_child(search, operands) != VALUE_DURATION)
		return 0;
	search->line = python_line(node);
	return -1;
}

/* elapsed == pytest.approx(1): the duration stands beside the call. */
static int find_approximation(void *context, TSNode node, int depth)
{
	struct search *search = context;
	(void)depth;
	struct slice before;
	if (!python_is(node, "comparison_operator") || greatest_child(search, node) != VALUE_DURATION)
		return 0;
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		if (python_is(child, "call") && slice_equals(called_name(search->tree, child, &before), "approx")) {
			search->line = python_line(node);
			return -1;
		}
	}
	return 0;
}

/* Judgements count inside an assert statement or a unittest assertion. */
static int find_assertion(void *context, TSNode node, int depth)
{
	struct search *search = context;
	(void)depth;
	struct slice before;
	bool method = python_is(node, "call") && IS_ONE_OF(called_name(search->tree, node, &before), judging_calls);
	if (!method && !python_is(node, "assert_statement"))
		return 0;
	if (python_walk(node, find_duration, search) >= 0)
		python_walk(node, find_approximation, search);
	return search->line ? -1 : 1;
}

static int find_freezing(void *context, TSNode node, int depth)
{
	struct search *search = context;
	(void)depth;
	return python_is(node, "identifier") && IS_ONE_OF(python_text(search->tree, node), freezing_names) ? -1 : 0;
}

static bool is_frozen(struct search *search, const struct python_def *def)
{
	TSNode around = ts_node_parent(def->node);
	return python_walk(python_is(around, "decorated_definition") ? around : def->node, find_freezing, search) < 0;
}

int clock_use_find(const struct python_tree *tree, size_t def, int *line, struct err *err)
{
	struct search search = { .tree = tree };
	TSNode body = python_child(tree->defs.at[def].node, "body");
	*line = 0;
	if (is_frozen(&search, &tree->defs.at[def]))
		return 0;
	/* A name may get its value from one that is assigned further down, in a loop. */
	do {
		search.changed = false;
		python_walk(body, note_assignment, &search);
	} while (search.changed && !search.no_memory);
	if (!search.no_memory)
		python_walk(body, find_assertion, &search);
	*line = search.line;
	bool no_memory = search.no_memory;
	vec_release(&search.holders);
	return no_memory ? err_no_memory(err) : 0;
}
