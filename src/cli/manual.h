/* manual.h: --help, the man page and the shell completion, written from the verb tables. */
#ifndef COMB_CLI_MANUAL_H
#define COMB_CLI_MANUAL_H

#include "cli/verb.h"
#include "base/str.h"

/* Each returns 0, or -1 when out of memory. */
int manual_overview(struct str *out);
int manual_verb(struct str *out, const struct verb *verb);
int manual_man_page(struct str *out);
/* A script for bash, zsh (through bashcompinit) and fish: shell is "bash", "zsh" or "fish"; -1 with err otherwise. */
int manual_completion(struct str *out, const char *shell, struct err *err);

#endif
