/*
 * undo.h: whether what a test changes is put back whatever happens.
 *
 * A change counts as undone when, in the code that runs around it, something
 * stands where it is reached even when the test fails: `finally`, behind the
 * yield of a fixture or context manager, a teardown method, a finalizer, a
 * `with` item, a decorator, or a fixture that the test uses.
 */
#ifndef COMB_SAFETY_UNDO_H
#define COMB_SAFETY_UNDO_H

#include "safety/code_set.h"

/* What changes some state, and what puts it back. Patterns are fnmatch(3) ones on code_event.text. */
struct state_change {
	const char *const *events; /* end with NULL, as the others */
	const char *const *undo; /* NULL: the same events */
	const char *const *shields; /* anywhere in the test or its fixtures these make it safe; NULL: none */
	const char *const *guards; /* words, in lower case: a `with` item or decorator that holds one makes it safe */
	const char *subject; /* "working directory"; NULL: the name of what is changed, with a literal key */
	bool imported_only; /* only what is done to something imported, not to a local object */
};

bool event_matches(const struct code_event *event, const char *const *patterns);
/* A place that runs on the way out: finally, behind a yield, teardown, finalizer. */
bool event_undoes(const struct code *code, const struct code_event *event);
bool change_is_undone(const struct code_set *set, const struct code *code, const struct code_event *event,
		      const struct state_change *change);
/*
 * Put back further down in the same function, but not where a failing test
 * gets: a later event on the same thing takes a saved or plain value, or removes.
 */
bool change_is_undone_later(const struct code *code, const struct code_event *event, const char *const *undo);
/* A `with` around a node, or a decorator of the functions and classes around it, holds one of these words. */
bool node_is_guarded(const struct code *code, TSNode node, int function, const char *const *words);
/* Some event of these patterns in the outermost function around, or in a fixture that it uses. */
bool function_has_event(const struct code_set *set, const struct code *code, int function, const char *const *patterns);
/* The nearest node of that type above, up to the function it stands in; a null node without. */
TSNode node_above(TSNode node, const char *type);
/* Whether text holds word, whatever the case; word is in lower case. */
bool text_has_word(struct slice text, const char *word);

#endif
