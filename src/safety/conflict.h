/*
 * conflict.h: two tests that reach the same thing outside themselves, by what was seen of them.
 *
 * A conflict needs a writer: a path written by one test and written or read by
 * another, a port bound twice, a connection to a port that another test binds,
 * a folder listed while another test creates in it. What a wide fixture does
 * counts for all tests that use it. Each becomes a finding, or confirms the
 * one that the source had given rise to.
 */
#ifndef COMB_SAFETY_CONFLICT_H
#define COMB_SAFETY_CONFLICT_H

#include "safety/finding.h"
#include "project/suite.h"

/*
 * root: the project's; paths below it are shown relative to it. Confirmed
 * findings get `together`, but for one that would put more than share_max (0 …
 * 1) of all tests on one worker: it stays suspected, and its evidence says so.
 */
int conflicts_find(const struct suite_run *run, const char *root, double share_max, struct findings *findings,
		   struct err *err);

#endif
