#include "phases/mark_answer.h"

#include "base/banned.h"

#define MOST_NAMED 10

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
