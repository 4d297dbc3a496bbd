/*
 * analysis.h: everything comb knows about the safety of one suite.
 *
 * analysis_run() reads the sources, runs the suite serially with footprints,
 * then in parallel, shuffled and reversed, looks into every test that did
 * something else, and names the groups that have to stay together. It changes
 * nothing. What it found can be written as JSON and read back against a fresh
 * collection of the same tests.
 */
#ifndef COMB_SAFETY_ANALYSIS_H
#define COMB_SAFETY_ANALYSIS_H

#include <jansson.h>

#include "base/sink.h"
#include "history/history.h"
#include "safety/code_set.h"
#include "safety/finding.h"
#include "safety/groups.h"
#include "safety/trial.h"

struct analysis_settings {
	int parallel_runs; /* 0: ANALYSIS_RUNS */
	int workers; /* 0: ANALYSIS_WORKERS */
	double timeout_s; /* of each run; 0: chosen by the serial run */
	double budget_s; /* for experiments; 0: chosen by the serial run */
	const struct strings *own_groups; /* names of xdist_groups that comb has placed: not the user's; NULL: none */
};
#define ANALYSIS_RUNS 5
#define ANALYSIS_WORKERS 4

struct analysis {
	struct suite_run base; /* serial, in the suite's own order */
	struct code_set code;
	struct findings findings;
	struct groups groups;
	bool *unsteady; /* one a test of base */
	bool steady_collection; /* two collections gave the same tests */
	double base_s;
	size_t serial_runs, parallel_runs, probes;
	size_t victims, explained; /* tests that did something else; of these, with a cause */
	bool out_of_time; /* the budget ended the search */
	struct strings troubles; /* what went wrong with whole runs */
};
#define ANALYSIS_INIT                                                                                                  \
	{                                                                                                              \
		.base = SUITE_RUN_INIT                                                                                 \
	}
void analysis_release(struct analysis *analysis);
#define cleanup_analysis __attribute__((cleanup(analysis_release)))

/* Only what the source says: fills code and findings. */
int analysis_read(struct analysis *analysis, const struct project *project, struct err *err);
/*
 * All of it. history may be NULL; it tells which tests are unsteady. ERR_INPUT
 * where the suite cannot be collected, ERR_ENVIRONMENT without pytest-xdist.
 */
int analysis_run(struct analysis *analysis, const struct project *project, struct history *history,
		 const struct analysis_settings *settings, const struct progress_sink *sink, struct err *err);
/* Runs these trials' victims through the search again, with all that is known; then names the groups anew. */
int analysis_explain(struct analysis *analysis, struct trials *trials, double budget_s, struct err *err);
/* How long a run may take before it counts as stuck. */
double analysis_run_limit(const struct analysis *analysis, const struct analysis_settings *settings);

/* For a person and for a program: one finding. Tests by their ids. A new reference; NULL: out of memory. */
json_t *finding_json(const struct finding *finding, const struct suite_run *run);
json_t *findings_json(const struct findings *findings, const struct suite_run *run);

/* A new reference, or NULL when out of memory. */
json_t *analysis_json(const struct analysis *analysis);
/*
 * Fills *analysis from JSON; collected holds the tests as they are now, and is
 * taken over into base (with the outcomes on record) when 1 is returned. 0: the
 * record does not fit: other tests, another format. -1: out of memory. Of a
 * suite that no two processes collect alike, findings come back without tests.
 */
int analysis_restore(struct analysis *analysis, const json_t *json, struct suite_run *collected, struct err *err);

#endif
