/*
 * late_folder.h: a path that the controller is asked for when the first process needs it.
 *
 * late_folder_open() before the first fork; every process has it at the same
 * address then. Whoever needs the path asks (late_folder_want) and waits until it
 * is given; the controller looks whether it is wanted, and gives it once. No
 * descriptor is kept: a test may close every descriptor it finds.
 */
#ifndef COMB_ENGINE_LATE_FOLDER_H
#define COMB_ENGINE_LATE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define LATE_FOLDER_MAX 8192

struct late_folder;

/* NULL and *err when memory is refused. */
struct late_folder *late_folder_open(struct err *err);
/* Unmaps it in this process. Safe on NULL. */
void late_folder_close(struct late_folder *self);

void late_folder_want(struct late_folder *self);
/* Wanted, and not given yet. */
bool late_folder_is_wanted(const struct late_folder *self);
/* Once, by the controller. ERR_INPUT: longer than LATE_FOLDER_MAX, or given before. */
int late_folder_give(struct late_folder *self, const char *bytes, size_t len, struct err *err);
/* NULL until it is given; valid as long as self. */
const char *late_folder_given(const struct late_folder *self, size_t *len);

#endif
