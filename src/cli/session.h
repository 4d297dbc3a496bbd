/*
 * session.h: what every verb that works on a project needs: the project, its
 * settings, its history, and a terminal to talk on.
 *
 * Results go to standard output; with --json standard output gets one object
 * and everything else goes to standard error.
 */
#ifndef COMB_CLI_SESSION_H
#define COMB_CLI_SESSION_H

#include <jansson.h>

#include "cli/verb.h"
#include "phases/gate.h"
#include "phases/gate_list.h"
#include "project/project.h"
#include "report/terminal.h"

struct session {
	const struct cli *cli;
	struct terminal terminal;
	struct gate_listener listener; /* shows gates as they are reached */
	const struct phase *shown;     /* the phase whose heading stands above them */
	struct project project;
	struct phase_settings settings;
	struct history *history;
};

/* Options for verbs with gates; session_open() reads those that the verb declares. */
#define SESSION_OPTIONS                                                                                            \
	{ "runs", 0, OPTION_NUMBER, "N", "sequential runs to take durations from (default: as many as make sense)" }, \
	{ "budget", 0, OPTION_DURATION, "D", "time for measuring configurations (default: chosen by the suite's length)" }, \
	{ "timeout", 0, OPTION_DURATION, "D", "time limit for each run of pytest (default: none)" }, \
	{ "allow-failing", 0, OPTION_FLAG, NULL, "go on although tests fail, or files cannot be collected, before anything is changed" }, \
	{ "install", 0, OPTION_FLAG, NULL, "install what is declared, with the project's own package manager" }, \
	{ "in", 0, OPTION_CHOICE, "source|config", "where marks go: the tests' source (default) or a file beside the configuration" }

/* For verbs that declare what parallel runs need. */
#define WITH_COMB_OPTION                           \
	{ "with-comb", 0, OPTION_FLAG, NULL, "declare pytest-comb beside pytest, so that its engine can be configured where it is fastest" }

/* For verbs with several phases. */
#define UNTIL_OPTION                                                        \
	{ "until", 0, OPTION_CHOICE, "setup|mark|check|tune", "the last phase to go to (default: all of them)" }

/* The phases up to --until. Fills table, NULL at its end. */
void session_choose_phases(const struct cli *cli, const struct phase *table[PHASES_MAX + 1]);

int session_open(struct session *session, const struct cli *cli, struct err *err);
/* The same without the history, for a verb that can do without. */
int session_open_project(struct session *session, const struct cli *cli, struct err *err);
/* -1 when output could not be written. Safe twice. */
int session_close(struct session *session, struct err *err);

/* Prints an object, sorted as built, with a newline. Takes the reference; NULL is out of memory. */
int session_print_json(json_t *object, struct err *err);
/* Runs one phase in place and prints its gates: the whole of a verb's run(). Exit status or -1. */
int session_run_phase(struct cli *cli, const struct phase *phase, struct err *err);

#endif
