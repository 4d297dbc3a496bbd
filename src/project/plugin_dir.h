/*
 * plugin_dir.h: where comb's own Python package (pytest_comb, with its
 * extension) stands, so that a project's interpreter can be given it.
 *
 * Looked for in this order: $COMB_PLUGIN_DIR; plugin/ beside the executable
 * (a build tree); ../lib/comb/plugin (make install); the site-packages of the
 * environment that a wheel put comb into.
 */
#ifndef COMB_PROJECT_PLUGIN_DIR_H
#define COMB_PROJECT_PLUGIN_DIR_H

#include "base/err.h"
#include "base/str.h"

/* Replaces *out by the absolute path of the folder pytest_comb itself. ERR_ENVIRONMENT: comb is not installed whole. */
int plugin_dir_find(struct str *out, struct err *err);
/*
 * The same package alone in a folder: makes parent/plugin/pytest_comb, a link,
 * and replaces *out by parent/plugin. Nothing else of the place where it stands
 * can be imported through that folder.
 */
int plugin_dir_link(const char *parent, struct str *out, struct err *err);

#endif
