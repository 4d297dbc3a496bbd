#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "source/mark_text.h"
#include "source/marks.h"
#include "source/pytestmark.h"
#include "source/python_head.h"
#include "source/python_tree.h"

#include "base/banned.h"

/* Requests with their marks parsed. */
struct removal {
	const struct mark_request *requests;
	struct mark_text *marks;
	size_t *defs;             /* what each is about, in the original tree */
	struct mark_text *chosen; /* room for those that apply somewhere */
	size_t count;
	const char *path;
	struct err *err;
};

/*
 * Marks asked away from a def, or from the module (PYTHON_NONE); fills self->chosen.
 * From what is not in force (a pytestmark that a later one replaces) only those asked away anywhere.
 */
static size_t choose(struct removal *self, size_t def, bool in_force)
{
	size_t chosen = 0;
	for (size_t i = 0; i < self->count; i++) {
		const struct mark_request *request = &self->requests[i];
		bool is_module = !request->class_path && !request->function;
		bool here = request->anywhere || (in_force && def == PYTHON_NONE && is_module);
		if (here || (in_force && def != PYTHON_NONE && self->defs[i] == def))
			self->chosen[chosen++] = self->marks[i];
	}
	return chosen;
}

static int fits_any(const struct mark_text *mark, const struct mark_text *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int match = mark_text_matches(mark, &patterns[i]);
		if (match != 0)
			return match;
	}
	return 0;
}

static int remove_decorators(struct removal *self, const struct python_tree *tree, size_t index, struct edits *edits)
{
	const struct python_def *def = &tree->defs.at[index];
	size_t count = def->decorators.len > 0 ? choose(self, index, true) : 0;
	for (size_t i = 0; i < def->decorators.len && count > 0; i++) {
		const struct python_decorator *decorator = &def->decorators.at[i];
		struct mark_text found;
		int match = mark_text_read(tree, decorator->expression, &found) ?
				    fits_any(&found, self->chosen, count) :
				    0;
		if (match < 0)
			return err_no_memory(self->err);
		if (match == 0)
			continue;
		size_t start = python_indent(tree, decorator->range.start).start;
		size_t end = python_logical_line_end(tree, decorator->range.end);
		if (edits_add(edits, start, end, (struct slice){ "", 0 }) < 0)
			return err_no_memory(self->err);
	}
	return 0;
}

static int remove_marks(struct removal *self, const struct python_tree *tree, struct edits *edits)
{
	for (size_t i = 0; i < tree->defs.len; i++)
		if (remove_decorators(self, tree, i, edits) < 0)
			return -1;
	for (size_t i = 0; i < tree->pytestmarks.len; i++) {
		const struct python_pytestmark *statement = &tree->pytestmarks.at[i];
		bool in_force = !pytestmark_is_superseded(tree, i);
		size_t removed, count = choose(self, statement->owner, in_force);
		if (count > 0 &&
		    pytestmark_remove(tree, statement, self->chosen, count, &removed, edits, self->err) < 0)
			return -1;
	}
	return 0;
}

/* --- an import of pytest that only comb needed --- */

static bool is_assigned(TSNode node)
{
	TSNode parent = ts_node_parent(node);
	return python_is(parent, "assignment") && ts_node_eq(python_child(parent, "left"), node);
}

/* Whether a function or class around byte at imports the name pytest for itself. */
static bool is_local(const struct python_tree *tree, size_t at)
{
	for (size_t i = 0; i < tree->imports.len; i++) {
		const struct python_import *import = &tree->imports.at[i];
		if (import->owner == PYTHON_NONE || strcmp(import->bound, "pytest") != 0)
			continue;
		struct byte_range body = tree->defs.at[import->owner].body;
		if (at >= body.start && at < body.end)
			return true;
	}
	return false;
}

static int visit_name(void *context, TSNode node, int depth)
{
	const struct python_tree *tree = context;
	(void)depth;
	if (text_starts_with(ts_node_type(node), "import_"))
		return 1;
	if (python_is(node, "identifier")) {
		bool used = python_text_is(tree, node, "pytest") && !is_assigned(node) &&
			    !is_local(tree, ts_node_start_byte(node));
		return used ? -1 : 0;
	}
	struct slice text = python_text(tree, node);
	bool in_string = python_is(node, "string") && memmem(text.ptr, text.len, "pytest.", 7);
	return in_string ? -1 : 0;
}

/* Whether it is `import pytest` at module level, and nothing in the file uses that name. */
static bool is_unused_import(const struct python_tree *tree, const struct python_import *import)
{
	struct slice text = { tree->source.ptr + import->statement.start,
			      import->statement.end - import->statement.start };
	return slice_equals(text, "import pytest") && import->owner == PYTHON_NONE && !import->conditional &&
	       python_walk(python_root(tree), visit_name, (void *)(uintptr_t)tree) == 0;
}

/* Whether adding the import to candidate gives current. 1, 0, or -1. */
static int import_would_give(struct slice candidate, const char *path, struct slice current, struct err *err)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str text = STR_INIT, result = STR_INIT;
	struct err reason = ERR_INIT;
	size_t at;
	if (python_tree_open(&tree, candidate, path, &reason) < 0)
		return reason.kind == ERR_INTERNAL ? err_set(err, ERR_INTERNAL, "%s", reason.text) : 0;
	if (python_head_import(&tree, (struct slice){ "", 0 }, &at, &text) < 0 ||
	    edits_add(&edits, at, at, str_slice(&text)) < 0)
		return err_no_memory(err);
	int known = python_tree_mark_prefix(&tree, at, &text);
	if (known != 0)
		return known < 0 ? err_no_memory(err) : 0;
	if (edits_apply(&edits, candidate, &result, err) < 0)
		return -1;
	return result.len == current.len && memcmp(result.buf, current.ptr, current.len) == 0;
}

/* How many line ends before and behind the import's own line went in with it. */
static const struct {
	int before, behind;
} import_blanks[] = { { 1, 0 }, { 0, 2 }, { 0, 1 }, { 0, 0 }, { 2, 0 } };

/* 1 when text is replaced by itself without that import, 0 when comb would not have put it there, or -1. */
static int remove_import(struct removal *self, const struct python_tree *tree, const struct python_import *import,
			 struct str *text)
{
	size_t start = python_line_start(tree, import->statement.start);
	size_t end = python_logical_line_end(tree, import->statement.end);
	for (size_t i = 0; i < sizeof(import_blanks) / sizeof(*import_blanks); i++) {
		size_t from = start, to = end;
		for (int before = 0; before < import_blanks[i].before; before++)
			from = python_eol_start(tree, from);
		for (int behind = 0; behind < import_blanks[i].behind; behind++)
			to = python_eol_end(tree, to);
		cleanup_str struct str candidate = STR_INIT;
		if (str_add(&candidate, text->buf, from) < 0 ||
		    str_add(&candidate, text->buf + to, text->len - to) < 0)
			return err_no_memory(self->err);
		int same = import_would_give(str_slice(&candidate), self->path, str_slice(text), self->err);
		if (same < 0)
			return -1;
		if (same == 0)
			continue;
		str_clear(text);
		return str_add(text, candidate.buf, candidate.len) < 0 ? err_no_memory(self->err) : 1;
	}
	return 0;
}

static int remove_unused_import(struct removal *self, struct str *text)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	cleanup_str struct str copy = STR_INIT;
	if (str_add(&copy, str_text(text), text->len) < 0)
		return err_no_memory(self->err);
	if (python_tree_open(&tree, str_slice(&copy), self->path, self->err) < 0)
		return -1;
	for (size_t i = 0; i < tree.imports.len; i++) {
		if (!is_unused_import(&tree, &tree.imports.at[i]))
			continue;
		int removed = remove_import(self, &tree, &tree.imports.at[i], text);
		if (removed != 0)
			return removed < 0 ? -1 : 0;
	}
	return 0;
}

/* What changed, as one splice. */
static int add_difference(struct slice before, struct slice after, struct edits *edits, struct err *err)
{
	size_t shorter = before.len < after.len ? before.len : after.len, head = 0, tail = 0;
	while (head < shorter && before.ptr[head] == after.ptr[head])
		head++;
	while (tail < shorter - head && before.ptr[before.len - 1 - tail] == after.ptr[after.len - 1 - tail])
		tail++;
	if (before.len == after.len && head == before.len)
		return 0;
	struct slice middle = { after.ptr + head, after.len - head - tail };
	return edits_add(edits, head, before.len - tail, middle) < 0 ? err_no_memory(err) : 0;
}

static int parse_marks(struct removal *self)
{
	for (size_t i = 0; i < self->count; i++) {
		bool same = i > 0 && strcmp(self->requests[i].mark, self->requests[i - 1].mark) == 0;
		if (same)
			self->marks[i] = self->marks[i - 1];
		else if (mark_text_parse(&self->marks[i], self->requests[i].mark, self->err) < 0)
			return -1;
	}
	return 0;
}

static int remove_all(struct removal *self, struct slice source, struct edits *edits)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	cleanup_edits struct edits first = EDITS_INIT;
	cleanup_str struct str text = STR_INIT;
	if (parse_marks(self) < 0 || python_tree_open(&tree, source, self->path, self->err) < 0)
		return -1;
	for (size_t i = 0; i < self->count; i++)
		self->defs[i] = python_tree_find(&tree, self->requests[i].class_path, self->requests[i].function,
						 self->requests[i].line);
	if (remove_marks(self, &tree, &first) < 0)
		return -1;
	if (first.splices.len == 0)
		return 0;
	if (edits_apply(&first, source, &text, self->err) < 0 || remove_unused_import(self, &text) < 0)
		return -1;
	return add_difference(source, str_slice(&text), edits, self->err);
}

int marks_remove(struct slice source, const char *path, const struct mark_request *requests, size_t count,
		 struct edits *edits, struct err *err)
{
	cleanup_free struct mark_text *marks = os_calloc(count + 1, sizeof(*marks));
	cleanup_free struct mark_text *chosen = os_calloc(count + 1, sizeof(*chosen));
	cleanup_free size_t *defs = os_calloc(count + 1, sizeof(*defs));
	if (!marks || !chosen || !defs)
		return err_no_memory(err);
	struct removal self = { .requests = requests, .marks = marks, .defs = defs, .chosen = chosen,
				.count = count, .path = path, .err = err };
	return remove_all(&self, source, edits);
}
