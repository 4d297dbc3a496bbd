#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "safety/analysis.h"
#include "safety/rule.h"

#include "base/banned.h"

#define FORMAT 1

/* Bytes of any kind as text that JSON can hold. NULL is null. */
static json_t *text(const char *bytes)
{
	cleanup_str struct str printable = STR_INIT;
	if (!bytes)
		return json_null();
	if (str_add_printable(&printable, bytes, strlen(bytes)) < 0)
		return NULL;
	return json_stringn(str_text(&printable), printable.len);
}

static json_t *places_json(const struct finding *finding)
{
	json_t *places = json_array();
	for (size_t i = 0; i < finding->places.len; i++)
		json_array_append_new(places,
				      json_pack("{s:o, s:i, s:o}", "path", text(finding->places.at[i].path), "line",
						finding->places.at[i].line, "function",
						text(finding->places.at[i].function)));
	return places;
}

json_t *finding_json(const struct finding *finding, const struct suite_run *run)
{
	json_t *tests = json_array();
	for (size_t i = 0; run && i < finding->tests.len; i++)
		json_array_append_new(tests, text(run->tests.at[finding->tests.at[i]].id));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:b}", "code", finding->rule->code,
			 "title", finding->rule->title, "severity", severity_name(finding->severity), "state",
			 finding->state == FINDING_CONFIRMED ? "confirmed" : "suspected", "subject",
			 text(finding->subject), "places", places_json(finding), "tests", tests, "why",
			 finding->rule->why, "remedy", text(finding->remedy ? finding->remedy : finding->rule->remedy),
			 "evidence", text(finding->evidence), "group", text(finding->group), "resolved",
			 finding->resolved);
}

json_t *findings_json(const struct findings *findings, const struct suite_run *run)
{
	json_t *all = json_array();
	for (size_t i = 0; all && i < findings->list.len; i++)
		json_array_append_new(all, finding_json(&findings->list.at[i], run));
	return all;
}

static json_t *tests_json(const struct analysis *analysis)
{
	json_t *tests = json_array();
	for (size_t i = 0; tests && i < analysis->base.tests.len; i++) {
		const struct test *test = &analysis->base.tests.at[i];
		json_array_append_new(tests,
				      json_pack("[o, i, b]", text(test->id), (int)test->outcome,
						analysis->unsteady && analysis->unsteady[i]));
	}
	return tests;
}

/* The record keeps tests by index: ids may be equal. */
static json_t *record_finding(const struct finding *finding)
{
	json_t *tests = json_array();
	for (size_t i = 0; i < finding->tests.len; i++)
		json_array_append_new(tests, json_integer((json_int_t)finding->tests.at[i]));
	return json_pack("{s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:b}", "code", finding->rule->code, "subject",
			 text(finding->subject), "severity", (int)finding->severity, "state", (int)finding->state,
			 "places", places_json(finding), "tests", tests, "evidence", text(finding->evidence), "remedy",
			 text(finding->remedy), "together", finding->together);
}

json_t *analysis_json(const struct analysis *analysis)
{
	json_t *findings = json_array(), *troubles = json_array();
	for (size_t i = 0; i < analysis->findings.list.len; i++)
		json_array_append_new(findings, record_finding(&analysis->findings.list.at[i]));
	for (size_t i = 0; i < analysis->troubles.len; i++)
		json_array_append_new(troubles, text(analysis->troubles.at[i]));
	return json_pack("{s:i, s:f, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "format", FORMAT, "base_s",
			 analysis->base_s, "steady_collection", analysis->steady_collection, "out_of_time",
			 analysis->out_of_time, "serial_runs", (json_int_t)analysis->serial_runs, "parallel_runs",
			 (json_int_t)analysis->parallel_runs, "probes", (json_int_t)analysis->probes, "victims",
			 (json_int_t)analysis->victims, "explained", (json_int_t)analysis->explained, "troubles",
			 troubles, "findings", findings, "tests", tests_json(analysis));
}

/* --- And back --- */

static size_t size_of(const json_t *json, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(json, key));
	return value > 0 ? (size_t)value : 0;
}

static bool same_id(const struct test *test, const json_t *recorded)
{
	cleanup_str struct str printable = STR_INIT;
	const char *id = json_string_value(recorded);
	return id && str_add_printable(&printable, test->id, strlen(test->id)) == 0 &&
		strcmp(str_text(&printable), id) == 0;
}

static bool same_tests(const json_t *tests, const struct suite_run *collected)
{
	bool same = json_array_size(tests) == collected->tests.len;
	for (size_t i = 0; same && i < collected->tests.len; i++)
		same = same_id(&collected->tests.at[i], json_array_get(json_array_get(tests, i), 0));
	return same;
}

/* 1: the tests are those on record. */
static int restore_tests(struct analysis *analysis, const json_t *tests, struct suite_run *collected, struct err *err)
{
	analysis->unsteady = os_calloc(collected->tests.len + 1, sizeof(bool));
	if (!analysis->unsteady)
		return err_no_memory(err);
	for (size_t i = 0; i < collected->tests.len; i++) {
		const json_t *row = json_array_get(tests, i);
		json_int_t outcome = json_integer_value(json_array_get(row, 1));
		collected->tests.at[i].outcome =
			outcome >= TEST_NOT_RUN && outcome <= TEST_CRASHED ? (enum outcome)outcome : TEST_NOT_RUN;
		analysis->unsteady[i] = json_is_true(json_array_get(row, 2));
	}
	return 1;
}

static int restore_finding(struct analysis *analysis, const json_t *json, size_t tests)
{
	const char *code = json_string_value(json_object_get(json, "code"));
	const char *subject = json_string_value(json_object_get(json, "subject"));
	const struct rule *rule = code ? rule_find(code) : NULL;
	if (!rule || !subject)
		return 0;
	struct finding *finding = findings_add(&analysis->findings, rule, subject, NULL, 0, NULL);
	const json_t *places = json_object_get(json, "places"), *list = json_object_get(json, "tests");
	for (size_t i = 0; finding && i < json_array_size(places); i++) {
		const json_t *place = json_array_get(places, i);
		const char *path = json_string_value(json_object_get(place, "path"));
		finding = findings_add(&analysis->findings, rule, subject, path ? path : "",
				       (int)json_integer_value(json_object_get(place, "line")),
				       json_string_value(json_object_get(place, "function")));
	}
	for (size_t i = 0; finding && i < json_array_size(list); i++) {
		json_int_t test = json_integer_value(json_array_get(list, i));
		if (test >= 0 && (size_t)test < tests && finding_add_test(finding, (size_t)test) < 0)
			return -1;
	}
	if (!finding)
		return -1;
	finding->severity = (enum severity)size_of(json, "severity");
	finding->state = size_of(json, "state") ? FINDING_CONFIRMED : FINDING_SUSPECTED;
	finding->together = json_is_true(json_object_get(json, "together"));
	if (finding->severity > SEVERITY_ERROR)
		finding->severity = SEVERITY_ERROR;
	return finding_set(&finding->evidence, json_string_value(json_object_get(json, "evidence"))) < 0 ||
			finding_set(&finding->remedy, json_string_value(json_object_get(json, "remedy"))) < 0
		? -1
		: 0;
}

static void restore_figures(struct analysis *analysis, const json_t *json)
{
	analysis->base_s = json_number_value(json_object_get(json, "base_s"));
	analysis->steady_collection = json_is_true(json_object_get(json, "steady_collection"));
	analysis->out_of_time = json_is_true(json_object_get(json, "out_of_time"));
	analysis->serial_runs = size_of(json, "serial_runs");
	analysis->parallel_runs = size_of(json, "parallel_runs");
	analysis->probes = size_of(json, "probes");
	analysis->victims = size_of(json, "victims");
	analysis->explained = size_of(json, "explained");
}

int analysis_restore(struct analysis *analysis, const json_t *json, struct suite_run *collected, struct err *err)
{
	if (json_integer_value(json_object_get(json, "format")) != FORMAT)
		return 0;
	/* Where each collection gives other tests, findings are told without theirs. */
	bool steady = json_is_true(json_object_get(json, "steady_collection"));
	if (steady && !same_tests(json_object_get(json, "tests"), collected))
		return 0;
	if (restore_tests(analysis, json_object_get(json, "tests"), collected, err) < 0)
		return -1;
	const json_t *findings = json_object_get(json, "findings"), *troubles = json_object_get(json, "troubles");
	for (size_t i = 0; i < json_array_size(findings); i++)
		if (restore_finding(analysis, json_array_get(findings, i), steady ? collected->tests.len : 0) < 0)
			return err_no_memory(err);
	for (size_t i = 0; i < json_array_size(troubles); i++) {
		const char *trouble = json_string_value(json_array_get(troubles, i));
		if (trouble && strings_add(&analysis->troubles, trouble) < 0)
			return err_no_memory(err);
	}
	restore_figures(analysis, json);
	suite_run_release(&analysis->base);
	analysis->base = *collected;
	*collected = (struct suite_run)SUITE_RUN_INIT;
	if (groups_open(&analysis->groups, analysis->base.tests.len, err) < 0 ||
	    groups_make(&analysis->groups, &analysis->base, &analysis->findings, err) < 0)
		return -1;
	for (size_t i = 0; i < analysis->findings.list.len; i++) {
		struct finding *finding = &analysis->findings.list.at[i];
		bool grouped = finding->together && finding->tests.len > 1;
		if (finding_set(&finding->group,
				grouped ? groups_name(&analysis->groups, finding->tests.at[0]) : NULL) < 0)
			return err_no_memory(err);
	}
	return 1;
}
