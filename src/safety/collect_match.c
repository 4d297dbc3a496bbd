#define _GNU_SOURCE
#include "safety/collect_match.h"

#include <string.h>

#include "base/fs.h"
#include "safety/match.h"
#include "safety/path_guess.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define DEPTH_MAX 12

static bool is_one_of(const char *name, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Small integers hash to themselves: a set of them has one order everywhere. */
static bool holds_only_integers(TSNode set)
{
	for (uint32_t i = 0; i < ts_node_named_child_count(set); i++)
		if (!python_is(ts_node_named_child(set, i), "integer") &&
		    !python_is(ts_node_named_child(set, i), "comment"))
			return false;
	return true;
}

static bool is_unordered(const struct code *code, TSNode node, int function, int depth)
{
	static const char *const sets[] = { "set",     "frozenset", "os.listdir", "os.scandir",
					    "os.walk", "glob.glob", "glob.iglob", NULL };
	static const char *const methods[] = { "iterdir", "glob", "rglob", NULL };
	static const char *const passes[] = {
		"list", "tuple", "enumerate", "reversed", "itertools.chain", "iter", NULL
	};
	node = code_resolve(code, node_without_parentheses(node), function);
	if (depth > DEPTH_MAX || ts_node_is_null(node))
		return false;
	if (python_is(node, "set"))
		return !holds_only_integers(node);
	if (python_is(node, "set_comprehension"))
		return true;
	if (python_is(node, "list_comprehension") || python_is(node, "generator_expression")) {
		for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
			TSNode clause = ts_node_named_child(node, i);
			if (python_is(clause, "for_in_clause"))
				return is_unordered(code, python_child(clause, "right"), function, depth + 1);
		}
		return false;
	}
	if (!python_is(node, "call"))
		return false;
	cleanup_str struct str callee = STR_INIT;
	if (code_dotted(code, python_child(node, "function"), function, &callee, NULL) < 0)
		return false;
	const char *name = str_text(&callee), *dot = strrchr(name, '.');
	TSNode first = code_argument(code, python_child(node, "arguments"), 0, NULL);
	if (is_one_of(name, sets))
		return !ts_node_is_null(first) || text_starts_with(name, "os.");
	if (is_one_of(name, passes))
		return is_unordered(code, first, function, depth + 1);
	return dot && is_one_of(dot + 1, methods);
}

bool node_is_unordered(const struct code *code, TSNode node, int function)
{
	return is_unordered(code, node, function, 0);
}

/* The values that an event parametrizes with; a null node for other events. */
static TSNode parametrized_values(const struct code *code, const struct code_event *event)
{
	TSNode none = { .id = NULL };
	if (event->kind != EVENT_CALL)
		return none;
	if (text_ends_with(event->name, "parametrize"))
		return code_argument(code, event->value, 1, "argvalues");
	if (text_ends_with(event->name, "fixture"))
		return code_argument(code, event->value, -1, "params");
	return none;
}

int match_unordered_values(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		TSNode values = parametrized_values(code, &code->events.at[i]);
		if (!ts_node_is_null(values) && node_is_unordered(code, values, code->events.at[i].function) &&
		    match_add(rule, code, code->events.at[i].node, code->events.at[i].function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

static bool holds_nameless_objects(const struct code *code, TSNode values)
{
	for (uint32_t i = 0; i < ts_node_named_child_count(values); i++) {
		TSNode value = ts_node_named_child(values, i);
		if (python_is(value, "lambda") || code_node_equals(code, value, "object()") ||
		    (python_is(value, "tuple") && holds_nameless_objects(code, value)))
			return true;
	}
	return false;
}

int match_address_ids(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		TSNode values = code_resolve(code, parametrized_values(code, event), -1);
		if (ts_node_is_null(values))
			continue;
		TSNode ids = code_argument(code, event->value, -1, "ids");
		bool shows_address = code_node_equals(code, ids, "repr") || code_node_equals(code, ids, "str") ||
			(python_is(ids, "lambda") && code_node_contains(code, ids, "repr("));
		if (shows_address && holds_nameless_objects(code, values) &&
		    match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

/* The call that parametrizes, if the node stands among its values. */
static TSNode parametrize_above(const struct code *code, TSNode node)
{
	TSNode call = node_above(node, "call");
	while (!ts_node_is_null(call)) {
		struct slice callee = code_slice(code, python_child(call, "function"));
		if (callee.len >= 11 && strncmp(callee.ptr + callee.len - 11, "parametrize", 11) == 0)
			return call;
		call = node_above(call, "call");
	}
	return call;
}

/* The node makes the list of values, and is not one of them. */
static bool chooses_values(const struct code *code, TSNode node)
{
	TSNode call = parametrize_above(code, node);
	if (ts_node_is_null(call))
		return false;
	for (TSNode at = ts_node_parent(node); !ts_node_is_null(at) && !ts_node_eq(at, call); at = ts_node_parent(at))
		if (python_is(at, "list") || python_is(at, "tuple") || python_is(at, "keyword_argument"))
			return false;
	return true;
}

int match_values_from_outside(const struct rule *rule, const struct code_set *set, const struct code *code,
			      struct findings *out)
{
	static const char *const network[] = { "call requests.get",
					       "call requests.post",
					       "call urllib.request.urlopen",
					       "call httpx.get",
					       "call socket.create_connection",
					       NULL };
	static const char *const environment[] = { "call os.getenv", "call os.environ.get", NULL };
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function >= 0)
			continue;
		bool found = (event_matches(event, network) && event_at_import(code, event)) ||
			(event_matches(event, environment) && chooses_values(code, event->node));
		if (found && match_add(rule, code, event->node, -1, NULL, out) < 0)
			return -1;
	}
	return 0;
}

static bool has_import_effect(const struct code_set *set, const struct code *code, const struct code_event *event)
{
	static const char *const anywhere[] = { "call subprocess.Popen", "call os.system",
						"call threading.Thread().start", "call *.serve_forever", NULL };
	static const char *const in_tests[] = { "set os.environ@",       "call os.environ.update",
						"call os.putenv",        "call os.chdir",
						"call logging.disable",  "call random.seed",
						"call locale.setlocale", NULL };
	TSNode paths[2];
	cleanup_str struct str path = STR_INIT;
	if (event_matches(event, anywhere) || (code->role == ROLE_TEST && event_matches(event, in_tests)))
		return true;
	int count = event_written_paths(code, event, paths);
	for (int i = 0; i < count; i++)
		if (path_guess(set, code, paths[i], -1, &path) != PATH_UNKNOWN)
			return true;
	return false;
}

int match_import_effect(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 && has_import_effect(set, code, event) && event_at_import(code, event) &&
		    match_add(rule, code, event->node, -1, NULL, out) < 0)
			return -1;
	}
	return 0;
}

int match_worker_at_import(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	static const char word[] = "PYTEST_XDIST_WORKER";
	const char *text = str_text(&code->text);
	for (const char *at = text; (at = memmem(at, code->text.len - (size_t)(at - text), word, strlen(word))) != NULL;
	     at += strlen(word)) {
		uint32_t start = (uint32_t)(at - text);
		TSNode node = ts_node_descendant_for_byte_range(code->root, start, start + 1);
		while (!ts_node_is_null(node) && !python_is(node, "string"))
			node = ts_node_parent(node);
		if (ts_node_is_null(node) || code_function_at(code, start) >= 0 ||
		    !ts_node_is_null(node_above(node, "decorator")) || !ts_node_is_null(node_above(node, "lambda")))
			continue;
		TSNode above = ts_node_parent(node);
		bool read = python_is(above, "subscript") || python_is(above, "argument_list") ||
			python_is(above, "comparison_operator");
		if (read && match_add_local(rule, code, node, -1, word, out) < 0)
			return -1;
	}
	return 0;
}

static bool has_package(const struct code_set *set, const char *path)
{
	size_t len = (size_t)(fs_base_name(path) - path);
	for (size_t i = 0; i < set->files.len; i++) {
		const char *other = set->files.at[i].path;
		if (strncmp(other, path, len) == 0 && strcmp(other + len, "__init__.py") == 0)
			return true;
	}
	return false;
}

int match_same_basename(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	const char *name = fs_base_name(code->path);
	if (set->importlib_mode || has_package(set, code->path))
		return 0;
	for (size_t i = 0; i < set->files.len && &set->files.at[i] != code; i++) {
		const struct code *other = &set->files.at[i];
		if (other->role != ROLE_TEST || strcmp(fs_base_name(other->path), name) != 0 ||
		    has_package(set, other->path))
			continue;
		return match_add(rule, code, code->root, -1, name, out);
	}
	return 0;
}

/* pytest puts texts and numbers into ids, not objects: `str(x)`, `x.hex`, `x.strftime(…)`. */
static bool is_made_plain(const struct code *code, TSNode node)
{
	TSNode parent = ts_node_parent(node);
	if (python_is(parent, "attribute"))
		return !code_node_equals(code, python_child(parent, "attribute"), "replace") &&
			!code_node_equals(code, python_child(parent, "attribute"), "date");
	if (python_is(parent, "interpolation"))
		return true;
	TSNode call = ts_node_parent(parent);
	return python_is(parent, "argument_list") &&
		(code_node_equals(code, python_child(call, "function"), "str") ||
		 code_node_equals(code, python_child(call, "function"), "repr"));
}

/* pytest.param(…, id="x") */
static bool has_own_id(const struct code *code, TSNode node)
{
	for (TSNode call = node_above(node, "call"); !ts_node_is_null(call); call = node_above(call, "call"))
		if (!ts_node_is_null(code_argument(code, python_child(call, "arguments"), -1, "id")))
			return true;
	return false;
}

int match_changing_values(const struct rule *rule, const struct code_set *set, const struct code *code,
			  struct findings *out)
{
	static const char *const objects[] = { "call datetime.*", "call uuid.*", "call django.*", NULL };
	static const char *const of_time_given[] = { "call time.strftime", NULL };
	static const char *const calls[] = { "call datetime.datetime.now",
					     "call datetime.datetime.utcnow",
					     "call datetime.datetime.today",
					     "call datetime.date.today",
					     "call time.time",
					     "call time.time_ns",
					     "call time.monotonic",
					     "call time.perf_counter",
					     "call time.strftime",
					     "call tempfile.mkdtemp",
					     "call tempfile.mktemp",
					     "call uuid.uuid1",
					     "call uuid.uuid4",
					     "call id",
					     "call os.getpid",
					     "call random.random",
					     "call random.randint",
					     "call random.choice",
					     "call random.sample",
					     "call random.randrange",
					     "call random.choices",
					     "call random.uniform",
					     "call secrets.*",
					     "call os.urandom",
					     "call numpy.random.rand*",
					     "call django.utils.timezone.now",
					     NULL };
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (!event_matches(event, calls) || !ts_node_is_null(node_above(event->node, "lambda")))
			continue;
		TSNode call = parametrize_above(code, event->node);
		if (event_matches(event, objects) && !is_made_plain(code, event->node))
			continue;
		if (has_own_id(code, event->node))
			continue;
		if (event_matches(event, of_time_given) &&
		    !ts_node_is_null(code_argument(code, python_child(event->node, "arguments"), 1, "t")))
			continue;
		if (!ts_node_is_null(call) &&
		    ts_node_is_null(code_argument(code, python_child(call, "arguments"), -1, "ids")) &&
		    match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}
