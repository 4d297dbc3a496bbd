#include "phases/diagnosis.h"

#include <stdio.h>
#include <string.h>

#include "project/config.h"
#include "project/install.h"
#include "project/interpreter.h"
#include "project/locate.h"
#include "project/manager.h"

#include "base/banned.h"

static int note_problem(struct diagnosis *diagnosis, struct err *found, struct err *err)
{
	struct problem problem = { .err = *found };
	bool again = found->kind == ERR_INTERRUPTED;
	if (again) {
		*err = *found;
		return -1;
	}
	for (size_t i = 0; i < diagnosis->problems.len; i++)
		if (strcmp(diagnosis->problems.at[i].err.text, found->text) == 0)
			return 0;
	err_clear(found);
	return vec_push(&diagnosis->problems, problem) < 0 ? err_no_memory(err) : 0;
}

static int advise(struct diagnosis *diagnosis, const char *text, const char *hint, struct err *err)
{
	struct err advice = ERR_INIT;
	snprintf(advice.text, sizeof(advice.text), "%s", text);
	snprintf(advice.hint, sizeof(advice.hint), "%s", hint);
	return note_problem(diagnosis, &advice, err);
}

static int look_at_files(struct diagnosis *diagnosis, struct err *err)
{
	struct project *project = &diagnosis->project;
	static const int newest[3];
	struct err found = ERR_INIT;
	const int *version = diagnosis->has_interpreter ? project->pytest_version : newest;
	if (config_find(project, version, &found) < 0 && note_problem(diagnosis, &found, err) < 0)
		return -1;
	if (manager_detect(project, &found) < 0 && note_problem(diagnosis, &found, err) < 0)
		return -1;
	if (manifest_read(&diagnosis->manifest, project, &found) < 0 && note_problem(diagnosis, &found, err) < 0)
		return -1;
	return manifest_fill(&diagnosis->manifest, project, err);
}

static int look_at_interpreter(struct diagnosis *diagnosis, const char *python, struct err *err)
{
	struct project *project = &diagnosis->project;
	struct err found = ERR_INIT;
	if (interpreter_find(project, python, &found) < 0 || interpreter_inspect(project, &found) < 0)
		return note_problem(diagnosis, &found, err);
	diagnosis->has_interpreter = true;
	return 0;
}

static int look_at_repository(struct diagnosis *diagnosis, struct err *err)
{
	struct err found = ERR_INIT;
	if (!diagnosis->project.git_root)
		return advise(diagnosis, "the project is in no git repository: comb works in place, after a backup",
			      "git init && git add . && git commit", err);
	if (repository_read(&diagnosis->repository, &diagnosis->project, &found) < 0)
		return note_problem(diagnosis, &found, err);
	if (!diagnosis->repository.commit)
		return advise(diagnosis, "the repository has no commit yet: comb adopt has nothing to start from",
			      "git add . && git commit", err);
	return 0;
}

static int look_at_xdist(struct diagnosis *diagnosis, struct err *err)
{
	cleanup_str struct str command = STR_INIT, folder = STR_INIT;
	const struct project *project = &diagnosis->project;
	if (!diagnosis->manifest.folder)
		return 0;
	if (!manifest_complete(&diagnosis->manifest) &&
	    advise(diagnosis, "pytest-xdist is not declared beside pytest", "comb setup declares it", err) < 0)
		return -1;
	if (!diagnosis->has_interpreter || project->pytest_version[0] == 0 || project_plugin(project, XDIST_NAME))
		return 0;
	if (install_command(project, &diagnosis->manifest, &command, &folder, err) < 0)
		return -1;
	return advise(diagnosis, "pytest-xdist is not installed in the project's interpreter", command.buf, err);
}

static int look_at_project(struct diagnosis *diagnosis, bool optional, const char *python, struct err *err)
{
	static const int newest[3];
	struct project *project = &diagnosis->project;
	struct err found = ERR_INIT, early = ERR_INIT;
	/* Where to look for the interpreter; what is wrong with these files is said below, by the rules of its pytest. */
	config_find(project, newest, &early);
	manager_detect(project, &early);
	diagnosis->is_project = locate_check_project(project, &found) == 0;
	if (!diagnosis->is_project && optional)
		found.kind = ERR_NONE;
	if (!diagnosis->is_project && note_problem(diagnosis, &found, err) < 0)
		return -1;
	if (look_at_interpreter(diagnosis, python, err) < 0)
		return -1;
	if (!diagnosis->is_project)
		return 0;
	if (look_at_files(diagnosis, err) < 0)
		return -1;
	if (diagnosis->has_interpreter && interpreter_check_pytest(project, &found) < 0 &&
	    note_problem(diagnosis, &found, err) < 0)
		return -1;
	if (look_at_repository(diagnosis, err) < 0)
		return -1;
	return look_at_xdist(diagnosis, err);
}

int diagnosis_make(struct diagnosis *diagnosis, const char *path, bool optional, const char *python, struct err *err)
{
	diagnosis_release(diagnosis);
	capabilities_probe(&diagnosis->capabilities);
	if (locate_folder(&diagnosis->project, path, err) < 0)
		return -1;
	return look_at_project(diagnosis, optional, python, err);
}

int diagnosis_exit_status(const struct diagnosis *diagnosis)
{
	int worst = 0;
	for (size_t i = 0; i < diagnosis->problems.len; i++) {
		const struct err *err = &diagnosis->problems.at[i].err;
		int status = err->kind == ERR_NONE ? 0 : err_exit_status(err);
		worst = status > worst ? status : worst;
	}
	return worst;
}

void diagnosis_release(struct diagnosis *diagnosis)
{
	project_release(&diagnosis->project);
	manifest_release(&diagnosis->manifest);
	repository_release(&diagnosis->repository);
	vec_release(&diagnosis->problems);
	*diagnosis = (struct diagnosis)DIAGNOSIS_INIT;
}
