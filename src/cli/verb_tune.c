#include "cli/session.h"

static const struct option options[] = {
	{ "budget", 0, OPTION_DURATION, "D",
	  "time for measuring configurations (default: 12 serial runs, at least 1 min, at most 5 min)" },
	{ "timeout", 0, OPTION_DURATION, "D", "time limit for each run of pytest (default: none)" },
	{ "allow-failing", 0, OPTION_FLAG, NULL, "go on although tests fail serially, or files cannot be collected" },
	{ 0 },
};

static int run(struct cli *cli, struct err *err)
{
	return session_run_phase(cli, &phase_tune, err);
}

const struct verb verb_tune = {
	.name = "tune",
	.summary = "measure serial and parallel runs, and write the fastest configuration",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Measures the suite serially, under pytest-xdist and by comb's own engine, with several numbers "
		       "of workers and --dist modes, in interleaved rounds, until they can be told apart or the "
		       "budget ends; writes the fastest into the project's addopts, and runs it again to see that "
		       "every test ends as it does serially. comb's engine is written only where the project declares "
		       "pytest-comb (comb setup --with-comb); elsewhere what it gave is told, and comb run uses it. "
		       "Only what a simulation of the schedulers promises is measured. Where serial is fastest "
		       "nothing is written. Changes are made in place, after a backup.",
	.example = "comb tune --budget 2m",
	.options = options,
	.run = run,
};
