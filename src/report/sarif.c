#include "report/sarif.h"

#include <ctype.h>
#include <string.h>

#include "report/json_text.h"
#include "safety/rule.h"

#include "base/banned.h"

/* SARIF's own words for severities. */
static const char *level_of(const struct finding *finding)
{
	static const char *const levels[] = {
		[SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};
	return finding->state == FINDING_CONFIRMED ? "error" : levels[finding->severity];
}

/* A path as a URI reference: RFC 3986, every byte that is not unreserved or '/' encoded. */
static json_t *uri(const char *path)
{
	cleanup_str struct str out = STR_INIT;
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		int failed = isalnum(*p) || strchr("-._~/", *p) ? str_addc(&out, (char)*p) : str_addf(&out, "%%%02X", *p);
		if (failed)
			return NULL;
	}
	return json_string(str_text(&out));
}

static json_t *location_json(const struct finding_place *place)
{
	return json_pack("{s:{s:{s:o, s:s}, s:{s:i}}, s:[{s:o}]}", "physicalLocation", "artifactLocation", "uri",
			 uri(place->path), "uriBaseId", "SRCROOT", "region", "startLine",
			 place->line > 0 ? place->line : 1, "logicalLocations", "fullyQualifiedName",
			 json_text(place->function[0] ? place->function : "module"));
}

static json_t *locations_json(const struct finding *finding, size_t first, size_t end)
{
	json_t *list = json_array();
	for (size_t i = first; list && i < end && i < finding->places.len; i++)
		if (json_array_append_new(list, location_json(&finding->places.at[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *tests_json(const struct finding *finding, const struct suite_run *run)
{
	json_t *list = json_array();
	for (size_t i = 0; list && run && i < finding->tests.len; i++)
		if (json_array_append_new(list, json_text(run->tests.at[finding->tests.at[i]].id)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* "fixed port: 8765. Two tests that …" with what was observed. */
static json_t *message_json(const struct finding *finding)
{
	const char *remedy = finding->remedy ? finding->remedy : finding->rule->remedy;
	cleanup_str struct str text = STR_INIT;
	if (str_addf(&text, "%s: %s. %s", finding->rule->title, finding->subject, finding->rule->why) < 0 ||
	    (finding->evidence && str_addf(&text, " Observed: %s", finding->evidence) < 0) ||
	    str_addf(&text, " Remedy: %s", remedy) < 0)
		return NULL;
	return json_text(text.buf);
}

static json_t *result_json(const struct finding *finding, size_t rule_index, const struct suite_run *run)
{
	return json_pack("{s:s, s:i, s:s, s:{s:o}, s:o, s:o, s:{s:s, s:o, s:b, s:o, s:o}}", "ruleId", finding->rule->code,
			 "ruleIndex", (int)rule_index, "level", level_of(finding), "message", "text",
			 message_json(finding), "locations", locations_json(finding, 0, 1), "relatedLocations",
			 locations_json(finding, 1, finding->places.len), "properties", "state",
			 finding->state == FINDING_CONFIRMED ? "confirmed" : "suspected", "subject",
			 json_text(finding->subject), "resolved", finding->resolved, "group",
			 json_text(finding->group), "tests", tests_json(finding, run));
}

static json_t *rule_json(const struct rule *rule)
{
	cleanup_str struct str help = STR_INIT;
	if (str_addf(&help, "%s\n\nRemedy: %s", rule->why, rule->remedy) < 0)
		return NULL;
	return json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", rule->code, "shortDescription", "text", rule->title,
			 "fullDescription", "text", rule->why, "help", "text", help.buf);
}

/* Index of the rule in the list made so far, added when it is new; -1 when out of memory. */
static int rule_index(json_t *rules, const struct rule *rule)
{
	size_t i;
	json_t *known;
	json_array_foreach(rules, i, known)
		if (strcmp(json_string_value(json_object_get(known, "id")), rule->code) == 0)
			return (int)i;
	return json_array_append_new(rules, rule_json(rule)) < 0 ? -1 : (int)json_array_size(rules) - 1;
}

json_t *sarif_log(const struct findings *findings, const struct suite_run *run)
{
	json_t *rules = json_array(), *results = json_array();
	bool complete = rules && results;
	for (size_t i = 0; complete && i < findings->list.len; i++) {
		const struct finding *finding = &findings->list.at[i];
		int index = rule_index(rules, finding->rule);
		complete = index >= 0 && json_array_append_new(results, result_json(finding, (size_t)index, run)) == 0;
	}
	if (!complete) {
		json_decref(rules);
		json_decref(results);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
			 "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs", "tool", "driver",
			 "name", "comb", "version", COMB_VERSION, "rules", rules, "columnKind", "unicodeCodePoints",
			 "results", results);
}
