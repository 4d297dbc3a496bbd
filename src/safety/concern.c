#include "safety/concern.h"

#include <string.h>

#include "safety/names.h"
#include "safety/rule.h"

#include "base/banned.h"

static const struct code *file_of(const struct code_set *set, const char *path)
{
	for (size_t i = 0; path && i < set->files.len; i++)
		if (strcmp(set->files.at[i].path, path) == 0)
			return &set->files.at[i];
	return NULL;
}

static bool same_class(const struct code *code, int class_index, const char *module_class)
{
	cleanup_str struct str name = STR_INIT;
	if (class_index < 0)
		return module_class == NULL;
	for (int c = class_index; c >= 0; c = code->classes.at[c].parent) {
		cleanup_str struct str longer = STR_INIT;
		if (str_addf(&longer, "%s%s%s", code->classes.at[c].name, name.len ? "::" : "", str_text(&name)) < 0)
			return false;
		str_clear(&name);
		if (str_adds(&name, str_text(&longer)) < 0)
			return false;
	}
	return module_class && strcmp(str_text(&name), module_class) == 0;
}

static bool stands_in(const struct code *code, const struct test *test)
{
	return text_equals(test->path, code->path) || text_equals(test->source_path, code->path);
}

/* The test's own function in the file: by name, and by class unless it is inherited from elsewhere. */
static bool is_test_of(const struct code *code, const struct code_function *function, const struct test *test)
{
	if (!test->function || strcmp(test->function, function->name) != 0 || !stands_in(code, test))
		return false;
	return !text_equals(test->source_path, test->path) ||
		same_class(code, function->class_index, test->module_class);
}

static bool uses_fixture(const struct code *code, const struct code_function *fixture, const struct test *test,
			 const struct code_set *set)
{
	if (strings_find(&test->fixtures, fixture->fixture_name) < 0)
		return false;
	const struct code *own = file_of(set, test->path);
	return own && code_set_fixture(set, own, fixture->fixture_name).code == code;
}

/* The class has the set-up in its own body or takes it from a base in that file. */
static bool has_set_up(const struct code *code, const struct code_function *function, const struct test *test)
{
	if (!stands_in(code, test))
		return false;
	return function->class_index < 0 || same_class(code, function->class_index, test->module_class);
}

static bool names_function(const struct code *code, const struct code_function *helper, const struct test *test)
{
	for (size_t i = 0; i < code->functions.len; i++)
		if (code->functions.at[i].kind == FUNCTION_TEST && is_test_of(code, &code->functions.at[i], test))
			return node_uses_name(code, code->functions.at[i].node, helper->name) ||
				code_node_contains(code, code->functions.at[i].body, helper->name);
	return false;
}

static bool concerns(const struct code_set *set, const struct code *code, int function, const struct test *test)
{
	const struct code_function *place = &code->functions.at[function];
	if (code->role == ROLE_PROJECT)
		return false;
	switch (place->kind) {
	case FUNCTION_TEST:
		return is_test_of(code, place, test);
	case FUNCTION_FIXTURE:
		return uses_fixture(code, place, test, set);
	case FUNCTION_SETUP:
	case FUNCTION_TEARDOWN:
		return has_set_up(code, place, test);
	case FUNCTION_PLAIN:
		return stands_in(code, test) && names_function(code, place, test);
	}
	return false;
}

static int concern_place(struct finding *finding, const struct finding_place *place, const struct code_set *set,
			 const struct suite_run *run)
{
	const struct code *code = file_of(set, place->path);
	if (!code)
		return 0;
	for (size_t i = 0; i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (python_line(function->node) > place->line || function->parent >= 0 ||
		    (int)ts_node_end_point(function->node).row + 1 < place->line)
			continue;
		for (size_t t = 0; t < run->tests.len; t++)
			if (concerns(set, code, (int)i, &run->tests.at[t]) && finding_add_test(finding, t) < 0)
				return -1;
	}
	return 0;
}

/* A test's function, or a fixture that it uses, has the name in its text. */
static bool test_names(const struct code_set *set, const struct test *test, const char *name)
{
	const struct code *code = file_of(set, test->path);
	for (size_t i = 0; code && i < code->functions.len; i++) {
		const struct code_function *function = &code->functions.at[i];
		if (function->kind == FUNCTION_TEST && is_test_of(code, function, test) &&
		    node_uses_name(code, function->node, name))
			return true;
	}
	for (size_t i = 0; code && i < test->fixtures.len; i++) {
		struct code_ref fixture = code_set_fixture(set, code, test->fixtures.at[i]);
		if (fixture.code &&
		    node_uses_name(fixture.code, fixture.code->functions.at[fixture.function].node, name))
			return true;
	}
	return false;
}

static bool is_code(const struct finding *finding, const char *const *codes)
{
	for (size_t i = 0; codes[i]; i++)
		if (strcmp(finding->rule->code, codes[i]) == 0)
			return true;
	return false;
}

/* The name behind "tests/test_a.py: "; NULL for a subject that is not of one file. */
static const char *local_name(const struct finding *finding)
{
	const char *local = strstr(finding->subject, ": ");
	return local ? local + 2 : NULL;
}

/* A shared thing concerns all that use it, not only those that change it. */
static bool shares(const struct finding *finding, const struct code_set *set, const struct code *code,
		   const struct test *test)
{
	static const char *const names[] = { "CB101", "CB403", "CB601", "CB608", NULL };
	static const char *const classes[] = { "CB102", "CB305", "CB601", NULL };
	const char *name = local_name(finding);
	if (strcmp(finding->rule->code, "CB301") == 0) {
		const char *fixture = finding->subject + strlen("fixture ");
		for (size_t i = 0; i < code->functions.len; i++) {
			const struct code_function *function = &code->functions.at[i];
			size_t len = strlen(function->fixture_name);
			if (function->kind == FUNCTION_FIXTURE && strncmp(fixture, function->fixture_name, len) == 0 &&
			    fixture[len] == ' ' && uses_fixture(code, function, test, set))
				return true;
		}
		return false;
	}
	if (!stands_in(code, test))
		return false;
	if (name && is_code(finding, names) && test_names(set, test, name))
		return true;
	for (size_t p = 0; is_code(finding, classes) && test->module_class && p < finding->places.len; p++) {
		size_t len = strlen(test->module_class);
		if (strncmp(finding->places.at[p].function, test->module_class, len) == 0 &&
		    strncmp(finding->places.at[p].function + len, "::", 2) == 0)
			return true;
	}
	return false;
}

static int concern_sharers(struct finding *finding, const struct code_set *set, const struct suite_run *run)
{
	for (size_t f = 0; f < set->files.len; f++) {
		const struct code *code = &set->files.at[f];
		bool home = strstr(finding->subject, code->path) != NULL;
		for (size_t p = 0; p < finding->places.len && !home; p++)
			home = strcmp(finding->places.at[p].path, code->path) == 0;
		for (size_t t = 0; home && code->role != ROLE_PROJECT && t < run->tests.len; t++)
			if (shares(finding, set, code, &run->tests.at[t]) && finding_add_test(finding, t) < 0)
				return -1;
	}
	return 0;
}

int concern_all(struct findings *findings, const struct code_set *set, const struct suite_run *run, struct err *err)
{
	for (size_t i = 0; i < findings->list.len; i++) {
		struct finding *finding = &findings->list.at[i];
		for (size_t p = 0; p < finding->places.len; p++)
			if (concern_place(finding, &finding->places.at[p], set, run) < 0)
				return err_no_memory(err);
		if (concern_sharers(finding, set, run) < 0)
			return err_no_memory(err);
	}
	return 0;
}

/* "Outbox" of "Outbox.messages", "shop" of "shop.exchange.fetch_rate": the first name, or the last but one. */
static int subject_name(const struct finding *finding, struct str *out)
{
	const char *subject = finding->subject, *local = strstr(subject, ": ");
	subject = local ? local + 2 : subject;
	const char *end = strchr(subject, '.');
	str_clear(out);
	return end ? str_add(out, subject, (size_t)(end - subject)) : str_adds(out, subject);
}

int concern_by_name(const struct finding *finding, const struct code_set *set, const struct suite_run *run,
		    bool *concerned)
{
	cleanup_str struct str name = STR_INIT;
	if (subject_name(finding, &name) < 0)
		return -1;
	for (size_t t = 0; t < run->tests.len; t++)
		concerned[t] = test_names(set, &run->tests.at[t], str_text(&name));
	return 0;
}
