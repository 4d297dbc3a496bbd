#include "source/param_marks.h"

#include <string.h>

#include "base/vec.h"
#include "source/mark_text.h"

#include "base/banned.h"

#define MARKS_KEYWORD "marks"

/* The one parametrize decorator of a function, taken apart. */
struct parametrize {
	const struct python_tree *tree;
	size_t names;               /* of its arguments */
	VEC(TSNode) elements;
	struct str pytest;          /* "pytest.", "pt.": how the file calls it there */
};

static void parametrize_release(struct parametrize *p)
{
	vec_release(&p->elements);
	str_release(&p->pytest);
}
#define cleanup_parametrize __attribute__((cleanup(parametrize_release)))

static bool is_comment(TSNode node)
{
	return python_is(node, "comment") || python_is(node, "line_continuation");
}

/* Named children that are no comments. -1 when out of memory. */
static int list_children(TSNode node, struct parametrize *p)
{
	p->elements.len = 0;
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
		TSNode child = ts_node_named_child(node, i);
		if (!is_comment(child) && vec_push(&p->elements, child) < 0)
			return -1;
	}
	return 0;
}

static size_t count_names(const struct python_tree *tree, TSNode node)
{
	cleanup_str struct str text = STR_INIT;
	size_t count = 0;
	if (python_is(node, "list") || python_is(node, "tuple")) {
		for (uint32_t i = 0; i < ts_node_named_child_count(node); i++)
			count += !is_comment(ts_node_named_child(node, i));
		return count;
	}
	if (!python_is(node, "string") || python_string_value(tree, node, &text) < 0)
		return 0;
	for (const char *at = str_text(&text); *at; at += strcspn(at, ", "), at += strspn(at, ", "))
		count += at[0] != ',' && at[0] != ' ';
	return count;
}

static TSNode find_decorator(const struct python_tree *tree, size_t def, size_t *count)
{
	TSNode around = ts_node_parent(tree->defs.at[def].node), found = { 0 };
	*count = 0;
	for (uint32_t i = 0; python_is(around, "decorated_definition") && i < ts_node_named_child_count(around); i++) {
		TSNode call = python_first_named(ts_node_named_child(around, i));
		struct mark_text mark;
		struct byte_range range = { ts_node_start_byte(call), ts_node_end_byte(call) };
		if (!python_is(ts_node_named_child(around, i), "decorator") || !python_is(call, "call") ||
		    !mark_text_read(tree, range, &mark) || !slice_equals(mark.name, "parametrize"))
			continue;
		found = call;
		(*count)++;
	}
	return found;
}

static bool may_be_case(TSNode node)
{
	static const char *const others[] = { "list_splat", "dictionary_splat", "for_in_clause", "keyword_argument" };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (python_is(node, others[i]))
			return false;
	return true;
}

/* 1: it is of the shape; 0: of another; -1: no memory. */
static int parametrize_read(struct parametrize *p, const struct python_tree *tree, size_t def)
{
	size_t decorators;
	TSNode call = find_decorator(tree, def, &decorators);
	p->tree = tree;
	if (decorators != 1)
		return 0;
	if (list_children(python_child(call, "arguments"), p) < 0)
		return -1;
	if (p->elements.len < 2 || !may_be_case(p->elements.at[0]) || !may_be_case(p->elements.at[1]))
		return 0;
	TSNode values = p->elements.at[1];
	p->names = count_names(tree, p->elements.at[0]);
	int known = python_tree_mark_prefix(tree, ts_node_start_byte(call), &p->pytest);
	if (known < 0 || list_children(values, p) < 0)
		return -1;
	if (p->names == 0 || !known || !text_ends_with(p->pytest.buf, ".mark") ||
	    (!python_is(values, "list") && !python_is(values, "tuple")))
		return 0;
	for (size_t i = 0; i < p->elements.len; i++)
		if (!may_be_case(p->elements.at[i]))
			return 0;
	p->pytest.len -= strlen("mark");
	p->pytest.buf[p->pytest.len] = '\0';
	return p->elements.len > 0;
}

size_t param_marks_count(const struct python_tree *tree, size_t def)
{
	cleanup_parametrize struct parametrize p = { .tree = tree };
	return parametrize_read(&p, tree, def) == 1 ? p.elements.len : 0;
}

/* pytest.param(...), by the file's name for pytest. */
static bool is_param_call(const struct parametrize *p, TSNode node)
{
	cleanup_str struct str wanted = STR_INIT;
	if (!python_is(node, "call") || str_addf(&wanted, "%sparam", p->pytest.buf) < 0)
		return false;
	return python_text_is(p->tree, python_child(node, "function"), wanted.buf);
}

/* The keyword argument marks=...; a null node where there is none. */
static TSNode marks_keyword(TSNode call)
{
	TSNode arguments = python_child(call, "arguments"), none = { 0 };
	for (uint32_t i = 0; i < ts_node_named_child_count(arguments); i++) {
		TSNode child = ts_node_named_child(arguments, i);
		TSNode name = python_child(child, "name");
		if (python_is(child, "keyword_argument") && ts_node_end_byte(name) - ts_node_start_byte(name) == 5)
			return child;
	}
	return none;
}

static bool has_marks(const struct parametrize *p, TSNode call)
{
	TSNode keyword = marks_keyword(call);
	return !ts_node_is_null(keyword) && python_text_is(p->tree, python_child(keyword, "name"), MARKS_KEYWORD);
}

/* The last value or comma between brackets: the keyword goes behind it. A null node: there is nothing. */
static TSNode last_inside(TSNode brackets)
{
	TSNode last = { 0 };
	for (uint32_t i = 1; i + 1 < ts_node_child_count(brackets); i++)
		if (!is_comment(ts_node_child(brackets, i)))
			last = ts_node_child(brackets, i);
	return last;
}

/* The brackets that the keyword goes into; a null node where the element is to be wrapped. */
static TSNode brackets_of(const struct parametrize *p, TSNode element)
{
	static const TSNode none;
	if (is_param_call(p, element))
		return python_child(element, "arguments");
	return p->names > 1 && python_is(element, "tuple") ? element : none;
}

/* As in param_marks.h; a capital where a comma stood at the end. 0: it cannot be changed. */
static char letter_for(const struct parametrize *p, TSNode element)
{
	TSNode brackets = brackets_of(p, element);
	if (ts_node_is_null(brackets))
		return p->names > 1 ? 's' : 'w';
	TSNode last = last_inside(brackets);
	bool is_call = is_param_call(p, element), comma = python_is(last, ",");
	if (ts_node_is_null(last) || (is_call && has_marks(p, element)))
		return 0;
	return is_call ? (comma ? 'K' : 'k') : (comma ? 'T' : 't');
}

static int insert_one(const struct parametrize *p, TSNode element, char letter, const char *mark,
		      struct edits *edits, struct err *err)
{
	cleanup_str struct str open = STR_INIT, close = STR_INIT;
	size_t start = ts_node_start_byte(element);
	bool wrap = letter == 'w' || letter == 's';
	size_t end = wrap ? ts_node_end_byte(element) : ts_node_end_byte(last_inside(brackets_of(p, element)));
	bool comma = letter == 'K' || letter == 'T', is_call = letter == 'k' || letter == 'K';
	int failed = str_addf(&open, "%sparam%s", p->pytest.buf, letter == 's' ? "(*" : wrap ? "(" : "") < 0 ||
		     str_addf(&close, "%s " MARKS_KEYWORD "=%smark.%s%s", comma ? "" : ",", p->pytest.buf, mark,
			      wrap ? ")" : "") < 0;
	failed = failed || (!is_call && edits_add(edits, start, start, str_slice(&open)) < 0) ||
		 edits_add(edits, end, end, str_slice(&close)) < 0;
	return failed ? err_no_memory(err) : 0;
}

int param_marks_insert(const struct python_tree *tree, size_t def, const char *const *marks, size_t count,
		       struct edits *edits, struct str *letters, struct err *err)
{
	cleanup_parametrize struct parametrize p = { .tree = tree };
	int read = parametrize_read(&p, tree, def);
	if (read < 0)
		return err_no_memory(err);
	if (read == 0 || p.elements.len != count)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!letter_for(&p, p.elements.at[i]))
			return 0;
	for (size_t i = 0; i < count; i++) {
		char letter = letter_for(&p, p.elements.at[i]);
		if (insert_one(&p, p.elements.at[i], letter, marks[i], edits, err) < 0)
			return -1;
		if (str_addc(letters, letter) < 0)
			return err_no_memory(err);
	}
	return 1;
}

/* From behind what stands before the keyword: a comma that was there stays, one that came with it goes. */
static size_t keyword_start(TSNode keyword, bool keep_comma)
{
	TSNode before = ts_node_prev_sibling(keyword);
	while (!ts_node_is_null(before) && (is_comment(before) || (python_is(before, ",") && !keep_comma)))
		before = ts_node_prev_sibling(before);
	return ts_node_is_null(before) ? ts_node_start_byte(keyword) : ts_node_end_byte(before);
}

static int remove_one(const struct parametrize *p, TSNode element, char letter, struct edits *edits, struct err *err)
{
	static const struct slice nothing = { "", 0 };
	if (!is_param_call(p, element) || !has_marks(p, element))
		return 0;
	TSNode keyword = marks_keyword(element);
	bool comma = letter == 'K' || letter == 'T', tuple = letter == 't' || letter == 'T';
	size_t start = ts_node_start_byte(element), end = ts_node_end_byte(element);
	size_t open = ts_node_start_byte(python_child(element, "arguments"));
	int failed = edits_add(edits, keyword_start(keyword, comma), ts_node_end_byte(keyword), nothing) < 0;
	if (!failed && tuple)
		failed = edits_add(edits, start, open, nothing) < 0;
	if (!failed && (letter == 'w' || letter == 's'))
		failed = edits_add(edits, start, open + (letter == 's' ? 2 : 1), nothing) < 0 ||
			 edits_add(edits, end - 1, end, nothing) < 0;
	return failed ? err_no_memory(err) : 0;
}

int param_marks_remove(const struct python_tree *tree, size_t def, const char *letters, struct edits *edits,
		       struct err *err)
{
	cleanup_parametrize struct parametrize p = { .tree = tree };
	int read = parametrize_read(&p, tree, def);
	if (read < 0)
		return err_no_memory(err);
	for (size_t i = 0; read == 1 && i < p.elements.len && letters[i]; i++)
		if (remove_one(&p, p.elements.at[i], letters[i], edits, err) < 0)
			return -1;
	return 0;
}
