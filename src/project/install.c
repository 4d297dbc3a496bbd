#include "project/install.h"

#include <string.h>

#include "base/fs.h"
#include "base/proc.h"
#include "project/interpreter.h"
#include "project/manager.h"

#include "base/banned.h"

#define INSTALL_TIMEOUT_S 1200
#define OUTPUT_TAIL 400 /* bytes of output in a sentence */

/* text as one word for a shell. */
static int add_quoted(struct str *out, const char *text)
{
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+:@,")] == '\0' &&
	    *text)
		return str_adds(out, text);
	if (str_addc(out, '\'') < 0)
		return -1;
	for (const char *p = text; *p; p++)
		if ((*p == '\'' ? str_adds(out, "'\\''") : str_addc(out, *p)) < 0)
			return -1;
	return str_addc(out, '\'');
}

/* Each manager: what it calls the environment it keeps, its command, and how a group and an extra are asked for. */
static const struct {
	enum package_manager manager;
	const char *keeps[4]; /* python_from of environments that are the manager's own */
	const char *command;
	const char *group, *extra;
} ways[] = {
	{ MANAGER_UV,
	  { ".venv", "$UV_PROJECT_ENVIRONMENT", "uv python find" },
	  "uv sync --inexact",
	  " --group ",
	  " --extra " },
	{ MANAGER_POETRY,
	  { ".venv", "poetry env info" },
	  "poetry update",
	  " --with ",
	  " && poetry install --extras " },
	{ MANAGER_PDM, { ".venv", ".pdm-python" }, "pdm install", " -G ", " -G " },
	{ MANAGER_PIPENV, { ".venv", "pipenv --venv" }, "pipenv install --dev", NULL, NULL },
};

static bool keeps(size_t way, const char *from)
{
	for (size_t i = 0; i < 4 && ways[way].keeps[i]; i++)
		if (text_equals(ways[way].keeps[i], from))
			return true;
	return false;
}

/* The wanted packages as words of a command: names, or quoted requirements. */
static int add_packages(const struct manifest *manifest, bool versions, struct str *out)
{
	for (int package = 0; package < PACKAGE_COUNT; package++) {
		if (!manifest_wants(manifest, (enum package)package))
			continue;
		if ((versions ? str_addf(out, " '%s'", packages[package].requirement)
			      : str_addf(out, " %s", packages[package].name)) < 0)
			return -1;
	}
	return 0;
}

/* 1: written; 0: the interpreter is none that the manager keeps. */
static int manager_way(const struct project *project, const struct manifest *manifest, struct str *out,
		       struct err *err)
{
	const struct declaration *declaration = manifest_main(manifest);
	for (size_t i = 0; declaration && i < sizeof(ways) / sizeof(*ways); i++) {
		if (ways[i].manager != project->manager || !keeps(i, project->python_from))
			continue;
		const char *option = declaration->group_kind == GROUP_DEPENDENCY ? ways[i].group
			: declaration->group_kind == GROUP_EXTRA                 ? ways[i].extra
										 : NULL;
		bool named = project->manager == MANAGER_POETRY;
		if (str_adds(out, ways[i].command) < 0 || (named && add_packages(manifest, false, out) < 0))
			return err_no_memory(err);
		if (option && (str_adds(out, option) < 0 || add_quoted(out, declaration->group) < 0))
			return err_no_memory(err);
		return 1;
	}
	return 0;
}

/* uv's and Poetry's environments hold no pip: whoever is there does it. */
static int direct_way(const struct project *project, const struct manifest *manifest, struct str *out,
		      struct err *err)
{
	bool pip = project->has_pip || !manager_available(MANAGER_UV);
	if (!pip && str_adds(out, "uv pip install --python ") < 0)
		return err_no_memory(err);
	if (add_quoted(out, project->python) < 0)
		return err_no_memory(err);
	if (pip && !project->has_pip &&
	    (str_adds(out, " -m ensurepip && ") < 0 || add_quoted(out, project->python) < 0))
		return err_no_memory(err);
	if ((pip && str_adds(out, " -m pip install") < 0) || add_packages(manifest, true, out) < 0)
		return err_no_memory(err);
	return 0;
}

int install_command(const struct project *project, const struct manifest *manifest, struct str *out, struct str *folder,
		    struct err *err)
{
	str_clear(out);
	int way = manager_way(project, manifest, out, err);
	if (way < 0)
		return -1;
	const char *root = project->root ? project->root : project->path;
	if (fs_join(folder, "", way ? manifest->folder : root) < 0)
		return err_no_memory(err);
	return way ? 0 : direct_way(project, manifest, out, err);
}

static int say_failure(const char *command, const struct proc_result *result, struct err *err)
{
	const char *text = str_text(&result->out);
	size_t len = result->out.len;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	size_t skip = len > OUTPUT_TAIL ? len - OUTPUT_TAIL : 0;
	if (result->timed_out)
		err_set(err, ERR_ENVIRONMENT, "%s did not end within %d s", command, INSTALL_TIMEOUT_S);
	else
		err_set(err, ERR_ENVIRONMENT, "%s failed: %.*s", command, (int)(len - skip), text + skip);
	return err_hint(err, "type it yourself, mend what it names, then run comb again");
}

int install_run(struct project *project, const struct manifest *manifest, const struct progress_sink *sink,
		struct err *err)
{
	cleanup_str struct str command = STR_INIT, folder = STR_INIT;
	cleanup_strings struct strings env = STRINGS_INIT;
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	if (install_command(project, manifest, &command, &folder, err) < 0)
		return -1;
	const char *argv[] = { "/bin/sh", "-c", command.buf, NULL };
	struct proc_options options = {
		.cwd = folder.buf, .env = &env, .timeout_s = INSTALL_TIMEOUT_S, .merge_stderr = true
	};
	if (strings_add(&env, "PIP_DISABLE_PIP_VERSION_CHECK=1") < 0 || strings_add(&env, "PIP_NO_INPUT=1") < 0 ||
	    strings_add(&env, "POETRY_NO_INTERACTION=1") < 0 || strings_add(&env, "NO_COLOR=1") < 0)
		return err_no_memory(err);
	sink_step(sink, command.buf);
	if (proc_run(argv, &options, &result, err) < 0)
		return -1;
	if (result.exit_code != 0)
		return say_failure(command.buf, &result, err);
	return interpreter_inspect(project, err);
}
