#include "phases/workspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/os.h"
#include "phases/git.h"

#include "base/banned.h"

#define BACKUP_DIR ".comb/backup/adopt"
#define ATTEMPT_DIR ".comb/backup/attempt"

/* ---- opening ---------------------------------------------------------------- */

static int on_write(void *context, const char *path, struct err *err)
{
	struct workspace *workspace = context;
	if (workspace->in_place && journal_record(&workspace->whole, path, err) < 0)
		return -1;
	if (workspace->in_place && strcmp(fs_base_name(path), PROGRESS_FILE) == 0)
		return 0; /* tells of the attempt, is no part of it */
	return journal_record(&workspace->attempt, path, err);
}

static int open_in_place(struct workspace *workspace, const struct project *project, struct err *err)
{
	cleanup_str struct str whole = STR_INIT, attempt = STR_INIT;
	workspace->project = os_strdup(project->root);
	workspace->path = os_strdup(project->path);
	if (!workspace->project || !workspace->path || fs_join(&whole, project->root, BACKUP_DIR) < 0 ||
	    fs_join(&attempt, project->root, ATTEMPT_DIR) < 0)
		return err_no_memory(err);
	if (journal_open(&workspace->whole, project->root, whole.buf, NULL, err) < 0 ||
	    journal_open(&workspace->attempt, project->root, attempt.buf, NULL, err) < 0)
		return -1;
	return workspace->attempt.paths.len > 0 ? journal_undo(&workspace->attempt, err) : 0;
}

static int open_on_branch(struct workspace *workspace, const struct project *project, const char *branch,
			  const struct progress_sink *sink, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	struct worktree *worktree = &workspace->worktree;
	size_t root_len = strlen(project->root);
	if (worktree_open(worktree, project->root, branch, NULL, sink, err) < 0)
		return -1;
	bool is_below = strncmp(project->path, project->root, root_len) == 0 && project->path[root_len] == '/';
	if (fs_join(&path, worktree->project, is_below ? project->path + root_len + 1 : "") < 0)
		return err_no_memory(err);
	while (path.len > 1 && path.buf[path.len - 1] == '/')
		path.buf[--path.len] = '\0';
	workspace->project = os_strdup(worktree->project);
	workspace->path = os_strdup(fs_is_dir(path.buf) ? path.buf : worktree->project);
	if (!workspace->project || !workspace->path)
		return err_no_memory(err);
	if (imports_redirect(&workspace->imports, project, worktree->user_top, worktree->top, sink, err) < 0)
		return -1;
	return journal_open(&workspace->attempt, worktree->top, NULL, worktree->user_top, err);
}

int workspace_open(struct workspace *workspace, const struct project *project, const char *branch,
		   const struct progress_sink *sink, struct err *err)
{
	struct err ignored = ERR_INIT;
	*workspace = (struct workspace)WORKSPACE_INIT;
	workspace->in_place = branch == NULL;
	if ((branch ? open_on_branch(workspace, project, branch, sink, err) : open_in_place(workspace, project, err)) < 0) {
		workspace_close(workspace, false, &ignored);
		return -1;
	}
	fs_watch_writes(on_write, workspace);
	return 0;
}

int workspace_close(struct workspace *workspace, bool keep, struct err *err)
{
	int result = 0;
	fs_watch_writes(NULL, NULL);
	imports_restore(&workspace->imports);
	if (workspace->in_place && workspace->attempt.paths.len > 0)
		result = journal_undo(&workspace->attempt, err);
	if (workspace->whole.dir && journal_seal(&workspace->whole, err) < 0)
		result = -1;
	if (!workspace->in_place && worktree_close(&workspace->worktree, keep, err) < 0)
		result = -1;
	free(workspace->project);
	free(workspace->path);
	journal_release(&workspace->attempt);
	journal_release(&workspace->whole);
	*workspace = (struct workspace)WORKSPACE_INIT;
	return result;
}

/* ---- content ---------------------------------------------------------------- */

static bool is_relevant(const char *name)
{
	static const char *const endings[] = { ".py", ".pyi", ".toml", ".ini", ".cfg", ".lock", "Pipfile" };
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (text_ends_with(name, endings[i]))
			return true;
	return text_starts_with(name, "requirements") && text_ends_with(name, ".txt");
}

struct content {
	const char *root;
	uint64_t hash;
};

static int add_file(void *context, const char *relative, bool is_dir, struct err *err)
{
	struct content *content = context;
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	const char *name = fs_base_name(relative);
	if (fs_join(&path, content->root, relative) < 0)
		return err_no_memory(err);
	if (is_dir) {
		cleanup_str struct str marker = STR_INIT;
		if (fs_join(&marker, path.buf, "pyvenv.cfg") < 0)
			return err_no_memory(err);
		return name[0] == '.' || strcmp(name, "node_modules") == 0 || fs_is_file(marker.buf);
	}
	if (!is_relevant(name) || !fs_is_file(path.buf))
		return 0;
	if (fs_read(path.buf, &text, err) < 0)
		return -1;
	content->hash = hash_add_text(content->hash, relative);
	content->hash = hash_add(content->hash, str_text(&text), text.len);
	return 0;
}

/* Modes, ids and paths of all entries in git's index, which right after a commit are HEAD's. */
static int index_content(const struct worktree *worktree, uint64_t *hash, struct err *err)
{
	struct git git = { .dir = worktree->project };
	cleanup_str struct str list = STR_INIT;
	size_t at = 0;
	if (git_run(&git, &list, err, "ls-files", "-z", "--stage", "--", ".", NULL) < 0)
		return -1;
	*hash = HASH_START;
	for (const char *entry; (entry = git_next_field(&list, &at)) != NULL;) {
		const char *tab = strchr(entry, '\t');
		if (!tab || strcmp(tab + 1, PROGRESS_FILE) != 0)
			*hash = hash_add_text(*hash, entry);
	}
	return 0;
}

int workspace_content(const struct workspace *workspace, uint64_t *hash, struct err *err)
{
	struct content content = { .root = workspace->project, .hash = HASH_START };
	if (!workspace->in_place)
		return index_content(&workspace->worktree, hash, err);
	if (fs_walk(content.root, add_file, &content, err) < 0)
		return -1;
	*hash = content.hash;
	return 0;
}

/* ---- progress and commits --------------------------------------------------- */

int workspace_tip(const struct workspace *workspace, struct str *commit, struct err *err)
{
	struct git git = { .dir = workspace->worktree.top };
	str_clear(commit);
	if (workspace->in_place)
		return str_adds(commit, "") < 0 ? err_no_memory(err) : 0;
	return git_run(&git, commit, err, "rev-parse", "HEAD", NULL);
}

int workspace_load(const struct workspace *workspace, struct progress *progress, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	progress_release(progress);
	if (fs_join(&path, workspace->project, PROGRESS_FILE) < 0)
		return err_no_memory(err);
	if (fs_is_file(path.buf) &&
	    (fs_read(path.buf, &text, err) < 0 || progress_parse(progress, path.buf, str_slice(&text), err) < 0))
		return -1;
	struct git git = { .dir = workspace->worktree.top };
	return workspace->in_place ? 0 : tip_add_line(&git, "HEAD", progress, err);
}

static int write_progress(struct workspace *workspace, struct progress *progress, uint64_t environment,
			  struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	uint64_t content;
	if (workspace_content(workspace, &content, err) < 0)
		return -1;
	content = hash_add(environment, &content, sizeof(content));
	snprintf(progress->inputs, sizeof(progress->inputs), "%016llx", (unsigned long long)content);
	if (fs_join(&path, workspace->project, PROGRESS_FILE) < 0 || progress_format(progress, &text) < 0)
		return err_no_memory(err);
	return fs_write(path.buf, str_slice(&text), err);
}

int workspace_commit(struct workspace *workspace, struct progress *progress, uint64_t environment,
		     const char *message, struct str *commit, struct err *err)
{
	struct worktree *worktree = &workspace->worktree;
	struct journal *written = &workspace->attempt;
	if (workspace->in_place)
		return write_progress(workspace, progress, environment, err) < 0 ? -1 : workspace_tip(workspace, commit, err);
	if (worktree_stage(worktree, &written->paths, err) < 0 ||
	    write_progress(workspace, progress, environment, err) < 0 ||
	    worktree_stage(worktree, &written->paths, err) < 0 || worktree_commit(worktree, message, err) < 0)
		return -1;
	return journal_clear(written, err) < 0 ? -1 : workspace_tip(workspace, commit, err);
}

int workspace_keep(struct workspace *workspace, struct err *err)
{
	return workspace->in_place ? journal_clear(&workspace->attempt, err) : 0;
}

int workspace_restore(struct workspace *workspace, const char *base, struct err *err)
{
	if (workspace->in_place)
		return journal_undo(&workspace->attempt, err);
	return worktree_restore(&workspace->worktree, base, err);
}

int workspace_attempts(const struct workspace *workspace, const char *gate, struct tip_attempts *attempts,
		       struct err *err)
{
	struct git git = { .dir = workspace->worktree.top };
	if (!workspace->in_place)
		return tip_read_attempts(&git, gate, attempts, err);
	attempts->failed = 0;
	attempts->stopped = false;
	str_clear(&attempts->base);
	return 0;
}

int workspace_undo(const char *project_root, size_t *count, struct err *err)
{
	cleanup_journal struct journal journal = JOURNAL_INIT;
	cleanup_str struct str dir = STR_INIT;
	if (fs_join(&dir, project_root, BACKUP_DIR) < 0)
		return err_no_memory(err);
	if (journal_open(&journal, project_root, dir.buf, NULL, err) < 0)
		return -1;
	if (journal.paths.len > 0)
		return journal_undo_own(&journal, count, err);
	err_set(err, ERR_INPUT, "comb has changed no file of %s in place: there is nothing to undo", project_root);
	return err_hint(err, "adoption on a branch is undone by removing the branch: git branch -D parallel-testing");
}
