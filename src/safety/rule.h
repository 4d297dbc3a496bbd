/*
 * rule.h: one row a cause. The tables rules_*.c hold them; this header finds and runs them.
 *
 * To add a rule: write its row into the table of its family, give it a matcher
 * (most need only data for one of match.h), and put a bad*.py and a good*.py
 * into tests/golden/rules/CODE; a test fails for a matcher without them.
 */
#ifndef COMB_SAFETY_RULE_H
#define COMB_SAFETY_RULE_H

#include "base/err.h"
#include "safety/code_set.h"
#include "safety/finding.h"

struct rule;

/* Looks at one file (with the set around it) and adds what it finds. -1: out of memory. */
typedef int rule_match(const struct rule *rule, const struct code_set *set, const struct code *code,
		       struct findings *out);

struct rule {
	const char *code; /* "CB204" */
	const char *title; /* the cause, in a few words: "fixed port" */
	const char *why; /* what goes wrong, a sentence or two */
	const char *remedy; /* what to do */
	const char *bad; /* an example that the rule finds */
	const char *good; /* the same, put right */
	enum severity severity;
	unsigned roles; /* of the files it looks at */
	rule_match *match; /* NULL: not visible in the source, found at run time only */
	const void *data; /* for shared matchers */
};

/* Families, each ending with a zero row. */
extern const struct rule rules_state[], rules_resource[], rules_fixture[], rules_mock[], rules_collect[], rules_order[];

/* All rules in order of their codes: index from 0; NULL behind the last. */
const struct rule *rule_at(size_t index);
/* Case does not matter. NULL: no such code. */
const struct rule *rule_find(const char *code);
/* Runs every rule over every file. */
int rules_run(const struct code_set *set, struct findings *out, struct err *err);
/* Markdown of all rules, for docs/RULES.md. -1 when out of memory. */
int rules_document(struct str *out);
/* "State inside the process": of the family that a code belongs to. */
const char *rule_family(const struct rule *rule);
/* What sort of thing shows it: "in the source" or "when tests run". */
const char *rule_visible(const struct rule *rule);

#endif
