#include "safety/names.h"

#include <ctype.h>
#include <string.h>

#include "safety/match.h"

#include "base/banned.h"

#define DEPTH_MAX 400

static bool uses(const struct code *code, TSNode node, const char *name, int depth)
{
	if (python_is(node, "identifier"))
		return code_node_equals(code, node, name);
	if (python_is(node, "attribute"))
		return uses(code, python_child(node, "object"), name, depth);
	if (python_is(node, "keyword_argument"))
		return uses(code, python_child(node, "value"), name, depth);
	for (uint32_t i = 0; depth < DEPTH_MAX && i < ts_node_named_child_count(node); i++)
		if (uses(code, ts_node_named_child(node, i), name, depth + 1))
			return true;
	return false;
}

bool node_uses_name(const struct code *code, TSNode node, const char *name)
{
	return code_node_contains(code, node, name) && uses(code, node, name, 0);
}

bool function_uses_global(const struct code *code, int function, const char *name)
{
	const struct code_function *f = &code->functions.at[function];
	return strings_find(&f->locals, name) < 0 && node_uses_name(code, f->body, name);
}

bool name_change_undone(const struct code_set *set, const struct code *code, const struct code_event *event,
			const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot ? dot + 1 : name;
	char text[4][256], word[128];
	static const char *const kinds[] = { "call", "set", "aug", "del" };
	if (strlen(name) > 200 || strlen(last) >= sizeof(word))
		return false;
	const char *patterns[5] = { NULL };
	for (int i = 0; i < 4; i++) {
		struct str pattern = STR_INIT;
		if (str_addf(&pattern, "%s %s%s", kinds[i], name, i == 0 ? ".*" : "*") == 0 &&
		    pattern.len < sizeof(text[i])) {
			memcpy(text[i], pattern.buf, pattern.len + 1);
			patterns[i] = text[i];
		}
		str_release(&pattern);
		if (!patterns[i])
			return false;
	}
	for (size_t i = 0; i <= strlen(last); i++)
		word[i] = (char)tolower((unsigned char)last[i]);
	const char *const guards[] = { word, NULL };
	struct state_change change = { .events = patterns, .guards = guards };
	return change_is_undone(set, code, event, &change);
}

bool function_resets(const struct code *code, int function, const char *name)
{
	cleanup_str struct str clear = STR_INIT;
	if (str_addf(&clear, "call %s.clear", name) < 0)
		return false;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (code_outermost(code, event->function) != function)
			continue;
		if (strcmp(event->text, str_text(&clear)) == 0)
			return true;
		bool slice = python_is(event->node, "subscript") &&
			python_is(python_child(event->node, "subscript"), "slice");
		if (slice && strncmp(event->name, name, strlen(name)) == 0 && event->name[strlen(name)] == '@')
			return true;
	}
	return false;
}

/* A fixture or set-up that gives the name a new value, or empties it. */
static bool set_up_resets(const struct code *code, const char *name)
{
	cleanup_str struct str set = STR_INIT;
	if (str_addf(&set, "set %s", name) < 0)
		return false;
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (function->parent >= 0 ||
		    (function->kind != FUNCTION_FIXTURE && function->kind != FUNCTION_SETUP &&
		     function->kind != FUNCTION_TEARDOWN))
			continue;
		if (function->scope == SCOPE_FUNCTION && function_resets(code, (int)i, name))
			return true;
		for (size_t e = 0; e < code->events.len; e++)
			if (code->events.at[e].function == (int)i &&
			    strcmp(code->events.at[e].text, str_text(&set)) == 0)
				return true;
	}
	return false;
}

bool event_leaves_changed(const struct code_set *set, const struct code *code, const struct code_event *event,
			  const char *name)
{
	cleanup_str struct str changed = STR_INIT;
	if (event->function < 0)
		return false;
	const char *what = event_mutates(event, &changed);
	if (!what || strcmp(what, name) != 0 || event->root == EVENT_ROOT_LOCAL || !event_runs_in_tests(code, event))
		return false;
	/* A method of that name may mean anything on an object of a class we do not know. */
	const struct code_binding *binding = code_binding(code, name, -1);
	if (event->kind == EVENT_CALL && !(binding && node_is_mutable(code, binding->value, -1)))
		return false;
	return !name_change_undone(set, code, event, name);
}

/* A test that uses the name itself, or a function of the file that does. */
static bool test_reaches(const struct code *code, int test, const char *name, const bool *direct)
{
	if (direct[test])
		return true;
	for (size_t i = 0; i < code->functions.len; i++)
		if (direct[i] && code->functions.at[i].kind != FUNCTION_TEST && code->functions.at[i].parent < 0 &&
		    (function_uses_global(code, test, code->functions.at[i].name) ||
		     strings_find(&code->functions.at[test].parameters, code->functions.at[i].name) >= 0))
			return true;
	return false;
}

struct global_use global_use_of(const struct code_set *set, const struct code *code, const char *name)
{
	struct global_use use = { .first_writer = -1 };
	size_t count = code->functions.len;
	if (count == 0 || count > 4000 || set_up_resets(code, name))
		return use;
	bool direct[4000], writes[4000];
	for (size_t i = 0; i < count; i++) {
		writes[i] = false;
		direct[i] = function_uses_global(code, (int)i, name);
	}
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		int outermost = code_outermost(code, event->function);
		if (outermost < 0 || !direct[outermost] || writes[outermost] ||
		    function_resets(code, outermost, name) || !event_leaves_changed(set, code, event, name))
			continue;
		writes[outermost] = true;
		if (use.first_writer < 0)
			use.first_writer = (int)i;
		use.writers++;
	}
	for (size_t i = 0; i < count; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (function->kind == FUNCTION_TEST && test_reaches(code, (int)i, name, direct)) {
			use.users++;
			use.test_writers += writes[i];
			use.test_readers += direct[i] && !writes[i];
		} else if (function->kind == FUNCTION_FIXTURE && direct[i]) {
			use.users += function->autouse ? 2 : 1;
		}
	}
	return use;
}
