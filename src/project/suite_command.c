#include "project/suite_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/addopts.h"
#include "project/plugin_dir.h"

#include "base/banned.h"

/* Nothing of an outer pytest run may reach the inner one. */
static const char *const outer_variables[] = {
	"PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID", "PYTEST_CURRENT_TEST",
	"COMB_RECORD", "COMB_OUTCOMES", "COMB_FOOTPRINT", "COMB_SHUFFLE", "COMB_ORDER", "COMB_KEEP_ORDER", "COMB_WHOLE", "COMB_PROBES",
};

/* What the parts of a command are made from. */
struct making {
	struct suite_command *command;
	const struct project *project;
	const struct suite_options *options;
	bool configured_comb; /* the project's own configuration asks for comb's engine */
};

/* The order plugin is needed where an order is asked for, or where some plugin would shuffle. */
static bool wants_order(const struct making *making)
{
	bool watched = !making->options->plain && !making->options->outcomes_only;
	return watched || making->options->shuffle_seed || making->options->order ||
	       project_plugin(making->project, "pytest-randomly") ||
	       project_plugin(making->project, "pytest-random-order");
}

/* An installed pytest-comb of another version: its package is hidden by ours, its entry point must not load. */
static bool has_other_version(const struct making *making)
{
	const struct plugin *installed = project_plugin(making->project, COMB_NAME);
	return installed && strcmp(installed->version, COMB_VERSION) != 0;
}

/* Is one of the plugin's own options among the arguments? pytest would not know it without the plugin. */
static bool names_own_option(const struct making *making)
{
	const struct strings *arguments = making->options->arguments;
	for (size_t i = 0; arguments && i < arguments->len; i++)
		if (text_starts_with(arguments->at[i], "--comb"))
			return !making->project->engine_problem;
	return false;
}

/* Does this run need the plugin of comb's engine, and does the project not bring it? */
static bool wants_plugin(const struct making *making)
{
	bool asked = making->options->engine == ENGINE_COMB || names_own_option(making);
	bool lacks = making->configured_comb && !project_plugin(making->project, COMB_NAME);
	return asked || lacks || (has_other_version(making) && (wants_order(making) || making->configured_comb));
}

static bool has_workers_option(const struct making *making)
{
	return wants_plugin(making) || project_plugin(making->project, "pytest-xdist") ||
	       project_plugin(making->project, COMB_NAME);
}

static int add_engine(struct making *making, struct strings *argv)
{
	const struct suite_options *options = making->options;
	int failed = 0;
	if (wants_plugin(making))
		failed = strings_add(argv, "-p") < 0 || strings_add(argv, "pytest_comb.plugin") < 0;
	if (!failed && wants_plugin(making) && has_other_version(making))
		failed = strings_add(argv, "-p") < 0 || strings_add(argv, "no:comb") < 0;
	if (!failed && options->engine == ENGINE_COMB)
		failed = strings_add(argv, "--comb") < 0 ||
			 (options->all_workers && strings_add(argv, "--comb-all-workers") < 0);
	else if (!failed && !options->keep_addopts && making->configured_comb)
		failed = strings_add(argv, "--no-comb") < 0;
	if (!failed && options->engine == ENGINE_SERIAL) {
		if (!options->keep_addopts && has_workers_option(making))
			failed = strings_add(argv, "-n0") < 0 || strings_add(argv, "--dist=no") < 0;
		return failed ? -1 : 0;
	}
	if (!failed && (options->workers > 0 || !options->keep_addopts))
		failed = strings_addf(argv, "-n%d", options->workers) < 0;
	if (!failed && options->dist)
		failed = strings_addf(argv, "--dist=%s", options->dist) < 0;
	return failed ? -1 : 0;
}

static int add_plugins(struct making *making, struct strings *argv)
{
	if (wants_order(making) && (strings_add(argv, "-p") < 0 || strings_add(argv, "pytest_comb.order") < 0))
		return -1;
	if (!making->options->plain && (strings_add(argv, "-p") < 0 || strings_add(argv, "pytest_comb.observe") < 0))
		return -1;
	return 0;
}

static int build_argv(struct making *making, struct err *err)
{
	const struct suite_options *options = making->options;
	struct strings *argv = &making->command->argv;
	int failed = strings_add(argv, making->project->python) < 0 || strings_add(argv, "-m") < 0 ||
		     strings_add(argv, "pytest") < 0 || add_plugins(making, argv) < 0 || add_engine(making, argv) < 0;
	/* An own, empty cache: --lf and --ff of addopts see no history, and the user's is left alone. */
	if (!failed && !options->interactive)
		failed = strings_add(argv, "-o") < 0 || strings_addf(argv, "cache_dir=%s/cache", making->command->scratch.path.buf) < 0;
	if (!failed && options->markers)
		failed = strings_add(argv, "-m") < 0 || strings_add(argv, options->markers) < 0;
	if (!failed && options->collect_only)
		failed = strings_add(argv, "--collect-only") < 0 || strings_add(argv, "-q") < 0;
	if (!failed && making->project->past_broken && !options->interactive)
		failed = strings_add(argv, "--continue-on-collection-errors") < 0;
	for (size_t i = 0; !failed && options->arguments && i < options->arguments->len; i++)
		failed = strings_add(argv, options->arguments->at[i]) < 0;
	return failed ? err_no_memory(err) : 0;
}

/* As if the virtual environment had been activated. */
static int add_environment_folder(struct making *making)
{
	const char *folder = making->project->environment, *path = getenv("PATH");
	if (!folder)
		return 0;
	if (strings_addf(&making->command->env, "VIRTUAL_ENV=%s", folder) < 0)
		return -1;
	return strings_addf(&making->command->env, "PATH=%s/bin%s%s", folder, path ? ":" : "", path ? path : "");
}

static int add_plugin_path(struct making *making, const char *plugin_parent)
{
	const char *path = getenv("PYTHONPATH");
	if (strings_addf(&making->command->env, "COMB_SAVED_PYTHONPATH=%s", path ? path : "") < 0)
		return -1;
	return strings_addf(&making->command->env, "PYTHONPATH=%s%s%s", plugin_parent, path && path[0] ? ":" : "", path ? path : "");
}

static int add_plugin_settings(struct making *making)
{
	const struct suite_options *options = making->options;
	int failed = 0;
	if (!options->plain)
		failed = strings_addf(&making->command->env, "COMB_RECORD=%s/record", making->command->scratch.path.buf) < 0;
	if (!failed && options->outcomes_only)
		failed = strings_add(&making->command->env, "COMB_OUTCOMES=1") < 0;
	if (!failed && options->footprint)
		failed = strings_add(&making->command->env, "COMB_FOOTPRINT=1") < 0;
	if (!failed && options->whole)
		failed = strings_add(&making->command->env, "COMB_WHOLE=1") < 0;
	if (!failed && options->shuffle_seed)
		failed = strings_addf(&making->command->env, "COMB_SHUFFLE=%llu", (unsigned long long)options->shuffle_seed) < 0;
	if (!failed && options->order)
		failed = strings_addf(&making->command->env, "COMB_ORDER=%s/order", making->command->scratch.path.buf) < 0;
	if (!failed && options->interactive)
		failed = strings_add(&making->command->env, "COMB_KEEP_ORDER=1") < 0;
	return failed ? -1 : 0;
}

static int build_env(struct making *making, struct err *err)
{
	const struct suite_options *options = making->options;
	cleanup_str struct str plugin_parent = STR_INIT;
	int failed = 0;
	for (size_t i = 0; !failed && i < sizeof(outer_variables) / sizeof(*outer_variables); i++)
		failed = strings_add(&making->command->env, outer_variables[i]) < 0;
	/* Seen by tests too, and by what they start: by it their processes are known when comb has been killed. */
	failed = failed || strings_addf(&making->command->env, "COMB_RUN=%s/", making->command->scratch.path.buf) < 0;
	failed = failed || add_environment_folder(making) < 0 || add_plugin_settings(making) < 0;
	for (size_t i = 0; !failed && options->env && i < options->env->len; i++)
		failed = strings_add(&making->command->env, options->env->at[i]) < 0;
	if (failed)
		return err_no_memory(err);
	if (options->plain && !wants_order(making) && !wants_plugin(making))
		return 0;
	if (plugin_dir_link(making->command->scratch.path.buf, &plugin_parent, err) < 0)
		return -1;
	return add_plugin_path(making, plugin_parent.buf) < 0 ? err_no_memory(err) : 0;
}

/* The order asked for, one index a line, where every process of the run can read it. */
static int write_order(struct making *making, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	if (!making->options->order)
		return 0;
	if (fs_join(&path, making->command->scratch.path.buf, "order") < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < making->options->order_count; i++)
		if (str_addf(&text, "%zu\n", making->options->order[i]) < 0)
			return err_no_memory(err);
	return fs_write(path.buf, str_slice(&text), err);
}

/* What cannot be read is for pytest to complain of. */
static void look_at_configuration(struct making *making)
{
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	struct err ignored = ERR_INIT;
	if (addopts_read(&addopts, making->project, &ignored) == 0)
		making->configured_comb = addopts.comb;
}

int suite_command_make(struct suite_command *command, const struct project *project,
		       const struct suite_options *options, struct err *err)
{
	struct making making = { .command = command, .project = project, .options = options };
	cleanup_str struct str record = STR_INIT;
	suite_command_release(command);
	command->interactive = options->interactive;
	command->cwd = options->interactive || project->path ? project->path : project->root;
	if (scratch_make(&command->scratch, "comb-run-", err) < 0)
		return -1;
	if (fs_join(&record, command->scratch.path.buf, "record") < 0)
		return err_no_memory(err);
	if (fs_make_dirs(record.buf, err) < 0 || write_order(&making, err) < 0)
		return -1;
	look_at_configuration(&making);
	return build_argv(&making, err) < 0 || build_env(&making, err) < 0 ? -1 : 0;
}

void suite_command_release(struct suite_command *command)
{
	if (!command->interactive)
		scratch_end_processes(&command->scratch);
	scratch_release(&command->scratch);
	strings_release(&command->argv);
	strings_release(&command->env);
	command->cwd = NULL;
}
