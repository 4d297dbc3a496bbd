/* compare.h: does the checkout collect the tests that the user's tree collects? */
#ifndef COMB_PHASES_COMPARE_H
#define COMB_PHASES_COMPARE_H

#include "base/err.h"
#include "base/sink.h"
#include "phases/imports.h"
#include "project/project.h"

/*
 * Collects both (writing no byte code and no cache into the user's tree) and
 * notes what only one of them has. A tree that cannot be collected is noted too:
 * the gates will say what is wrong with it.
 */
int compare_collections(const struct project *user, const struct project *checkout, const struct imports *imports,
			const struct progress_sink *sink, struct err *err);

#endif
