/* Findings as SARIF 2.1.0: what a reader of the format relies on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/sarif.h"
#include "safety/rule.h"

static json_t *at(json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);
	assert_non_null(value);
	return value;
}

static void test_findings_become_results_with_rules_and_places(void **state)
{
	(void)state;
	struct findings findings = { .list = VEC_INIT };
	const struct rule *port = rule_find("CB204"), *path = rule_find("CB201");
	assert_non_null(findings_add(&findings, path, "/tmp/a", "tests/b\xff c.py", 3, ""));
	assert_non_null(findings_add(&findings, port, "8765\x1b", "tests/test_a.py", 12, "test_x"));
	struct finding *finding = findings_add(&findings, port, "8765\x1b", "tests/test_b.py", 7, "TestB::test_y");
	assert_non_null(finding);
	assert_int_equal(finding_confirm(finding, "bound by 2 tests"), 0);

	json_t *log = sarif_log(&findings, NULL);
	assert_non_null(log);
	assert_string_equal(json_string_value(at(log, "version")), "2.1.0");
	json_t *run = json_array_get(at(log, "runs"), 0);
	json_t *rules = at(at(at(run, "tool"), "driver"), "rules");
	json_t *results = at(run, "results");
	assert_int_equal(json_array_size(rules), 2);
	assert_int_equal(json_array_size(results), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *result = json_array_get(results, i);
		json_t *rule = json_array_get(rules, (size_t)json_integer_value(at(result, "ruleIndex")));
		assert_string_equal(json_string_value(at(rule, "id")), json_string_value(at(result, "ruleId")));
	}
	json_t *first = json_array_get(at(json_array_get(results, 0), "locations"), 0);
	assert_string_equal(json_string_value(at(at(at(first, "physicalLocation"), "artifactLocation"), "uri")),
			    "tests/b%FF%20c.py");
	json_t *second = json_array_get(results, 1);
	assert_string_equal(json_string_value(at(second, "level")), "error");
	assert_int_equal(json_array_size(at(second, "relatedLocations")), 1);
	assert_non_null(strstr(json_string_value(at(at(second, "message"), "text")), "bound by 2 tests"));
	char *text = json_dumps(log, 0);
	assert_non_null(strstr(text, "8765\\u001B")); /* nothing that a terminal would obey */
	assert_null(strchr(text, '\x1b'));
	free(text);
	json_decref(log);
	findings_release(&findings);
}

static void test_nothing_found_is_an_empty_run(void **state)
{
	(void)state;
	struct findings findings = { .list = VEC_INIT };
	json_t *log = sarif_log(&findings, NULL);
	assert_non_null(log);
	assert_int_equal(json_array_size(at(json_array_get(at(log, "runs"), 0), "results")), 0);
	json_decref(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_become_results_with_rules_and_places),
		cmocka_unit_test(test_nothing_found_is_an_empty_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
