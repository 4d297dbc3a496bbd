/*
 * suite_command.h: the command line, the environment and the folder of one pytest run of a project.
 *
 * What suite_run() starts, for others that start pytest with the same options
 * and talk to it while it runs.
 */
#ifndef COMB_PROJECT_SUITE_COMMAND_H
#define COMB_PROJECT_SUITE_COMMAND_H

#include "base/scratch.h"
#include "project/suite.h"

struct suite_command {
	struct scratch scratch; /* plugin/, record/, cache/, order; goes away with the command, and with us */
	struct strings argv, env;
	const char *cwd; /* the project's */
	bool interactive;
};
#define SUITE_COMMAND_INIT { .scratch = SCRATCH_INIT }

/* Makes the folder too. *command is released first; on failure it may be half made. */
int suite_command_make(struct suite_command *command, const struct project *project,
		       const struct suite_options *options, struct err *err);
/* Removes the folder, and ends what tests left running, unless a person ran them and may want it. Safe twice. */
void suite_command_release(struct suite_command *command);
#define cleanup_suite_command __attribute__((cleanup(suite_command_release)))

#endif
