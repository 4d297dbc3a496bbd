/* names.h: who uses and who changes a name, within a file. */
#ifndef COMB_SAFETY_NAMES_H
#define COMB_SAFETY_NAMES_H

#include "safety/undo.h"

/* Whether a node's tree holds the name as a variable (not an attribute, keyword or part of a text). */
bool node_uses_name(const struct code *code, TSNode node, const char *name);
/* Whether a function uses a name that is not a local of its own. */
bool function_uses_global(const struct code *code, int function, const char *name);
/* `NAME.clear()`, `NAME[:] = …`, `del NAME[:]`: what a careful test starts or ends with. */
bool function_resets(const struct code *code, int function, const char *name);
/*
 * Whether a change of the dotted name is put back: as change_is_undone(), for
 * any change of that name, or a patch or monkeypatch that mentions it.
 */
bool name_change_undone(const struct code_set *set, const struct code *code, const struct code_event *event,
			const char *name);

/* How a module-level name of a file is used by functions that run in tests, each counted once. */
struct global_use {
	size_t writers; /* change it and leave it changed */
	size_t users; /* tests that use or change it, themselves or through a function of the file */
	size_t test_writers; /* tests among the writers */
	size_t test_readers; /* tests that use it and do not change it */
	int first_writer; /* index of the event of the first writer, or -1 */
};
struct global_use global_use_of(const struct code_set *set, const struct code *code, const char *name);
/* Whether an event changes that name and leaves it changed, in code that runs in tests. */
bool event_leaves_changed(const struct code_set *set, const struct code *code, const struct code_event *event,
			  const char *name);

#endif
