#include "safety/rule.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

static const struct rule *const families[] = { rules_state, rules_resource, rules_fixture,
					       rules_mock,  rules_collect,  rules_order };
#define FAMILIES (sizeof(families) / sizeof(*families))

const struct rule *rule_at(size_t index)
{
	for (size_t f = 0; f < FAMILIES; f++)
		for (const struct rule *rule = families[f]; rule->code; rule++)
			if (index-- == 0)
				return rule;
	return NULL;
}

const struct rule *rule_find(const char *code)
{
	const struct rule *rule;
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++)
		if (strcasecmp(rule->code, code) == 0)
			return rule;
	return NULL;
}

int rules_run(const struct code_set *set, struct findings *out, struct err *err)
{
	const struct rule *rule;
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++)
		for (size_t f = 0; rule->match && f < set->files.len; f++)
			if ((rule->roles & set->files.at[f].role) && rule->match(rule, set, &set->files.at[f], out) < 0)
				return err_no_memory(err);
	findings_sort(out);
	return 0;
}

static const char *const family_titles[] = {
	"State inside the process", "Resources outside the process", "Fixtures", "Mocks and patches", "Collection",
	"Order and time",
};

const char *rule_family(const struct rule *rule)
{
	size_t family = (size_t)(rule->code[2] - '1');
	return family < FAMILIES ? family_titles[family] : "";
}

const char *rule_visible(const struct rule *rule)
{
	return rule->match ? "in the source" : "when tests run";
}

static int document_rule(struct str *out, const struct rule *rule)
{
	if (str_addf(out, "### %s: %s\n\n%s\n\n**Remedy:** %s.\n\n**Severity:** %s; found %s.\n\n", rule->code,
		     rule->title, rule->why, rule->remedy, severity_name(rule->severity), rule_visible(rule)) < 0)
		return -1;
	return str_addf(out, "```python\n# found\n%s```\n\n```python\n# put right\n%s```\n\n", rule->bad, rule->good);
}

int rules_document(struct str *out)
{
	if (str_adds(
		    out,
		    "# Rules\n\nEvery cause that `comb check` knows, with its remedy. Written by `make rules` from the "
		    "tables in `src/safety/rules_*.c`.\n\n") < 0)
		return -1;
	for (size_t f = 0; f < FAMILIES; f++) {
		if (str_addf(out, "## %zuxx %s\n\n", f + 1, family_titles[f]) < 0)
			return -1;
		for (const struct rule *rule = families[f]; rule->code; rule++)
			if (document_rule(out, rule) < 0)
				return -1;
	}
	return 0;
}
