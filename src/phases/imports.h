/*
 * imports.h: make tests in a checkout import the checkout's package, not the user's.
 *
 * An editable install (or PYTHONPATH) points into the user's tree. While a
 * struct imports is open, PYTHONPATH of this process, and so of every
 * interpreter it starts, names the same folders in the checkout first. Editable
 * installs that put themselves before PYTHONPATH (meson-python, scikit-build)
 * cannot be turned; they are noted: comb changes tests and configuration only,
 * so that the package is the same in both places.
 */
#ifndef COMB_PHASES_IMPORTS_H
#define COMB_PHASES_IMPORTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sink.h"
#include "project/project.h"

struct imports {
	char *saved;      /* PYTHONPATH as it was; NULL: not set */
	char *redirected; /* as it is while open; NULL: not set */
	bool open;
};
#define IMPORTS_INIT { .saved = NULL }

/* from: the top of the user's tree; to: the top of the checkout. */
int imports_redirect(struct imports *imports, const struct project *project, const char *from, const char *to,
		     const struct progress_sink *sink, struct err *err);
/* For a look at the user's tree as it is, and back. */
void imports_suspend(const struct imports *imports);
int imports_resume(const struct imports *imports, struct err *err);
/* Safe on IMPORTS_INIT, safe twice. */
void imports_restore(struct imports *imports);

#endif
