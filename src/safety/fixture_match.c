#include "safety/fixture_match.h"

#include <string.h>

#include "safety/match.h"
#include "safety/names.h"
#include "safety/path_guess.h"
#include "safety/resource_match.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define DEPTH_MAX 200

/* The first statement of that type in a function's own body, nested functions left out. */
static TSNode find_own(TSNode node, const char *type, int depth)
{
	TSNode none = { .id = NULL };
	for (uint32_t i = 0; depth < DEPTH_MAX && i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		if (python_is(child, "function_definition") || python_is(child, "class_definition") ||
		    python_is(child, "lambda"))
			continue;
		if (python_is(child, type))
			return child;
		TSNode found = find_own(child, type, depth + 1);
		if (!ts_node_is_null(found))
			return found;
	}
	return none;
}

TSNode fixture_value(const struct code *code, int function)
{
	const struct code_function *fixture = &code->functions.at[function];
	TSNode node = find_own(fixture->body, fixture->has_yield ? "yield" : "return_statement", 0);
	if (ts_node_is_null(node) || ts_node_named_child_count(node) == 0)
		return (TSNode){ .id = NULL };
	return code_resolve(code, node_without_parentheses(ts_node_named_child(node, 0)), function);
}

static bool is_changing_method(const char *method)
{
	static const char *const prefixes[] = { "set_",    "add_",    "remove_", "delete_", "update_", "insert_",
						"change_", "rename_", "clear_",  "put_",    "push_",   NULL };
	for (size_t i = 0; prefixes[i]; i++)
		if (text_starts_with(method, prefixes[i]))
			return true;
	return false;
}

/* `fixture.append(…)`, `fixture[k] = …`, `fixture.attribute = …`, `fixture.set_price(…)`. */
static bool changes_parameter(const struct code_event *event, const char *name, bool mutable)
{
	cleanup_str struct str changed = STR_INIT;
	size_t len = strlen(name);
	if (strncmp(event->name, name, len) != 0 || (event->name[len] != '.' && event->name[len] != '@'))
		return false;
	const char *what = event_mutates(event, &changed);
	if (what && event->kind != EVENT_CALL)
		return true;
	if (what)
		return mutable || strcmp(what, name) == 0;
	const char *dot = event->kind == EVENT_CALL ? strchr(event->name, '.') : NULL;
	return dot && !strchr(dot + 1, '.') && !strchr(dot, '(') && is_changing_method(dot + 1);
}

static bool is_class_call(const struct code *code, TSNode node)
{
	cleanup_str struct str name = STR_INIT;
	if (!python_is(node, "call") || code_dotted(code, python_child(node, "function"), -1, &name, NULL) < 0)
		return false;
	const char *dot = strrchr(str_text(&name), '.');
	const char *last = dot ? dot + 1 : str_text(&name);
	return last[0] >= 'A' && last[0] <= 'Z';
}

static int check_users(const struct rule *rule, const struct code_set *set, const struct code *home,
		       const struct code_function *fixture, bool mutable, const struct code *code, struct findings *out)
{
	cleanup_str struct str subject = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		int user = code_outermost(code, event->function);
		if (user < 0 || !changes_parameter(event, fixture->fixture_name, mutable))
			continue;
		const struct code_function *function = &code->functions.at[user];
		if (strings_find(&function->parameters, fixture->fixture_name) < 0 ||
		    (function->kind != FUNCTION_TEST && function->kind != FUNCTION_FIXTURE) ||
		    code_set_fixture(set, code, fixture->fixture_name).code != home ||
		    (function->kind == FUNCTION_FIXTURE && function->scope >= fixture->scope) ||
		    !ts_node_is_null(code_local_value(code, event->function, fixture->fixture_name)) ||
		    name_change_undone(set, code, event, fixture->fixture_name))
			continue;
		str_clear(&subject);
		if (str_addf(&subject, "fixture %s (%s)", fixture->fixture_name, home->path) < 0 ||
		    match_add(rule, code, event->node, event->function, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

int match_fixture_changed(const struct rule *rule, const struct code_set *set, const struct code *code,
			  struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *fixture = &code->functions.at[i];
		if (fixture->kind != FUNCTION_FIXTURE || fixture->scope == SCOPE_FUNCTION)
			continue;
		TSNode value = fixture_value(code, (int)i);
		bool mutable = !ts_node_is_null(value) && node_is_mutable(code, value, (int)i);
		if (!mutable && !is_class_call(code, value))
			continue;
		for (size_t f = 0; f < set->files.len; f++) {
			const struct code *user = &set->files.at[f];
			if ((user == code || code_conftest_applies(code, user)) &&
			    check_users(rule, set, code, fixture, mutable, user, out) < 0)
				return -1;
		}
	}
	return 0;
}

/* Whether a file or another thing that the machine has once is taken by an event. */
static bool takes_unique(const struct code_set *set, const struct code *code, const struct code_event *event)
{
	static const char *const calls[] = { "call subprocess.Popen", "call urllib.request.urlopen",
					     "call urllib.request.urlretrieve", "call requests.get", NULL };
	cleanup_str struct str path = STR_INIT;
	TSNode paths[2];
	long port;
	if (event_matches(event, calls) || event_fixed_port(code, event, &port))
		return true;
	int count = event_written_paths(code, event, paths);
	for (int i = 0; i < count; i++)
		if (path_guess(set, code, paths[i], event->function, &path) != PATH_UNKNOWN && path.len > 1)
			return true;
	return false;
}

int match_once_per_run(const struct rule *rule, const struct code_set *set, const struct code *code,
		       struct findings *out)
{
	static const char *const careful[] = { "worker_id", "lock",        "getbasetemp", "testrun_uid",
					       "xdist",     "workerinput", NULL };
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		int outermost = code_outermost(code, event->function);
		if (outermost < 0 || !takes_unique(set, code, event))
			continue;
		const struct code_function *fixture = &code->functions.at[outermost];
		if (fixture->kind != FUNCTION_FIXTURE || fixture->scope < SCOPE_PACKAGE || event_undoes(code, event))
			continue;
		bool safe = false;
		for (size_t w = 0; careful[w]; w++)
			safe |= text_has_word(code_slice(code, fixture->node), careful[w]);
		if (!safe && match_add_local(rule, code, event->node, event->function, fixture->fixture_name, out) < 0)
			return -1;
	}
	return 0;
}

int match_unprotected_yield(const struct rule *rule, const struct code_set *set, const struct code *code,
			    struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (!function->has_yield || function->parent >= 0 || !strstr(function->decorators, "contextmanager"))
			continue;
		TSNode yield = find_own(function->body, "yield", 0);
		if (!ts_node_is_null(node_above(yield, "try_statement")) ||
		    !ts_node_is_null(node_above(yield, "with_statement")) ||
		    !ts_node_is_null(node_above(yield, "for_statement")))
			continue;
		bool undoes = false;
		for (size_t e = 0; e < code->events.len && !undoes; e++)
			undoes = code->events.at[e].function == (int)i &&
				ts_node_start_byte(code->events.at[e].node) >= function->yield_end;
		if (undoes && match_add_local(rule, code, yield, (int)i, function->name, out) < 0)
			return -1;
	}
	return 0;
}

int match_removes_too_much(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	cleanup_str struct str path = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, WORDS("call shutil.rmtree", "call *.flushall")) ||
		    !event_undoes(code, event))
			continue;
		bool found = text_ends_with(event->name, "flushall");
		if (!found)
			found = path_guess(set, code, code_argument(code, event->value, 0, "path"), event->function,
					   &path) != PATH_UNKNOWN;
		if (found && match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

/* The function gives the name a value of its own before it changes it. */
static bool is_set_before(const struct code *code, int function, const char *name, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (code->events.at[i].function == function && code->events.at[i].kind == EVENT_SET &&
		    strcmp(code->events.at[i].name, name) == 0)
			return true;
	return false;
}

int match_not_reentrant(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	cleanup_str struct str changed = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || event->kind == EVENT_SET)
			continue;
		const struct code_function *function = &code->functions.at[event->function];
		if (function->kind != FUNCTION_SETUP || function->scope < SCOPE_CLASS)
			continue;
		const char *what = event_mutates(event, &changed);
		if (!what || (!text_starts_with(what, "cls.") && event->root != EVENT_ROOT_MODULE) ||
		    is_set_before(code, event->function, what, i) || name_change_undone(set, code, event, what))
			continue;
		if (match_add_local(rule, code, event->node, event->function, what, out) < 0)
			return -1;
	}
	return 0;
}

int match_autouse_effect(const struct rule *rule, const struct code_set *set, const struct code *code,
			 struct findings *out)
{
	cleanup_str struct str path = STR_INIT;
	TSNode paths[2];
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		int outermost = code_outermost(code, event->function);
		if (outermost < 0 || !code->functions.at[outermost].autouse)
			continue;
		int count = event_written_paths(code, event, paths);
		for (int p = 0; p < count; p++) {
			enum path_kind kind = path_guess(set, code, paths[p], event->function, &path);
			if (kind != PATH_UNKNOWN && path.len > 1 && strcmp(str_text(&path), "/tmp") != 0 &&
			    match_add_local(rule, code, event->node, event->function,
					    code->functions.at[outermost].name, out) < 0)
				return -1;
		}
	}
	return 0;
}

/* A test that reads a global which only that fixture sets. */
static int check_readers(const struct rule *rule, const struct code *code, const struct code_function *fixture,
			 const char *name, struct findings *out)
{
	cleanup_str struct str subject = STR_INIT;
	if (str_addf(&subject, "%s, set by fixture %s", name, fixture->fixture_name) < 0)
		return -1;
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *test = &code->functions.at[i];
		if (test->kind != FUNCTION_TEST || strings_find(&test->parameters, fixture->fixture_name) >= 0 ||
		    strings_find(&test->globals, name) >= 0 || strstr(test->decorators, fixture->fixture_name) ||
		    !function_uses_global(code, (int)i, name))
			continue;
		if (test->class_index >= 0 &&
		    strstr(code->classes.at[test->class_index].decorators, fixture->fixture_name))
			continue;
		if (match_add_local(rule, code, test->node, (int)i, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

int match_fixture_not_asked(const struct rule *rule, const struct code_set *set, const struct code *code,
			    struct findings *out)
{
	if (code_node_contains(code, code->root, "pytestmark = pytest.mark.usefixtures"))
		return 0;
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *fixture = &code->functions.at[i];
		if (fixture->kind != FUNCTION_FIXTURE || fixture->autouse)
			continue;
		for (size_t g = 0; g < fixture->globals.len; g++)
			if (code_binding(code, fixture->globals.at[g], -1) &&
			    check_readers(rule, code, fixture, fixture->globals.at[g], out) < 0)
				return -1;
	}
	return 0;
}

int match_basetemp(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, WORDS("call *.getbasetemp")) ||
		    text_has_word(code_slice(code, code->functions.at[event->function].node), "lock"))
			continue;
		TSNode parent = ts_node_parent(event->node);
		bool joined = python_is(parent, "binary_operator") ||
			(python_is(parent, "attribute") &&
			 (code_node_equals(code, python_child(parent, "attribute"), "parent") ||
			  code_node_equals(code, python_child(parent, "attribute"), "joinpath")));
		if (joined && match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

/* `list(mod.X)`, `mod.X.copy()`, `mod.X[:]`, `copy.copy(mod.X)` for that very name. */
static bool is_copy_of(const struct code *code, TSNode node, int function, const char *name)
{
	static const char *const copiers[] = { "list", "dict", "set", "copy.copy", "copy.deepcopy", NULL };
	cleanup_str struct str callee = STR_INIT;
	cleanup_str struct str argument = STR_INIT;
	size_t len = strlen(name);
	if (python_is(node, "subscript") && python_is(python_child(node, "subscript"), "slice"))
		return code_dotted(code, python_child(node, "value"), function, &argument, NULL) == 0 &&
			strcmp(str_text(&argument), name) == 0;
	if (!python_is(node, "call") || code_dotted(code, python_child(node, "function"), function, &callee, NULL) < 0)
		return false;
	if (strncmp(str_text(&callee), name, len) == 0 && strcmp(str_text(&callee) + len, ".copy") == 0)
		return true;
	for (size_t i = 0; copiers[i]; i++)
		if (strcmp(str_text(&callee), copiers[i]) == 0)
			return code_dotted(code, code_argument(code, python_child(node, "arguments"), 0, NULL),
					   function, &argument, NULL) == 0 &&
				strcmp(str_text(&argument), name) == 0;
	return false;
}

int match_rebound(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->kind != EVENT_SET || event->function < 0 || event->root != EVENT_ROOT_IMPORT ||
		    !python_is(event->node, "attribute") || !event_undoes(code, event))
			continue;
		TSNode value = code_resolve(code, event->value, event->function);
		if (is_copy_of(code, value, event->function, event->name) &&
		    match_add(rule, code, event->node, event->function, event->name, out) < 0)
			return -1;
	}
	return 0;
}

static int method_of(const struct code *code, int class_index, const char *name)
{
	for (size_t i = 0; i < code->functions.len; i++)
		if (code->functions.at[i].class_index == class_index && code->functions.at[i].is_method &&
		    strcmp(code->functions.at[i].name, name) == 0)
			return (int)i;
	return -1;
}

int match_without_super(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (function->kind != FUNCTION_SETUP || function->class_index < 0 || !function->is_method)
			continue;
		const struct code_class *class = &code->classes.at[function->class_index];
		for (size_t b = 0; b < class->bases.len; b++) {
			const char *dot = strrchr(class->bases.at[b], '.');
			const char *base_name = dot ? dot + 1 : class->bases.at[b];
			int base;
			const struct code *home = code_set_class(set, base_name, &base);
			int overridden = home ? method_of(home, base, function->name) : -1;
			if (overridden < 0 || code_node_contains(code, function->body, "super(") ||
			    code_node_contains(code, function->body, base_name) ||
			    !code_node_contains(home, home->functions.at[overridden].body, "="))
				continue;
			cleanup_str struct str subject = STR_INIT;
			if (str_addf(&subject, "%s.%s", class->name, function->name) < 0 ||
			    match_add_local(rule, code, function->node, (int)i, str_text(&subject), out) < 0)
				return -1;
		}
	}
	return 0;
}
