/* manual.h: --help and the man page, written from the verb tables. */
#ifndef COMB_CLI_MANUAL_H
#define COMB_CLI_MANUAL_H

#include "cli/verb.h"
#include "base/str.h"

/* Each returns 0, or -1 when out of memory. */
int manual_overview(struct str *out);
int manual_verb(struct str *out, const struct verb *verb);
int manual_man_page(struct str *out);

#endif
