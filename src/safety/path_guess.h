/* path_guess.h: what an expression says about the file it names, as far as the source tells. */
#ifndef COMB_SAFETY_PATH_GUESS_H
#define COMB_SAFETY_PATH_GUESS_H

#include "safety/code_set.h"

enum path_kind {
	PATH_UNKNOWN = 0, /* depends on values: tmp_path, uuid4(), a parameter */
	PATH_TEMPORARY = 1, /* a fixed name in /tmp, /var/tmp, /dev/shm or gettempdir() */
	PATH_RELATIVE = 2, /* below the working directory */
	PATH_SOURCE = 4, /* beside the source: based on __file__ */
	PATH_HOME = 8,
	PATH_ABSOLUTE = 16,
};

/*
 * Guesses from an expression seen in a function (-1: module level). *text gets
 * the path where it is known ("/tmp/x.csv", "data/rows.json"). A bare
 * "/tmp" is PATH_TEMPORARY too, with text "/tmp". Names imported from a file of
 * the set are followed into it.
 */
enum path_kind path_guess(const struct code_set *set, const struct code *code, TSNode node, int function,
			  struct str *text);

/* The paths that an event writes, creates, renames or removes: up to 2; how many. */
int event_written_paths(const struct code *code, const struct code_event *event, TSNode paths[2]);

#endif
