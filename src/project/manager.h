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
/* Replaces *out by the command that installs what the manifest declares, or package where it is not declared. */
int manager_install_command(const struct project *project, const char *package, struct str *out);

#endif
