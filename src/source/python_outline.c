#include "source/python_outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "source/python_encoding.h"

#include "base/banned.h"

/* Where a statement stands. */
struct place {
	size_t owner;
	uint32_t block;
	bool conditional, type_checking;
};

struct outline {
	struct python_tree *tree;
	const char *path;
	struct err *err;
};

static int visit_block(struct outline *self, TSNode block, struct place place);

static struct byte_range range_of(TSNode node)
{
	return (struct byte_range){ ts_node_start_byte(node), ts_node_end_byte(node) };
}

/* A dotted name without blanks, as UTF-8; NULL when out of memory. */
static char *name_of(const struct python_tree *tree, TSNode node)
{
	cleanup_str struct str packed = STR_INIT, name = STR_INIT;
	struct byte_range range = range_of(node);
	for (size_t i = range.start; i < range.end; i++)
		if (!strchr(" \t\f\r\n\\", tree->parsed.buf[i]) && str_addc(&packed, tree->source.ptr[i]) < 0)
			return NULL;
	if (python_encoding_add(&name, str_slice(&packed), tree->encoding) < 0)
		return NULL;
	return str_steal(&name);
}

/* --- pytestmark --- */

static bool binds_pytestmark(const struct python_tree *tree, TSNode target)
{
	if (python_is(target, "identifier"))
		return python_text_is(tree, target, "pytestmark");
	if (!python_is(target, "pattern_list") && !python_is(target, "tuple_pattern") && !python_is(target, "list_pattern"))
		return false;
	for (uint32_t i = 0; i < ts_node_named_child_count(target); i++)
		if (binds_pytestmark(tree, ts_node_named_child(target, i)))
			return true;
	return false;
}

static enum pytestmark_shape shape_of(TSNode value)
{
	static const struct {
		const char *type;
		enum pytestmark_shape shape;
	} shapes[] = {
		{ "list", PYTESTMARK_LIST },
		{ "tuple", PYTESTMARK_TUPLE },
		{ "expression_list", PYTESTMARK_BARE_TUPLE },
		{ "assignment", PYTESTMARK_OTHER },
		{ "augmented_assignment", PYTESTMARK_OTHER },
		{ "yield", PYTESTMARK_OTHER },
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (python_is(value, shapes[i].type))
			return shapes[i].shape;
	return PYTESTMARK_SINGLE;
}

static int add_elements(struct python_pytestmark *mark, TSNode value)
{
	if (mark->shape == PYTESTMARK_SINGLE || mark->shape == PYTESTMARK_OTHER)
		return 0;
	for (TSNode child = python_first_named(value); !ts_node_is_null(child);
	     child = ts_node_next_named_sibling(child))
		if (!ts_node_is_extra(child) && vec_push(&mark->elements, range_of(child)) < 0)
			return -1;
	return 0;
}

static int add_pytestmark(struct outline *self, TSNode statement, TSNode assignment, struct place place)
{
	struct python_tree *tree = self->tree;
	bool in_function = place.owner != PYTHON_NONE && tree->defs.at[place.owner].kind == PYTHON_FUNCTION;
	bool direct = binds_pytestmark(tree, python_child(assignment, "left"));
	bool plain = direct && python_is(python_child(assignment, "left"), "identifier");
	for (TSNode a = python_child(assignment, "right"); !direct && python_is(a, "assignment");
	     a = python_child(a, "right"))
		direct = binds_pytestmark(tree, python_child(a, "left"));
	TSNode value = python_child(assignment, "right");
	if (in_function || !direct || ts_node_is_null(value))
		return 0;
	struct python_pytestmark mark = {
		.owner = place.owner,
		.statement = range_of(statement),
		.value = range_of(value),
		.shape = plain ? shape_of(value) : PYTESTMARK_OTHER,
		.line = python_line(statement),
		.block = place.block,
		.augmented = python_is(assignment, "augmented_assignment"),
		.annotated = !ts_node_is_null(python_child(assignment, "type")),
		.conditional = place.conditional,
	};
	if (add_elements(&mark, value) < 0 || vec_push(&tree->pytestmarks, mark) < 0) {
		vec_release(&mark.elements);
		return err_no_memory(self->err);
	}
	return 0;
}

/* --- imports --- */

static int push_import(struct outline *self, struct python_import *import)
{
	struct python_tree *tree = self->tree;
	bool complete = import->module && import->bound;
	if (complete && strcmp(import->bound, "pytestmark") == 0) {
		struct python_pytestmark mark = { .owner = import->owner,
						  .statement = import->statement,
						  .value = import->statement,
						  .shape = PYTESTMARK_OTHER,
						  .line = import->line,
						  .conditional = import->conditional };
		complete = vec_push(&tree->pytestmarks, mark) == 0;
	}
	if (complete && vec_push(&tree->imports, *import) == 0)
		return 0;
	free(import->module);
	free(import->name);
	free(import->bound);
	return err_no_memory(self->err);
}

static int add_import(struct outline *self, TSNode statement, const char *module, TSNode item, struct place place)
{
	struct python_tree *tree = self->tree;
	TSNode name = item, alias = { 0 };
	if (python_is(item, "aliased_import")) {
		name = python_child(item, "name");
		alias = python_child(item, "alias");
	}
	struct python_import import = {
		.statement = range_of(statement),
		.line = python_line(statement),
		.owner = place.owner,
		.conditional = place.conditional,
		.type_checking = place.type_checking,
		.module = module ? os_strdup(module) : name_of(tree, name),
		.name = module ? name_of(tree, name) : NULL,
		.bound = name_of(tree, ts_node_is_null(alias) ? name : alias),
	};
	if (import.bound && !module && ts_node_is_null(alias)) {
		char *dot = strchr(import.bound, '.');
		if (dot)
			*dot = '\0';
	}
	if (module && !import.name) {
		free(import.module);
		import.module = NULL;
	}
	return push_import(self, &import);
}

static int visit_import(struct outline *self, TSNode statement, struct place place)
{
	cleanup_free char *module = NULL;
	TSNode from = python_child(statement, "module_name");
	if (python_is(statement, "future_import_statement"))
		module = os_strdup("__future__");
	else if (!ts_node_is_null(from))
		module = name_of(self->tree, from);
	if (!module && !python_is(statement, "import_statement"))
		return err_no_memory(self->err);
	for (TSNode child = python_first_named(statement); !ts_node_is_null(child);
	     child = ts_node_next_named_sibling(child)) {
		bool is_name = python_is(child, "dotted_name") || python_is(child, "aliased_import") ||
			       python_is(child, "wildcard_import");
		if (!is_name || (!ts_node_is_null(from) && ts_node_eq(child, from)))
			continue;
		if (add_import(self, statement, module, child, place) < 0)
			return -1;
	}
	if (python_is(statement, "future_import_statement") && place.owner == PYTHON_NONE)
		self->tree->future_end = ts_node_end_byte(statement);
	return 0;
}

/* --- defs --- */

static int add_decorators(struct outline *self, struct python_def *def, TSNode decorated)
{
	for (TSNode child = python_first_named(decorated); !ts_node_is_null(child);
	     child = ts_node_next_named_sibling(child)) {
		if (!python_is(child, "decorator"))
			continue;
		struct python_decorator decorator = { .range = range_of(child),
						      .expression = range_of(python_first_named(child)),
						      .line = python_line(child) };
		decorator.range.end = decorator.expression.end;
		if (vec_push(&def->decorators, decorator) < 0)
			return err_no_memory(self->err);
	}
	return 0;
}

static int no_body(struct outline *self, TSNode node)
{
	return err_set_at(self->err, ERR_INPUT, self->path, python_line(node),
			  "syntax error: an indented block is missing below this line");
}

static size_t colon_before(TSNode body)
{
	TSNode before = ts_node_prev_sibling(body);
	while (python_is(before, "comment"))
		before = ts_node_prev_sibling(before);
	return ts_node_is_null(before) ? ts_node_start_byte(body) : ts_node_start_byte(before);
}

static int fill_def(struct outline *self, struct python_def *def, TSNode whole)
{
	struct python_tree *tree = self->tree;
	TSNode body = python_child(def->node, "body");
	if (ts_node_is_null(python_first_named(body)))
		return no_body(self, whole);
	def->whole = range_of(whole);
	def->body = range_of(body);
	def->keyword = ts_node_start_byte(def->node);
	def->line = python_line(def->node);
	def->first_line = python_line(whole);
	def->is_async = strcmp(ts_node_type(ts_node_child(def->node, 0)), "async") == 0;
	def->indent = python_indent(tree, def->keyword);
	size_t line_start = python_line_start(tree, def->keyword);
	if (!python_only_blanks(tree, (struct byte_range){ line_start, def->keyword }))
		return err_set_at(self->err, ERR_INPUT, self->path, def->line,
				  "syntax error: a definition in the middle of a line");
	def->one_line = python_line_start(tree, def->body.start) == python_line_start(tree, colon_before(body));
	def->name = name_of(tree, python_child(def->node, "name"));
	if (!def->name)
		return err_no_memory(self->err);
	return python_is(whole, "decorated_definition") ? add_decorators(self, def, whole) : 0;
}

static int visit_def(struct outline *self, TSNode node, TSNode whole, struct place place)
{
	struct python_def def = {
		.kind = python_is(node, "class_definition") ? PYTHON_CLASS : PYTHON_FUNCTION,
		.parent = place.owner,
		.conditional = place.conditional,
		.node = node,
	};
	int result = fill_def(self, &def, whole);
	if (result == 0 && vec_push(&self->tree->defs, def) < 0)
		result = err_no_memory(self->err);
	if (result < 0) {
		free(def.name);
		vec_release(&def.decorators);
		return -1;
	}
	struct place inside = { .owner = self->tree->defs.len - 1 };
	return visit_block(self, python_child(node, "body"), inside);
}

/* --- statements --- */

static bool is_type_checking(const struct python_tree *tree, TSNode statement)
{
	TSNode condition = python_child(statement, "condition");
	if (python_is(condition, "attribute"))
		condition = python_child(condition, "attribute");
	return python_is(statement, "if_statement") && python_text_is(tree, condition, "TYPE_CHECKING");
}

/* Blocks of a compound statement and of its clauses. */
static int visit_compound(struct outline *self, TSNode node, struct place place)
{
	bool type_checking = is_type_checking(self->tree, node);
	for (TSNode child = python_first_named(node); !ts_node_is_null(child);
	     child = ts_node_next_named_sibling(child)) {
		struct place inside = place;
		inside.conditional = true;
		if (python_is(child, "block")) {
			if (ts_node_is_null(python_first_named(child)))
				return no_body(self, node);
			inside.type_checking = place.type_checking || type_checking;
			if (visit_block(self, child, inside) < 0)
				return -1;
		} else if (text_ends_with(ts_node_type(child), "_clause")) {
			if (visit_compound(self, child, inside) < 0)
				return -1;
		}
	}
	return 0;
}

static int visit_decorated(struct outline *self, TSNode node, struct place place)
{
	for (TSNode child = python_first_named(node); !ts_node_is_null(child);
	     child = ts_node_next_named_sibling(child))
		if (python_is(child, "class_definition") || python_is(child, "function_definition"))
			return visit_def(self, child, node, place);
	return 0;
}

static int visit_plain_def(struct outline *self, TSNode node, struct place place)
{
	return visit_def(self, node, node, place);
}

static int visit_expression(struct outline *self, TSNode node, struct place place)
{
	TSNode inner = python_first_named(node);
	if (!python_is(inner, "assignment") && !python_is(inner, "augmented_assignment"))
		return 0;
	return add_pytestmark(self, node, inner, place);
}

static const struct {
	const char *type;
	int (*visit)(struct outline *self, TSNode node, struct place place);
} statements[] = {
	{ "expression_statement", visit_expression },
	{ "function_definition", visit_plain_def },
	{ "decorated_definition", visit_decorated },
	{ "class_definition", visit_plain_def },
	{ "import_statement", visit_import },
	{ "import_from_statement", visit_import },
	{ "future_import_statement", visit_import },
	{ "if_statement", visit_compound },
	{ "try_statement", visit_compound },
	{ "with_statement", visit_compound },
	{ "for_statement", visit_compound },
	{ "while_statement", visit_compound },
	{ "match_statement", visit_compound },
	{ "case_clause", visit_compound },
};

/* Columns before the first statement of a line, as Python's tokeniser counts them; -1 for a later one. */
static int column_of(const struct python_tree *tree, size_t at)
{
	struct byte_range before = { python_line_start(tree, at), at };
	if (!python_only_blanks(tree, before))
		return -1;
	struct byte_range indent = python_indent_blanks(tree, at);
	int column = 0;
	for (size_t i = indent.start; i < indent.end; i++)
		column = tree->parsed.buf[i] == '\t' ? (column / 8 + 1) * 8 : column + 1;
	return column;
}

/* The grammar lets a line stand deeper than its block; Python does not. */
static int check_column(struct outline *self, TSNode node, int *expected)
{
	int column = ts_node_is_named(node) && !ts_node_is_extra(node) ? column_of(self->tree, ts_node_start_byte(node))
								       : -1;
	if (column >= 0 && *expected < 0)
		*expected = column;
	if (column < 0 || column == *expected)
		return 0;
	return err_set_at(self->err, ERR_INPUT, self->path, python_line(node), "syntax error: unexpected indent");
}

static int visit_block(struct outline *self, TSNode block, struct place place)
{
	int column = place.owner == PYTHON_NONE && !place.conditional ? 0 : -1;
	place.block = ts_node_start_byte(block);
	TSTreeCursor cursor = ts_tree_cursor_new(block);
	int result = 0;
	bool more = ts_tree_cursor_goto_first_child(&cursor);
	for (; more && result == 0; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
		TSNode node = ts_tree_cursor_current_node(&cursor);
		result = check_column(self, node, &column);
		for (size_t i = 0; result == 0 && i < sizeof(statements) / sizeof(*statements); i++)
			if (python_is(node, statements[i].type)) {
				result = statements[i].visit(self, node, place);
				break;
			}
	}
	ts_tree_cursor_delete(&cursor);
	return result;
}

/* --- head of the module --- */

static bool is_import(TSNode node)
{
	return python_is(node, "import_statement") || python_is(node, "import_from_statement") ||
	       python_is(node, "future_import_statement");
}

/* `try: import …`, `if …: import …`, `with …: import …` without a pytestmark in it. */
static bool is_guarded_import(const struct python_tree *tree, TSNode node)
{
	TSNode block = { 0 };
	if (python_is(node, "if_statement"))
		block = python_child(node, "consequence");
	else if (python_is(node, "try_statement") || python_is(node, "with_statement"))
		block = python_child(node, "body");
	if (!python_is(block, "block") || !is_import(python_first_named(block)))
		return false;
	for (size_t i = 0; i < tree->pytestmarks.len; i++) {
		size_t at = tree->pytestmarks.at[i].statement.start;
		if (at >= ts_node_start_byte(node) && at < ts_node_end_byte(node))
			return false;
	}
	return true;
}

static bool is_docstring(const struct python_tree *tree, TSNode node)
{
	return python_is(node, "expression_statement") && ts_node_named_child_count(node) == 1 &&
	       python_is_text(tree, python_first_named(node));
}

static void read_head(struct python_tree *tree)
{
	TSNode node = python_first_named(python_root(tree));
	if (is_docstring(tree, node)) {
		tree->docstring = range_of(node);
		node = ts_node_next_named_sibling(node);
	}
	for (; !ts_node_is_null(node); node = ts_node_next_named_sibling(node)) {
		if (ts_node_is_extra(node))
			continue;
		if (!is_import(node) && !is_guarded_import(tree, node))
			break;
		tree->leading_imports_end = ts_node_end_byte(node);
	}
}

int python_outline_fill(struct python_tree *tree, const char *path, struct err *err)
{
	struct outline self = { .tree = tree, .path = path, .err = err };
	struct place module = { .owner = PYTHON_NONE };
	if (visit_block(&self, python_root(tree), module) < 0)
		return -1;
	read_head(tree);
	return 0;
}
