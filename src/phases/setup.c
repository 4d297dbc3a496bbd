/* Phase 0: what parallel runs need declared and importable, markers registered, a sequential baseline. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/proc.h"
#include "phases/baseline.h"
#include "phases/gate.h"
#include "project/config.h"
#include "project/install.h"
#include "project/manifest.h"
#include "project/markers.h"
#include "project/refusal.h"
#include "report/json_text.h"

#include "base/banned.h"

#define PYTEST_TIMEOUT_S 120

static void note_lines(const struct progress_sink *sink, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		sink_notef(sink, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* A trouble that is the gate's answer and not the end of the work. */
static int conclude_with(struct gate_result *result, const struct err *why, struct err *err)
{
	if (why->hint[0] && str_addf(&result->detail, "Next: %s\n", why->hint) < 0)
		return err_no_memory(err);
	if (why->file[0] && why->line > 0)
		return gate_conclude(result, GATE_FAILED, err, "%s:%d: %s", why->file, why->line, why->text);
	return gate_conclude(result, GATE_FAILED, err, "%s", why->text);
}

/* --- 0.1 declared --- */

static int describe_declarations(const struct manifest *manifest, struct str *out, struct err *err)
{
	for (size_t i = 0; i < manifest->declarations.len; i++) {
		const struct declaration *row = &manifest->declarations.at[i];
		if (!manifest_edits(manifest, row))
			continue;
		if (str_addf(out, "%s%s%s%s", out->len ? ", " : "", fs_base_name(row->file), *row->place ? " " : "",
			     row->place) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int open_manifest(const struct phase_ctx *ctx, struct manifest *manifest, struct err *err)
{
	if (manifest_read(manifest, ctx->project, err) < 0)
		return -1;
	manifest->with_comb |= ctx->settings->with_comb;
	return 0;
}

static int measure_declared(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	cleanup_str struct str places = STR_INIT;
	if (open_manifest(ctx, &manifest, err) < 0 || manifest_fill(&manifest, ctx->project, err) < 0 ||
	    describe_declarations(&manifest, &places, err) < 0)
		return -1;
	if (manifest.declarations.len == 0)
		return gate_conclude(result, GATE_FAILED, err, "pytest is declared nowhere");
	bool complete = manifest_complete(&manifest);
	return gate_conclude(result, complete ? GATE_PASSED : GATE_FAILED, err, "%s declared %sin %s",
			     manifest.with_comb ? complete ? "pytest-xdist and pytest-comb are"
							   : "pytest-xdist and pytest-comb are not both"
				     : complete ? "pytest-xdist is"
						: "pytest-xdist is not",
			     complete ? "" : "beside pytest ", str_text(&places));
}

static int reach_declared(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	struct err why = ERR_INIT;
	sink_step(ctx->sink, ctx->settings->with_comb ? "declaring pytest-xdist and pytest-comb" : "declaring pytest-xdist");
	if (open_manifest(ctx, &manifest, err) < 0)
		return -1;
	if (!manifest_complete(&manifest)) {
		if (manifest_declare(&manifest, ctx->project, &set, &result->detail, &why) < 0) {
			if (why.kind == ERR_INPUT)
				return conclude_with(result, &why, err);
			*err = why;
			return -1;
		}
		if (changeset_write(&set, err) < 0)
			return -1;
		note_lines(ctx->sink, str_text(&result->detail));
	}
	return measure_declared(ctx, result, err);
}

/* --- 0.2 detected --- */

/* The import itself: metadata can be there while the code, or what it needs, is not. 1, or 0 with *why. */
static int xdist_imports(const struct project *project, struct str *why, struct err *err)
{
	const char *argv[] = { project->python, "-c", "import xdist, execnet", NULL };
	struct proc_options options = { .cwd = project->root, .timeout_s = PYTEST_TIMEOUT_S };
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	if (proc_run(argv, &options, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 1;
	const char *text = str_text(&result.err_out), *line = text;
	for (const char *p = text; *p; p++)
		if (*p == '\n' && p[1])
			line = p + 1;
	return str_add(why, line, strcspn(line, "\n")) < 0 ? err_no_memory(err) : 0;
}

/* pytest-comb, where it is wanted: loadable, installed, and the version that comb measures with. 1, or 0 with *why. */
static int comb_works(const struct project *project, struct str *why, struct err *err)
{
	const struct plugin *comb = project_plugin(project, COMB_NAME);
	int failed = 0;
	if (project->engine_problem)
		failed = str_addf(why, "comb's engine cannot be loaded by %s: %s", project->python,
				  project->engine_problem);
	else if (!comb)
		failed = str_addf(why, "pytest-comb is not installed in %s", project->python);
	else if (strcmp(comb->version, COMB_VERSION) != 0)
		failed = str_addf(why, "pytest-comb %s in %s is not the version of this comb, " COMB_VERSION,
				  comb->version, project->python);
	return failed < 0 ? err_no_memory(err) : why->len == 0;
}

static int list_plugins(const struct project *project, json_t **out, struct err *err)
{
	json_t *plugins = json_object();
	for (size_t i = 0; plugins && i < project->plugins.len; i++)
		json_object_set_new(plugins, project->plugins.at[i].name, json_text(project->plugins.at[i].version));
	json_decref(*out);
	*out = json_pack("{s:o}", "plugins", plugins);
	return *out ? 0 : err_no_memory(err);
}

static int measure_detected(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_str struct str why = STR_INIT, command = STR_INIT, folder = STR_INIT;
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	const struct project *project = ctx->project;
	const struct plugin *xdist = project_plugin(project, XDIST_NAME);
	int imports = xdist ? xdist_imports(project, &why, err) : 0;
	if (imports < 0 || list_plugins(project, &result->data, err) < 0 || open_manifest(ctx, &manifest, err) < 0)
		return -1;
	int comb = imports && manifest.with_comb ? comb_works(project, &why, err) : 1;
	if (comb < 0)
		return -1;
	if (imports && comb)
		return gate_conclude(result, GATE_PASSED, err, "pytest %d.%d.%d, %s %s and %zu other plugin%s in %s",
				     project->pytest_version[0], project->pytest_version[1], project->pytest_version[2],
				     xdist->name, xdist->version, project->plugins.len - 1,
				     project->plugins.len == 2 ? "" : "s", project->python);
	if (install_command(project, &manifest, &command, &folder, err) < 0)
		return -1;
	if (str_addf(&result->detail, "Next: cd %s && %s\n(comb setup --install does it)\n", folder.buf, command.buf) <
	    0)
		return err_no_memory(err);
	if (imports) {
		if (str_adds(&result->detail, "comb's own runs bring the plugin along; plain pytest needs the package, "
					      "of the same version. It is built from comb's sources by `pip install .` "
					      "there.\n") < 0)
			return err_no_memory(err);
		return gate_conclude(result, GATE_FAILED, err, "%s; type: %s", str_text(&why), command.buf);
	}
	if (xdist)
		return gate_conclude(result, GATE_FAILED, err,
				     "pytest-xdist is installed in %s but cannot be imported: %s; type: %s",
				     project->python, str_text(&why), command.buf);
	return gate_conclude(result, GATE_FAILED, err, "pytest-xdist is not installed in %s; type: %s", project->python,
			     command.buf);
}

static int reach_detected(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	struct err why = ERR_INIT;
	if (measure_detected(ctx, result, err) < 0)
		return -1;
	if (result->status == GATE_PASSED || !ctx->settings->install)
		return 0;
	str_clear(&result->detail);
	if (open_manifest(ctx, &manifest, err) < 0)
		return -1;
	if (install_run(ctx->project, &manifest, ctx->sink, &why) == 0)
		return measure_detected(ctx, result, err);
	if (why.kind == ERR_ENVIRONMENT)
		return conclude_with(result, &why, err);
	*err = why;
	return -1;
}

/* --- 0.3 registered --- */

/* The markers pytest itself lists: 1, or 0 with *why. */
static int pytest_lists_markers(const struct project *project, struct str *why, struct err *err)
{
	const char *argv[] = { project->python, "-m", "pytest", "--markers", "-p", "no:cacheprovider", NULL };
	cleanup_strings struct strings env = STRINGS_INIT;
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	struct proc_options options = {
		.cwd = project->root, .env = &env, .timeout_s = PYTEST_TIMEOUT_S, .merge_stderr = true
	};
	if (strings_add(&env, "PYTHONDONTWRITEBYTECODE=1") < 0)
		return err_no_memory(err);
	if (proc_run(argv, &options, &result, err) < 0)
		return -1;
	const char *text = str_text(&result.out);
	if (result.exit_code != 0)
		return refusal_read(project, text, "--markers", err);
	for (size_t i = 0; category_markers[i].name; i++) {
		char wanted[64];
		snprintf(wanted, sizeof(wanted), "@pytest.mark.%s:", category_markers[i].name);
		if (!strstr(text, wanted))
			return str_addf(why, "pytest --markers does not list %s", category_markers[i].name) < 0
				? err_no_memory(err)
				: 0;
	}
	return 1;
}

static int verify_registered(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_strings struct strings names = STRINGS_INIT;
	cleanup_str struct str why = STR_INIT;
	const struct project *project = ctx->project;
	const char *file = project->config_path ? fs_base_name(project->config_path) : "";
	if (markers_registered(project, &names, err) < 0)
		return -1;
	for (size_t i = 0; category_markers[i].name; i++)
		if (strings_find(&names, category_markers[i].name) < 0)
			return gate_conclude(result, GATE_FAILED, err, "the marker %s is not registered%s%s",
					     category_markers[i].name, *file ? " in " : "", file);
	sink_step(ctx->sink, "asking pytest for its markers");
	int listed = pytest_lists_markers(project, &why, err);
	if (listed < 0)
		return -1;
	if (!listed)
		return gate_conclude(result, GATE_FAILED, err, "%s", str_text(&why));
	return gate_conclude(result, GATE_PASSED, err, "unit, integration and slow are registered in %s %s", file,
			     config_kind_table(project->config_kind));
}

static int reach_registered(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	sink_step(ctx->sink, "registering markers");
	if (markers_register(ctx->project, category_markers, &set, &result->detail, err) < 0)
		return -1;
	if (set.changes.len > 0) {
		if (changeset_write(&set, err) < 0)
			return -1;
		note_lines(ctx->sink, str_text(&result->detail));
		if (config_find(ctx->project, ctx->project->pytest_version, err) < 0)
			return -1;
	}
	return verify_registered(ctx, result, err);
}

static const struct gate gates[] = {
	{
		.id = "0.1",
		.title = "pytest-xdist declared in the project's own manifest, beside pytest",
		.cause = "Whoever installs the project's test dependencies must get what the parallel run needs; an "
			 "environment without pytest-xdist refuses the options that a parallel configuration brings. "
			 "With --with-comb the same holds for pytest-comb, which brings comb's own engine.",
		.remedy = "comb setup adds it in every place that declares pytest for development. Files that another "
			  "tool compiled (pip-compile, uv) have to be made again; setup.py is yours to edit.",
		.attempts = 1,
		.reach = reach_declared,
		.verify = measure_declared,
	},
	{
		.id = "0.2",
		.title = "plugins detected by the project's interpreter",
		.cause = "What is declared need not be installed: the interpreter that runs the tests has to find "
			 "pytest-xdist, and comb has to know which other plugins take part.",
		.remedy = "Install it with the project's own manager: comb setup --install, or the command that the "
			  "gate names.",
		.attempts = 1,
		.reach = reach_detected,
		.verify = measure_detected,
	},
	{
		.id = "0.3",
		.title = "markers unit, integration, slow registered in the configuration file in force",
		.cause = "pytest warns about markers it does not know, and refuses them with --strict-markers.",
		.remedy =
			"comb setup adds them to `markers` in the file that pytest obeys; nothing else there changes.",
		.attempts = 1,
		.reach = reach_registered,
		.verify = verify_registered,
	},
	{
		.id = "0.4",
		.title = "benchmark store ready, sequential baseline recorded",
		.cause =
			"Whether parallel tests are right and fast can only be told against what the suite does alone, "
			"one test after another.",
		.remedy = "The suite has to run, and to be green. Mend what fails, or go on with the rest: "
			  "--allow-failing. For a suite that hangs: --timeout.",
		.attempts = 1,
		.reach = baseline_reach,
		.verify = baseline_verify,
	},
	{ .id = NULL },
};

const struct phase phase_setup = {
	.number = 0,
	.verb = "setup",
	.title = "Dependencies & configuration",
	.gates = gates,
};
