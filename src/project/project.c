#include "project/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "project/config.h"
#include "project/interpreter.h"
#include "project/locate.h"
#include "project/manager.h"
#include "project/manifest.h"

#include "base/banned.h"

int project_open(struct project *project, const char *path, const char *python, struct err *err)
{
	static const int newest[3];
	project_release(project);
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	/* The interpreter is looked for below the root, and the root depends on the pytest in it: two passes. */
	if (locate_folder(project, path, err) < 0 || config_find(project, newest, err) < 0 ||
	    locate_check_project(project, err) < 0 || manager_detect(project, err) < 0 ||
	    interpreter_find(project, python, err) < 0 || interpreter_inspect(project, err) < 0 ||
	    manifest_read(&manifest, project, err) < 0 || manifest_fill(&manifest, project, err) < 0 ||
	    interpreter_check_pytest(project, err) < 0 || config_find(project, project->pytest_version, err) < 0) {
		project_release(project);
		return -1;
	}
	return 0;
}

void project_release(struct project *project)
{
	char *texts[] = { project->path,           project->root,          project->config_path, project->manifest_path,
			  project->manifest_place, project->git_root,      project->python,      project->python_from,
			  project->environment,    project->pytest_problem, project->engine_problem };
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < project->plugins.len; i++) {
		free(project->plugins.at[i].name);
		free(project->plugins.at[i].version);
	}
	vec_release(&project->plugins);
	*project = (struct project)PROJECT_INIT;
}

const struct plugin *project_plugin(const struct project *project, const char *name)
{
	for (size_t i = 0; i < project->plugins.len; i++)
		if (strcmp(project->plugins.at[i].name, name) == 0)
			return &project->plugins.at[i];
	return NULL;
}

/* pytest-xdist's issue 1386: no release after 3.8.0 is known to have it. */
bool project_xdist_parts_groups(const struct project *project)
{
	const struct plugin *xdist = project_plugin(project, XDIST_NAME);
	const int *pytest = project->pytest_version;
	int version[3] = { 0 };
	if (!xdist || pytest[0] < 9 || (pytest[0] == 9 && pytest[1] < 2))
		return false;
	sscanf(xdist->version, "%d.%d.%d", &version[0], &version[1], &version[2]);
	return version[0] < 3 || (version[0] == 3 && (version[1] < 8 || (version[1] == 8 && version[2] == 0)));
}
