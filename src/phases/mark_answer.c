#include "phases/mark_answer.h"

#include <stdarg.h>

#include "base/banned.h"

#define MOST_NAMED 10

int mark_conclude(struct gate_result *result, enum gate_status status, struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	str_clear(&result->figure);
	int failed = str_vaddf(&result->figure, format, args);
	va_end(args);
	result->status = status;
	return failed < 0 ? err_no_memory(err) : 0;
}

int mark_name_test(struct gate_result *result, size_t nth, const struct test *test, const char *what)
{
	if (nth > MOST_NAMED)
		return 0;
	if (nth == MOST_NAMED)
		return str_adds(&result->detail, "… and more\n");
	return str_addf(&result->detail, "%s: %s\n", test->id, what);
}

int mark_say_no_tests(const struct project *project, struct err *err)
{
	err_set(err, ERR_INPUT, "pytest finds no tests in %s", project->root);
	return err_hint(err, "see what it collects: '%s' -m pytest --collect-only", project->python);
}
