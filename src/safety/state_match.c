#define _GNU_SOURCE
#include "safety/state_match.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "safety/match.h"
#include "safety/names.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int add_global(const struct rule *rule, const struct code_set *set, const struct code *code, const char *name,
		      struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event_leaves_changed(set, code, event, name) &&
		    match_add_local(rule, code, event->node, event->function, name, out) < 0)
			return -1;
	}
	return 0;
}

/* `module.NAME.append(x)` in a test, where the project's module binds NAME to something mutable. */
static int match_imported_global(const struct rule *rule, const struct code_set *set, const struct code *code,
				 struct findings *out)
{
	cleanup_str struct str changed = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->root != EVENT_ROOT_IMPORT || event->function < 0)
			continue;
		const char *name = event_mutates(event, &changed);
		char *dot = name ? strrchr(changed.buf, '.') : NULL;
		if (!dot || (event->kind != EVENT_CALL && !text_ends_with(event->name, "@")))
			continue;
		*dot = '\0';
		const struct code *module = code_set_module(set, changed.buf);
		const struct code_binding *binding = module ? code_binding(module, dot + 1, -1) : NULL;
		*dot = '.';
		if (binding && node_is_mutable(module, binding->value, -1) && event_runs_in_tests(code, event) &&
		    !function_resets(code, code_outermost(code, event->function), changed.buf) &&
		    !name_change_undone(set, code, event, changed.buf) &&
		    match_add(rule, code, event->node, event->function, changed.buf, out) < 0)
			return -1;
	}
	return 0;
}

/* Cheap: some function changes something of that name. */
static bool is_ever_changed(const struct code *code, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function >= 0 && strncmp(event->name, name, len) == 0 &&
		    (event->name[len] == '\0' || event->name[len] == '.' || event->name[len] == '@'))
			return true;
	}
	return false;
}

int match_global_changed(const struct rule *rule, const struct code_set *set, const struct code *code,
			 struct findings *out)
{
	for (size_t i = 0; i < code->bindings.len; i++) {
		const struct code_binding *binding = &code->bindings.at[i];
		if (binding->class_index >= 0 || !is_ever_changed(code, binding->name))
			continue;
		struct global_use use = global_use_of(set, code, binding->name);
		if (use.writers == 0 || use.users < 2)
			continue;
		if (add_global(rule, set, code, binding->name, out) < 0)
			return -1;
	}
	return match_imported_global(rule, set, code, out);
}

/* Frameworks whose classes copy what stands in the class body, or mean something else by it. */
static bool is_plain_class(const struct code_class *class)
{
	static const char *const special[] = { "model",    "schema",    "struct",   "form",        "enum",
					       "tuple",    "typeddict", "document", "declarative", "serializer",
					       "settings", "protocol",  NULL };
	if (class->has_metaclass || strstr(class->decorators, "dataclass") || strstr(class->decorators, "attr") ||
	    strstr(class->decorators, "define"))
		return false;
	for (size_t b = 0; b < class->bases.len; b++)
		for (size_t i = 0; special[i]; i++)
			if (text_has_word((struct slice){ class->bases.at[b], strlen(class->bases.at[b]) }, special[i]))
				return false;
	return true;
}

/* An instance gets an attribute of its own somewhere in the class: `self.x = …`. */
static bool sets_own(const struct code *code, int class_index, const char *name)
{
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "set self.%s", name) < 0)
		return true;
	for (size_t i = 0; i < code->events.len; i++)
		if (code->events.at[i].class_index == class_index &&
		    strcmp(code->events.at[i].text, str_text(&text)) == 0)
			return true;
	return code_node_contains(code, code->classes.at[class_index].body, "setattr(self");
}

int match_class_store(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	cleanup_str struct str changed = STR_INIT;
	cleanup_str struct str subject = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->class_index < 0 || event->function < 0 || !text_starts_with(event->name, "self."))
			continue;
		const struct code_class *class = &code->classes.at[event->class_index];
		const char *name = event_mutates(event, &changed);
		if (!name || strchr(name + 5, '.'))
			continue;
		const struct code_binding *binding = code_binding(code, name + 5, event->class_index);
		if (!binding || !node_is_mutable(code, binding->value, -1) || !is_plain_class(class) ||
		    sets_own(code, event->class_index, name + 5) || name_change_undone(set, code, event, name))
			continue;
		str_clear(&subject);
		if (str_addf(&subject, "%s.%s", class->name, name + 5) < 0 ||
		    match_add(rule, code, event->node, event->function, str_text(&subject), out) < 0)
			return -1;
		/* A private name in code under test is often a cache on purpose. */
		if (code->role == ROLE_PROJECT && name[5] == '_')
			findings_find(out, rule->code, str_text(&subject))->severity = SEVERITY_NOTE;
	}
	return 0;
}

static const struct state_change registration = {
	.events = WORDS("call codecs.register", "call codecs.register_error", "call copyreg.pickle",
			"call sqlite3.register_adapter", "call sqlite3.register_converter",
			"call shutil.register_archive_format", "call shutil.register_unpack_format",
			"call csv.register_dialect", "call mimetypes.add_type", "call webbrowser.register",
			"call *signals.*.connect", "call *.add_listener", "call *.register_*"),
	.undo = WORDS("call *.unregister*", "call *.deregister*", "call *.remove*", "call *.disconnect*",
		      "call *.clear*", "call *.reset*", "call *.pop", "del *", "call mimetypes.init",
		      "call *.restore*"),
	.guards = WORDS("regist", "override", "patch"),
};

int match_registration(const struct rule *rule, const struct code_set *set, const struct code *code,
		       struct findings *out)
{
	cleanup_str struct str subject = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->root != EVENT_ROOT_IMPORT || strchr(event->name, '(') ||
		    text_starts_with(event->name, "pytest.") || !event_matches(event, registration.events) ||
		    !event_runs_in_tests(code, event) || change_is_undone(set, code, event, &registration))
			continue;
		if (event_subject(code, event, &subject) < 0 ||
		    match_add(rule, code, event->node, event->function, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

static bool is_cached(const struct code_function *function)
{
	return strstr(function->decorators, "lru_cache") || strstr(function->decorators, "functools.cache") ||
		strstr(function->decorators, "@cache\n");
}

static bool reads_surroundings(const struct code *code, TSNode body)
{
	return code_node_contains(code, body, "os.environ") || code_node_contains(code, body, "getenv(") ||
		code_node_contains(code, body, "os.getcwd") || code_node_contains(code, body, ".read_text(") ||
		code_node_contains(code, body, "open(");
}

static bool is_cleared(const struct code_set *set, const char *name)
{
	cleanup_str struct str clear = STR_INIT;
	if (str_addf(&clear, "%s.cache_clear", name) < 0)
		return true;
	for (size_t i = 0; i < set->files.len; i++)
		for (size_t e = 0; e < set->files.at[i].events.len; e++)
			if (text_ends_with(set->files.at[i].events.at[e].name, str_text(&clear)))
				return true;
	return false;
}

int match_cached_state(const struct rule *rule, const struct code_set *set, const struct code *code,
		       struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (function->parameters.len > 0 || !is_cached(function) || !reads_surroundings(code, function->body) ||
		    is_cleared(set, function->name))
			continue;
		if (match_add_local(rule, code, function->node, (int)i, function->name, out) < 0)
			return -1;
	}
	return 0;
}

static const char *const thread_makers[] = { "call threading.Thread",
					     "call threading.Timer",
					     "call multiprocessing.Process",
					     "call multiprocessing.Pool",
					     "call multiprocessing.pool.ThreadPool",
					     "call concurrent.futures.ThreadPoolExecutor",
					     "call concurrent.futures.ProcessPoolExecutor",
					     NULL };
static const char *const thread_ends[] = { "join", "cancel", "shutdown", "terminate", "close", "kill", NULL };

/* Something in the function ends a thread, or may: any `x.join()` but that of a text. */
static bool ends_threads(const struct code *code, int function)
{
	int outermost = code_outermost(code, function);
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->kind != EVENT_CALL || code_outermost(code, event->function) != outermost)
			continue;
		const char *dot = strrchr(event->name, '.');
		for (size_t e = 0; dot && thread_ends[e]; e++)
			if (strcmp(dot + 1, thread_ends[e]) == 0 && event->name[0] != '?' &&
			    !text_ends_with(event->name, "path.join"))
				return true;
	}
	return false;
}

/* The name a call's value is assigned to; false when it is used in another way. */
static bool assigned_to(const struct code *code, TSNode call, struct str *name)
{
	TSNode parent = ts_node_parent(call);
	TSNode left = python_child(parent, "left");
	str_clear(name);
	if (!python_is(parent, "assignment") || !python_is(left, "identifier"))
		return false;
	struct slice text = code_slice(code, left);
	return str_add(name, text.ptr, text.len) == 0;
}

static bool calls_method(const struct code *code, int function, const char *name, const char *method)
{
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "call %s.%s", name, method) < 0)
		return false;
	for (size_t i = 0; i < code->events.len; i++)
		if (code->events.at[i].function == function && strcmp(code->events.at[i].text, str_text(&text)) == 0)
			return true;
	return false;
}

int match_thread_left(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, thread_makers))
			continue;
		TSNode parent = ts_node_parent(event->node);
		bool chained = python_is(parent, "attribute") &&
			code_node_equals(code, python_child(parent, "attribute"), "start");
		bool named = assigned_to(code, event->node, &name);
		bool pool = text_ends_with(event->name, "Pool") || text_ends_with(event->name, "Executor");
		if (!chained && !(named && (pool || calls_method(code, event->function, str_text(&name), "start"))))
			continue;
		TSNode daemon = code_argument(code, event->value, -1, "daemon");
		cleanup_str struct str joined = STR_INIT;
		if (str_addf(&joined, "%s.join", str_text(&name)) < 0)
			return -1;
		if (code_node_equals(code, daemon, "True") || ends_threads(code, event->function) ||
		    (named && code_node_contains(code, code->functions.at[event->function].body, str_text(&joined))))
			continue;
		if (named && code_node_contains(code, code->functions.at[event->function].body, "return "))
			continue;
		if (match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

static bool is_closed_at_import(const struct code *code, const char *name)
{
	return calls_method(code, -1, name, "close");
}

/* Calls at module level whose value a module-level name keeps. */
static int match_kept_at_import(const struct rule *rule, const struct code *code, const char *const *calls,
				struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function >= 0 || !event_matches(event, calls) || !event_at_import(code, event) ||
		    !assigned_to(code, event->node, &name) || is_closed_at_import(code, str_text(&name)) ||
		    !ts_node_is_null(node_above(event->node, "with_statement")))
			continue;
		if (match_add_local(rule, code, event->node, -1, str_text(&name), out) < 0)
			return -1;
	}
	return 0;
}

int match_engine_at_import(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	return match_kept_at_import(rule, code,
				    WORDS("call *create_engine", "call *create_async_engine", "call sqlite3.connect",
					  "call psycopg2.connect", "call psycopg.connect", "call pymysql.connect",
					  "call MySQLdb.connect", "call redis.Redis", "call redis.StrictRedis",
					  "call redis.from_url", "call pymongo.MongoClient", "call duckdb.connect"),
				    out);
}

int match_open_at_import(const struct rule *rule, const struct code_set *set, const struct code *code,
			 struct findings *out)
{
	return match_kept_at_import(rule, code,
				    WORDS("call open", "call io.open", "call codecs.open", "call socket.socket",
					  "call tempfile.TemporaryFile", "call tempfile.NamedTemporaryFile",
					  "call os.open"),
				    out);
}

static int check_defaults(const struct rule *rule, const struct code *code, int index, struct findings *out)
{
	const struct code_function *function = &code->functions.at[index];
	TSNode parameters = python_child(function->node, "parameters");
	cleanup_str struct str changed = STR_INIT;
	for (uint32_t i = 0; i < ts_node_named_child_count(parameters); i++) {
		TSNode parameter = ts_node_named_child(parameters, i);
		TSNode name = python_child(parameter, "name"), value = python_child(parameter, "value");
		if (ts_node_is_null(value) || !node_is_mutable(code, value, -1))
			continue;
		for (size_t e = 0; e < code->events.len; e++) {
			const struct code_event *event = &code->events.at[e];
			const char *what = event->function == index ? event_mutates(event, &changed) : NULL;
			if (!what || !code_node_equals(code, name, what) ||
			    !ts_node_is_null(code_local_value(code, index, what)))
				continue;
			cleanup_str struct str subject = STR_INIT;
			if (str_addf(&subject, "%s(%s=…)", function->name, what) < 0 ||
			    match_add_local(rule, code, event->node, index, str_text(&subject), out) < 0)
				return -1;
		}
	}
	return 0;
}

int match_default_changed(const struct rule *rule, const struct code_set *set, const struct code *code,
			  struct findings *out)
{
	for (size_t i = 0; i < code->functions.len; i++)
		if (check_defaults(rule, code, (int)i, out) < 0)
			return -1;
	return 0;
}

int match_cache_on_base(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	cleanup_str struct str text = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (strcmp(event->text, "call hasattr") != 0 || event->class_index < 0 ||
		    !code_node_equals(code, code_argument(code, event->value, 0, NULL), "cls") ||
		    !code_literal(code, code_argument(code, event->value, 1, NULL), &name))
			continue;
		str_clear(&text);
		if (str_addf(&text, "set cls.%s", str_text(&name)) < 0)
			return -1;
		for (size_t e = 0; e < code->events.len; e++) {
			if (code->events.at[e].function != event->function ||
			    strcmp(code->events.at[e].text, str_text(&text)) != 0)
				continue;
			str_clear(&text);
			if (str_addf(&text, "%s.%s", code->classes.at[event->class_index].name, str_text(&name)) < 0 ||
			    match_add(rule, code, event->node, event->function, str_text(&text), out) < 0)
				return -1;
			break;
		}
	}
	return 0;
}

/* The class records its subclasses: __init_subclass__ changes something that stays. */
static bool records_subclasses(const struct code *code, int class_index)
{
	cleanup_str struct str changed = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->class_index != class_index || event->function < 0 ||
		    strcmp(code->functions.at[event->function].name, "__init_subclass__") != 0)
			continue;
		const char *what = event_mutates(event, &changed);
		bool kept = event->root != EVENT_ROOT_LOCAL || text_starts_with(event->name, "cls.");
		if (what && kept && (event->kind != EVENT_SET || text_ends_with(event->name, "@")))
			return true;
	}
	return false;
}

int match_registered_class(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	for (size_t i = 0; i < code->classes.len; i++) {
		const struct code_class *class = &code->classes.at[i];
		int test = code_outermost(code, class->function);
		if (test < 0 || code->functions.at[test].kind != FUNCTION_TEST)
			continue;
		for (size_t b = 0; b < class->bases.len; b++) {
			const char *dot = strrchr(class->bases.at[b], '.');
			int base;
			const struct code *home = code_set_class(set, dot ? dot + 1 : class->bases.at[b], &base);
			if (!home || !records_subclasses(home, base))
				continue;
			cleanup_str struct str subject = STR_INIT;
			if (str_addf(&subject, "subclasses of %s", home->classes.at[base].name) < 0 ||
			    match_add(rule, code, class->node, class->function, str_text(&subject), out) < 0)
				return -1;
		}
	}
	return 0;
}
