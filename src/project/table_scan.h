/* table_scan.h: does a TOML or INI file hold a table, and has it keys? By its header lines. */
#ifndef COMB_PROJECT_TABLE_SCAN_H
#define COMB_PROJECT_TABLE_SCAN_H

#include <stdbool.h>

#include "base/str.h"

struct table_scan {
	bool there;    /* its header, or the header of a table below it */
	bool header;   /* its own header */
	bool has_keys; /* keys, or tables below it other than except */
};

/* except: the name of a table directly below that does not count as a key; NULL: none. */
struct table_scan table_scan(struct slice text, const char *table, const char *except);

#endif
