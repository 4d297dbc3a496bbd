#include "project/locate.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

/* Folders below the given one that are searched for a first Python file. */
#define SEARCH_DEPTH 2

/* A file by one of these names makes a folder a project, whatever else is in it. */
static const char *const project_files[] = {
	"pyproject.toml", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "setup.py",
	"setup.cfg",      "tox.ini",    "Pipfile",     "conftest.py", NULL,
};

bool locate_parent(struct str *path)
{
	char *slash = path->buf ? strrchr(path->buf, '/') : NULL;
	if (!slash || path->len <= 1)
		return false;
	path->len = slash == path->buf ? 1 : (size_t)(slash - path->buf);
	path->buf[path->len] = '\0';
	return true;
}

/* A folder, or a file (worktrees and submodules), named .git. */
static int find_git_root(struct project *project, struct err *err)
{
	cleanup_str struct str folder = STR_INIT, git = STR_INIT;
	if (str_adds(&folder, project->path) < 0)
		return err_no_memory(err);
	do {
		if (fs_join(&git, folder.buf, ".git") < 0)
			return err_no_memory(err);
		if (fs_exists(git.buf)) {
			project->git_root = os_strdup(folder.buf);
			return project->git_root ? 0 : err_no_memory(err);
		}
	} while (locate_parent(&folder));
	return 0;
}

int locate_folder(struct project *project, const char *path, struct err *err)
{
	cleanup_str struct str real = STR_INIT;
	struct stat st;
	if (os_stat(path, &st) < 0) {
		err_set(err, ERR_INPUT, "cannot open the project %s:", path);
		return err_hint(err, "give the project's folder, or none for this one");
	}
	if (!S_ISDIR(st.st_mode)) {
		err_set(err, ERR_INPUT, "%s is not a folder", path);
		return err_hint(err, "give the project's folder, or none for this one");
	}
	if (access(path, R_OK | X_OK) < 0)
		return err_set(err, ERR_INPUT, "cannot read the project %s:", path);
	if (fs_real_path(path, &real, err) < 0)
		return -1;
	project->path = str_steal(&real);
	return project->path ? find_git_root(project, err) : err_no_memory(err);
}

static int depth_of(const char *relative)
{
	int depth = 0;
	for (const char *p = relative; *p; p++)
		depth += *p == '/';
	return depth;
}

static int look_for_python(void *context, const char *relative, bool is_dir, struct err *err)
{
	bool *found = context;
	const char *name = fs_base_name(relative);
	if (is_dir)
		return name[0] == '.' || strcmp(name, "node_modules") == 0 || depth_of(relative) >= SEARCH_DEPTH;
	if (!text_ends_with(name, ".py"))
		return 0;
	*found = true;
	return -1;
}

int locate_check_project(const struct project *project, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	bool found = false;
	struct err stop = ERR_INIT;
	if (project->config_kind != CONFIG_NONE)
		return 0;
	for (size_t i = 0; project_files[i]; i++) {
		if (fs_join(&path, project->path, project_files[i]) < 0)
			return err_no_memory(err);
		if (fs_is_file(path.buf))
			return 0;
	}
	fs_walk(project->path, look_for_python, &found, &stop);
	if (found)
		return 0;
	err_set(err, ERR_INPUT, "%s is not a Python project: it holds no Python file and no configuration",
		project->path);
	return err_hint(err, "give the folder that holds pyproject.toml, setup.py or the tests");
}
