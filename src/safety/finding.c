#include "safety/finding.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "safety/rule.h"

#include "base/banned.h"

const char *severity_name(enum severity severity)
{
	static const char *const names[] = { "note", "warning", "error" };
	return names[severity];
}

int finding_set(char **text, const char *value)
{
	char *copy = os_strdup(value);
	if (value && !copy)
		return -1;
	vec_free(*text);
	*text = copy;
	return 0;
}

static void place_release(struct finding_place *place)
{
	vec_free(place->path);
	vec_free(place->function);
}

static void finding_release(struct finding *finding)
{
	for (size_t i = 0; i < finding->places.len; i++)
		place_release(&finding->places.at[i]);
	vec_release(&finding->places);
	vec_release(&finding->tests);
	vec_free(finding->subject);
	vec_free(finding->evidence);
	vec_free(finding->remedy);
	vec_free(finding->group);
}

void findings_release(struct findings *findings)
{
	for (size_t i = 0; i < findings->list.len; i++)
		finding_release(&findings->list.at[i]);
	vec_release(&findings->list);
}

struct finding *findings_find(const struct findings *findings, const char *code, const char *subject)
{
	for (size_t i = 0; i < findings->list.len; i++) {
		struct finding *finding = &findings->list.at[i];
		if (strcmp(finding->rule->code, code) == 0 && strcmp(finding->subject, subject) == 0)
			return finding;
	}
	return NULL;
}

static int add_place(struct finding *finding, const char *path, int line, const char *function)
{
	for (size_t i = 0; i < finding->places.len; i++)
		if (finding->places.at[i].line == line && strcmp(finding->places.at[i].path, path) == 0)
			return 0;
	struct finding_place place = { os_strdup(path), line, os_strdup(function ? function : "") };
	if (place.path && place.function && vec_push(&finding->places, place) == 0)
		return 0;
	place_release(&place);
	return -1;
}

struct finding *findings_add(struct findings *findings, const struct rule *rule, const char *subject, const char *path,
			     int line, const char *function)
{
	struct finding *old = findings_find(findings, rule->code, subject);
	if (!old) {
		struct finding finding = { .rule = rule, .severity = rule->severity, .subject = os_strdup(subject) };
		if (!finding.subject || vec_push(&findings->list, finding) < 0) {
			finding_release(&finding);
			return NULL;
		}
		old = &findings->list.at[findings->list.len - 1];
	}
	return path && add_place(old, path, line, function) < 0 ? NULL : old;
}

int finding_add_test(struct finding *finding, size_t test)
{
	size_t at = finding->tests.len;
	while (at > 0 && finding->tests.at[at - 1] > test)
		at--;
	if (at > 0 && finding->tests.at[at - 1] == test)
		return 0;
	if (vec_push(&finding->tests, test) < 0)
		return -1;
	memmove(finding->tests.at + at + 1, finding->tests.at + at,
		(finding->tests.len - 1 - at) * sizeof(*finding->tests.at));
	finding->tests.at[at] = test;
	return 0;
}

int finding_confirm(struct finding *finding, const char *evidence)
{
	finding->state = FINDING_CONFIRMED;
	return finding->evidence ? 0 : finding_set(&finding->evidence, evidence);
}

static int compare_places(const void *a, const void *b)
{
	const struct finding_place *left = a, *right = b;
	int order = strcmp(left->path, right->path);
	return order ? order : left->line - right->line;
}

static int compare_findings(const void *a, const void *b)
{
	const struct finding *left = a, *right = b;
	if (left->state != right->state)
		return (int)right->state - (int)left->state;
	if (left->severity != right->severity)
		return (int)right->severity - (int)left->severity;
	int order = strcmp(left->rule->code, right->rule->code);
	return order ? order : strcmp(left->subject, right->subject);
}

void findings_sort(struct findings *findings)
{
	for (size_t i = 0; i < findings->list.len; i++) {
		struct finding *finding = &findings->list.at[i];
		if (finding->places.len > 1)
			qsort(finding->places.at, finding->places.len, sizeof(*finding->places.at), compare_places);
	}
	if (findings->list.len > 1)
		qsort(findings->list.at, findings->list.len, sizeof(*findings->list.at), compare_findings);
}
