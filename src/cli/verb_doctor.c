#include <stdio.h>

#include "cli/verb.h"

static int run(struct cli *cli, struct err *err)
{
	printf("comb " COMB_VERSION "\n");
	return 0;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.summary = "what is there, what is missing, and how to get it",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Shows the interpreter, plugins, kernel features and isolation level that comb finds for a project, "
		       "what is missing, and how to get it.",
	.example = "comb doctor ~/src/shop",
	.run = run,
};
