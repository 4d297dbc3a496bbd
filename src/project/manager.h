/*
 * manager.h: the package managers comb knows: how one is told from another,
 * and what is typed with each.
 */
#ifndef COMB_PROJECT_MANAGER_H
#define COMB_PROJECT_MANAGER_H

#include "base/err.h"
#include "base/str.h"
#include "project/project.h"

/* Fills manager. Needs path and git_root. Lock files speak first, then the tables of pyproject.toml. */
int manager_detect(struct project *project, struct err *err);
/* True when the manager's own program is in PATH (pip comes with the interpreter). */
bool manager_available(enum package_manager manager);
/* Replaces *out by the command that makes a broken environment anew. */
int manager_recreate_command(const struct project *project, const char *environment, struct str *out);
/* Replaces *out by the command that installs pytest where even that is missing. */
int manager_pytest_command(const struct project *project, const char *requirement, struct str *out);

#endif
