/*
 * config.h: the configuration file in force, by the rules of the pytest that reads it.
 *
 * A port of _pytest/config/findpaths.py for `cd PROJECT && pytest`: the first
 * file of a fixed order that holds pytest's table, in the project's folder or
 * the nearest one above. What differs between pytest versions stands in the
 * table of config.c.
 */
#ifndef COMB_PROJECT_CONFIG_H
#define COMB_PROJECT_CONFIG_H

#include "base/err.h"
#include "project/project.h"

/*
 * Fills root, config_path and config_kind from path. pytest_version: zeros mean
 * the newest rules. ERR_INPUT with file and line where pytest would refuse a
 * file. Replaces what an earlier call filled.
 */
int config_find(struct project *project, const int pytest_version[3], struct err *err);

#endif
