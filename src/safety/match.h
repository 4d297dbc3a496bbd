/*
 * match.h: matchers that several rules share, each driven by the data of its row.
 */
#ifndef COMB_SAFETY_MATCH_H
#define COMB_SAFETY_MATCH_H

#include "safety/rule.h"
#include "safety/undo.h"

/* data: struct state_change. Code that runs in tests changes a state and nothing puts it back. */
rule_match match_change;

/* data: struct call_list. Calls that are a cause in themselves. */
struct call_list {
	const char *const *events;
	const char *const *unless_imported; /* a file that imports one of these modules is left alone; NULL */
	const char *const *guards; /* as struct state_change */
	bool at_import; /* only at module level, run at import; else only in functions */
	bool in_assert; /* only within an assert statement */
	const char *subject; /* NULL: each line of source is a cause of its own */
};
rule_match match_calls;

/* Adds a finding for a node of a file. subject NULL: the line of source. -1: out of memory. */
int match_add(const struct rule *rule, const struct code *code, TSNode node, int function, const char *subject,
	      struct findings *out);
/* The same, with a subject of this file alone: "tests/test_a.py: subject". */
int match_add_local(const struct rule *rule, const struct code *code, TSNode node, int function, const char *subject,
		    struct findings *out);
/* A change that nothing puts back; one that is put back too late for a failing test is CB303. */
int match_add_change(const struct rule *rule, const struct code *code, const struct code_event *event,
		     const char *const *undo, const char *subject, struct findings *out);
/* Whether a test's life comes past an event. Hooks of pytest, and what the run as a whole sets once, are no test. */
bool event_runs_in_tests(const struct code *code, const struct code_event *event);
/* "os.environ['HOME']", "sys.argv": what an event is about, with its literal key. Replaces *out. */
int event_subject(const struct code *code, const struct code_event *event, struct str *out);
/* Run when the module is imported: at module level, not within a decorator, lambda or `if __name__` block. */
bool event_at_import(const struct code *code, const struct code_event *event);

/* The value of an expression is a container that can be changed in place. */
bool node_is_mutable(const struct code *code, TSNode node, int function);
/* Its value is a Mock. */
bool node_is_mock(const struct code *code, TSNode node, int function);
/*
 * If an event changes what a name refers to in place, or binds it anew
 * (`X.append(1)`, `X[k] = v`, `del X[k]`, `X += y`, `global X; X = y`), the
 * dotted name of it, else NULL. Replaces *out, which holds the answer.
 */
const char *event_mutates(const struct code_event *event, struct str *out);

#endif
