/* refusal.h: why pytest did not start, read from what it said. */
#ifndef COMB_PROJECT_REFUSAL_H
#define COMB_PROJECT_REFUSAL_H

#include "base/err.h"
#include "project/project.h"

/*
 * Always -1. output is pytest's own, stdout and stderr, hostile. ERR_INPUT with
 * file and line where a conftest is to blame, else with the most telling line of
 * the output; ERR_ENVIRONMENT where pytest or comb's extension is missing. The
 * hint says how to see the whole of it: `… -m pytest OPTION`.
 */
int refusal_read(const struct project *project, const char *output, const char *option, struct err *err);

#endif
