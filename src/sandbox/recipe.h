/* recipe.h: the steps that give a process private folders and a private network, tried in a child. */
#ifndef COMB_SANDBOX_RECIPE_H
#define COMB_SANDBOX_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Does every step in a forked child: namespaces (a user namespace with the own
 * uid mapped 1:1 when asked for), private mounts, a tmpfs over /tmp and
 * /dev/shm, loopback up, a bound socket. True when all succeed; detail says
 * what was reached or names the step that failed with the system's reason.
 */
bool recipe_try(bool user_namespace, char *detail, size_t size);
/* The namespaces, and an overlay over a folder in place of the rest. */
bool recipe_try_overlay(bool user_namespace, char *detail, size_t size);

#endif
