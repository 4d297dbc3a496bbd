#include "phases/imports.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"

#include "base/banned.h"

/*
 * One line of JSON: folders that modules are imported from, those of setuptools'
 * editable finders too, and the names of loaders that come before sys.path.
 */
static const char script[] =
	"import sys\n"
	"sys.path.pop(0)\n"
	"import json, os\n"
	"folders, loaders = [p for p in sys.path if os.path.isabs(p)], []\n"
	"for name, module in list(sys.modules.items()):\n"
	"    mapping = getattr(module, 'MAPPING', None)\n"
	"    if name.startswith('__editable__') and isinstance(mapping, dict):\n"
	"        folders += [os.path.dirname(p) for p in mapping.values()]\n"
	"    elif name.endswith('_editable_loader') or name.startswith('_editable_skbc_'):\n"
	"        loaders.append(name)\n"
	"folders = [os.path.realpath(p) for p in folders]\n"
	"print('\\ncomb-imports:' + json.dumps({'folders': list(dict.fromkeys(folders)), 'loaders': loaders}))\n";

static json_t *ask(const struct project *project, struct err *err)
{
	const char *const argv[] = { project->python, "-c", script, NULL };
	struct proc_options options = { .cwd = "/", .timeout_s = 60 };
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	if (proc_run(argv, &options, &result, err) < 0)
		return NULL;
	const char *answer = strstr(str_text(&result.out), "\ncomb-imports:");
	json_t *json = answer ? json_loads(answer + strlen("\ncomb-imports:"), JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (!json)
		err_set(err, ERR_ENVIRONMENT, "%s does not tell where it imports from: %.200s", project->python,
			str_text(&result.err_out));
	return json;
}

/* The folder in the checkout that stands for one in the user's tree. 1, or 0 where there is none. */
static int counterpart(const struct project *project, const char *folder, const char *from, const char *to,
		       struct str *out)
{
	size_t len = strlen(from), environment_len = project->environment ? strlen(project->environment) : 0;
	if (strncmp(folder, from, len) != 0 || (folder[len] != '/' && folder[len] != '\0'))
		return 0;
	if (environment_len && strncmp(folder, project->environment, environment_len) == 0)
		return 0;
	str_clear(out);
	if (str_addf(out, "%s%s", to, folder + len) < 0)
		return -1;
	return fs_is_dir(out->buf) && strstr(folder + len, "/site-packages") == NULL;
}

static int add_folders(const struct project *project, const json_t *folders, const char *from, const char *to,
		       struct str *path)
{
	size_t i;
	const json_t *value;
	json_array_foreach(folders, i, value) {
		cleanup_str struct str folder = STR_INIT;
		int found = counterpart(project, json_string_value(value), from, to, &folder);
		if (found < 0 || (found && str_addf(path, "%s%s", path->len ? ":" : "", folder.buf) < 0))
			return -1;
	}
	return 0;
}

int imports_redirect(struct imports *imports, const struct project *project, const char *from, const char *to,
		     const struct progress_sink *sink, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	const char *old = getenv("PYTHONPATH");
	json_t *answer = ask(project, err);
	if (!answer)
		return -1;
	int failed = add_folders(project, json_object_get(answer, "folders"), from, to, &path);
	size_t i;
	const json_t *loader;
	json_array_foreach(json_object_get(answer, "loaders"), i, loader)
		sink_notef(sink, "an editable install (%s) imports the package from your own tree, not from the checkout",
			   json_string_value(loader));
	json_decref(answer);
	imports->saved = os_strdup(old);
	if (failed || (old && !imports->saved) || (path.len && old && old[0] && str_addf(&path, ":%s", old) < 0))
		return err_no_memory(err);
	imports->redirected = os_strdup(path.len ? path.buf : old);
	if (!imports->redirected && (path.len || old))
		return err_no_memory(err);
	imports->open = true;
	return imports_resume(imports, err);
}

static int set_path(const char *value)
{
	return value ? setenv("PYTHONPATH", value, 1) : unsetenv("PYTHONPATH");
}

void imports_suspend(const struct imports *imports)
{
	if (imports->open)
		set_path(imports->saved);
}

int imports_resume(const struct imports *imports, struct err *err)
{
	return imports->open && set_path(imports->redirected) < 0 ? err_no_memory(err) : 0;
}

void imports_restore(struct imports *imports)
{
	imports_suspend(imports);
	free(imports->saved);
	free(imports->redirected);
	*imports = (struct imports)IMPORTS_INIT;
}
