#include "phases/mark_hook.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "phases/mark_table.h"
#include "source/python_tree.h"

#include "base/banned.h"

#define BEGIN "# comb: begin"
#define END "# comb: end"

/* Lines of the block, ended by the file's own line ends. %s: from the conftest's folder up to the root. */
static const char *const head[] = {
	BEGIN " (categories of tests that have no mark in their source; `comb mark --remove` takes this out)",
	"import json as _comb_json",
	"import pathlib as _comb_pathlib",
	"",
	"_comb_marks = _comb_json.loads((_comb_pathlib.Path(__file__).parent%s / \"" MARK_TABLE_NAME
	"\").read_text(\"utf-8\"))[\"marks\"]",
	"",
	"",
	"def _comb_mark(item):",
	"    if any(mark.name in (\"unit\", \"integration\", \"slow\") for mark in item.iter_markers()):",
	"        return",
	"    name = item.nodeid",
	"    while name and name not in _comb_marks:",
	"        function = name.partition(\"[\")[0]",
	"        name = function if function != name and \"::\" in function else name.rpartition(\"::\")[0]",
	"    if name:",
	"        item.add_marker(_comb_marks[name])",
	"",
	"",
};

/* A conftest can hold each hook once; the first that is free is used. The first sees tests of other folders too. */
static const struct {
	const char *name;
	const char *lines[4];
} hooks[] = {
	{ "pytest_collection_modifyitems",
	  { "def pytest_collection_modifyitems(items):", "    for item in items:", "        _comb_mark(item)" } },
	{ "pytest_itemcollected", { "def pytest_itemcollected(item):", "    _comb_mark(item)" } },
};

static bool has_conftest(const char *root, const char *folder)
{
	cleanup_str struct str path = STR_INIT;
	return str_addf(&path, "%s/%s%sconftest.py", root, folder, folder[0] ? "/" : "") == 0 && fs_is_file(path.buf);
}

/* Drops the last part of a relative path; "" is the root. */
static void go_up(struct str *folder)
{
	char *slash = folder->len > 0 ? strrchr(folder->buf, '/') : NULL;
	folder->len = slash ? (size_t)(slash - folder->buf) : 0;
	if (folder->buf)
		folder->buf[folder->len] = '\0';
}

static int add_place(struct strings *paths, const char *folder)
{
	cleanup_str struct str path = STR_INIT;
	if (str_addf(&path, "%s%sconftest.py", folder, folder[0] ? "/" : "") < 0)
		return -1;
	return strings_find(paths, path.buf) >= 0 ? 0 : strings_add(paths, path.buf);
}

/* The folder of a test's file. */
static int folder_of(const struct test *test, struct str *folder)
{
	str_clear(folder);
	if (!test->path || test->path[0] == '/')
		return 0;
	if (str_adds(folder, test->path) < 0)
		return -1;
	go_up(folder);
	return 0;
}

/* The nearest folder with a conftest.py. 1: *folder is it; 0: there is none; -1: no memory. */
static int nearest_conftest(const char *root, const struct test *test, struct str *folder)
{
	if (folder_of(test, folder) < 0)
		return -1;
	while (!has_conftest(root, str_text(folder))) {
		if (folder->len == 0)
			return 0;
		go_up(folder);
	}
	return 1;
}

static bool is_function(const struct test *test)
{
	return text_equals(test->kind, "function");
}

static int place_of_function(const char *root, const struct test *test, struct strings *paths)
{
	cleanup_str struct str folder = STR_INIT;
	int found = nearest_conftest(root, test, &folder);
	if (found < 0 || (found == 0 && folder_of(test, &folder) < 0))
		return -1;
	return add_place(paths, str_text(&folder));
}

/* Where the suite has its conftest.py, or where one would do no harm: beside test functions, else in the root. */
static int place_of_session(const char *root, const struct suite_run *run, struct strings *paths)
{
	cleanup_str struct str folder = STR_INIT, beside = STR_INIT;
	if (paths->len > 0)
		return 0;
	for (size_t i = 0; i < run->tests.len; i++) {
		int found = nearest_conftest(root, &run->tests.at[i], &folder);
		if (found != 0)
			return found < 0 ? -1 : add_place(paths, str_text(&folder));
		if (beside.len == 0 && is_function(&run->tests.at[i]) && folder_of(&run->tests.at[i], &beside) < 0)
			return -1;
	}
	return add_place(paths, str_text(&beside));
}

/* Whether the conftest of another place is loaded for all tests of this one. */
static bool is_below_another(const struct strings *paths, size_t index)
{
	const char *path = paths->at[index];
	for (size_t i = 0; i < paths->len; i++) {
		size_t folder = strlen(paths->at[i]) - strlen("conftest.py");
		if (i != index && strlen(path) > strlen(paths->at[i]) && strncmp(path, paths->at[i], folder) == 0)
			return true;
	}
	return false;
}

static int drop_needless(struct strings *paths)
{
	struct strings kept = STRINGS_INIT;
	for (size_t i = 0; i < paths->len; i++)
		if (!is_below_another(paths, i) && strings_add(&kept, paths->at[i]) < 0) {
			strings_release(&kept);
			return -1;
		}
	strings_release(paths);
	*paths = kept;
	return 0;
}

int mark_hook_places(const char *root, const struct suite_run *run, const bool *covered, struct strings *paths,
		     struct err *err)
{
	const char *last = NULL;
	bool others = false;
	int failed = 0;
	strings_release(paths);
	for (size_t i = 0; !failed && i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		if (covered[i] || (last && text_equals(last, test->path)))
			continue;
		others |= !is_function(test);
		failed = is_function(test) ? place_of_function(root, test, paths) : 0;
		last = is_function(test) ? test->path : NULL;
	}
	if (failed || (others && place_of_session(root, run, paths) < 0))
		return err_no_memory(err);
	return drop_needless(paths) < 0 ? err_no_memory(err) : 0;
}

static int add_line(struct str *out, const char *line, const char *eol)
{
	return str_adds(out, line) < 0 || str_adds(out, eol) < 0 ? -1 : 0;
}

static int add_table_line(struct str *out, const char *line, const char *path, const char *eol)
{
	const char *gap = strstr(line, "%s");
	if (!gap)
		return add_line(out, line, eol);
	if (str_add(out, line, (size_t)(gap - line)) < 0)
		return -1;
	for (const char *p = path; *p; p++)
		if (*p == '/' && str_adds(out, ".parent") < 0)
			return -1;
	return add_line(out, gap + 2, eol);
}

static int add_block(struct str *out, size_t hook, const char *path, const char *eol)
{
	for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++)
		if (add_table_line(out, head[i], path, eol) < 0)
			return -1;
	for (size_t i = 0; hooks[hook].lines[i]; i++)
		if (add_line(out, hooks[hook].lines[i], eol) < 0)
			return -1;
	return add_line(out, END, eol);
}

/* The first hook that the file does not name; the count of hooks when it names all. */
static size_t free_hook(const struct str *content)
{
	size_t hook = 0;
	while (hook < sizeof(hooks) / sizeof(*hooks) && content->len > 0 && strstr(content->buf, hooks[hook].name))
		hook++;
	return hook;
}

static bool ends_line(const struct str *content)
{
	char last = content->len > 0 ? content->buf[content->len - 1] : '\n';
	return last == '\n' || last == '\r';
}

/* The file with the block at its end; two blank lines between, as style guides want. */
static int append_block(const struct str *before, const char *path, struct str *after, struct err *err)
{
	cleanup_python_tree struct python_tree tree = PYTHON_TREE_INIT;
	size_t hook = free_hook(before);
	if (python_tree_open(&tree, str_slice(before), path, err) < 0)
		return -1;
	if (hook == sizeof(hooks) / sizeof(*hooks)) {
		err_set_at(err, ERR_INPUT, path, 0, "%s has hooks of its own where comb's would go", path);
		return err_hint(err, "mark the tests that %s lists by hand", MARK_TABLE_NAME);
	}
	const char *eol = python_eol(&tree, before->len);
	int failed = str_add(after, str_text(before), before->len);
	if (before->len > 0)
		failed = failed || (!ends_line(before) && str_adds(after, eol) < 0) || str_adds(after, eol) < 0 ||
			 str_adds(after, eol) < 0;
	failed = failed || add_block(after, hook, path, eol) < 0;
	return failed ? err_no_memory(err) : 0;
}

int mark_hook_insert(const char *root, const char *path, struct changeset *set, struct err *err)
{
	cleanup_str struct str absolute = STR_INIT, before = STR_INIT, after = STR_INIT;
	if (fs_join(&absolute, root, path) < 0)
		return err_no_memory(err);
	bool existed = fs_exists(absolute.buf);
	if (existed && fs_read(absolute.buf, &before, err) < 0)
		return -1;
	if (before.len > 0 && strstr(before.buf, BEGIN))
		return 0;
	if (append_block(&before, path, &after, err) < 0)
		return -1;
	return changeset_add(set, absolute.buf, str_slice(&before), existed, &after, err);
}

/* Where the block stands, with the blank lines put before it. False: it does not. */
static bool find_block(const struct str *content, size_t *start, size_t *end)
{
	const char *begin = content->len > 0 ? strstr(content->buf, BEGIN) : NULL;
	const char *last = begin ? strstr(begin, END) : NULL;
	if (!last)
		return false;
	*end = (size_t)(last - content->buf) + sizeof(END) - 1;
	for (size_t i = 0; i < 2 && *end < content->len && strchr("\r\n", content->buf[*end]); i++) {
		bool newline = content->buf[*end] == '\n';
		(*end)++;
		if (newline)
			break;
	}
	*start = (size_t)(begin - content->buf);
	for (int lines = 0; *start > 0 && lines < 2; lines++) {
		size_t at = *start - 1;
		if (!strchr("\r\n", content->buf[at]))
			break;
		if (content->buf[at] == '\n' && at > 0 && content->buf[at - 1] == '\r')
			at--;
		*start = at;
	}
	return true;
}

int mark_hook_remove(const char *root, const char *path, struct changeset *set, bool *empty, struct err *err)
{
	cleanup_str struct str absolute = STR_INIT, before = STR_INIT, after = STR_INIT;
	size_t start, end;
	*empty = false;
	if (fs_join(&absolute, root, path) < 0)
		return err_no_memory(err);
	if (!fs_exists(absolute.buf))
		return 0;
	if (fs_read(absolute.buf, &before, err) < 0)
		return -1;
	if (!find_block(&before, &start, &end))
		return 0;
	if (str_add(&after, before.buf, start) < 0 || str_add(&after, before.buf + end, before.len - end) < 0)
		return err_no_memory(err);
	*empty = after.len == 0;
	return changeset_add(set, absolute.buf, str_slice(&before), true, &after, err);
}
