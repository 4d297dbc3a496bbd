#define _GNU_SOURCE
#include "safety/undo.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "base/banned.h"

#define FIXTURE_DEPTH_MAX 6

bool event_matches(const struct code_event *event, const char *const *patterns)
{
	for (size_t i = 0; patterns && patterns[i]; i++)
		if (patterns[i][0] == event->text[0] && fnmatch(patterns[i], event->text, 0) == 0)
			return true;
	return false;
}

bool text_has_word(struct slice text, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i + len <= text.len; i++) {
		size_t k = 0;
		while (k < len && tolower((unsigned char)text.ptr[i + k]) == word[k])
			k++;
		if (k == len)
			return true;
	}
	return false;
}

static bool has_any_word(struct slice text, const char *const *words)
{
	for (size_t i = 0; words && words[i]; i++)
		if (text_has_word(text, words[i]))
			return true;
	return false;
}

TSNode node_above(TSNode node, const char *type)
{
	TSNode none = { .id = NULL };
	for (node = ts_node_parent(node); !ts_node_is_null(node); node = ts_node_parent(node)) {
		if (python_is(node, type))
			return node;
		if (python_is(node, "function_definition"))
			return none;
	}
	return none;
}

static bool with_guards(const struct code *code, TSNode node, const char *const *words)
{
	for (node = ts_node_parent(node); !ts_node_is_null(node); node = ts_node_parent(node)) {
		if (!python_is(node, "with_statement"))
			continue;
		for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
			TSNode clause = ts_node_named_child(node, i);
			if (python_is(clause, "with_clause") && has_any_word(code_slice(code, clause), words))
				return true;
		}
	}
	return false;
}

static struct slice text_slice(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

bool node_is_guarded(const struct code *code, TSNode node, int function, const char *const *words)
{
	if (!words)
		return false;
	if (with_guards(code, node, words))
		return true;
	int class_index = function >= 0 ? code->functions.at[function].class_index : -1;
	for (; function >= 0; function = code->functions.at[function].parent)
		if (has_any_word(text_slice(code->functions.at[function].decorators), words))
			return true;
	for (; class_index >= 0; class_index = code->classes.at[class_index].parent)
		if (has_any_word(text_slice(code->classes.at[class_index].decorators), words))
			return true;
	return false;
}

static const char *const registrars[] = { "call *.addfinalizer",    "call *.addCleanup",
					  "call *.addClassCleanup", "call *.callback",
					  "call *addModuleCleanup", "call *add_cleanup",
					  "call atexit.register",   "call *.push",
					  "call weakref.finalize",  NULL };

/* Inside a lambda that a finalizer is given. */
static bool in_finalizer_lambda(const struct code *code, TSNode node)
{
	TSNode lambda = node_above(node, "lambda");
	TSNode call = ts_node_is_null(lambda) ? lambda : node_above(lambda, "call");
	for (size_t i = 0; !ts_node_is_null(call) && i < code->events.len; i++)
		if (ts_node_eq(code->events.at[i].node, call))
			return event_matches(&code->events.at[i], registrars);
	return false;
}

static bool name_undoes(const char *name)
{
	static const char *const words[] = { "restore",  "reset",     "cleanup", "teardown", "tear_down", "undo",
					     "__exit__", "__aexit__", "stop",    "close",    "shutdown",  NULL };
	return has_any_word(text_slice(name), words);
}

bool event_undoes(const struct code *code, const struct code_event *event)
{
	if (!ts_node_is_null(node_above(event->node, "finally_clause")) || in_finalizer_lambda(code, event->node))
		return true;
	for (int f = event->function; f >= 0; f = code->functions.at[f].parent) {
		const struct code_function *function = &code->functions.at[f];
		if (function->kind == FUNCTION_TEARDOWN)
			return true;
		if (function->kind == FUNCTION_PLAIN && name_undoes(function->name))
			return true;
		if (function->has_yield && ts_node_start_byte(event->node) >= function->yield_end)
			return true;
	}
	return false;
}

/* addCleanup(os.chdir, old): the callable is given, not called. */
static bool registers_undo(const struct code *code, const struct code_event *event, const char *const *undo)
{
	if (!event_matches(event, registrars))
		return false;
	cleanup_str struct str name = STR_INIT;
	cleanup_str struct str text = STR_INIT;
	TSNode given = code_argument(code, event->value, 0, NULL);
	if (ts_node_is_null(given) || code_dotted(code, given, event->function, &name, NULL) < 0 ||
	    str_addf(&text, "call %s", str_text(&name)) < 0)
		return false;
	for (size_t i = 0; undo[i]; i++)
		if (fnmatch(undo[i], str_text(&text), 0) == 0)
			return true;
	return false;
}

/* An undo that runs after code of this function did. */
static bool undone_within(const struct code *code, int function, const char *const *undo)
{
	int outermost = code_outermost(code, function);
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (code_outermost(code, event->function) != outermost)
			continue;
		if ((event_matches(event, undo) && event_undoes(code, event)) || registers_undo(code, event, undo))
			return true;
	}
	return false;
}

/* The teardown methods of a class, those of the bases it has in the set included. */
static bool class_undoes(const struct code_set *set, const struct code *code, int class_index, const char *const *undo,
			 int depth)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		bool on_the_way_out = function->kind == FUNCTION_TEARDOWN || function->kind == FUNCTION_SETUP ||
			name_undoes(function->name);
		if (function->class_index == class_index && function->parent < 0 && on_the_way_out &&
		    undone_within(code, (int)i, undo))
			return true;
	}
	if (class_index < 0 || depth > FIXTURE_DEPTH_MAX)
		return false;
	const struct strings *bases = &code->classes.at[class_index].bases;
	for (size_t i = 0; i < bases->len; i++) {
		int base;
		const char *dot = strrchr(bases->at[i], '.');
		const struct code *home = code_set_class(set, dot ? dot + 1 : bases->at[i], &base);
		if (home && class_undoes(set, home, base, undo, depth + 1))
			return true;
	}
	return false;
}

typedef bool function_test(const struct code_set *set, const struct code *code, int function, const void *data);

static bool any_used_fixture(const struct code_set *set, const struct code *code, int function, function_test *test,
			     const void *data, int depth);

static bool fixture_passes(const struct code_set *set, struct code_ref fixture, function_test *test, const void *data,
			   int depth)
{
	return test(set, fixture.code, fixture.function, data) ||
		any_used_fixture(set, fixture.code, fixture.function, test, data, depth + 1);
}

/* Fixtures that a function requests by parameter or usefixtures, and the autouse ones in force there. */
static bool any_used_fixture(const struct code_set *set, const struct code *code, int function, function_test *test,
			     const void *data, int depth)
{
	const struct code_function *user = &code->functions.at[function];
	if (depth > FIXTURE_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < user->parameters.len; i++) {
		struct code_ref fixture = code_set_fixture(set, code, user->parameters.at[i]);
		if (fixture.code && !(fixture.code == code && fixture.function == function) &&
		    fixture_passes(set, fixture, test, data, depth))
			return true;
	}
	if (depth > 0)
		return false;
	for (size_t i = 0; i < set->files.len; i++) {
		const struct code *home = &set->files.at[i];
		if (home != code && !code_conftest_applies(home, code))
			continue;
		for (size_t f = 0; f < home->functions.len; f++) {
			const struct code_function *fixture = &home->functions.at[f];
			if (fixture->kind != FUNCTION_FIXTURE)
				continue;
			bool in_force = fixture->autouse &&
				(fixture->class_index < 0 || fixture->class_index == user->class_index);
			bool named = strstr(user->decorators, fixture->fixture_name) != NULL ||
				(user->class_index >= 0 &&
				 strstr(code->classes.at[user->class_index].decorators, fixture->fixture_name));
			if ((in_force || named) && !(home == code && (int)f == function) &&
			    fixture_passes(set, (struct code_ref){ home, (int)f }, test, data, depth))
				return true;
		}
	}
	return false;
}

/* Its body puts the state back, or holds a word of the guards in a `with` around its yield. */
static bool fixture_undoes(const struct code_set *set, const struct code *code, int function, const void *data)
{
	const struct state_change *change = data;
	const struct code_function *fixture = &code->functions.at[function];
	if (undone_within(code, function, change->undo ? change->undo : change->events))
		return true;
	if (!change->guards || !fixture->has_yield)
		return false;
	TSNode body = fixture->body;
	for (uint32_t i = 0; i < ts_node_named_child_count(body); i++) {
		TSNode statement = ts_node_named_child(body, i);
		if (python_is(statement, "with_statement") && has_any_word(code_slice(code, statement), change->guards))
			return true;
	}
	return false;
}

static bool has_own_event(const struct code_set *set, const struct code *code, int function, const void *data)
{
	int outermost = code_outermost(code, function);
	for (size_t i = 0; i < code->events.len; i++)
		if (code_outermost(code, code->events.at[i].function) == outermost &&
		    event_matches(&code->events.at[i], data))
			return true;
	return false;
}

bool function_has_event(const struct code_set *set, const struct code *code, int function, const char *const *patterns)
{
	if (function < 0 || !patterns)
		return false;
	int outermost = code_outermost(code, function);
	return has_own_event(set, code, outermost, patterns) ||
		any_used_fixture(set, code, outermost, has_own_event, patterns, 0);
}

static bool looks_like_old_value(const struct code *code, const struct code_event *event)
{
	TSNode value = event->value;
	if (event->kind == EVENT_DELETE || text_ends_with(event->name, ".pop") ||
	    text_ends_with(event->name, ".remove"))
		return true;
	if (event->kind == EVENT_CALL)
		value = code_argument(code, event->value, 0, NULL);
	return python_is(value, "identifier") || python_is(value, "none") || python_is(value, "true") ||
		python_is(value, "false") || python_is(value, "attribute");
}

/* What is changed: the name without the method called on it, and the key as it is written. */
static bool same_target(const struct code *code, const struct code_event *a, const struct code_event *b)
{
	if (a->kind == EVENT_CALL && b->kind == EVENT_CALL && strcmp(a->name, b->name) == 0)
		return true;
	if (a->kind == EVENT_CALL || b->kind == EVENT_CALL) {
		size_t len = strcspn(a->name, "@");
		return strncmp(a->name, b->name, len) == 0 && (b->name[len] == '.' || b->name[len] == '@');
	}
	struct slice left = code_slice(code, a->node), right = code_slice(code, b->node);
	return left.len == right.len && memcmp(left.ptr, right.ptr, left.len) == 0;
}

bool change_is_undone_later(const struct code *code, const struct code_event *event, const char *const *undo)
{
	int outermost = code_outermost(code, event->function);
	bool earlier = false;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *other = &code->events.at[i];
		if (other == event || code_outermost(code, other->function) != outermost ||
		    !event_matches(other, undo) || !same_target(code, event, other))
			continue;
		if (other > event && looks_like_old_value(code, other))
			return true;
		earlier |= other < event;
	}
	return earlier && looks_like_old_value(code, event);
}

bool change_is_undone(const struct code_set *set, const struct code *code, const struct code_event *event,
		      const struct state_change *change)
{
	const char *const *undo = change->undo ? change->undo : change->events;
	if (event_undoes(code, event) || node_is_guarded(code, event->node, event->function, change->guards))
		return true;
	if (event->function < 0)
		return false;
	int outermost = code_outermost(code, event->function);
	const struct code_function *function = &code->functions.at[outermost];
	if (undone_within(code, outermost, undo) || class_undoes(set, code, function->class_index, undo, 0))
		return true;
	if (function_has_event(set, code, outermost, change->shields))
		return true;
	return any_used_fixture(set, code, outermost, fixture_undoes, change, 0);
}
