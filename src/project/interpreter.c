#define _GNU_SOURCE
#include "project/interpreter.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"
#include "project/inspect_script.h"
#include "project/locate.h"
#include "project/manager.h"
#include "project/plugin_dir.h"

#include "base/banned.h"

#define INSPECT_TIMEOUT_S 60
#define MANAGER_TIMEOUT_S 30

/* Looks in one place. 1: *out names an interpreter or an environment's folder; 0: nothing there; -1. */
typedef int find_function(const struct project *project, const char *argument, struct str *out, struct err *err);

struct place {
	const char *from; /* for a person */
	find_function *find;
	const char *argument;
	int manager; /* looked at only for projects of this manager; -1: always */
};

/* An absolute name without resolving the last link: a venv's python is a link that must stay one. */
static int make_absolute(const char *path, struct str *out, struct err *err)
{
	char here[PATH_MAX];
	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return err_set(err, ERR_INPUT, "cannot tell the current folder:");
	return fs_join(out, path[0] == '/' ? "" : here, path) < 0 ? err_no_memory(err) : 0;
}

/* 1 when a program of this name is in PATH; *out is then absolute. */
static int find_in_path(const char *name, struct str *out, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	const char *p = getenv("PATH");
	while (p && *p) {
		size_t len = strcspn(p, ":");
		str_clear(&path);
		if (str_add(&path, len ? p : ".", len ? len : 1) < 0 || str_addf(&path, "/%s", name) < 0)
			return err_no_memory(err);
		if (fs_is_file(path.buf) && access(path.buf, X_OK) == 0)
			return make_absolute(path.buf, out, err) < 0 ? -1 : 1;
		p += len + (p[len] == ':');
	}
	return 0;
}

static int find_program(const struct project *project, const char *name, struct str *out, struct err *err)
{
	return find_in_path(name, out, err);
}

/* An environment variable that names a folder; a relative one counts from the project. */
static int find_variable(const struct project *project, const char *name, struct str *out, struct err *err)
{
	const char *folder = getenv(name);
	if (!folder || !*folder)
		return 0;
	if (fs_join(out, folder[0] == '/' ? "" : project->path, folder) < 0)
		return err_no_memory(err);
	if (fs_is_dir(out->buf))
		return 1;
	err_set(err, ERR_ENVIRONMENT, "$%s names %s, which is no folder", name, folder);
	return strcmp(name, "VIRTUAL_ENV") == 0 ? err_hint(err, "unset %s", name) : err_hint(err, "uv sync creates it");
}

/* A folder of this name that is a virtual environment, from the project up to the top of its repository. */
static int find_folder(const struct project *project, const char *name, struct str *out, struct err *err)
{
	cleanup_str struct str folder = STR_INIT, marker = STR_INIT;
	const char *top = project->git_root ? project->git_root : project->root ? project->root : project->path;
	if (str_adds(&folder, project->path) < 0)
		return err_no_memory(err);
	do {
		if (fs_join(out, folder.buf, name) < 0 || fs_join(&marker, out->buf, "pyvenv.cfg") < 0)
			return err_no_memory(err);
		if (fs_exists(marker.buf))
			return 1;
		if (fs_join(&marker, out->buf, "bin/python") < 0)
			return err_no_memory(err);
		if (fs_exists(marker.buf))
			return 1;
	} while (strcmp(folder.buf, top) != 0 && locate_parent(&folder));
	return 0;
}

/* .pdm-python: one line, the interpreter's path. */
static int find_pdm_python(const struct project *project, const char *name, struct str *out, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	if (fs_join(&path, project->path, name) < 0)
		return err_no_memory(err);
	if (!fs_is_file(path.buf))
		return 0;
	if (fs_read(path.buf, out, err) < 0)
		return -1;
	while (out->len > 0 && isspace((unsigned char)out->buf[out->len - 1]))
		out->buf[--out->len] = '\0';
	return out->len > 0;
}

/* Asks the manager; argument is its command line. What it cannot tell is no error: the next place is asked. */
static int find_by_command(const struct project *project, const char *argument, struct str *out, struct err *err)
{
	cleanup_strings struct strings quiet = STRINGS_INIT;
	const char *argv[] = { "/bin/sh", "-c", argument, NULL };
	struct proc_options options = { .cwd = project->path, .env = &quiet, .timeout_s = MANAGER_TIMEOUT_S };
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	if (strings_add(&quiet, "NO_COLOR=1") < 0)
		return err_no_memory(err);
	if (proc_run(argv, &options, &result, err) < 0)
		return -1;
	size_t len = result.out.buf ? strcspn(result.out.buf, "\r\n") : 0;
	str_clear(out);
	if (result.exit_code != 0 || len == 0 || result.out.buf[0] != '/')
		return 0;
	return str_add(out, result.out.buf, len) < 0 ? err_no_memory(err) : 1;
}

/* Hatch names the folder of an environment also where there is none yet; tests have one of their own, or the default. */
static const char hatch_environment[] =
	"for name in default test hatch-test; do folder=$(hatch env find $name | head -n 1); "
	"\"$folder/bin/python\" -c 'import pytest' && echo \"$folder\" && exit; done 2>/dev/null; exit 1";

static const struct place places[] = {
	{ "$VIRTUAL_ENV", find_variable, "VIRTUAL_ENV", -1 },
	{ "$UV_PROJECT_ENVIRONMENT", find_variable, "UV_PROJECT_ENVIRONMENT", MANAGER_UV },
	{ ".venv", find_folder, ".venv", -1 },
	{ "venv", find_folder, "venv", -1 },
	{ ".pdm-python", find_pdm_python, ".pdm-python", MANAGER_PDM },
	{ "uv python find", find_by_command, "exec uv python find", MANAGER_UV },
	{ "poetry env info", find_by_command, "exec poetry env info --path", MANAGER_POETRY },
	{ "pipenv --venv", find_by_command, "exec pipenv --venv", MANAGER_PIPENV },
	{ "hatch env find", find_by_command, hatch_environment, MANAGER_HATCH },
	{ "python3 in PATH", find_program, "python3", -1 },
	{ "python in PATH", find_program, "python", -1 },
};

static int say_broken(const struct project *project, const char *environment, const char *why, struct err *err)
{
	cleanup_str struct str command = STR_INIT;
	err_set(err, ERR_ENVIRONMENT, "the virtual environment %s is broken: %s", environment, why);
	if (manager_recreate_command(project, environment, &command) < 0)
		return err_no_memory(err);
	return err_hint(err, "%s", command.buf);
}

/* The interpreter inside an environment's folder: bin/python, or why there is none. */
static int enter_environment(struct project *project, const char *folder, struct err *err)
{
	cleanup_str struct str program = STR_INIT, why = STR_INIT;
	char target[PATH_MAX];
	if (fs_join(&program, folder, "bin/python") < 0)
		return err_no_memory(err);
	if (!fs_exists(program.buf) && fs_join(&program, folder, "bin/python3") < 0)
		return err_no_memory(err);
	if (fs_is_file(program.buf)) {
		project->python = str_steal(&program);
		project->environment = os_strdup(folder);
		return project->python && project->environment ? 0 : err_no_memory(err);
	}
	ssize_t len = os_readlink(program.buf, target, sizeof(target) - 1);
	if (len > 0) {
		target[len] = '\0';
		str_addf(&why, "%s points to %s, which does not exist", program.buf, target);
	} else {
		str_addf(&why, "it has no bin/python");
	}
	return say_broken(project, folder, str_text(&why), err);
}

static int settle(struct project *project, const char *found, const char *from, struct err *err)
{
	project->python_from = os_strdup(from);
	if (!project->python_from)
		return err_no_memory(err);
	if (fs_is_dir(found))
		return enter_environment(project, found, err);
	project->python = os_strdup(found);
	return project->python ? 0 : err_no_memory(err);
}

static int find_choice(struct project *project, const char *choice, struct err *err)
{
	cleanup_str struct str found = STR_INIT;
	if (!strchr(choice, '/') && !fs_is_dir(choice)) {
		int there = find_in_path(choice, &found, err);
		if (there < 0)
			return -1;
		if (there == 0)
			return err_set(err, ERR_ENVIRONMENT, "--python %s: there is no such program in PATH", choice);
	} else if (make_absolute(choice, &found, err) < 0) {
		return -1;
	}
	if (!fs_exists(found.buf))
		return err_set(err, ERR_ENVIRONMENT, "--python %s: there is no such file", choice);
	return settle(project, found.buf, "--python", err);
}

int interpreter_find(struct project *project, const char *choice, struct err *err)
{
	cleanup_str struct str found = STR_INIT;
	if (choice)
		return find_choice(project, choice, err);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const struct place *place = &places[i];
		if (place->manager >= 0 && (enum package_manager)place->manager != project->manager)
			continue;
		int there = place->find(project, place->argument, &found, err);
		if (there < 0)
			return -1;
		if (there > 0)
			return settle(project, found.buf, place->from, err);
	}
	err_set(err, ERR_ENVIRONMENT, "there is no Python interpreter: no virtual environment and no python3 in PATH");
	return err_hint(err, "install Python 3.9 or newer, or give one: --python PATH");
}

/* The last line of a traceback or message, in a form fit for a sentence. */
static int last_line(const struct str *text, struct str *out)
{
	const char *start = str_text(text), *end = start + text->len;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	const char *line = end;
	while (line > start && line[-1] != '\n')
		line--;
	size_t len = (size_t)(end - line);
	return str_add(out, line, len > 300 ? 300 : len);
}

static int say_silent(const struct project *project, const struct proc_result *result, struct err *err)
{
	cleanup_str struct str why = STR_INIT;
	if (result->timed_out)
		str_addf(&why, "%s gave no answer within %d s", project->python, INSPECT_TIMEOUT_S);
	else if (result->signal)
		str_addf(&why, "%s was ended by signal %d", project->python, result->signal);
	else
		str_addf(&why, "%s does not run", project->python);
	if (result->err_out.len > 0 && (str_adds(&why, ": ") < 0 || last_line(&result->err_out, &why) < 0))
		return err_no_memory(err);
	if (project->environment)
		return say_broken(project, project->environment, str_text(&why), err);
	err_set(err, ERR_ENVIRONMENT, "the interpreter is broken: %s", str_text(&why));
	return err_hint(err, "give another one: --python PATH");
}

static void parse_version(const char *text, int version[3])
{
	memset(version, 0, 3 * sizeof(*version));
	if (text)
		sscanf(text, "%d.%d.%d", &version[0], &version[1], &version[2]);
}

static int replace_text(char **field, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);
	if (!text || !*text)
		return 0;
	char *copy = os_strdup(text);
	if (!copy)
		return err_no_memory(err);
	free(*field);
	*field = copy;
	return 0;
}

static int read_plugins(struct project *project, const json_t *list, struct err *err)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		struct plugin plugin = { NULL, NULL };
		const char *name = json_string_value(json_array_get(item, 0));
		const char *version = json_string_value(json_array_get(item, 1));
		plugin.name = os_strdup(name ? name : "?");
		plugin.version = os_strdup(version ? version : "?");
		if (!plugin.name || !plugin.version || vec_push(&project->plugins, plugin) < 0) {
			free(plugin.name);
			free(plugin.version);
			return err_no_memory(err);
		}
	}
	return 0;
}

/* What an earlier inspection found. */
static void forget(struct project *project)
{
	for (size_t i = 0; i < project->plugins.len; i++) {
		free(project->plugins.at[i].name);
		free(project->plugins.at[i].version);
	}
	project->plugins.len = 0;
	free(project->pytest_problem);
	free(project->engine_problem);
	project->pytest_problem = project->engine_problem = NULL;
}

static int read_answer(struct project *project, const json_t *answer, struct err *err)
{
	for (size_t i = 0; i < 3; i++)
		project->python_version[i] =
			(int)json_integer_value(json_array_get(json_object_get(answer, "version"), i));
	parse_version(json_string_value(json_object_get(answer, "pytest")), project->pytest_version);
	if (replace_text(&project->python, json_object_get(answer, "executable"), err) < 0 ||
	    replace_text(&project->environment, json_object_get(answer, "environment"), err) < 0 ||
	    replace_text(&project->pytest_problem, json_object_get(answer, "problem"), err) < 0 ||
	    replace_text(&project->engine_problem, json_object_get(answer, "engine"), err) < 0)
		return -1;
	project->has_pip = json_is_true(json_object_get(answer, "pip"));
	return read_plugins(project, json_object_get(answer, "plugins"), err);
}

int interpreter_inspect(struct project *project, struct err *err)
{
	cleanup_strings struct strings clean = STRINGS_INIT;
	const char *argv[] = { project->python, "-c", inspect_script, NULL };
	struct proc_options options = { .cwd = project->root ? project->root : project->path,
					.env = &clean,
					.timeout_s = INSPECT_TIMEOUT_S,
					.grace_s = 1 };
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	struct err start = ERR_INIT;
	cleanup_str struct str package = STR_INIT;
	struct err missing = ERR_INIT;
	int found = plugin_dir_find(&package, &missing);
	if (strings_add(&clean, "PYTHONDONTWRITEBYTECODE=1") < 0 ||
	    strings_addf(&clean, INSPECT_EXTENSION "=%s/_comb.abi3.so", str_text(&package)) < 0)
		return err_no_memory(err);
	if (proc_run(argv, &options, &result, &start) < 0) {
		if (start.kind == ERR_INTERRUPTED || !project->environment)
			*err = start;
		else
			say_broken(project, project->environment, start.text, err);
		return -1;
	}
	/* Start-up hooks may print before the script does: its line is the last one with the prefix. */
	const char *line = NULL;
	for (char *p = result.out.buf; p && (p = strstr(p, INSPECT_PREFIX)); p++)
		line = p + sizeof(INSPECT_PREFIX) - 1;
	json_error_t unused;
	json_t *answer = line ? json_loadb(line, strcspn(line, "\n"), 0, &unused) : NULL;
	if (!answer)
		return say_silent(project, &result, err);
	forget(project);
	int failed = read_answer(project, answer, err);
	json_decref(answer);
	if (failed == 0 && found < 0 && !project->engine_problem) {
		project->engine_problem = os_strdup(missing.text);
		failed = project->engine_problem ? 0 : err_no_memory(err);
	}
	if (failed < 0)
		return -1;
	const int *version = project->python_version;
	if (version[0] > 3 || (version[0] == 3 && version[1] >= 9))
		return 0;
	err_set(err, ERR_ENVIRONMENT, "%s is Python %d.%d; comb needs 3.9 or newer", project->python, version[0],
		version[1]);
	return err_hint(err, "give a newer one: --python PATH");
}

int interpreter_check_pytest(const struct project *project, struct err *err)
{
	cleanup_str struct str command = STR_INIT;
	if (project->pytest_version[0] >= 7)
		return 0;
	if (project->pytest_version[0] > 0)
		err_set(err, ERR_ENVIRONMENT, "pytest %d.%d in %s is too old; comb needs 7.0 or newer",
			project->pytest_version[0], project->pytest_version[1], project->python);
	else
		err_set(err, ERR_ENVIRONMENT, "pytest cannot be imported by %s (from %s): %s", project->python,
			project->python_from, project->pytest_problem ? project->pytest_problem : "it is not there");
	if (manager_pytest_command(project, project->pytest_version[0] ? "pytest>=7" : "pytest", &command) < 0)
		return err_no_memory(err);
	return err_hint(err, "%s", command.buf);
}
