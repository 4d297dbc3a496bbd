/* locate.h: the folder that was given, and the repository around it. */
#ifndef COMB_PROJECT_LOCATE_H
#define COMB_PROJECT_LOCATE_H

#include "base/err.h"
#include "project/project.h"

/* Fills path and git_root. ERR_INPUT: path is no folder that can be read. */
int locate_folder(struct project *project, const char *path, struct err *err);
/* Replaces *out by the folder that holds path; false at the top of the file system. */
bool locate_parent(struct str *path);
/* ERR_INPUT when there is no Python file and no configuration below path (looking a few folders deep). */
int locate_check_project(const struct project *project, struct err *err);

#endif
