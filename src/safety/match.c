#define _GNU_SOURCE
#include "safety/match.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

int match_add(const struct rule *rule, const struct code *code, TSNode node, int function, const char *subject,
	      struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	cleanup_str struct str line = STR_INIT;
	if (code_qualified_name(code, code_outermost(code, function), &name) < 0)
		return -1;
	if (!subject) {
		struct slice text = code_slice(code, node);
		const char *end = memchr(text.ptr, '\n', text.len);
		if (str_addf(&line, "%s: ", code->path) < 0 ||
		    str_add(&line, text.ptr, end ? (size_t)(end - text.ptr) : text.len) < 0)
			return -1;
		subject = str_text(&line);
	}
	return findings_add(out, rule, subject, code->path, python_line(node), str_text(&name)) ? 0 : -1;
}

int match_add_local(const struct rule *rule, const struct code *code, TSNode node, int function, const char *subject,
		    struct findings *out)
{
	cleanup_str struct str local = STR_INIT;
	if (str_addf(&local, "%s: %s", code->path, subject) < 0)
		return -1;
	return match_add(rule, code, node, function, str_text(&local), out);
}

int event_subject(const struct code *code, const struct code_event *event, struct str *out)
{
	cleanup_str struct str key = STR_INIT;
	str_clear(out);
	TSNode subscript = { .id = NULL };
	if (event->kind == EVENT_CALL)
		subscript = code_argument(code, event->value, 0, NULL);
	else if (python_is(event->node, "subscript"))
		subscript = python_child(event->node, "subscript");
	const char *name = event->name;
	size_t len = strlen(name);
	if (event->kind != EVENT_CALL && len > 0 && name[len - 1] == '@')
		len--;
	if (event->kind == EVENT_CALL && strrchr(name, '.') && !text_starts_with(name, "os.putenv"))
		len = (size_t)(strrchr(name, '.') - name);
	if (str_add(out, name, len) < 0)
		return -1;
	if (code_literal(code, code_resolve(code, subscript, event->function), &key) && key.len < 60)
		return str_addf(out, "['%s']", str_text(&key));
	return 0;
}

bool event_at_import(const struct code *code, const struct code_event *event)
{
	if (event->function >= 0)
		return false;
	for (TSNode node = ts_node_parent(event->node); !ts_node_is_null(node); node = ts_node_parent(node)) {
		if (python_is(node, "decorator") || python_is(node, "lambda") || python_is(node, "parameters"))
			return false;
		if (python_is(node, "if_statement")) {
			TSNode condition = python_child(node, "condition");
			if (code_node_contains(code, condition, "__name__") ||
			    code_node_contains(code, condition, "TYPE_CHECKING"))
				return false;
		}
	}
	return true;
}

bool event_runs_in_tests(const struct code *code, const struct code_event *event)
{
	int outermost = code_outermost(code, event->function);
	if (outermost < 0 || code->role == ROLE_PROJECT)
		return false;
	const struct code_function *function = &code->functions.at[outermost];
	if (text_starts_with(function->name, "pytest_") || strcmp(function->name, "main") == 0)
		return false;
	/* In force for all tests alike. */
	if (function->kind == FUNCTION_FIXTURE && function->autouse && function->scope == SCOPE_SESSION)
		return false;
	if (!code_node_contains(code, function->body, "preexec_fn"))
		return true;
	TSNode lambda = node_above(event->node, "lambda");
	return ts_node_is_null(lambda) || !code_node_contains(code, ts_node_parent(lambda), "preexec_fn");
}

int match_add_change(const struct rule *rule, const struct code *code, const struct code_event *event,
		     const char *const *undo, const char *subject, struct findings *out)
{
	if (change_is_undone_later(code, event, undo))
		return match_add_local(rule_find("CB303"), code, event->node, event->function, subject, out);
	return match_add(rule, code, event->node, event->function, subject, out);
}

int match_change(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	const struct state_change *change = rule->data;
	cleanup_str struct str subject = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (!event_matches(event, change->events) || !event_runs_in_tests(code, event) ||
		    (change->imported_only && event->root != EVENT_ROOT_IMPORT) ||
		    change_is_undone(set, code, event, change))
			continue;
		if (!change->subject && event_subject(code, event, &subject) < 0)
			return -1;
		const char *name = change->subject ? change->subject : str_text(&subject);
		if (match_add_change(rule, code, event, change->undo ? change->undo : change->events, name, out) < 0)
			return -1;
	}
	return 0;
}

int match_calls(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	const struct call_list *list = rule->data;
	for (size_t i = 0; list->unless_imported && list->unless_imported[i]; i++)
		if (code_imports(code, list->unless_imported[i]))
			return 0;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if ((event->function < 0) != list->at_import || !event_matches(event, list->events))
			continue;
		if ((list->at_import && !event_at_import(code, event)) ||
		    node_is_guarded(code, event->node, event->function, list->guards))
			continue;
		if (list->in_assert && ts_node_is_null(node_above(event->node, "assert_statement")))
			continue;
		if (match_add(rule, code, event->node, event->function, list->subject, out) < 0)
			return -1;
	}
	return 0;
}

/* The dotted callee of a call, "" for anything else. Replaces *out. */
static const char *callee_of(const struct code *code, TSNode node, int function, struct str *out)
{
	str_clear(out);
	if (python_is(node, "call") && code_dotted(code, python_child(node, "function"), function, out, NULL) < 0)
		str_clear(out);
	return str_text(out);
}

bool node_is_mutable(const struct code *code, TSNode node, int function)
{
	static const char *const displays[] = {
		"list", "dictionary", "set", "list_comprehension", "dictionary_comprehension", "set_comprehension", NULL
	};
	static const char *const makers[] = { "list",
					      "dict",
					      "set",
					      "bytearray",
					      "collections.defaultdict",
					      "collections.OrderedDict",
					      "collections.deque",
					      "collections.Counter",
					      "queue.Queue",
					      "io.StringIO",
					      "io.BytesIO",
					      "array.array",
					      "types.SimpleNamespace",
					      "weakref.WeakKeyDictionary",
					      "weakref.WeakValueDictionary",
					      "weakref.WeakSet",
					      NULL };
	node = node_without_parentheses(node);
	for (size_t i = 0; displays[i]; i++)
		if (python_is(node, displays[i]))
			return true;
	cleanup_str struct str name = STR_INIT;
	const char *callee = callee_of(code, node, function, &name);
	for (size_t i = 0; makers[i]; i++)
		if (strcmp(callee, makers[i]) == 0)
			return true;
	return false;
}

bool node_is_mock(const struct code *code, TSNode node, int function)
{
	static const char *const classes[] = {
		"Mock",         "MagicMock",       "AsyncMock", "NonCallableMock", "NonCallableMagicMock",
		"PropertyMock", "create_autospec", NULL
	};
	cleanup_str struct str name = STR_INIT;
	const char *callee = callee_of(code, node_without_parentheses(node), function, &name);
	const char *dot = strrchr(callee, '.');
	const char *last = dot ? dot + 1 : callee;
	for (size_t i = 0; classes[i]; i++)
		if (strcmp(last, classes[i]) == 0)
			return true;
	return false;
}

static bool is_mutator(const char *method)
{
	static const char *const methods[] = { "append",
					       "extend",
					       "insert",
					       "remove",
					       "pop",
					       "clear",
					       "sort",
					       "reverse",
					       "update",
					       "setdefault",
					       "popitem",
					       "add",
					       "discard",
					       "appendleft",
					       "extendleft",
					       "popleft",
					       "difference_update",
					       "intersection_update",
					       "symmetric_difference_update",
					       NULL };
	for (size_t i = 0; methods[i]; i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

const char *event_mutates(const struct code_event *event, struct str *out)
{
	str_clear(out);
	if (str_adds(out, event->name) < 0)
		return NULL;
	if (event->kind == EVENT_CALL) {
		char *dot = strrchr(out->buf, '.');
		if (!dot || !is_mutator(dot + 1))
			return NULL;
		*dot = '\0';
		out->len = (size_t)(dot - out->buf);
	}
	size_t end = out->len;
	while (end > 0 && out->buf[end - 1] == '@')
		end--;
	bool item = end < out->len || event->kind == EVENT_CALL;
	if (end < out->len)
		out->buf[out->len = end] = '\0';
	if (memchr(out->buf, '@', end) || strchr(out->buf, '?') || strchr(out->buf, '('))
		return NULL;
	return item || event->kind != EVENT_DELETE || strchr(out->buf, '.') ? out->buf : NULL;
}
