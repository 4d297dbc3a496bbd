#include "project/repository.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/proc.h"

#include "base/banned.h"

#define GIT_TIMEOUT_S 60

/* "# branch.oid X", "# branch.head Y", then a line for each changed file. */
static int read_line(struct repository *repository, const char *line, struct err *err)
{
	static const char oid[] = "# branch.oid ", head[] = "# branch.head ";
	char **field = NULL;
	const char *value = "";
	if (text_starts_with(line, oid)) {
		value = line + sizeof(oid) - 1;
		field = strcmp(value, "(initial)") == 0 ? NULL : &repository->commit;
	} else if (text_starts_with(line, head)) {
		value = line + sizeof(head) - 1;
		field = strcmp(value, "(detached)") == 0 ? NULL : &repository->branch;
	} else if (line[0] != '#' && line[0] != '\0') {
		repository->changed++;
	}
	if (field && !*field && !(*field = os_strdup(value)))
		return err_no_memory(err);
	return 0;
}

int repository_hint(struct err *err, const char *git_says)
{
	static const char refusal[] = "detected dubious ownership in repository at '";
	const char *path = strstr(git_says, refusal);
	if (!path)
		return -1;
	path += sizeof(refusal) - 1;
	size_t len = strcspn(path, "\n");
	while (len > 0 && path[len] != '\'')
		len--;
	return err_hint(err, "it belongs to another user; if you trust it: git config --global --add safe.directory '%.*s'",
			(int)len, path);
}

int repository_read(struct repository *repository, const struct project *project, struct err *err)
{
	const char *argv[] = { "git",      "-C", project->git_root, "--no-optional-locks", "status", "--porcelain=v2",
			       "--branch", NULL };
	static const char *const changes[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "LC_ALL=C" };
	cleanup_strings struct strings env = STRINGS_INIT;
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	struct proc_options options = { .env = &env, .timeout_s = GIT_TIMEOUT_S };
	repository_release(repository);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		if (strings_add(&env, changes[i]) < 0)
			return err_no_memory(err);
	if (proc_run(argv, &options, &result, err) < 0)
		return -1;
	if (result.exit_code != 0) {
		size_t len = strcspn(str_text(&result.err_out), "\n");
		err_set(err, ERR_ENVIRONMENT, "git status: %.*s", (int)(len < 300 ? len : 300), str_text(&result.err_out));
		return repository_hint(err, str_text(&result.err_out));
	}
	for (char *line = result.out.buf; line && *line;) {
		size_t len = strcspn(line, "\n");
		bool last = line[len] == '\0';
		line[len] = '\0';
		if (read_line(repository, line, err) < 0)
			return -1;
		line += len + !last;
	}
	repository->is_nested = project->root && strcmp(project->root, project->git_root) != 0;
	repository->is_read = true;
	return 0;
}

void repository_release(struct repository *repository)
{
	free(repository->branch);
	free(repository->commit);
	*repository = (struct repository)REPOSITORY_INIT;
}
