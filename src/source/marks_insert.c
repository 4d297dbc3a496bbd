#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "source/mark_text.h"
#include "source/marks.h"
#include "source/pytestmark.h"
#include "source/python_head.h"
#include "source/python_tree.h"

#include "base/banned.h"

/* One request, resolved. */
struct wanted {
	size_t def; /* PYTHON_NONE: the module */
	struct mark_text mark;
	const char *text;
};

struct plan {
	const struct python_tree *tree;
	const char *path;
	struct err *err;
	VEC(struct wanted) wanted;
	struct edits edits;        /* all but what goes to the head */
	struct strings head_marks; /* for a pytestmark that is new */
	size_t head_at;            /* where it goes, if the file's own import of pytest is above it */
	bool head_known;
	bool needs_import;
};

static int resolve(struct plan *plan, const struct mark_request *request)
{
	struct wanted wanted = { .def = PYTHON_NONE, .text = request->mark };
	const struct wanted *last = plan->wanted.len > 0 ? &plan->wanted.at[plan->wanted.len - 1] : NULL;
	if (last && strcmp(last->text, request->mark) == 0)
		wanted.mark = last->mark;
	else if (mark_text_parse(&wanted.mark, request->mark, plan->err) < 0)
		return -1;
	bool is_module = !request->class_path && !request->function;
	if (!is_module) {
		wanted.def = python_tree_find(plan->tree, request->class_path, request->function, request->line);
		if (wanted.def == PYTHON_NONE)
			return err_set_at(plan->err, ERR_INPUT, plan->path, request->line, "no %s %s%s%s is here",
					  request->function ? "function" : "class",
					  request->class_path ? request->class_path : "",
					  request->class_path && request->function ? "::" : "",
					  request->function ? request->function : "");
	}
	for (size_t i = 0; i < plan->wanted.len; i++) {
		int equal = plan->wanted.at[i].def == wanted.def ?
				    mark_text_equals(&plan->wanted.at[i].mark, &wanted.mark) :
				    0;
		if (equal != 0)
			return equal < 0 ? err_no_memory(plan->err) : 0;
	}
	return vec_push(&plan->wanted, wanted) < 0 ? err_no_memory(plan->err) : 0;
}

/* Replaces *out by "pytest.mark.unit", with the name pytest has at byte at; notes when it has none. */
static int spell(struct plan *plan, size_t at, const char *text, struct str *out)
{
	int known = python_tree_mark_prefix(plan->tree, at, out);
	if (known == 0) {
		plan->needs_import = true;
		known = str_adds(out, "pytest.mark");
	}
	return known < 0 || str_addf(out, ".%s", text) < 0 ? err_no_memory(plan->err) : 0;
}

/* --- classes and functions --- */

static int def_holds(const struct python_tree *tree, size_t index, const struct mark_text *mark)
{
	const struct python_def *def = &tree->defs.at[index];
	struct mark_text found;
	for (size_t i = 0; i < def->decorators.len; i++) {
		if (!mark_text_read(tree, def->decorators.at[i].expression, &found))
			continue;
		int equal = mark_text_equals(&found, mark);
		if (equal != 0)
			return equal;
	}
	for (size_t i = 0; i < tree->pytestmarks.len; i++) {
		const struct python_pytestmark *statement = &tree->pytestmarks.at[i];
		bool counts = statement->owner == index && !statement->conditional &&
			      !pytestmark_is_superseded(tree, i);
		int holds = counts ? pytestmark_holds(tree, statement, mark) : 0;
		if (holds != 0)
			return holds;
	}
	return 0;
}

/* The line above which a decorator goes: that of the first mark, else that of the keyword. */
static size_t decorator_anchor(const struct python_tree *tree, const struct python_def *def)
{
	struct mark_text ignored;
	for (size_t i = 0; i < def->decorators.len; i++)
		if (mark_text_read(tree, def->decorators.at[i].expression, &ignored))
			return def->decorators.at[i].range.start;
	return def->keyword;
}

static int insert_decorator(struct plan *plan, const struct wanted *wanted)
{
	const struct python_tree *tree = plan->tree;
	int holds = def_holds(tree, wanted->def, &wanted->mark);
	if (holds != 0)
		return holds < 0 ? err_no_memory(plan->err) : 0;
	size_t anchor = decorator_anchor(tree, &tree->defs.at[wanted->def]);
	struct byte_range indent = python_indent_blanks(tree, anchor);
	size_t at = python_indent(tree, anchor).start;
	cleanup_str struct str mark = STR_INIT, text = STR_INIT;
	if (spell(plan, anchor, wanted->text, &mark) < 0)
		return -1;
	if (str_add(&text, tree->source.ptr + indent.start, indent.end - indent.start) < 0 ||
	    str_addf(&text, "@%s%s", mark.buf, python_eol(tree, at)) < 0 ||
	    edits_add(&plan->edits, at, at, str_slice(&text)) < 0)
		return err_no_memory(plan->err);
	return 0;
}

/* --- the module --- */

/* The module's marks that one statement lacks, spelt for its place. */
static int missing_marks(struct plan *plan, const struct python_pytestmark *statement, struct strings *out)
{
	cleanup_str struct str mark = STR_INIT;
	for (size_t i = 0; i < plan->wanted.len; i++) {
		const struct wanted *wanted = &plan->wanted.at[i];
		if (wanted->def != PYTHON_NONE)
			continue;
		int holds = statement ? pytestmark_holds(plan->tree, statement, &wanted->mark) : 0;
		if (holds == 1)
			continue;
		if (holds < 0)
			return err_no_memory(plan->err);
		if (spell(plan, statement ? statement->statement.start : plan->head_at, wanted->text, &mark) < 0)
			return -1;
		if (strings_add(out, mark.buf) < 0)
			return err_no_memory(plan->err);
	}
	return 0;
}

static int insert_into_statements(struct plan *plan, bool *always, size_t *first)
{
	const struct python_tree *tree = plan->tree;
	for (size_t i = 0; i < tree->pytestmarks.len; i++) {
		const struct python_pytestmark *statement = &tree->pytestmarks.at[i];
		if (statement->owner != PYTHON_NONE || statement->augmented)
			continue;
		if (statement->statement.start < *first)
			*first = statement->statement.start;
		*always = *always || !statement->conditional;
		if (pytestmark_is_superseded(tree, i))
			continue;
		cleanup_strings struct strings marks = STRINGS_INIT;
		if (missing_marks(plan, statement, &marks) < 0)
			return -1;
		if (marks.len > 0 && pytestmark_insert(tree, statement, &marks, &plan->edits, plan->err) < 0)
			return -1;
	}
	return 0;
}

static int insert_in_module(struct plan *plan)
{
	bool asked = false, always = false;
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < plan->wanted.len; i++)
		asked = asked || plan->wanted.at[i].def == PYTHON_NONE;
	if (!asked)
		return 0;
	if (insert_into_statements(plan, &always, &first) < 0)
		return -1;
	if (always)
		return 0;
	plan->head_known = python_head_place(plan->tree, first, &plan->head_at);
	if (!plan->head_known)
		plan->head_at = 0;
	return missing_marks(plan, NULL, &plan->head_marks);
}

static int add_pytestmark_line(const struct strings *marks, bool as_list, struct str *out)
{
	bool list = as_list || marks->len > 1;
	if (str_adds(out, list ? "pytestmark = [" : "pytestmark = ") < 0)
		return -1;
	for (size_t i = 0; i < marks->len; i++)
		if ((i > 0 && str_adds(out, ", ") < 0) || str_adds(out, marks->at[i]) < 0)
			return -1;
	return list ? str_addc(out, ']') : 0;
}

static bool module_is_augmented(const struct python_tree *tree)
{
	for (size_t i = 0; i < tree->pytestmarks.len; i++)
		if (tree->pytestmarks.at[i].owner == PYTHON_NONE && tree->pytestmarks.at[i].augmented)
			return true;
	return false;
}

/* The head goes first, so that it comes before a decorator inserted at the same place. */
static int insert_head(struct plan *plan, struct edits *edits)
{
	cleanup_str struct str body = STR_INIT, text = STR_INIT;
	const struct python_tree *tree = plan->tree;
	size_t at;
	if (plan->head_marks.len > 0 &&
	    add_pytestmark_line(&plan->head_marks, module_is_augmented(tree), &body) < 0)
		return err_no_memory(plan->err);
	bool own_place = plan->head_known && body.len > 0;
	if (own_place && (python_head_paragraph(tree, str_slice(&body), plan->head_at, &text) < 0 ||
			  edits_add(edits, plan->head_at, plan->head_at, str_slice(&text)) < 0))
		return err_no_memory(plan->err);
	if (!plan->needs_import)
		return 0;
	struct slice with = own_place ? (struct slice){ "", 0 } : str_slice(&body);
	if (python_head_import(tree, with, &at, &text) < 0 || edits_add(edits, at, at, str_slice(&text)) < 0)
		return err_no_memory(plan->err);
	return 0;
}

static int take_edits(struct plan *plan, struct edits *edits)
{
	for (size_t i = 0; i < plan->edits.splices.len; i++) {
		const struct splice *splice = &plan->edits.splices.at[i];
		if (edits_add(edits, splice->start, splice->end, (struct slice){ splice->text, splice->len }) < 0)
			return err_no_memory(plan->err);
	}
	return 0;
}

static int make_plan(struct plan *plan, const struct mark_request *requests, size_t count, struct edits *edits)
{
	for (size_t i = 0; i < count; i++)
		if (resolve(plan, &requests[i]) < 0)
			return -1;
	if (insert_in_module(plan) < 0)
		return -1;
	for (size_t i = 0; i < plan->wanted.len; i++)
		if (plan->wanted.at[i].def != PYTHON_NONE && insert_decorator(plan, &plan->wanted.at[i]) < 0)
			return -1;
	return insert_head(plan, edits) < 0 ? -1 : take_edits(plan, edits);
}

int marks_insert(struct slice source, const char *path, const struct mark_request *requests, size_t count,
		 struct edits *edits, struct err *err)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	if (python_tree_open(&tree, source, path, err) < 0)
		return -1;
	struct plan plan = { .tree = &tree, .path = path, .err = err };
	int result = make_plan(&plan, requests, count, edits);
	vec_release(&plan.wanted);
	edits_release(&plan.edits);
	strings_release(&plan.head_marks);
	return result;
}

static int module_holds(const struct python_tree *tree, const struct mark_text *mark)
{
	bool found = false;
	for (size_t i = 0; i < tree->pytestmarks.len; i++) {
		const struct python_pytestmark *statement = &tree->pytestmarks.at[i];
		if (statement->owner != PYTHON_NONE || statement->augmented || pytestmark_is_superseded(tree, i))
			continue;
		int holds = pytestmark_holds(tree, statement, mark);
		if (holds != 1)
			return holds;
		found = found || !statement->conditional;
	}
	return found;
}

int marks_has(struct slice source, const char *path, const struct mark_request *request, struct err *err)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	struct mark_text mark;
	if (mark_text_parse(&mark, request->mark, err) < 0 || python_tree_open(&tree, source, path, err) < 0)
		return -1;
	size_t def = python_tree_find(&tree, request->class_path, request->function, request->line);
	bool is_module = !request->class_path && !request->function;
	if (!is_module && def == PYTHON_NONE)
		return 0;
	int holds = is_module ? module_holds(&tree, &mark) : def_holds(&tree, def, &mark);
	return holds < 0 ? err_no_memory(err) : holds;
}
