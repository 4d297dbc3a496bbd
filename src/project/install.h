/* install.h: put packages into the project's environment with the project's own manager. */
#ifndef COMB_PROJECT_INSTALL_H
#define COMB_PROJECT_INSTALL_H

#include "base/err.h"
#include "base/sink.h"
#include "base/str.h"
#include "project/manifest.h"
#include "project/project.h"

/*
 * Replaces *out by the command that brings what the manifest wants into the project's
 * interpreter: the manager's own way (with its lock file brought up to date)
 * where that interpreter is the environment the manager keeps, else pip or uv
 * aimed at the interpreter. Fit for a shell, run in *folder (replaced too).
 */
int install_command(const struct project *project, const struct manifest *manifest, struct str *out,
		    struct str *folder, struct err *err);
/*
 * Runs it and looks at the interpreter again. ERR_ENVIRONMENT with the end of
 * its output when it fails. May run for minutes: installs come from the network.
 */
int install_run(struct project *project, const struct manifest *manifest, const struct progress_sink *sink,
		struct err *err);

#endif
