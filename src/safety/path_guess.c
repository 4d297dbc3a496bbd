#include "safety/path_guess.h"

#include <string.h>

#include "base/banned.h"

#define DEPTH_MAX 12

/* Where an expression stands. */
struct site {
	const struct code_set *set;
	const struct code *code;
	int function;
};

static enum path_kind guess(struct site at, TSNode node, struct str *text, int depth);

static enum path_kind kind_of_text(const char *path)
{
	static const char *const temporary[] = { "/tmp", "/var/tmp", "/dev/shm", NULL };
	if (!*path || strstr(path, "://") || strpbrk(path, "\n\t"))
		return PATH_UNKNOWN;
	for (size_t i = 0; temporary[i]; i++) {
		size_t len = strlen(temporary[i]);
		if (strncmp(path, temporary[i], len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return PATH_TEMPORARY;
	}
	if (path[0] == '~')
		return PATH_HOME;
	if (text_starts_with(path, "/dev/") || text_starts_with(path, "/proc/"))
		return PATH_UNKNOWN;
	return path[0] == '/' ? PATH_ABSOLUTE : PATH_RELATIVE;
}

/* Puts one more literal part behind; a part that is no literal makes the whole unknown. */
static enum path_kind add_part(struct site at, TSNode part, enum path_kind kind, struct str *text)
{
	cleanup_str struct str literal = STR_INIT;
	if (kind == PATH_UNKNOWN || !code_literal(at.code, code_resolve(at.code, part, at.function), &literal))
		return PATH_UNKNOWN;
	if (text->len > 0 && text->buf[text->len - 1] != '/' && str_addc(text, '/') < 0)
		return PATH_UNKNOWN;
	return str_adds(text, str_text(&literal)) < 0 ? PATH_UNKNOWN : kind;
}

static enum path_kind guess_join(struct site at, TSNode arguments, enum path_kind kind, uint32_t from, struct str *text)
{
	for (uint32_t i = from; i < ts_node_named_child_count(arguments); i++) {
		TSNode part = ts_node_named_child(arguments, i);
		if (!python_is(part, "comment"))
			kind = add_part(at, part, kind, text);
	}
	return kind;
}

static enum path_kind fixed(enum path_kind kind, struct str *text, const char *value)
{
	str_clear(text);
	return str_adds(text, value) < 0 ? PATH_UNKNOWN : kind;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static enum path_kind guess_call(struct site at, TSNode node, struct str *text, int depth)
{
	static const char *const wrappers[] = { "str",
						"os.fspath",
						"os.path.abspath",
						"os.path.realpath",
						"os.path.normpath",
						"os.path.dirname",
						"os.path.expanduser",
						NULL };
	static const char *const makers[] = { "pathlib.Path",  "pathlib.PurePath", "pathlib.PosixPath",
					      "py.path.local", "os.path.join",     NULL };
	static const char *const same[] = { "resolve", "absolute", "expanduser", "with_suffix", NULL };
	cleanup_str struct str callee = STR_INIT;
	TSNode target = python_child(node, "function"), arguments = python_child(node, "arguments");
	if (code_dotted(at.code, target, at.function, &callee, NULL) < 0)
		return PATH_UNKNOWN;
	const char *name = str_text(&callee);
	TSNode first = code_argument(at.code, arguments, 0, NULL);
	if (strcmp(name, "tempfile.gettempdir") == 0)
		return fixed(PATH_TEMPORARY, text, "/tmp");
	if (strcmp(name, "pathlib.Path.cwd") == 0 || strcmp(name, "os.getcwd") == 0)
		return fixed(PATH_RELATIVE, text, ".");
	if (strcmp(name, "pathlib.Path.home") == 0)
		return fixed(PATH_HOME, text, "~");
	if (is_one_of(name, wrappers))
		return guess(at, first, text, depth + 1);
	if (is_one_of(name, makers)) {
		if (ts_node_is_null(first))
			return fixed(PATH_RELATIVE, text, ".");
		enum path_kind kind = guess(at, first, text, depth + 1);
		return guess_join(at, arguments, kind, 1, text);
	}
	if (!python_is(target, "attribute"))
		return PATH_UNKNOWN;
	const char *method = strrchr(name, '.');
	enum path_kind kind = guess(at, python_child(target, "object"), text, depth + 1);
	if (method && is_one_of(method + 1, same))
		return kind;
	return method && strcmp(method + 1, "joinpath") == 0 ? guess_join(at, arguments, kind, 0, text) : PATH_UNKNOWN;
}

/* A name that stands for a constant of another file of the set. */
static enum path_kind guess_imported(struct site at, TSNode node, struct str *text, int depth)
{
	enum event_root root;
	cleanup_str struct str dotted = STR_INIT;
	if (!at.set || code_dotted(at.code, node, at.function, &dotted, &root) < 0 || root != EVENT_ROOT_IMPORT)
		return PATH_UNKNOWN;
	char *dot = strrchr(dotted.buf, '.');
	if (!dot)
		return PATH_UNKNOWN;
	*dot = '\0';
	const struct code *module = code_set_module(at.set, dotted.buf);
	const struct code_binding *binding = module ? code_binding(module, dot + 1, -1) : NULL;
	if (!binding || binding->count != 1)
		return PATH_UNKNOWN;
	return guess((struct site){ at.set, module, -1 }, binding->value, text, depth + 1);
}

static enum path_kind guess(struct site at, TSNode node, struct str *text, int depth)
{
	const struct code *code = at.code;
	str_clear(text);
	node = code_resolve(code, node_without_parentheses(node), at.function);
	if (depth > DEPTH_MAX || ts_node_is_null(node))
		return PATH_UNKNOWN;
	if (code_literal(code, node, text))
		return kind_of_text(str_text(text));
	str_clear(text);
	if (code_node_equals(code, node, "__file__"))
		return fixed(PATH_SOURCE, text, "");
	if (python_is(node, "call"))
		return guess_call(at, node, text, depth);
	if (python_is(node, "binary_operator")) {
		TSNode operator= python_child(node, "operator");
		bool joins = code_node_equals(code, operator, "/") || code_node_equals(code, operator, "+");
		enum path_kind kind = guess(at, python_child(node, "left"), text, depth + 1);
		return joins ? add_part(at, python_child(node, "right"), kind, text) : PATH_UNKNOWN;
	}
	if (python_is(node, "attribute") &&
	    (code_node_equals(code, python_child(node, "attribute"), "parent") ||
	     code_node_equals(code, python_child(node, "attribute"), "parents")))
		return guess(at, python_child(node, "object"), text, depth + 1);
	if (python_is(node, "subscript"))
		return guess(at, python_child(node, "value"), text, depth + 1) == PATH_SOURCE ? PATH_SOURCE
											      : PATH_UNKNOWN;
	return python_is(node, "identifier") || python_is(node, "attribute") ? guess_imported(at, node, text, depth)
									     : PATH_UNKNOWN;
}

enum path_kind path_guess(const struct code_set *set, const struct code *code, TSNode node, int function,
			  struct str *text)
{
	return guess((struct site){ set, code, function }, node, text, 0);
}

/* Which arguments of a function name files that it changes. */
struct writer {
	const char *name;
	signed char first, second; /* positions, -1 none */
	signed char mode; /* position of the mode, -1: always writes */
};

static const struct writer writers[] = {
	{ "open", 0, -1, 1 },
	{ "io.open", 0, -1, 1 },
	{ "codecs.open", 0, -1, 1 },
	{ "gzip.open", 0, -1, 1 },
	{ "bz2.open", 0, -1, 1 },
	{ "lzma.open", 0, -1, 1 },
	{ "zipfile.ZipFile", 0, -1, 1 },
	{ "tarfile.open", 0, -1, 1 },
	{ "os.mkdir", 0, -1, -1 },
	{ "os.makedirs", 0, -1, -1 },
	{ "os.remove", 0, -1, -1 },
	{ "os.unlink", 0, -1, -1 },
	{ "os.rmdir", 0, -1, -1 },
	{ "os.removedirs", 0, -1, -1 },
	{ "os.rename", 0, 1, -1 },
	{ "os.replace", 0, 1, -1 },
	{ "os.symlink", 1, -1, -1 },
	{ "os.link", 1, -1, -1 },
	{ "os.chmod", 0, -1, -1 },
	{ "os.utime", 0, -1, -1 },
	{ "os.truncate", 0, -1, -1 },
	{ "shutil.rmtree", 0, -1, -1 },
	{ "shutil.copy", 1, -1, -1 },
	{ "shutil.copy2", 1, -1, -1 },
	{ "shutil.copyfile", 1, -1, -1 },
	{ "shutil.copytree", 1, -1, -1 },
	{ "shutil.move", 0, 1, -1 },
	{ "shelve.open", 0, -1, -1 },
	{ "numpy.save", 0, -1, -1 },
	{ "numpy.savetxt", 0, -1, -1 },
	{ "numpy.savez", 0, -1, -1 },
	{ NULL },
};

static const struct writer methods[] = {
	{ "write_text", 0, -1, -1 },
	{ "write_bytes", 0, -1, -1 },
	{ "touch", 0, -1, -1 },
	{ "mkdir", 0, -1, -1 },
	{ "unlink", 0, -1, -1 },
	{ "rmdir", 0, -1, -1 },
	{ "rename", 0, -1, -1 },
	{ "symlink_to", 0, -1, -1 },
	{ "hardlink_to", 0, -1, -1 },
	{ "open", 0, -1, 0 },
	{ NULL },
};

static const struct writer *writer_named(const struct writer *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static bool mode_writes(const struct code *code, const struct code_event *event, int position)
{
	cleanup_str struct str mode = STR_INIT;
	if (position < 0)
		return true;
	return code_literal(code, code_argument(code, event->value, position, "mode"), &mode) &&
		strpbrk(str_text(&mode), "wax+") != NULL;
}

int event_written_paths(const struct code *code, const struct code_event *event, TSNode paths[2])
{
	if (event->kind != EVENT_CALL)
		return 0;
	const struct writer *writer = writer_named(writers, event->name);
	if (writer && mode_writes(code, event, writer->mode)) {
		int count = 0;
		paths[count++] = code_argument(code, event->value, writer->first, NULL);
		if (writer->second >= 0)
			paths[count++] = code_argument(code, event->value, writer->second, NULL);
		return count;
	}
	TSNode target = python_child(event->node, "function");
	const char *dot = strrchr(event->name, '.');
	if (writer || !dot || !python_is(target, "attribute"))
		return 0;
	TSNode object = python_child(target, "object");
	const struct writer *method = writer_named(methods, dot + 1);
	if (!method || !mode_writes(code, event, method->mode))
		return 0;
	TSNode meaning = code_resolve(code, object, event->function);
	if (python_is(meaning, "string") || python_is(meaning, "concatenated_string"))
		return 0;
	paths[0] = object;
	return 1;
}
