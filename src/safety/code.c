#define _GNU_SOURCE
#include "safety/code.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "safety/code_index.h"

#include "base/banned.h"

/* Longer chains and deeper nesting are not followed: sources may be hostile. */
#define CHAIN_MAX 200
#define DEPTH_MAX 400

TSNode node_without_parentheses(TSNode node)
{
	while (python_is(node, "parenthesized_expression") && ts_node_named_child_count(node) == 1)
		node = ts_node_named_child(node, 0);
	return node;
}

struct slice code_slice(const struct code *code, TSNode node)
{
	if (ts_node_is_null(node))
		return (struct slice){ "", 0 };
	uint32_t start = ts_node_start_byte(node);
	return (struct slice){ str_text(&code->text) + start, ts_node_end_byte(node) - start };
}

bool code_node_equals(const struct code *code, TSNode node, const char *text)
{
	return !ts_node_is_null(node) && slice_equals(code_slice(code, node), text);
}

bool code_node_contains(const struct code *code, TSNode node, const char *word)
{
	struct slice slice = code_slice(code, node);
	return slice.len > 0 && memmem(slice.ptr, slice.len, word, strlen(word)) != NULL;
}

TSNode code_argument(const struct code *code, TSNode arguments, int position, const char *keyword)
{
	uint32_t count = ts_node_is_null(arguments) ? 0 : ts_node_named_child_count(arguments);
	int at = 0;
	TSNode none = { .id = NULL };
	if (python_is(arguments, "generator_expression"))
		return position == 0 ? arguments : none;
	for (uint32_t i = 0; i < count; i++) {
		TSNode argument = ts_node_named_child(arguments, i);
		if (python_is(argument, "keyword_argument")) {
			if (keyword && code_node_equals(code, python_child(argument, "name"), keyword))
				return node_without_parentheses(python_child(argument, "value"));
		} else if (!python_is(argument, "comment") && at++ == position) {
			return node_without_parentheses(argument);
		}
	}
	return none;
}

static bool add_string(const struct code *code, TSNode node, struct str *out)
{
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
		TSNode part = ts_node_named_child(node, i);
		if (python_is(part, "interpolation"))
			return false;
		if (!python_is(part, "string_content"))
			continue;
		struct slice content = code_slice(code, part);
		if (str_add(out, content.ptr, content.len) < 0)
			return false;
	}
	return true;
}

bool code_literal(const struct code *code, TSNode node, struct str *out)
{
	str_clear(out);
	node = node_without_parentheses(node);
	if (python_is(node, "string"))
		return add_string(code, node, out);
	if (!python_is(node, "concatenated_string"))
		return false;
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++)
		if (!add_string(code, ts_node_named_child(node, i), out))
			return false;
	return true;
}

bool code_integer(const struct code *code, TSNode node, int function, long *out)
{
	node = code_resolve(code, node, function);
	if (!python_is(node, "integer"))
		return false;
	char digits[32];
	struct slice text = code_slice(code, node);
	size_t len = 0;
	for (size_t i = 0; i < text.len && len + 1 < sizeof(digits); i++)
		if (text.ptr[i] != '_')
			digits[len++] = text.ptr[i];
	digits[len] = '\0';
	char *end;
	*out = strtol(digits, &end, 0);
	return end != digits;
}

const struct code_binding *code_binding(const struct code *code, const char *name, int class_index)
{
	for (size_t i = 0; i < code->bindings.len; i++)
		if (code->bindings.at[i].class_index == class_index && strcmp(code->bindings.at[i].name, name) == 0)
			return &code->bindings.at[i];
	return NULL;
}

/* Depth first over a function's own statements for `name = value`. */
static TSNode find_assignment(const struct code *code, TSNode node, const char *name, int depth)
{
	TSNode none = { .id = NULL };
	if (python_is(node, "assignment") && code_node_equals(code, python_child(node, "left"), name))
		return python_child(node, "right");
	if (python_is(node, "as_pattern")) {
		TSNode alias = python_child(node, "alias");
		if (code_node_equals(code, alias, name))
			return ts_node_named_child(node, 0);
	}
	for (uint32_t i = 0; depth < DEPTH_MAX && i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		if (python_is(child, "function_definition") || python_is(child, "class_definition") ||
		    python_is(child, "lambda"))
			continue;
		TSNode found = find_assignment(code, child, name, depth + 1);
		if (!ts_node_is_null(found))
			return found;
	}
	return none;
}

TSNode code_local_value(const struct code *code, int function, const char *name)
{
	TSNode none = { .id = NULL };
	for (; function >= 0; function = code->functions.at[function].parent)
		if (strings_find(&code->functions.at[function].locals, name) >= 0)
			return find_assignment(code, code->functions.at[function].body, name, 0);
	return none;
}

static bool is_local(const struct code *code, int function, const char *name)
{
	for (; function >= 0; function = code->functions.at[function].parent)
		if (strings_find(&code->functions.at[function].locals, name) >= 0)
			return true;
	return false;
}

TSNode code_resolve(const struct code *code, TSNode node, int function)
{
	for (int depth = 0; depth < 4 && python_is(node, "identifier"); depth++) {
		char name[128];
		struct slice text = code_slice(code, node);
		if (text.len >= sizeof(name))
			break;
		memcpy(name, text.ptr, text.len);
		name[text.len] = '\0';
		TSNode value = { .id = NULL };
		if (is_local(code, function, name)) {
			value = code_local_value(code, function, name);
		} else {
			const struct code_binding *binding = code_binding(code, name, -1);
			if (binding && binding->count == 1)
				value = binding->value;
		}
		if (ts_node_is_null(value))
			break;
		node = node_without_parentheses(value);
	}
	return node;
}

/* What the first name of a chain stands for. NULL: the name itself. */
static const char *root_target(const struct code *code, const char *name, int function, enum event_root *root)
{
	*root = EVENT_ROOT_UNKNOWN;
	for (size_t i = code->imports.len; i-- > 0;) {
		const struct code_import *import = &code->imports.at[i];
		bool visible = import->function < 0;
		for (int f = function; !visible && f >= 0; f = code->functions.at[f].parent)
			visible = f == import->function;
		if (visible && strcmp(import->name, name) == 0 &&
		    (import->function >= 0 || !is_local(code, function, name))) {
			*root = EVENT_ROOT_IMPORT;
			return import->target;
		}
	}
	if (is_local(code, function, name)) {
		*root = EVENT_ROOT_LOCAL;
		return NULL;
	}
	if (code_binding(code, name, -1))
		*root = EVENT_ROOT_MODULE;
	for (size_t i = 0; i < code->classes.len; i++)
		if (code->classes.at[i].function < 0 && strcmp(code->classes.at[i].name, name) == 0)
			*root = EVENT_ROOT_MODULE;
	for (size_t i = 0; i < code->functions.len; i++)
		if (code->functions.at[i].parent < 0 && code->functions.at[i].class_index < 0 &&
		    strcmp(code->functions.at[i].name, name) == 0)
			*root = EVENT_ROOT_MODULE;
	return NULL;
}

static int add_dotted(const struct code *code, TSNode node, int function, struct str *out, enum event_root *root,
		      int depth)
{
	node = node_without_parentheses(node);
	if (depth > CHAIN_MAX)
		return str_addc(out, '?');
	if (python_is(node, "identifier")) {
		size_t start = out->len;
		struct slice text = code_slice(code, node);
		if (str_add(out, text.ptr, text.len) < 0)
			return -1;
		const char *target = root_target(code, out->buf + start, function, root);
		if (!target)
			return 0;
		out->len = start;
		out->buf[start] = '\0';
		return str_adds(out, target);
	}
	if (python_is(node, "attribute")) {
		struct slice name = code_slice(code, python_child(node, "attribute"));
		if (add_dotted(code, python_child(node, "object"), function, out, root, depth + 1) < 0 ||
		    str_addc(out, '.') < 0)
			return -1;
		return str_add(out, name.ptr, name.len);
	}
	if (python_is(node, "subscript"))
		return add_dotted(code, python_child(node, "value"), function, out, root, depth + 1) < 0
			? -1
			: str_addc(out, '@');
	if (python_is(node, "call"))
		return add_dotted(code, python_child(node, "function"), function, out, root, depth + 1) < 0
			? -1
			: str_adds(out, "()");
	if (python_is(node, "await"))
		return add_dotted(code, ts_node_named_child(node, 0), function, out, root, depth + 1);
	*root = EVENT_ROOT_UNKNOWN;
	return str_addc(out, '?');
}

int code_dotted(const struct code *code, TSNode node, int function, struct str *out, enum event_root *root)
{
	enum event_root ignored;
	str_clear(out);
	return add_dotted(code, node, function, out, root ? root : &ignored, 0);
}

int code_function_at(const struct code *code, uint32_t byte)
{
	int found = -1;
	for (size_t i = 0; i < code->functions.len; i++) {
		TSNode node = code->functions.at[i].node;
		if (ts_node_start_byte(node) <= byte && byte < ts_node_end_byte(node))
			found = (int)i;
	}
	return found;
}

int code_outermost(const struct code *code, int function)
{
	while (function >= 0 && code->functions.at[function].parent >= 0)
		function = code->functions.at[function].parent;
	return function;
}

bool code_imports(const struct code *code, const char *module_prefix)
{
	size_t len = strlen(module_prefix);
	for (size_t i = 0; i < code->imports.len; i++) {
		const char *target = code->imports.at[i].target;
		if (strncmp(target, module_prefix, len) == 0 && (target[len] == '\0' || target[len] == '.'))
			return true;
	}
	return false;
}

static int add_class_name(const struct code *code, int class_index, struct str *out)
{
	if (class_index < 0)
		return 0;
	const struct code_class *class = &code->classes.at[class_index];
	if (add_class_name(code, class->parent, out) < 0)
		return -1;
	return str_addf(out, "%s::", class->name);
}

int code_qualified_name(const struct code *code, int function, struct str *out)
{
	str_clear(out);
	if (function < 0)
		return str_adds(out, "");
	if (add_class_name(code, code->functions.at[function].class_index, out) < 0)
		return -1;
	return str_adds(out, code->functions.at[function].name);
}

int code_parse(struct code *code, const char *path, enum code_role role, struct str *text, struct err *err)
{
	*code = (struct code)CODE_INIT;
	code->role = role;
	code->text = *text;
	*text = (struct str)STR_INIT;
	code->path = os_strdup(path);
	if (!code->path) {
		code_release(code);
		return err_no_memory(err);
	}
	if (python_tree_open(&code->tree, str_slice(&code->text), path, err) < 0) {
		code_release(code);
		return -1;
	}
	code->root = python_root(&code->tree);
	if (code_index(code) < 0) {
		code_release(code);
		return err_no_memory(err);
	}
	return 0;
}

void code_release(struct code *code)
{
	for (size_t i = 0; i < code->functions.len; i++) {
		strings_release(&code->functions.at[i].parameters);
		strings_release(&code->functions.at[i].locals);
		strings_release(&code->functions.at[i].globals);
	}
	for (size_t i = 0; i < code->classes.len; i++)
		strings_release(&code->classes.at[i].bases);
	for (size_t i = 0; i < code->pool.len; i++)
		vec_free(code->pool.at[i]);
	vec_release(&code->functions);
	vec_release(&code->classes);
	vec_release(&code->imports);
	vec_release(&code->bindings);
	vec_release(&code->events);
	vec_release(&code->pool);
	python_tree_release(&code->tree);
	str_release(&code->text);
	vec_free(code->path);
	*code = (struct code)CODE_INIT;
}
