/*
 * markers.h: the markers that comb gives to tests, registered where pytest reads them.
 *
 * Registered means: named under `markers` in the configuration file in force,
 * so that a project with --strict-markers stays green without comb.
 */
#ifndef COMB_PROJECT_MARKERS_H
#define COMB_PROJECT_MARKERS_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "project/project.h"
#include "source/edit.h"

struct marker {
	const char *name;
	const char *line; /* as it is registered: "unit: …" */
};
/* unit, integration, slow; ends with a zero row. */
extern const struct marker category_markers[];
/* exclusive, shared, serial, fresh: registered when a phase first needs one. xdist registers xdist_group itself. */
extern const struct marker isolation_markers[];

/* Adds the names registered in the configuration file in force. */
int markers_registered(const struct project *project, struct strings *names, struct err *err);
/*
 * Registers those of markers that are missing. Creates the table, and a
 * pytest.ini where the project has no file for it: call config_find() again
 * once the changes are written. One line per file is appended to *said.
 */
int markers_register(const struct project *project, const struct marker markers[], struct changeset *set,
		     struct str *said, struct err *err);

#endif
