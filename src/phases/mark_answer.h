/* mark_answer.h: how the gates of phase 1 put what they found. */
#ifndef COMB_PHASES_MARK_ANSWER_H
#define COMB_PHASES_MARK_ANSWER_H

#include "base/err.h"
#include "phases/gate.h"
#include "project/suite.h"

/* A line of the detail; after the first few (nth counts from 0) only that there are more. -1 when out of memory. */
int mark_name_test(struct gate_result *result, size_t nth, const struct test *test, const char *what);
/* ERR_INPUT; always -1. */
int mark_say_no_tests(const struct project *project, struct err *err);

#endif
