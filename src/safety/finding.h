/*
 * finding.h: what keeps tests from running beside or after each other, one finding a cause.
 *
 * A finding is known by its rule and its subject: the variable or resource by
 * name. Adding it again adds a place. It is suspected until a footprint or an
 * experiment confirms it, and resolved once its tests are kept apart.
 */
#ifndef COMB_SAFETY_FINDING_H
#define COMB_SAFETY_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/vec.h"

struct rule;

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };
const char *severity_name(enum severity severity);

enum finding_state { FINDING_SUSPECTED, FINDING_CONFIRMED };

/* A line of source that takes part. */
struct finding_place {
	char *path; /* relative to the root */
	int line; /* 1-based */
	char *function; /* "TestA::test_b"; "" at module level */
};

struct finding {
	const struct rule *rule;
	enum severity severity;
	enum finding_state state;
	char *subject; /* hostile: comes from sources and paths */
	VEC(struct finding_place) places; /* by path and line once sorted */
	VEC(size_t) tests; /* indices into a suite_run, ascending, without doubles */
	char *evidence; /* what was observed; NULL while suspected */
	char *remedy; /* for this case; NULL: the rule's */
	char *group; /* the xdist_group that keeps its tests apart; NULL: none */
	bool together; /* its tests must run on one worker, in their order */
	bool resolved;
};

struct findings {
	VEC(struct finding) list;
};
#define FINDINGS_INIT                                                                                                  \
	{                                                                                                              \
		.list = VEC_INIT                                                                                       \
	}

/* Adds a finding or, to one of the same rule and subject, a place. NULL: out of memory. Valid until the next call. */
struct finding *findings_add(struct findings *findings, const struct rule *rule, const char *subject, const char *path,
			     int line, const char *function);
struct finding *findings_find(const struct findings *findings, const char *code, const char *subject);
/* -1 when out of memory. */
int finding_add_test(struct finding *finding, size_t test);
/* Makes it confirmed; keeps what was observed first. -1 when out of memory. */
int finding_confirm(struct finding *finding, const char *evidence);
/* Replaces an owned text of a finding. -1 when out of memory. */
int finding_set(char **text, const char *value);
/* By severity (worst first), confirmed first, code, subject; places by path and line. */
void findings_sort(struct findings *findings);
void findings_release(struct findings *findings);
#define cleanup_findings __attribute__((cleanup(findings_release)))

#endif
