#include "project/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#include "base/banned.h"

/* The line behind the last "path:LINE:", or "path", line LINE", that stands below root; 0 if there is none. */
static int blamed_line(const char *output, const char *path, const char *root)
{
	size_t root_len = strlen(root);
	const char *name = strncmp(path, root, root_len) == 0 ? path + root_len + 1 : path;
	int line = 0;
	for (const char *at = output; (at = strstr(at, name)); at++) {
		const char *tail = at + strlen(name);
		int n = tail[0] == ':' ? atoi(tail + 1) : 0;
		n = strncmp(tail, "\", line ", 8) == 0 ? atoi(tail + 8) : n;
		line = n > 0 ? n : line;
	}
	return line;
}

/* The exception: the last line that pytest marks as such, for those before it show the source. */
static void exception_line(const char *output, struct str *out)
{
	const char *last = NULL;
	for (const char *at = output; (at = strstr(at, "\nE   ")); at++)
		last = at + strlen("\nE   ");
	if (last && str_adds(out, ": ") == 0)
		str_add_printable(out, last, strcspn(last, "\n"));
}

/* "ImportError while loading conftest '/p/conftest.py'." */
static bool conftest_error(const struct project *project, const char *output, struct err *err)
{
	static const char intro[] = "while loading conftest '";
	const char *start = strstr(output, intro);
	const char *end = start ? strchr(start + sizeof(intro) - 1, '\'') : NULL;
	cleanup_str struct str path = STR_INIT, exception = STR_INIT;
	if (!end || str_add(&path, start + sizeof(intro) - 1, (size_t)(end - start) - (sizeof(intro) - 1)) < 0)
		return false;
	exception_line(end, &exception);
	err_set_at(err, ERR_INPUT, path.buf, blamed_line(end, path.buf, project->root),
		   "pytest cannot load a conftest file%s", str_text(&exception));
	return true;
}

static void telling_line(const char *output, struct str *out)
{
	static const char *const marks[] = { ": error: ", "ERROR: ", "E   ", "Error: " };
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		const char *at = strstr(output, marks[i]);
		if (at) {
			at += i < 2 ? strlen(marks[i]) : 0;
			str_add_printable(out, at, strcspn(at, "\n"));
			return;
		}
	}
	output += strspn(output, "\n");
	str_add_printable(out, output, strcspn(output, "\n"));
}

int refusal_read(const struct project *project, const char *output, const char *option, struct err *err)
{
	cleanup_str struct str said = STR_INIT;
	if (strstr(output, "No module named pytest")) {
		err_set(err, ERR_ENVIRONMENT, "%s has no pytest", project->python);
		return err_hint(err, "install it there: '%s' -m pip install pytest", project->python);
	}
	if (!conftest_error(project, output, err)) {
		telling_line(output, &said);
		if (strstr(output, "comb's extension cannot be loaded")) {
			err_set(err, ERR_ENVIRONMENT, "%s", str_text(&said));
			return err_hint(err, "build comb for this interpreter, or choose another with --python");
		}
		err_set(err, ERR_INPUT, "pytest could not start: %s", str_text(&said));
	}
	return err_hint(err, "see what it says: cd %s && '%s' -m pytest %s", project->root, project->python, option);
}
