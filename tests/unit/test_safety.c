/* Findings, footprint conflicts, groups and orders, on runs made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "safety/analysis.h"
#include "safety/conflict.h"
#include "safety/rule.h"

static char *copy(const char *text)
{
	char *made = os_strdup(text);
	assert_true(made || !text);
	return made;
}

/* A test of tests/test_MODULE.py. */
static void add_test(struct suite_run *run, const char *module, const char *function, const char *group)
{
	char path[100], id[200];
	snprintf(path, sizeof(path), "tests/test_%s.py", module);
	snprintf(id, sizeof(id), "%s::%s", path, function);
	struct test test = { .id = copy(id),
			     .path = copy(path),
			     .source_path = copy(path),
			     .group = copy(group),
			     .outcome = TEST_PASSED,
			     .worker = -1 };
	char name[100];
	snprintf(name, sizeof(name), "%s", function);
	name[strcspn(name, "[")] = '\0';
	test.function = copy(name);
	assert_int_equal(vec_push(&run->tests, test), 0);
}

static void add_touch(struct suite_run *run, enum touch_kind kind, size_t test, const char *what, const char *fixture)
{
	struct touch touch = { .kind = kind,
			       .phase = 'c',
			       .test = test,
			       .what = copy(what),
			       .file = copy("tests/x.py"),
			       .line = (int)test + 1,
			       .fixture = copy(fixture) };
	assert_int_equal(vec_push(&run->touches, touch), 0);
}

static void find_conflicts(const struct suite_run *run, struct findings *findings)
{
	struct err err = ERR_INIT;
	assert_int_equal(conflicts_find(run, "/p", 0.25, findings, &err), 0);
	findings_sort(findings);
}

static void test_findings_are_known_by_cause(void **state)
{
	struct findings findings = FINDINGS_INIT;
	const struct rule *rule = rule_find("CB105");
	findings_add(&findings, rule, "os.environ['A']", "b.py", 9, "test_b");
	findings_add(&findings, rule, "os.environ['A']", "a.py", 3, "test_a");
	findings_add(&findings, rule, "os.environ['A']", "a.py", 3, "test_a");
	findings_add(&findings, rule, "os.environ['B']", "a.py", 5, "test_a");
	assert_int_equal(findings.list.len, 2);
	findings_sort(&findings);
	struct finding *finding = findings_find(&findings, "CB105", "os.environ['A']");
	assert_int_equal(finding->places.len, 2);
	assert_string_equal(finding->places.at[0].path, "a.py");
	finding_add_test(finding, 5);
	finding_add_test(finding, 2);
	finding_add_test(finding, 5);
	assert_int_equal(finding->tests.len, 2);
	assert_int_equal(finding->tests.at[0], 2);
	assert_int_equal(finding_confirm(finding, "first"), 0);
	assert_int_equal(finding_confirm(finding, "second"), 0);
	assert_string_equal(finding->evidence, "first");
	findings_release(&findings);
	findings_release(&findings);
}

static void test_conflicts(void **state)
{
	struct suite_run run = SUITE_RUN_INIT;
	struct findings findings = FINDINGS_INIT;
	for (int i = 0; i < 12; i++) {
		char name[20];
		snprintf(name, sizeof(name), "test_%d", i);
		add_test(&run, i < 6 ? "a" : "b", name, NULL);
	}
	add_touch(&run, TOUCH_WRITE, 0, "/tmp/out.csv", NULL);
	add_touch(&run, TOUCH_READ, 1, "/tmp/out.csv", NULL);
	add_touch(&run, TOUCH_WRITE, 2, "/tmp/alone.csv", NULL);
	add_touch(&run, TOUCH_READ, 3, "/p/data/rows.json", NULL);
	add_touch(&run, TOUCH_READ, 4, "/p/data/rows.json", NULL);
	add_touch(&run, TOUCH_BIND, 5, "tcp:127.0.0.1:8765", NULL);
	add_touch(&run, TOUCH_BIND, 6, "tcp:0.0.0.0:8765", NULL);
	add_touch(&run, TOUCH_CONNECT, 7, "tcp:localhost:8765", NULL);
	add_touch(&run, TOUCH_BIND, 8, "tcp:127.0.0.1:0", NULL);
	add_touch(&run, TOUCH_BIND, 9, "tcp:127.0.0.1:0", NULL);
	add_touch(&run, TOUCH_CONNECT, 8, "tcp:10.0.0.7:8765", NULL);
	add_touch(&run, TOUCH_WRITE, 10, "/p/shop.db-journal", NULL);
	add_touch(&run, TOUCH_WRITE, 11, "/p/shop.db", NULL);
	add_touch(&run, TOUCH_WRITE, SIZE_MAX, "/p/import.log", NULL);
	add_touch(&run, TOUCH_WRITE, 0, "/p/import.log", NULL);
	find_conflicts(&run, &findings);
	assert_int_equal(findings.list.len, 3);
	struct finding *file = findings_find(&findings, "CB201", "/tmp/out.csv");
	assert_non_null(file);
	assert_int_equal(file->tests.len, 2);
	assert_int_equal(file->state, FINDING_CONFIRMED);
	assert_true(file->together);
	struct finding *port = findings_find(&findings, "CB204", "port 8765");
	assert_non_null(port);
	assert_int_equal(port->tests.len, 3);
	assert_int_equal(port->tests.at[2], 7);
	assert_non_null(findings_find(&findings, "CB207", "shop.db"));
	findings_release(&findings);
	suite_run_release(&run);
}

static void test_conflict_confirms_suspicion(void **state)
{
	struct suite_run run = SUITE_RUN_INIT;
	struct findings findings = FINDINGS_INIT;
	add_test(&run, "a", "test_a", NULL);
	add_test(&run, "b", "test_b", NULL);
	findings_add(&findings, rule_find("CB203"), "data/rows.json", "tests/test_a.py", 7, "test_a");
	add_touch(&run, TOUCH_WRITE, 0, "/p/tests/data/rows.json", NULL);
	add_touch(&run, TOUCH_READ, 1, "/p/tests/data/rows.json", NULL);
	find_conflicts(&run, &findings);
	assert_int_equal(findings.list.len, 1);
	assert_int_equal(findings.list.at[0].state, FINDING_CONFIRMED);
	assert_string_equal(findings.list.at[0].subject, "data/rows.json");
	assert_int_equal(findings.list.at[0].tests.len, 2);
	findings_release(&findings);
	suite_run_release(&run);
}

static void test_wide_fixture_counts_for_its_users(void **state)
{
	struct suite_run run = SUITE_RUN_INIT;
	struct findings findings = FINDINGS_INIT;
	for (int i = 0; i < 4; i++) {
		char name[20];
		snprintf(name, sizeof(name), "test_%d", i);
		add_test(&run, i < 3 ? "a" : "b", name, NULL);
		if (i != 1)
			assert_int_equal(strings_add(&run.tests.at[i].fixtures, "server"), 0);
	}
	struct fixture_setup setup = {
		.name = copy("server"), .scope = copy("module"), .base = copy("tests/test_a.py"), .test = 0
	};
	assert_int_equal(vec_push(&run.fixture_setups, setup), 0);
	add_touch(&run, TOUCH_BIND, 0, "tcp:127.0.0.1:8000", "server");
	find_conflicts(&run, &findings);
	assert_int_equal(findings.list.len, 1);
	assert_int_equal(findings.list.at[0].tests.len, 2);
	assert_int_equal(findings.list.at[0].tests.at[1], 2);
	findings_release(&findings);
	suite_run_release(&run);
}

static void test_too_wide_for_one_worker(void **state)
{
	struct suite_run run = SUITE_RUN_INIT;
	struct findings findings = FINDINGS_INIT;
	for (int i = 0; i < 60; i++) {
		char name[20];
		snprintf(name, sizeof(name), "test_%d", i);
		add_test(&run, "a", name, NULL);
		if (i < 40)
			add_touch(&run, TOUCH_WRITE, (size_t)i, "/p/app.log", NULL);
	}
	find_conflicts(&run, &findings);
	assert_int_equal(findings.list.len, 1);
	assert_int_equal(findings.list.at[0].state, FINDING_SUSPECTED);
	assert_false(findings.list.at[0].together);
	assert_non_null(strstr(findings.list.at[0].evidence, "one worker"));
	findings_release(&findings);
	suite_run_release(&run);
}

static void together(struct findings *findings, const char *code, const char *subject, size_t a, size_t b)
{
	struct finding *finding = findings_add(findings, rule_find(code), subject, NULL, 0, NULL);
	finding_add_test(finding, a);
	finding_add_test(finding, b);
	finding->together = true;
}

static void test_groups(void **state)
{
	struct suite_run run = SUITE_RUN_INIT;
	struct findings findings = FINDINGS_INIT;
	struct groups groups = GROUPS_INIT;
	struct err err = ERR_INIT;
	static const char *const names[] = { "test_a", "test_b", "test_c", "test_p[1]", "test_p[2]",
					     "test_q", "test_u", "test_v", "test_w",    "test_x" };
	for (size_t i = 0; i < 10; i++)
		add_test(&run, "a", names[i], i == 6 || i == 7 ? "mine" : NULL);
	together(&findings, "CB204", "port 8765", 0, 1);
	together(&findings, "CB201", "/tmp/report.csv", 1, 2); /* overlaps: one group */
	together(&findings, "CB105", "os.environ['HOME']", 3, 5); /* takes the other case of test_p along */
	together(&findings, "CB101", "tests/test_a.py: SEEN", 7, 8); /* joins the user's group */
	assert_int_equal(groups_open(&groups, run.tests.len, &err), 0);
	assert_int_equal(groups_make(&groups, &run, &findings, &err), 0);
	assert_string_equal(groups_name(&groups, 0), groups_name(&groups, 2));
	assert_string_equal(groups_name(&groups, 3), "env-home");
	assert_string_equal(groups_name(&groups, 4), "env-home");
	assert_string_equal(groups_name(&groups, 5), "env-home");
	assert_string_equal(groups_name(&groups, 6), "mine");
	assert_string_equal(groups_name(&groups, 8), "mine");
	assert_null(groups_name(&groups, 9));
	assert_false(groups.clash[groups_root(&groups, 6)]);
	groups_release(&groups);
	findings_release(&findings);
	suite_run_release(&run);
}

static void test_groups_of_the_user_clash(void **state)
{
	struct suite_run run = SUITE_RUN_INIT;
	struct findings findings = FINDINGS_INIT;
	struct groups groups = GROUPS_INIT;
	struct err err = ERR_INIT;
	add_test(&run, "a", "test_a", "one");
	add_test(&run, "b", "test_b", "two");
	together(&findings, "CB204", "port 1", 0, 1);
	assert_int_equal(groups_open(&groups, run.tests.len, &err), 0);
	assert_int_equal(groups_make(&groups, &run, &findings, &err), 0);
	assert_true(groups.clash[groups_root(&groups, 0)]);
	groups_release(&groups);
	findings_release(&findings);
	suite_run_release(&run);
}

static void test_group_names(void **state)
{
	static const struct {
		const char *code, *subject, *name;
	} cases[] = {
		{ "CB204", "port 8765", "port-8765" },
		{ "CB201", "/tmp/shop-invoices.csv", "file-shop-invoices-csv" },
		{ "CB203", "data/price_list.json", "file-price-list-json" },
		{ "CB105", "os.environ['SHOP_PREFIX']", "env-shop-prefix" },
		{ "CB102", "Outbox.messages", "outbox-messages" },
		{ "CB301", "fixture catalogue (tests/test_catalogue.py)", "fixture-catalogue" },
		{ "CB401", "shop.exchange.fetch_rate", "patch-shop-exchange-fetch-rate" },
		{ "CB601", "tests/test_flow.py: TestCheckout.order_id", "order-testcheckout-order-id" },
		{ "CB125", "left by tests/test_a.py::TestA::test_b[x y]", "after-test-b" },
		{ "CB101", "tests/test_a.py: \x1b[31m", "cb101" },
	};
	struct str name = STR_INIT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct finding finding = { .rule = rule_find(cases[i].code), .subject = (char *)cases[i].subject };
		assert_int_equal(group_name_for(&finding, &name), 0);
		if (strcmp(cases[i].code, "CB101") == 0)
			assert_null(strchr(str_text(&name), '\x1b'));
		else
			assert_string_equal(str_text(&name), cases[i].name);
	}
	str_release(&name);
}

static void test_orders(void **state)
{
	static const int labels[10] = { 0, 1, 0, 1, 0, 2, 2, 0, 1, 0 };
	size_t *reversed = order_reversed(4);
	assert_int_equal(reversed[0], 3);
	assert_int_equal(reversed[3], 0);
	free(reversed);
	bool moved = false;
	for (uint64_t seed = 1; seed < 50; seed++) {
		size_t *order = order_shuffled(10, labels, seed);
		size_t seen[10] = { 0 }, last[3] = { 0 };
		for (size_t i = 0; i < 10; i++) {
			int label = labels[order[i]];
			seen[order[i]]++;
			moved |= order[i] != i;
			assert_true(label == 0 || order[i] >= last[label]);
			last[label] = order[i];
		}
		for (size_t i = 0; i < 10; i++)
			assert_int_equal(seen[i], 1);
		free(order);
	}
	assert_true(moved);
}

static void test_record_comes_back(void **state)
{
	struct analysis analysis = ANALYSIS_INIT, again = ANALYSIS_INIT;
	struct suite_run collected = SUITE_RUN_INIT, other = SUITE_RUN_INIT;
	struct err err = ERR_INIT;
	for (int i = 0; i < 2; i++) {
		struct suite_run *run = i ? &collected : &analysis.base;
		add_test(run, "a", "test_a", NULL);
		add_test(run, "a", "test_\xff", NULL);
	}
	add_test(&other, "a", "test_a", NULL);
	analysis.base.tests.at[1].outcome = TEST_XFAILED;
	analysis.base_s = 1.5;
	analysis.steady_collection = true;
	analysis.parallel_runs = 5;
	together(&analysis.findings, "CB204", "port 8765", 0, 1);
	finding_confirm(&analysis.findings.list.at[0], "seen");
	findings_add(&analysis.findings, rule_find("CB204"), "port 8765", "tests/test_a.py", 4, "test_a");
	strings_add(&analysis.troubles, "a run was stopped");
	json_t *json = analysis_json(&analysis);
	assert_non_null(json);
	assert_int_equal(analysis_restore(&again, json, &other, &err), 0);
	analysis_release(&again);
	assert_int_equal(analysis_restore(&again, json, &collected, &err), 1);
	assert_int_equal(again.base.tests.at[1].outcome, TEST_XFAILED);
	assert_int_equal(again.parallel_runs, 5);
	assert_int_equal(again.troubles.len, 1);
	assert_int_equal(again.findings.list.len, 1);
	struct finding *finding = &again.findings.list.at[0];
	assert_int_equal(finding->state, FINDING_CONFIRMED);
	assert_int_equal(finding->places.len, 1);
	assert_int_equal(finding->tests.len, 2);
	assert_string_equal(finding->group, "port-8765");
	json_decref(json);
	analysis_release(&analysis);
	analysis_release(&again);
	suite_run_release(&collected);
	suite_run_release(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_are_known_by_cause),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_conflict_confirms_suspicion),
		cmocka_unit_test(test_wide_fixture_counts_for_its_users),
		cmocka_unit_test(test_too_wide_for_one_worker),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_groups_of_the_user_clash),
		cmocka_unit_test(test_group_names),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_record_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
