/* parse.h: from argv to struct cli, by the tables of verb.h. */
#ifndef COMB_CLI_PARSE_H
#define COMB_CLI_PARSE_H

#include "cli/verb.h"

/* argv[0] is the verb's name. ERR_INPUT with a suggestion for what was mistyped. */
int cli_parse(struct cli *cli, const struct verb *verb, char **argv, struct err *err);
void cli_release(struct cli *cli);
/* The row nearest in spelling to what was typed, NULL if none is near. */
const struct verb *cli_nearest_verb(const char *typed);
/* Levenshtein distance of short words; 99 for long ones. */
int cli_edit_distance(const char *a, const char *b);
/* True when --help or -h stands among the arguments, before any `--`. */
bool cli_wants_help(char **argv);

#endif
