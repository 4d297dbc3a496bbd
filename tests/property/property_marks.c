#define _GNU_SOURCE
#include <string.h>

#include "property.h"
#include "source/marks.h"
#include "source/python_tree.h"

#define PATH "test_fuzz.py"

static int insert(struct slice source, const struct mark_request *request, struct str *out, bool *inserts)
{
	struct err err = ERR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	if (marks_insert(source, PATH, request, 1, &edits, &err) < 0 || edits_apply(&edits, source, out, &err) < 0)
		return broken(err.text, source, (struct slice){ request->mark, strlen(request->mark) });
	*inserts = only_inserts(&edits);
	return 0;
}

/* The request again, for a file in which its def has moved to another line. */
static int locate(struct slice source, size_t def, struct mark_request *request)
{
	struct err err = ERR_INIT;
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	if (def == PYTHON_NONE)
		return 0;
	if (python_tree_open(&tree, source, PATH, &err) < 0 || def >= tree.defs.len)
		return broken("the edited file has the same definitions", source, SLICE(""));
	request->line = tree.defs.at[def].line;
	return 0;
}

/* Definitions and imports are the same but for one decorator and one import of pytest. */
static int same_outline(const struct python_tree *before, struct slice edited)
{
	struct err err = ERR_INIT;
	cleanup_python_tree struct python_tree after = PYTHON_TREE_INIT;
	if (python_tree_open(&after, edited, PATH, &err) < 0)
		return broken("the edited file can be parsed", before->source, edited);
	size_t decorators = 0, more = after.imports.len - before->imports.len;
	if (after.defs.len != before->defs.len || more > 1)
		return broken("the edited file has the same definitions", before->source, edited);
	for (size_t i = 0; i < after.defs.len; i++) {
		const struct python_def *a = &before->defs.at[i], *b = &after.defs.at[i];
		if (strcmp(a->name, b->name) != 0 || a->parent != b->parent || a->kind != b->kind ||
		    a->conditional != b->conditional || a->is_async != b->is_async || a->one_line != b->one_line)
			return broken("each definition stays what it was", before->source, edited);
		decorators += b->decorators.len - a->decorators.len;
	}
	return decorators > 1 ? broken("one decorator at most is added", before->source, edited) : 0;
}

static int check_removal(struct slice source, struct slice edited, size_t def, struct mark_request request)
{
	struct err err = ERR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str removed = STR_INIT, restored = STR_INIT;
	bool inserts;
	if (marks_remove(edited, PATH, &request, 1, &edits, &err) < 0 || edits_apply(&edits, edited, &removed, &err) < 0)
		return broken(err.text, source, edited);
	if (slices_same(source, str_slice(&removed)))
		return 0;
	/* Several files become the same one by the insert: then removing gives one of those. */
	if (locate(str_slice(&removed), def, &request) ||
	    insert(str_slice(&removed), &request, &restored, &inserts))
		return 1;
	return slices_same(edited, str_slice(&restored)) ? 0 : broken("removing undoes inserting", source,
								       str_slice(&removed));
}

static int check_request(const struct python_tree *tree, size_t def, struct mark_request request)
{
	struct err err = ERR_INIT;
	struct slice source = tree->source;
	cleanup_str struct str once = STR_INIT, twice = STR_INIT;
	bool inserts;
	struct mark_request again = request;
	int had = marks_has(source, PATH, &request, &err);
	if (insert(source, &request, &once, &inserts) || same_outline(tree, str_slice(&once)) ||
	    locate(str_slice(&once), def, &again) || insert(str_slice(&once), &again, &twice, &inserts))
		return 1;
	if (!inserts)
		return broken("bytes outside the splices stay", source, str_slice(&once));
	if (!slices_same(str_slice(&once), str_slice(&twice)))
		return broken("inserting twice is inserting once", str_slice(&once), str_slice(&twice));
	if (marks_has(str_slice(&once), PATH, &again, &err) != 1)
		return broken("the mark is there", source, str_slice(&once));
	/* A mark of that name that was in the file before is taken out too. */
	bool named = had == 1 || (source.len > 0 && memmem(source.ptr, source.len, request.mark, 4));
	return named ? 0 : check_removal(source, str_slice(&once), def, again);
}

/* "A::B" for a def in classes alone; 0 when it is inside a function. */
static int class_path(const struct python_tree *tree, size_t def, struct str *out)
{
	size_t chain[64], depth = 0;
	for (size_t at = def; at != PYTHON_NONE && depth < 64; at = tree->defs.at[at].parent) {
		if (tree->defs.at[at].kind != PYTHON_CLASS)
			return 0;
		chain[depth++] = at;
	}
	while (depth > 0) {
		str_adds(out, tree->defs.at[chain[--depth]].name);
		str_adds(out, depth > 0 ? "::" : "");
	}
	return 1;
}

static int check_def(const struct python_tree *tree, size_t index, const char *mark)
{
	cleanup_str struct str path = STR_INIT;
	const struct python_def *def = &tree->defs.at[index];
	bool function = def->kind == PYTHON_FUNCTION;
	size_t classes = function ? def->parent : index;
	if (!class_path(tree, classes, &path))
		return 0;
	struct mark_request request = { .class_path = path.len > 0 ? path.buf : NULL,
					.function = function ? def->name : NULL,
					.line = def->line,
					.mark = mark };
	return python_tree_find(tree, request.class_path, request.function, request.line) == index
		       ? check_request(tree, index, request)
		       : 0;
}

static int visit_string(void *context, TSNode node, int depth)
{
	cleanup_str struct str value = STR_INIT;
	(void)depth;
	if (python_is(node, "string") || python_is(node, "concatenated_string"))
		python_string_value(context, node, &value);
	return 0;
}

int property_marks(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct slice source = { (const char *)data, size };
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	if (python_tree_open(&tree, source, PATH, &err) < 0)
		return check_refusal(&err, source);
	python_walk(python_root(&tree), visit_string, &tree);
	static const char *const marks[] = { "unit", "xdist_group(\"db\")" };
	const char *mark = marks[size % 2];
	if (check_request(&tree, PYTHON_NONE, (struct mark_request){ .mark = mark }))
		return 1;
	for (size_t i = 0; i < tree.defs.len && i < 3; i++)
		if (check_def(&tree, (i * 7 + size) % tree.defs.len, mark))
			return 1;
	return 0;
}
