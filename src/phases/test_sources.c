#include "phases/test_sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "source/clock_use.h"

#include "base/banned.h"

static void source_free(struct test_source *source)
{
	if (!source)
		return;
	python_tree_release(&source->tree);
	str_release(&source->content);
	free(source->path);
	free(source->real);
	free(source->problem);
	free(source->clock_lines);
	free(source);
}

int test_sources_open(struct test_sources *sources, const char *root, struct err *err)
{
	cleanup_str struct str real = STR_INIT;
	test_sources_release(sources);
	if (fs_real_path(root, &real, err) < 0)
		return -1;
	sources->root = str_steal(&real);
	return sources->root ? 0 : err_no_memory(err);
}

void test_sources_release(struct test_sources *sources)
{
	for (size_t i = 0; i < sources->files.len; i++)
		source_free(sources->files.at[i]);
	vec_release(&sources->files);
	vec_release(&sources->by_name);
	strings_release(&sources->names);
	free(sources->root);
	*sources = (struct test_sources)TEST_SOURCES_INIT;
}

static bool is_below(const char *path, const char *root)
{
	size_t len = strlen(root);
	return strncmp(path, root, len) == 0 && (path[len] == '/' || strcmp(root, "/") == 0);
}

/* Reads and parses; what goes wrong with the file becomes its problem. */
static int load(struct test_source *source, const char *root)
{
	struct err why = ERR_INIT;
	if (!source->real || !is_below(source->real, root))
		source->problem = os_strdup("it stands outside the project");
	else if (!text_ends_with(source->real, ".py"))
		source->problem = os_strdup("it is no Python file");
	else if (fs_read(source->real, &source->content, &why) < 0 ||
		 python_tree_open(&source->tree, str_slice(&source->content), source->path, &why) < 0)
		source->problem = os_strdup(why.text);
	else
		return 0;
	return source->problem ? 0 : -1;
}

static struct test_source *find_file(const struct test_sources *sources, const char *real)
{
	for (size_t i = 0; real && i < sources->files.len; i++)
		if (text_equals(sources->files.at[i]->real, real))
			return sources->files.at[i];
	return NULL;
}

/* A file asked for by a new name: one that is known by another, or a new one. */
static struct test_source *add_name(struct test_sources *sources, const char *path)
{
	struct err ignored = ERR_INIT;
	cleanup_str struct str absolute = STR_INIT, real = STR_INIT;
	if (fs_join(&absolute, sources->root, path) < 0)
		return NULL;
	bool exists = fs_real_path(absolute.buf, &real, &ignored) == 0;
	struct test_source *source = find_file(sources, exists ? real.buf : NULL);
	if (!source) {
		source = os_calloc(1, sizeof(*source));
		if (!source || !(source->path = os_strdup(path)) || (exists && !(source->real = str_steal(&real))) ||
		    load(source, sources->root) < 0 || vec_push(&sources->files, source) < 0) {
			source_free(source);
			return NULL;
		}
	}
	if (vec_push(&sources->by_name, source) < 0 || strings_add(&sources->names, path) < 0)
		return NULL;
	return source;
}

struct test_source *test_sources_get(struct test_sources *sources, const char *path, struct err *err)
{
	/* Tests of one file come together: the name asked for last is the likeliest. */
	for (size_t i = sources->names.len; i-- > 0;)
		if (strcmp(sources->names.at[i], path) == 0)
			return sources->by_name.at[i];
	struct test_source *source = add_name(sources, path);
	if (!source)
		err_no_memory(err);
	return source;
}

size_t test_source_def(const struct test_source *source, const struct test *test)
{
	if (source->problem || !test->function || !test->in_source)
		return PYTHON_NONE;
	for (size_t i = 0; i < source->tree.defs.len; i++) {
		const struct python_def *def = &source->tree.defs.at[i];
		if (def->kind == PYTHON_FUNCTION && def->first_line == test->source_line &&
		    strcmp(def->name, test->function) == 0)
			return i;
	}
	return PYTHON_NONE;
}

int test_source_class_path(const struct test_source *source, size_t def, struct str *out)
{
	str_clear(out);
	for (size_t i = source->tree.defs.at[def].parent; i != PYTHON_NONE; i = source->tree.defs.at[i].parent) {
		const struct python_def *around = &source->tree.defs.at[i];
		cleanup_str struct str inner = STR_INIT;
		if (around->kind != PYTHON_CLASS || str_addf(&inner, "%s%s%s", around->name, out->len ? "::" : "",
							      str_text(out)) < 0)
			return -1;
		str_clear(out);
		if (str_add(out, inner.buf, inner.len) < 0)
			return -1;
	}
	return 0;
}

int test_sources_clock_line(struct test_sources *sources, const struct test *test, struct err *err)
{
	if (!test->source_path)
		return 0;
	struct test_source *source = test_sources_get(sources, test->source_path, err);
	if (!source)
		return -1;
	size_t def = test_source_def(source, test), count = source->tree.defs.len;
	if (def == PYTHON_NONE)
		return 0;
	if (!source->clock_lines) {
		source->clock_lines = os_malloc(count * sizeof(int));
		if (!source->clock_lines)
			return err_no_memory(err);
		for (size_t i = 0; i < count; i++)
			source->clock_lines[i] = -1;
	}
	if (source->clock_lines[def] < 0 && clock_use_find(&source->tree, def, &source->clock_lines[def], err) < 0)
		return -1;
	return source->clock_lines[def];
}
