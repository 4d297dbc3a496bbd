/* completion.h: scripts that complete a command line of comb, made from the same tables as --help. */
#ifndef COMB_CLI_COMPLETION_H
#define COMB_CLI_COMPLETION_H

#include "base/err.h"
#include "base/str.h"

/* shell: "bash", "zsh" or "fish"; ERR_INPUT otherwise. */
int completion_script(struct str *out, const char *shell, struct err *err);

#endif
