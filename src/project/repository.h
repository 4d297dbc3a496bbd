/* repository.h: the git state around a project, as far as adopting it is concerned. */
#ifndef COMB_PROJECT_REPOSITORY_H
#define COMB_PROJECT_REPOSITORY_H

#include <stdbool.h>

#include "base/err.h"
#include "project/project.h"

struct repository {
	bool is_read;     /* the rest holds; false where git refused */
	char *branch;     /* NULL: detached */
	char *commit;     /* NULL: no commit yet */
	size_t changed;   /* files changed or new, in the whole repository */
	bool is_nested;   /* the project is a folder inside it */
};
#define REPOSITORY_INIT { .branch = NULL }

/* Needs project->git_root. ERR_ENVIRONMENT: git cannot be run, or refuses. Changes nothing, not even the index. */
int repository_read(struct repository *repository, const struct project *project, struct err *err);
/*
 * Adds the next step to an error that git's own words stand for: what to type where git does not trust the folder's
 * owner. Anything else is left without one. Always -1.
 */
int repository_hint(struct err *err, const char *git_says);
void repository_release(struct repository *repository);
#define cleanup_repository __attribute__((cleanup(repository_release)))

#endif
