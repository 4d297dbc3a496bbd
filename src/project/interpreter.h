/*
 * interpreter.h: the Python that runs a project's tests, and what it can import.
 *
 * Where it is looked for is a table of places in interpreter.c, in the order
 * of DESIGN.md. The first place that names an interpreter wins, even when that
 * one turns out to be broken: falling back to another Python would test
 * something else in silence.
 */
#ifndef COMB_PROJECT_INTERPRETER_H
#define COMB_PROJECT_INTERPRETER_H

#include "base/err.h"
#include "project/project.h"

/*
 * Fills python, python_from and environment. Needs path, git_root, root and
 * manager. choice: the --python option (a program, its name in PATH, or the
 * folder of a virtual environment) or NULL. ERR_ENVIRONMENT: none found, or a
 * broken virtual environment, with what to type.
 */
int interpreter_find(struct project *project, const char *choice, struct err *err);
/*
 * Runs it once, with a time limit: fills the versions and plugins, and
 * pytest_problem where pytest cannot be imported (no error yet). ERR_ENVIRONMENT
 * when it does not run, does not answer, or is older than Python 3.9.
 */
int interpreter_inspect(struct project *project, struct err *err);
/* ERR_ENVIRONMENT when pytest is missing, broken or older than 7.0. */
int interpreter_check_pytest(const struct project *project, struct err *err);

#endif
