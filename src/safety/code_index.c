#include "safety/code_index.h"

#include <string.h>

#include "base/os.h"

#include "base/banned.h"

/* Deeper nesting than any person or compiler accepts is not followed. */
#define DEPTH_MAX 400

struct place {
	int function;
	int class_index;
	bool in_class_body; /* names bound here are class attributes */
	int depth;
};

const char *code_keep(struct code *code, struct slice bytes)
{
	char *copy = os_malloc(bytes.len + 1);
	if (!copy)
		return NULL;
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	copy[bytes.len] = '\0';
	if (vec_push(&code->pool, copy) < 0) {
		vec_free(copy);
		return NULL;
	}
	return copy;
}

static const char *keep_node(struct code *code, TSNode node)
{
	return code_keep(code, code_slice(code, node));
}

static int add_slice(struct strings *list, struct slice text)
{
	if (text.len == 0 || text.len > 200)
		return 0;
	char name[201];
	memcpy(name, text.ptr, text.len);
	name[text.len] = '\0';
	return strings_find(list, name) >= 0 ? 0 : strings_add(list, name);
}

/* Every identifier that an assignment target, a parameter or a loop variable binds. */
static int add_names(struct code *code, TSNode node, struct strings *names, int depth)
{
	if (depth > DEPTH_MAX || ts_node_is_null(node) || python_is(node, "attribute") || python_is(node, "subscript"))
		return 0;
	if (python_is(node, "identifier"))
		return add_slice(names, code_slice(code, node));
	if (python_is(node, "default_parameter") || python_is(node, "typed_default_parameter"))
		return add_names(code, python_child(node, "name"), names, depth + 1);
	if (python_is(node, "typed_parameter"))
		return add_names(code, ts_node_named_child(node, 0), names, depth + 1);
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++)
		if (add_names(code, ts_node_named_child(node, i), names, depth + 1) < 0)
			return -1;
	return 0;
}

static void remove_names(struct strings *from, const struct strings *names)
{
	for (size_t i = 0; i < names->len; i++) {
		long at = strings_find(from, names->at[i]);
		if (at < 0)
			continue;
		vec_free(from->at[at]);
		from->at[at] = from->at[--from->len];
		from->at[from->len] = NULL;
	}
}

/* "a.b" bound as "a" by `import a.b`; as given by `import a.b as c`. */
static int add_import(struct code *code, TSNode name, const char *prefix, int function)
{
	struct code_import import = { .function = function };
	struct str target = STR_INIT;
	TSNode dotted = python_is(name, "aliased_import") ? python_child(name, "name") : name;
	struct slice text = code_slice(code, dotted);
	if (python_is(name, "aliased_import")) {
		import.name = keep_node(code, python_child(name, "alias"));
	} else {
		const char *dot = prefix ? NULL : memchr(text.ptr, '.', text.len);
		if (dot)
			text.len = (size_t)(dot - text.ptr);
		import.name = code_keep(code, text);
	}
	bool failed = !import.name;
	if (prefix && !failed)
		failed = str_addf(&target, "%s%s", prefix, prefix[strlen(prefix) - 1] == '.' ? "" : ".") < 0;
	if (!failed)
		failed = str_add(&target, text.ptr, text.len) < 0;
	if (!failed)
		import.target = code_keep(code, str_slice(&target));
	failed = failed || !import.target || vec_push(&code->imports, import) < 0;
	str_release(&target);
	return failed ? -1 : 0;
}

static int add_imports(struct code *code, TSNode node, int function)
{
	const char *prefix = NULL;
	TSNode module = python_child(node, "module_name");
	if (!ts_node_is_null(module)) {
		prefix = keep_node(code, module);
		if (!prefix)
			return -1;
	}
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		if ((!ts_node_is_null(module) && ts_node_eq(child, module)) ||
		    (!python_is(child, "dotted_name") && !python_is(child, "aliased_import")))
			continue;
		if (add_import(code, child, prefix, function) < 0)
			return -1;
	}
	return 0;
}

static int add_binding(struct code *code, TSNode node, TSNode target, TSNode value, const struct place *place)
{
	if (!python_is(target, "identifier"))
		return 0;
	int class_index = place->in_class_body ? place->class_index : -1;
	for (size_t i = 0; i < code->bindings.len; i++) {
		struct code_binding *old = &code->bindings.at[i];
		if (old->class_index == class_index && code_node_equals(code, target, old->name)) {
			old->count++;
			return 0;
		}
	}
	struct code_binding binding = { keep_node(code, target), value, node, class_index, 1 };
	return !binding.name || vec_push(&code->bindings, binding) < 0 ? -1 : 0;
}

/* The decorators of a definition, as text; "" without. */
static const char *decorators_text(struct code *code, TSNode node)
{
	TSNode parent = ts_node_parent(node);
	if (!python_is(parent, "decorated_definition"))
		return "";
	uint32_t start = ts_node_start_byte(parent), end = ts_node_start_byte(node);
	return code_keep(code, (struct slice){ str_text(&code->text) + start, end - start });
}

static bool name_in(const char *name, const char *const names[])
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static const char *const setup_names[] = {
	"setUp",
	"asyncSetUp",
	"setUpClass",
	"setUpModule",
	"setup",
	"setup_method",
	"setup_class",
	"setup_module",
	"setup_function",
	"setUpTestData",
	"setup_test_class",
	"before_each",
	NULL,
};
static const char *const teardown_names[] = {
	"tearDown",          "asyncTearDown",       "tearDownClass",  "tearDownModule",
	"teardown",          "teardown_method",     "teardown_class", "teardown_module",
	"teardown_function", "teardown_test_class", "doCleanups",     NULL,
};

static enum fixture_scope scope_of_setup(const char *name)
{
	if (strstr(name, "odule"))
		return SCOPE_MODULE;
	return strstr(name, "lass") || strcmp(name, "setUpTestData") == 0 ? SCOPE_CLASS : SCOPE_FUNCTION;
}

static enum fixture_scope scope_by_name(const char *name)
{
	static const char *const names[] = { "function", "class", "module", "package", "session" };
	for (int i = SCOPE_FUNCTION; i <= SCOPE_SESSION; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum fixture_scope)i;
	return SCOPE_FUNCTION;
}

/* Reads scope=, autouse= and name= of the fixture decorator. 1 when there is one, 0 when not. */
static int read_fixture(struct code *code, struct code_function *function)
{
	struct str text = STR_INIT;
	int found = 0;
	TSNode parent = ts_node_parent(function->node);
	if (!python_is(parent, "decorated_definition"))
		return 0;
	for (uint32_t i = 0; i < ts_node_named_child_count(parent) && !found; i++) {
		TSNode decorator = ts_node_named_child(parent, i);
		if (!python_is(decorator, "decorator"))
			continue;
		TSNode call = ts_node_named_child(decorator, 0), arguments = { .id = NULL };
		TSNode callee = call;
		if (python_is(call, "call")) {
			callee = python_child(call, "function");
			arguments = python_child(call, "arguments");
		}
		struct slice name = code_slice(code, callee);
		size_t tail = strlen("fixture");
		if (name.len < tail || strncmp(name.ptr + name.len - tail, "fixture", tail) != 0)
			continue;
		found = 1;
		if (code_literal(code, code_argument(code, arguments, -1, "scope"), &text))
			function->scope = scope_by_name(str_text(&text));
		function->autouse = code_node_equals(code, code_argument(code, arguments, -1, "autouse"), "True");
		if (code_literal(code, code_argument(code, arguments, -1, "name"), &text))
			function->fixture_name = code_keep(code, str_slice(&text));
	}
	str_release(&text);
	return found;
}

static int set_kind(struct code *code, struct code_function *function)
{
	function->kind = FUNCTION_PLAIN;
	function->fixture_name = function->name;
	if (!(code->role & ROLE_TESTS))
		return 0;
	bool in_test_class = function->class_index < 0 || code->classes.at[function->class_index].is_test;
	if (read_fixture(code, function)) {
		function->kind = FUNCTION_FIXTURE;
	} else if (function->parent >= 0) {
		return 0;
	} else if (name_in(function->name, setup_names)) {
		function->kind = FUNCTION_SETUP;
		function->scope = scope_of_setup(function->name);
	} else if (name_in(function->name, teardown_names)) {
		function->kind = FUNCTION_TEARDOWN;
		function->scope = scope_of_setup(function->name);
	} else if (code->role == ROLE_TEST && in_test_class && text_starts_with(function->name, "test")) {
		function->kind = FUNCTION_TEST;
	}
	return function->fixture_name ? 0 : -1;
}

static int add_function(struct code *code, TSNode node, const struct place *place)
{
	struct code_function function = {
		.node = node,
		.body = python_child(node, "body"),
		.name = keep_node(code, python_child(node, "name")),
		.class_index = place->class_index,
		.parent = place->function,
		.is_method = place->in_class_body,
		.decorators = decorators_text(code, node),
	};
	if (!place->in_class_body && place->function >= 0)
		function.class_index = code->functions.at[place->function].class_index;
	if (!function.name || !function.decorators)
		return -1;
	if (set_kind(code, &function) < 0 || vec_push(&code->functions, function) < 0)
		return -1;
	struct code_function *kept = &code->functions.at[code->functions.len - 1];
	if (add_names(code, python_child(node, "parameters"), &kept->parameters, 0) < 0)
		return -1;
	for (size_t i = 0; i < kept->parameters.len; i++)
		if (strings_add(&kept->locals, kept->parameters.at[i]) < 0)
			return -1;
	return 0;
}

static bool looks_like_test_class(const struct code_class *class)
{
	if (text_starts_with(class->name, "Test") || text_ends_with(class->name, "Test") ||
	    text_ends_with(class->name, "Tests") || text_ends_with(class->name, "TestCase"))
		return true;
	for (size_t i = 0; i < class->bases.len; i++) {
		const char *dot = strrchr(class->bases.at[i], '.');
		const char *last = dot ? dot + 1 : class->bases.at[i];
		if (strstr(last, "TestCase") || strstr(last, "TestBase") || text_starts_with(last, "Test"))
			return true;
	}
	return false;
}

static int add_class(struct code *code, TSNode node, const struct place *place)
{
	struct code_class class = {
		.node = node,
		.body = python_child(node, "body"),
		.name = keep_node(code, python_child(node, "name")),
		.decorators = decorators_text(code, node),
		.parent = place->in_class_body ? place->class_index : -1,
		.function = place->function,
	};
	cleanup_str struct str dotted = STR_INIT;
	TSNode bases = python_child(node, "superclasses");
	if (!class.name || !class.decorators)
		return -1;
	for (uint32_t i = 0; !ts_node_is_null(bases) && i < ts_node_named_child_count(bases); i++) {
		TSNode base = ts_node_named_child(bases, i);
		if (python_is(base, "keyword_argument")) {
			class.has_metaclass |= code_node_equals(code, python_child(base, "name"), "metaclass");
			continue;
		}
		if (code_dotted(code, base, place->function, &dotted, NULL) < 0 ||
		    strings_add(&class.bases, str_text(&dotted)) < 0) {
			strings_release(&class.bases);
			return -1;
		}
	}
	class.is_test = (code->role & ROLE_TESTS) && place->function < 0 && looks_like_test_class(&class);
	if (vec_push(&code->classes, class) < 0) {
		strings_release(&class.bases);
		return -1;
	}
	return 0;
}

/* Names that a statement binds, in the function or at module or class level. */
static int note_names(struct code *code, TSNode node, const struct place *place)
{
	TSNode target = { .id = NULL };
	bool assignment = python_is(node, "assignment");
	if (assignment || python_is(node, "augmented_assignment") || python_is(node, "for_statement") ||
	    python_is(node, "for_in_clause"))
		target = python_child(node, "left");
	else if (python_is(node, "named_expression"))
		target = python_child(node, "name");
	else if (python_is(node, "as_pattern"))
		target = python_child(node, "alias");
	else if (python_is(node, "lambda"))
		target = python_child(node, "parameters");
	if (ts_node_is_null(target))
		return 0;
	if (place->function >= 0 && !place->in_class_body)
		return add_names(code, target, &code->functions.at[place->function].locals, 0);
	if (place->function < 0 && assignment)
		return add_binding(code, node, target, python_child(node, "right"), place);
	return 0;
}

static int walk_names(struct code *code, TSNode node, struct place place);

static int walk_children(struct code *code, TSNode node, struct place place)
{
	place.depth++;
	for (uint32_t i = 0; place.depth < DEPTH_MAX && i < ts_node_named_child_count(node); i++)
		if (walk_names(code, ts_node_named_child(node, i), place) < 0)
			return -1;
	return 0;
}

static int walk_function(struct code *code, TSNode node, struct place place)
{
	if (add_function(code, node, &place) < 0)
		return -1;
	int index = (int)code->functions.len - 1;
	struct place inner = { index, place.class_index, false, place.depth + 1 };
	if (walk_children(code, python_child(node, "body"), inner) < 0)
		return -1;
	struct code_function *function = &code->functions.at[index];
	remove_names(&function->locals, &function->globals);
	return 0;
}

/* First pass: what is defined where. */
static int walk_names(struct code *code, TSNode node, struct place place)
{
	if (python_is(node, "function_definition"))
		return walk_function(code, node, place);
	if (python_is(node, "class_definition")) {
		if (add_class(code, node, &place) < 0)
			return -1;
		struct place inner = { place.function, (int)code->classes.len - 1, true, place.depth + 1 };
		return walk_children(code, python_child(node, "body"), inner);
	}
	if (python_is(node, "import_statement") || python_is(node, "import_from_statement"))
		return add_imports(code, node, place.function);
	if (place.function >= 0 && (python_is(node, "global_statement") || python_is(node, "nonlocal_statement")))
		return add_names(code, node, &code->functions.at[place.function].globals, 0);
	if (place.function >= 0 && python_is(node, "yield")) {
		struct code_function *function = &code->functions.at[place.function];
		if (!function->has_yield)
			function->yield_end = ts_node_end_byte(node);
		function->has_yield = true;
	}
	if (note_names(code, node, &place) < 0)
		return -1;
	return walk_children(code, node, place);
}

static const char *const event_words[] = { "call ", "set ", "aug ", "del " };

static int add_event(struct code *code, enum event_kind kind, TSNode node, TSNode target, TSNode value,
		     const struct place *place)
{
	struct code_event event = { .kind = kind,
				    .node = node,
				    .value = value,
				    .function = place->function,
				    .class_index = place->class_index };
	cleanup_str struct str name = STR_INIT;
	cleanup_str struct str text = STR_INIT;
	if (code_dotted(code, target, place->function, &name, &event.root) < 0 ||
	    str_addf(&text, "%s%s", event_words[kind], str_text(&name)) < 0)
		return -1;
	event.text = code_keep(code, str_slice(&text));
	if (!event.text)
		return -1;
	event.name = event.text + strlen(event_words[kind]);
	return vec_push(&code->events, event);
}

/* Every attribute, subscript or global name that a target holds, tuples taken apart. */
static int add_targets(struct code *code, enum event_kind kind, TSNode target, TSNode value, const struct place *place)
{
	if (python_is(target, "identifier")) {
		bool declared_global = false;
		for (int f = place->function; f >= 0 && !declared_global; f = code->functions.at[f].parent) {
			char name[128];
			struct slice text = code_slice(code, target);
			if (text.len >= sizeof(name))
				return 0;
			memcpy(name, text.ptr, text.len);
			name[text.len] = '\0';
			declared_global = strings_find(&code->functions.at[f].globals, name) >= 0;
		}
		if (!declared_global && kind == EVENT_SET)
			return 0;
		return add_event(code, kind, target, target, value, place);
	}
	if (python_is(target, "attribute") || python_is(target, "subscript"))
		return add_event(code, kind, target, target, value, place);
	if (!python_is(target, "pattern_list") && !python_is(target, "tuple_pattern") &&
	    !python_is(target, "list_pattern") && !python_is(target, "expression_list") && !python_is(target, "tuple"))
		return 0;
	for (uint32_t i = 0; i < ts_node_named_child_count(target); i++)
		if (add_targets(code, kind, ts_node_named_child(target, i), value, place) < 0)
			return -1;
	return 0;
}

/* The grammar takes `type(x).y = z` for an alias statement; it is an assignment to an attribute of type(x). */
static int add_type_attribute(struct code *code, TSNode node, const struct place *place)
{
	TSNode target = ts_node_named_child(python_child(node, "left"), 0);
	TSNode value = ts_node_named_child(python_child(node, "right"), 0);
	if (!python_is(target, "attribute") || !python_is(python_child(target, "object"), "parenthesized_expression"))
		return 0;
	struct slice attribute = code_slice(code, python_child(target, "attribute"));
	struct code_event event = { .kind = EVENT_SET,
				    .node = target,
				    .value = value,
				    .function = place->function,
				    .class_index = place->class_index };
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "set type().%.*s", (int)attribute.len, attribute.ptr) < 0)
		return -1;
	event.text = code_keep(code, str_slice(&text));
	if (!event.text)
		return -1;
	event.name = event.text + strlen("set ");
	return vec_push(&code->events, event);
}

static int note_event(struct code *code, TSNode node, const struct place *place)
{
	TSNode none = { .id = NULL };
	if (python_is(node, "call"))
		return add_event(code, EVENT_CALL, node, python_child(node, "function"),
				 python_child(node, "arguments"), place);
	if (python_is(node, "assignment"))
		return add_targets(code, EVENT_SET, python_child(node, "left"), python_child(node, "right"), place);
	if (python_is(node, "type_alias_statement"))
		return add_type_attribute(code, node, place);
	if (python_is(node, "augmented_assignment"))
		return add_targets(code, EVENT_AUGMENT, python_child(node, "left"), python_child(node, "right"), place);
	if (python_is(node, "delete_statement"))
		for (uint32_t i = 0; i < ts_node_named_child_count(node); i++)
			if (add_targets(code, EVENT_DELETE, ts_node_named_child(node, i), none, place) < 0)
				return -1;
	return 0;
}

/* Second pass, in the order of the first: counters tell which function or class comes next. */
struct cursor {
	int functions;
	int classes;
};

static int walk_events(struct code *code, TSNode node, struct place place, struct cursor *next)
{
	struct place inner = place;
	bool function = python_is(node, "function_definition"), class = python_is(node, "class_definition");
	if (function && next->functions < (int)code->functions.len)
		inner = (struct place){ next->functions++, place.class_index, false, place.depth };
	else if (class && next->classes < (int)code->classes.len)
		inner = (struct place){ place.function, next->classes++, true, place.depth };
	else if (note_event(code, node, &place) < 0)
		return -1;
	inner.depth++;
	TSNode body = python_child(node, "body");
	for (uint32_t i = 0; inner.depth < DEPTH_MAX && i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		bool outside = (function || class) && !ts_node_eq(child, body);
		if (outside && class)
			continue;
		struct place at = outside
			? (struct place){ place.function, place.class_index, place.in_class_body, inner.depth }
			: inner;
		if (walk_events(code, child, at, next) < 0)
			return -1;
	}
	return 0;
}

/* A nested function that a finalizer is given undoes what its parent did. */
static void mark_finalizers(struct code *code)
{
	static const char *const registrars[] = { ".addfinalizer",     ".addCleanup", ".addClassCleanup", ".callback",
						  ".addModuleCleanup", "add_cleanup", "atexit.register",  NULL };
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		bool registers = false;
		for (size_t r = 0; registrars[r] && event->kind == EVENT_CALL && !registers; r++)
			registers = text_ends_with(event->name, registrars[r]);
		if (!registers)
			continue;
		TSNode given = code_argument(code, event->value, 0, NULL);
		for (size_t f = 0; f < code->functions.len; f++)
			if (code->functions.at[f].parent == event->function && event->function >= 0 &&
			    code_node_equals(code, given, code->functions.at[f].name))
				code->functions.at[f].kind = FUNCTION_TEARDOWN;
	}
}

int code_index(struct code *code)
{
	struct place top = { -1, -1, false, 0 };
	struct cursor next = { 0, 0 };
	if (walk_names(code, code->root, top) < 0 || walk_events(code, code->root, top, &next) < 0)
		return -1;
	mark_finalizers(code);
	return 0;
}
