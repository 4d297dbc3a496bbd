/*
 * verb.h: one verb of the command line per file, each exporting one const entry.
 *
 * --help, the man page, the shell completion and the parser all read the same
 * tables: struct verb and struct option. To add a verb: write verb_NAME.c,
 * declare its entry below, add a row in main.c.
 */
#ifndef COMB_CLI_VERB_H
#define COMB_CLI_VERB_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

enum option_kind {
	OPTION_FLAG,     /* --quiet */
	OPTION_TEXT,     /* --branch B */
	OPTION_NUMBER,   /* --runs 3: a whole number from 1 to 1000 */
	OPTION_DURATION, /* --budget 5m */
	OPTION_CHOICE,   /* --color auto|always|never: argument names them, separated by '|' */
	OPTION_LIST,     /* --allow X --allow Y: text, may be given again */
};

/* An option as a verb declares it. */
struct option {
	const char *name;     /* without dashes: "budget" */
	char letter;          /* 0: none */
	enum option_kind kind;
	const char *argument; /* "D", "auto|always|never"; NULL for a flag */
	const char *help;     /* one line, no full stop */
};

struct cli;

struct verb {
	const char *name;
	const char *summary;          /* one line for `comb --help` */
	const char *operands;         /* "[PROJECT]" */
	int max_operands;             /* -1: any number */
	bool pass_through;            /* what follows `--` goes to pytest, in cli->rest */
	const char *description;      /* a paragraph for --help and the man page */
	const char *example;          /* one command with what it does */
	int (*add_operands)(struct str *out); /* what completion offers for them, a space before each; NULL: folders */
	const struct option *options; /* ends with a zero row; beside common_options */
	/* Exit status, or -1 with *err filled. Output on stdout only through cli_print*(). */
	int (*run)(struct cli *cli, struct err *err);
};

/* What was typed. Owned by main(). */
struct cli {
	const struct verb *verb;
	struct strings operands;
	struct strings rest; /* behind `--` */
	struct cli_value *values;
	bool json;
	bool color;
	int verbosity; /* -1 quiet, 0, 1 verbose */
};

/* Options every verb has: --json --python --quiet --verbose --color --help. */
extern const struct option common_options[];

/* What was given for an option of this verb; asking for an undeclared one is a bug (assert). */
bool cli_flag(const struct cli *cli, const char *name);
const char *cli_text(const struct cli *cli, const char *name, const char *otherwise);
long cli_number(const struct cli *cli, const char *name, long otherwise);
double cli_seconds(const struct cli *cli, const char *name, double otherwise);
/* NULL where it was not given. */
const struct strings *cli_list(const struct cli *cli, const char *name);
/* The PROJECT operand, or ".". */
const char *cli_project(const struct cli *cli);

extern const struct verb *const verbs[]; /* NULL at its end */

#endif
