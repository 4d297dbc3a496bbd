#include "safety/mock_match.h"

#include <string.h>

#include "safety/fixture_match.h"
#include "safety/match.h"
#include "safety/names.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The call that made what a method is called on: `patch(…).start()`, `p = patch(…)` … `p.start()`, self.p as well. */
static TSNode maker_of(const struct code *code, const struct code_event *event)
{
	TSNode object = python_child(python_child(event->node, "function"), "object");
	if (python_is(object, "identifier"))
		return code_resolve(code, object, event->function);
	if (!python_is(object, "attribute"))
		return object;
	size_t len = strlen(event->name) - strlen(strrchr(event->name, '.'));
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *set = &code->events.at[i];
		if (set->kind == EVENT_SET && set->class_index == event->class_index && strlen(set->name) == len &&
		    strncmp(set->name, event->name, len) == 0)
			return set->value;
	}
	return object;
}

/* patch.object(exchange, "fetch_rate") is "shop.exchange.fetch_rate"; patch("a.b") is "a.b". Replaces *out. */
static int patched_name(const struct code *code, TSNode call, int function, struct str *out)
{
	cleanup_str struct str attribute = STR_INIT;
	TSNode arguments = python_child(call, "arguments");
	TSNode target = code_argument(code, arguments, 0, "target");
	if (code_literal(code, target, out) && out->len > 0)
		return 0;
	str_clear(out);
	if (ts_node_is_null(target))
		return str_adds(out, "patch");
	if (code_dotted(code, target, function, out, NULL) < 0)
		return -1;
	if (code_literal(code, code_argument(code, arguments, 1, "attribute"), &attribute))
		return str_addf(out, ".%s", str_text(&attribute));
	return 0;
}

static bool is_call_of(const struct code *code, TSNode node, int function, const char *const *ends)
{
	cleanup_str struct str callee = STR_INIT;
	if (!python_is(node, "call") || code_dotted(code, python_child(node, "function"), function, &callee, NULL) < 0)
		return false;
	for (size_t i = 0; ends[i]; i++)
		if (text_ends_with(str_text(&callee), ends[i]))
			return true;
	return false;
}

static const char *const stops[] = { "call *.stop", "call *.stopall",    "call *.__exit__", "call *.disable",
				     "call *.off",  "call *.deactivate", "call *.reset",    NULL };
static const struct state_change started = { .events = stops, .undo = stops, .shields = stops };

static int match_started(const struct rule *rule, const struct code_set *set, const struct code *code,
			 const char *const *makers, struct findings *out)
{
	cleanup_str struct str subject = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, WORDS("call *.start", "call *.__enter__")))
			continue;
		TSNode maker = maker_of(code, event);
		if (!is_call_of(code, maker, event->function, makers) || change_is_undone(set, code, event, &started))
			continue;
		if (patched_name(code, maker, event->function, &subject) < 0 ||
		    match_add(rule, code, event->node, event->function, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

int match_patch_started(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	return match_started(rule, set, code, WORDS("patch", "patch.object", "patch.dict", "patch.multiple"), out);
}

/* State that a rule of the 1xx family names better, that is no state of the process, or that is a mock. */
static bool has_own_rule(const char *name)
{
	static const char *const prefixes[] = { "os.environ",
						"sys.",
						"builtins.",
						"logging.",
						"warnings.",
						"tempfile.tempdir",
						"matplotlib.",
						"pandas.options",
						"threading.excepthook",
						"ssl._create_default",
						"decimal.",
						"unittest.mock.",
						"mock.",
						"flask.g.",
						"flask.session.",
						"flask.request.",
						NULL };
	if (text_ends_with(name, ".return_value") || text_ends_with(name, ".side_effect"))
		return true;
	for (size_t i = 0; prefixes[i]; i++)
		if (text_starts_with(name, prefixes[i]))
			return true;
	return false;
}

/* The dotted name that `setattr(module, "name", …)` sets. Replaces *out; false for other calls. */
static bool setattr_name(const struct code *code, const struct code_event *event, struct str *out)
{
	enum event_root root;
	cleanup_str struct str attribute = STR_INIT;
	if (strcmp(event->text, "call setattr") != 0 ||
	    !code_literal(code, code_argument(code, event->value, 1, NULL), &attribute))
		return false;
	TSNode target = code_argument(code, event->value, 0, NULL);
	if (code_dotted(code, target, event->function, out, &root) < 0 || root != EVENT_ROOT_IMPORT ||
	    strchr(str_text(out), '('))
		return false;
	return str_addf(out, ".%s", str_text(&attribute)) == 0;
}

int match_attribute_replaced(const struct rule *rule, const struct code_set *set, const struct code *code,
			     struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		str_clear(&name);
		bool plain = event->kind == EVENT_SET && event->root == EVENT_ROOT_IMPORT &&
			python_is(event->node, "attribute") && !strpbrk(event->name, "@(?");
		if (plain && str_adds(&name, event->name) < 0)
			return -1;
		if (!plain && !setattr_name(code, event, &name))
			continue;
		if (has_own_rule(str_text(&name)) || !event_runs_in_tests(code, event) ||
		    name_change_undone(set, code, event, str_text(&name)))
			continue;
		cleanup_str struct str again = STR_INIT;
		if (str_addf(&again, "set %s", str_text(&name)) < 0)
			return -1;
		if (match_add_change(rule, code, event, WORDS(str_text(&again)), str_text(&name), out) < 0)
			return -1;
	}
	return 0;
}

static size_t tests_using(const struct code *code, const char *name, int class_index)
{
	cleanup_str struct str own = STR_INIT;
	size_t count = 0;
	if (str_addf(&own, "self.%s", name) < 0)
		return 0;
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *test = &code->functions.at[i];
		if (test->kind != FUNCTION_TEST)
			continue;
		if (class_index < 0
			    ? function_uses_global(code, (int)i, name)
			    : test->class_index == class_index && code_node_contains(code, test->body, str_text(&own)))
			count++;
	}
	return count;
}

/* Some test looks at what has piled up. */
static bool counts_calls(const struct code *code)
{
	return code_node_contains(code, code->root, ".assert_") ||
		code_node_contains(code, code->root, ".call_count") ||
		code_node_contains(code, code->root, ".called") || code_node_contains(code, code->root, ".call_args") ||
		code_node_contains(code, code->root, ".mock_calls");
}

int match_shared_mock(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	if (!counts_calls(code) || code_node_contains(code, code->root, "reset_mock"))
		return 0;
	for (size_t i = 0; i < code->bindings.len; i++) {
		const struct code_binding *binding = &code->bindings.at[i];
		if (!node_is_mock(code, binding->value, -1) ||
		    tests_using(code, binding->name, binding->class_index) < 2)
			continue;
		if (match_add_local(rule, code, binding->node, -1, binding->name, out) < 0)
			return -1;
	}
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *fixture = &code->functions.at[i];
		if (fixture->kind != FUNCTION_FIXTURE || fixture->scope == SCOPE_FUNCTION)
			continue;
		TSNode value = fixture_value(code, (int)i);
		if (!ts_node_is_null(value) && node_is_mock(code, value, (int)i) &&
		    match_add_local(rule, code, fixture->node, (int)i, fixture->fixture_name, out) < 0)
			return -1;
	}
	return 0;
}

int match_mock_on_class(const struct rule *rule, const struct code_set *set, const struct code *code,
			struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->kind != EVENT_SET || event->function < 0 || event_undoes(code, event))
			continue;
		bool on_mock = event_matches(
			event, WORDS("set *mock.Mock.*", "set *mock.MagicMock.*", "set *mock.AsyncMock.*"));
		bool on_type =
			text_starts_with(event->name, "type().") && node_is_mock(code, event->value, event->function);
		if (on_type) {
			TSNode object = python_child(event->node, "object");
			TSNode given = python_is(object, "parenthesized_expression")
				? node_without_parentheses(object)
				: code_argument(code, python_child(object, "arguments"), 0, NULL);
			TSNode value = code_resolve(code, given, event->function);
			on_type = !text_has_word(code_slice(code, given), "mock") &&
				!text_has_word(code_slice(code, value), "mock") &&
				!text_has_word(code_slice(code, value), "patch");
		}
		if ((on_mock || on_type) && match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

static const struct state_change switched_on = {
	.events = WORDS("call responses.start", "call responses.mock.start", "call responses.activate",
			"call httpretty.enable", "call pook.on", "call pook.activate", "call pook.enable",
			"call gock.intercept"),
	.undo = stops,
	.shields = stops,
};

int match_global_mock(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, switched_on.events) ||
		    change_is_undone(set, code, event, &switched_on))
			continue;
		if (match_add(rule, code, event->node, event->function, event->name, out) < 0)
			return -1;
	}
	return match_started(rule, set, code,
			     WORDS("freeze_time", "requests_mock.Mocker", "requests_mock.mock", "time_machine.travel",
				   "responses.RequestsMock", "aioresponses", "use_cassette"),
			     out);
}

int match_monkeypatch_kept(const struct rule *rule, const struct code_set *set, const struct code *code,
			   struct findings *out)
{
	static const char *const undo[] = { "call *.undo", NULL };
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 ||
		    !event_matches(event, WORDS("call pytest.MonkeyPatch", "call _pytest.monkeypatch.MonkeyPatch")))
			continue;
		struct state_change change = { .events = undo, .undo = undo, .shields = undo };
		if (!change_is_undone(set, code, event, &change) &&
		    match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}
