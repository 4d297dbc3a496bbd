/*
 * sarif.h: findings as SARIF 2.1.0 (OASIS), for code scanning services and editors.
 *
 * One run of the tool "comb": a rule for each code that was found, with its
 * text of help, and a result for each finding, at its first place, the other
 * places as related locations. Confirmed findings are errors, suspected ones
 * keep their rule's severity. Paths are relative to %SRCROOT%, percent-encoded.
 */
#ifndef COMB_REPORT_SARIF_H
#define COMB_REPORT_SARIF_H

#include <jansson.h>

#include "project/suite.h"
#include "safety/finding.h"

/* run: for the tests' ids; NULL without one. A new reference; NULL when out of memory. */
json_t *sarif_log(const struct findings *findings, const struct suite_run *run);

#endif
