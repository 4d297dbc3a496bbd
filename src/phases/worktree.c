#include "phases/worktree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/os.h"
#include "phases/carry.h"
#include "phases/git.h"
#include "phases/lock.h"
#include "phases/progress.h"

#include "base/banned.h"

enum { PATHS_PER_CALL = 400, MOST_NAMED = 5 };

/* ---- where a checkout lies ---------------------------------------------- */

/* The folder for checkouts: $XDG_CACHE_HOME, ~/.cache or the folder for temporary files, the first that can be written. */
static int make_cache_dir(struct str *out, struct err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *tmp = getenv("TMPDIR");
	const char *const bases[] = { cache, home, tmp && *tmp ? tmp : "/tmp" };
	static const char *const below[] = { "comb/worktrees", ".cache/comb/worktrees", "comb/worktrees" };
	struct err first = ERR_INIT;
	for (size_t i = 0; i < 3; i++) {
		cleanup_str struct str candidate = STR_INIT;
		if (!bases[i] || bases[i][0] != '/')
			continue;
		if (fs_join(&candidate, bases[i], below[i]) < 0)
			return err_no_memory(err);
		if (fs_make_dirs(candidate.buf, &first) == 0 && access(candidate.buf, W_OK | X_OK) == 0)
			return fs_real_path(candidate.buf, out, err);
	}
	err_set(err, ERR_ENVIRONMENT, "no folder for a checkout: %s", first.text);
	return err_hint(err, "set XDG_CACHE_HOME to a folder that can be written");
}

/* HASH/NAME: the hash names project and branch; the name stays the repository's, for tests that look at it. */
static int add_place(const struct worktree *worktree, struct str *out)
{
	uint64_t hash = hash_add_text(HASH_START, worktree->user_project);
	hash = hash_add_text(hash, worktree->branch);
	return str_addf(out, "%016llx/%s", (unsigned long long)hash, fs_base_name(worktree->user_top));
}

/* ---- removing a checkout of ours ----------------------------------------- */

/* git's own folder for all worktrees: .git/worktrees of the main repository. */
static int find_admin_dir(const char *user_project, bool cleaning_up, struct str *out, struct err *err)
{
	struct git git = { .dir = user_project, .cleaning_up = cleaning_up };
	cleanup_str struct str common = STR_INIT, relative = STR_INIT;
	if (git_run(&git, &relative, err, "rev-parse", "--git-common-dir", NULL) < 0)
		return -1;
	if (fs_join(&common, user_project, str_text(&relative)) < 0 || fs_join(out, common.buf, "worktrees") < 0)
		return err_no_memory(err);
	return 0;
}

struct ours {
	const char *admin_dir;
	const char *place; /* HASH/NAME */
	const char *name;  /* NAME */
};

static bool read_trimmed(const char *dir, const char *name, struct str *out)
{
	cleanup_str struct str path = STR_INIT;
	struct err ignored = ERR_INIT;
	if (fs_join(&path, dir, name) < 0 || !fs_is_file(path.buf) || fs_read(path.buf, out, &ignored) < 0)
		return false;
	while (out->len > 0 && out->buf[out->len - 1] == '\n')
		out->buf[--out->len] = '\0';
	return true;
}

static void remove_empty_parents(const char *checkout)
{
	cleanup_str struct str path = STR_INIT;
	if (str_adds(&path, checkout) < 0)
		return;
	for (int level = 0; level < 3; level++) { /* HASH, worktrees, comb */
		char *slash = strrchr(path.buf, '/');
		if (!slash || slash == path.buf)
			return;
		*slash = '\0';
		if (os_rmdir(path.buf) < 0)
			return;
	}
}

static int note_entry(void *empty, const char *name, bool is_dir, struct err *err)
{
	(void)name;
	(void)is_dir;
	(void)err;
	*(bool *)empty = false;
	return 1;
}

/*
 * git makes the folder, then the file `locked` with the word "initializing", then `gitdir`. It may have been killed
 * between any two of these steps, and between opening a file and writing it.
 */
static bool is_half_made(const char *dir)
{
	cleanup_str struct str locked = STR_INIT;
	struct err ignored = ERR_INIT;
	bool empty = true;
	if (read_trimmed(dir, "locked", &locked))
		return locked.len == 0 || strcmp(locked.buf, "initializing") == 0;
	return fs_walk(dir, note_entry, &empty, &ignored) == 0 && empty;
}

/*
 * An entry of git's worktrees is ours when it points to our place (in whatever
 * cache folder), or when a kill left it half made, with our name.
 */
static int remove_if_ours(void *context, const char *id, bool is_dir, struct err *err)
{
	const struct ours *ours = context;
	cleanup_str struct str dir = STR_INIT, link = STR_INIT, tail = STR_INIT;
	if (!is_dir)
		return 1;
	if (fs_join(&dir, ours->admin_dir, id) < 0 || str_addf(&tail, "/worktrees/%s/.git", ours->place) < 0)
		return err_no_memory(err);
	if (read_trimmed(dir.buf, "gitdir", &link) && link.len > 0) {
		if (!text_ends_with(link.buf, tail.buf))
			return 1;
		link.buf[link.len -= strlen("/.git")] = '\0';
		if (fs_remove_all(link.buf, err) < 0)
			return -1;
		remove_empty_parents(link.buf);
	} else if (!text_starts_with(id, ours->name) || !is_half_made(dir.buf)) {
		return 1;
	}
	return fs_remove_all(dir.buf, err) < 0 ? -1 : 1;
}

static int remove_ours(const struct worktree *worktree, bool cleaning_up, struct err *err)
{
	cleanup_str struct str admin = STR_INIT, place = STR_INIT;
	if (add_place(worktree, &place) < 0)
		return err_no_memory(err);
	if (find_admin_dir(worktree->user_project, cleaning_up, &admin, err) < 0)
		return -1;
	struct ours ours = { admin.buf, place.buf, fs_base_name(place.buf) };
	if (!fs_is_dir(admin.buf))
		return 0;
	if (fs_walk(admin.buf, remove_if_ours, &ours, err) < 0)
		return -1;
	os_rmdir(admin.buf); /* fails while it holds others' worktrees */
	return 0;
}

/* Git's entry and the checkout, also one that git never came to know. */
static int remove_checkout(const struct worktree *worktree, struct err *err)
{
	int result = remove_ours(worktree, true, err);
	if (!worktree->top)
		return result;
	if (fs_remove_all(worktree->top, err) < 0)
		result = -1;
	remove_empty_parents(worktree->top);
	return result;
}

/* A killed git leaves its lock on the branch; we hold the project, so nobody else is writing it. */
static int remove_branch_lock(const struct git *git, const char *branch, struct err *err)
{
	cleanup_str struct str name = STR_INIT, relative = STR_INIT, path = STR_INIT;
	if (str_addf(&name, "refs/heads/%s.lock", branch) < 0)
		return err_no_memory(err);
	if (git_run(git, &relative, err, "rev-parse", "--git-path", name.buf, NULL) < 0)
		return -1;
	if (fs_join(&path, git->dir, str_text(&relative)) < 0)
		return err_no_memory(err);
	if (os_unlink(path.buf) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set_at(err, ERR_INPUT, path.buf, 0, "cannot remove %s:", path.buf);
	return 0;
}

/* ---- the branch ----------------------------------------------------------- */

/* *out: the id of the commit that spec names. 1; 0 where there is none. */
static int find_commit(const struct git *git, const char *spec, struct str *out, struct err *err)
{
	cleanup_str struct str full = STR_INIT;
	if (str_addf(&full, "%s^{commit}", spec) < 0)
		return err_no_memory(err);
	int status = git_ask(git, err, "rev-parse", "--verify", "--quiet", full.buf, NULL);
	if (status != 0)
		return status < 0 ? -1 : 0;
	return git_run(git, out, err, "rev-parse", "--verify", full.buf, NULL) < 0 ? -1 : 1;
}

int worktree_has_branch(const char *project_root, const char *branch, struct err *err)
{
	struct git git = { .dir = project_root };
	cleanup_str struct str reference = STR_INIT;
	if (str_addf(&reference, "refs/heads/%s", branch) < 0)
		return err_no_memory(err);
	int status = git_ask(&git, err, "show-ref", "--verify", "--quiet", reference.buf, NULL);
	return status < 0 ? -1 : status == 0;
}

/* Fails, naming the folder, where another worktree has the branch checked out. */
static int check_not_checked_out(const struct git *git, const char *branch, struct err *err)
{
	cleanup_str struct str list = STR_INIT, wanted = STR_INIT;
	const char *folder = "";
	char *rest = NULL;
	if (str_addf(&wanted, "branch refs/heads/%s", branch) < 0)
		return err_no_memory(err);
	if (git_run(git, &list, err, "worktree", "list", "--porcelain", NULL) < 0)
		return -1;
	for (char *line = strtok_r(list.buf, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (text_starts_with(line, "worktree "))
			folder = line + strlen("worktree ");
		if (strcmp(line, wanted.buf) != 0)
			continue;
		err_set(err, ERR_INPUT, "the branch %s is checked out in %s", branch, folder);
		return err_hint(err, "switch that checkout to another branch, or choose one with --branch");
	}
	return 0;
}

static int check_is_combs(const struct worktree *worktree, const struct git *git, struct err *err)
{
	cleanup_str struct str object = STR_INIT;
	if (str_addf(&object, "refs/heads/%s:%s" PROGRESS_FILE, worktree->branch, worktree->sub) < 0)
		return err_no_memory(err);
	int status = git_ask(git, err, "cat-file", "-e", object.buf, NULL);
	if (status <= 0)
		return status;
	err_set(err, ERR_INPUT, "the branch %s exists and was not made by comb", worktree->branch);
	return err_hint(err, "choose another with --branch, or remove it: git branch -D %s", worktree->branch);
}

/*
 * Makes the branch at HEAD, or moves it up to HEAD where it has nothing of its
 * own. *merge: it has, and HEAD has too: they must be merged after the checkout.
 */
static int prepare_branch(struct worktree *worktree, const struct git *git, const char *head, bool *merge,
			  struct err *err)
{
	cleanup_str struct str reference = STR_INIT, tip = STR_INIT;
	if (str_addf(&reference, "refs/heads/%s", worktree->branch) < 0)
		return err_no_memory(err);
	if (git_ask(git, err, "check-ref-format", reference.buf, NULL) != 0)
		return err_set(err, ERR_INPUT, "'%s' is no name for a branch", worktree->branch);
	if (remove_branch_lock(git, worktree->branch, err) < 0)
		return -1;
	int found = find_commit(git, reference.buf, &tip, err);
	if (found <= 0)
		return found < 0 ? -1 : git_run(git, NULL, err, "update-ref", "-m", "comb adopt", reference.buf, head, "", NULL);
	worktree->resumed = true;
	if (check_not_checked_out(git, worktree->branch, err) < 0)
		return -1;
	int behind = git_ask(git, err, "merge-base", "--is-ancestor", tip.buf, head, NULL);
	if (behind < 0)
		return -1;
	if (behind == 0)
		return git_run(git, NULL, err, "update-ref", "-m", "comb adopt", reference.buf, head, tip.buf, NULL);
	int ahead = git_ask(git, err, "merge-base", "--is-ancestor", head, tip.buf, NULL);
	*merge = ahead > 0;
	return ahead < 0 ? -1 : check_is_combs(worktree, git, err);
}

static int merge_head(const struct worktree *worktree, const char *head, struct err *err)
{
	struct git git = { .dir = worktree->top };
	cleanup_strings struct strings arguments = STRINGS_INIT;
	struct err why = ERR_INIT;
	const char *const words[] = { "merge", "--quiet", "--no-verify", "--no-edit", head };
	if (git_add_identity(&git, &arguments, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strings_add(&arguments, words[i]) < 0)
			return err_no_memory(err);
	if (git_run_list(&git, &arguments, NULL, &why) == 0)
		return 0;
	if (why.kind == ERR_INTERRUPTED)
		return interrupt_error(err);
	err_set(err, ERR_INPUT, "the branch %s and your HEAD have both moved on, and do not merge by themselves",
		worktree->branch);
	return err_hint(err, "merge them, or remove the branch to start again: git branch -D %s", worktree->branch);
}

/* ---- opening -------------------------------------------------------------- */

static int find_places(struct worktree *worktree, const char *project_root, struct err *err)
{
	struct git git = { .dir = project_root };
	cleanup_str struct str top = STR_INIT, sub = STR_INIT;
	if (git_run(&git, &top, err, "rev-parse", "--show-toplevel", NULL) < 0 ||
	    git_run(&git, &sub, err, "rev-parse", "--show-prefix", NULL) < 0)
		return -1;
	worktree->user_project = os_strdup(project_root);
	worktree->user_top = os_strdup(str_text(&top));
	worktree->sub = os_strdup(str_text(&sub));
	return worktree->user_project && worktree->user_top && worktree->sub ? 0 : err_no_memory(err);
}

static int check_head(const struct worktree *worktree, const struct git *git, struct str *head, struct err *err)
{
	cleanup_str struct str object = STR_INIT;
	int found = find_commit(git, "HEAD", head, err);
	if (found < 0)
		return -1;
	if (found == 0) {
		err_set(err, ERR_INPUT, "the repository %s has no commit yet", worktree->user_top);
		return err_hint(err, "commit your work first (git add --all && git commit), or use --no-commit");
	}
	if (worktree->sub[0] == '\0')
		return 0;
	if (str_addf(&object, "HEAD:%.*s", (int)strlen(worktree->sub) - 1, worktree->sub) < 0)
		return err_no_memory(err);
	int status = git_ask(git, err, "cat-file", "-e", object.buf, NULL);
	if (status <= 0)
		return status;
	err_set(err, ERR_INPUT, "%s lies in the repository %s but is not part of its last commit", worktree->user_project,
		worktree->user_top);
	return err_hint(err, "commit it first, or use --no-commit");
}

static int set_checkout_paths(struct worktree *worktree, struct err *err)
{
	cleanup_str struct str cache = STR_INIT, place = STR_INIT, top = STR_INIT, project = STR_INIT;
	if (make_cache_dir(&cache, err) < 0)
		return -1;
	if (add_place(worktree, &place) < 0 || fs_join(&top, cache.buf, place.buf) < 0 ||
	    fs_join(&project, top.buf, worktree->sub) < 0)
		return err_no_memory(err);
	while (project.len > 1 && project.buf[project.len - 1] == '/')
		project.buf[--project.len] = '\0';
	worktree->top = str_steal(&top);
	worktree->project = str_steal(&project);
	return worktree->top && worktree->project ? 0 : err_no_memory(err);
}

/* When we have been killed. Whoever holds the lock by then has removed the checkout, or will: that is his first step. */
static int remove_after_death(void *context)
{
	struct worktree *worktree = context;
	struct err ignored = ERR_INIT;
	cleanup_lock struct lock lock = LOCK_INIT;
	int held = lock_acquire_for_clean_up(&lock, worktree->user_project, worktree->owner);
	return held > 0 ? remove_checkout(worktree, &ignored) : held;
}

static int check_out(struct worktree *worktree, const char *commit, const struct progress_sink *sink, struct err *err)
{
	struct git git = { .dir = worktree->user_project };
	worktree->owner = getpid();
	if (set_checkout_paths(worktree, err) < 0 || fs_remove_all(worktree->top, err) < 0 ||
	    guard_start(&worktree->guard, remove_after_death, worktree, err) < 0)
		return -1;
	sink_stepf(sink, "checking out %s into %s", worktree->branch ? worktree->branch : commit, worktree->top);
	if (worktree->branch)
		return git_run(&git, NULL, err, "worktree", "add", "--force", worktree->top, worktree->branch, NULL);
	return git_run(&git, NULL, err, "worktree", "add", "--force", "--detach", worktree->top, commit, NULL);
}

static int open_checkout(struct worktree *worktree, const char *commit, const struct progress_sink *sink,
			 struct err *err)
{
	struct git git = { .dir = worktree->user_project };
	cleanup_str struct str head = STR_INIT;
	bool merge = false;
	if (check_head(worktree, &git, &head, err) < 0 || remove_ours(worktree, false, err) < 0)
		return -1;
	if (worktree->branch && prepare_branch(worktree, &git, head.buf, &merge, err) < 0)
		return -1;
	if (check_out(worktree, commit, sink, err) < 0 || (merge && merge_head(worktree, head.buf, err) < 0))
		return -1;
	if (!fs_is_dir(worktree->project))
		return err_set(err, ERR_INPUT, "%s is not part of %s", worktree->user_project,
			       worktree->branch ? worktree->branch : commit);
	if (carry_ignored(worktree->user_project, worktree->project, sink, err) < 0)
		return -1;
	return carry_submodules(worktree->user_project, worktree->project, sink, err);
}

int worktree_open(struct worktree *worktree, const char *project_root, const char *branch, const char *commit,
		  const struct progress_sink *sink, struct err *err)
{
	struct err ignored = ERR_INIT;
	worktree_release(worktree);
	worktree->branch = os_strdup(branch);
	if (branch && !worktree->branch)
		return err_no_memory(err);
	if (find_places(worktree, project_root, err) == 0 && open_checkout(worktree, commit, sink, err) == 0)
		return 0;
	worktree_close(worktree, false, &ignored);
	return -1;
}

int worktree_close(struct worktree *worktree, bool keep, struct err *err)
{
	int result = worktree->user_top && !keep ? remove_checkout(worktree, err) : 0;
	worktree_release(worktree);
	return result;
}

void worktree_release(struct worktree *worktree)
{
	guard_dismiss(&worktree->guard);
	free(worktree->user_project);
	free(worktree->user_top);
	free(worktree->sub);
	free(worktree->top);
	free(worktree->project);
	free(worktree->branch);
	*worktree = (struct worktree)WORKTREE_INIT;
}

/* ---- commits ---------------------------------------------------------------- */

/* Paths in a submodule, and untracked ones that git ignores, are no part of a commit. */
static int drop_uncommittable(const struct git *git, const struct strings *paths, struct strings *kept, struct err *err)
{
	cleanup_str struct str ignored = STR_INIT, staged = STR_INIT;
	if (git_run(git, &ignored, err, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", NULL) < 0 ||
	    git_run(git, &staged, err, "ls-files", "-z", "--stage", NULL) < 0)
		return -1;
	for (size_t i = 0; i < paths->len; i++) {
		const char *path = paths->at[i];
		bool keep = true;
		size_t at = 0;
		for (const char *field; keep && (field = git_next_field(&ignored, &at)) != NULL;)
			keep = strcmp(field, path) != 0 || strcmp(fs_base_name(path), PROGRESS_FILE) == 0;
		at = 0;
		for (const char *field; keep && (field = git_next_field(&staged, &at)) != NULL;) {
			const char *submodule = text_starts_with(field, "160000 ") ? strchr(field, '\t') : NULL;
			keep = !submodule || !text_starts_with(path, submodule + 1) || path[strlen(submodule + 1)] != '/';
		}
		if (keep && strings_add(kept, path) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int update_index(const struct git *git, const struct strings *paths, struct err *err)
{
	for (size_t first = 0; first < paths->len; first += PATHS_PER_CALL) {
		cleanup_strings struct strings arguments = STRINGS_INIT;
		const char *const words[] = { "update-index", "--add", "--remove", "--" };
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (strings_add(&arguments, words[i]) < 0)
				return err_no_memory(err);
		for (size_t i = first; i < paths->len && i < first + PATHS_PER_CALL; i++)
			if (strings_add(&arguments, paths->at[i]) < 0)
				return err_no_memory(err);
		if (git_run_list(git, &arguments, NULL, err) < 0)
			return -1;
	}
	return 0;
}

int worktree_stage(struct worktree *worktree, const struct strings *paths, struct err *err)
{
	struct git git = { .dir = worktree->top };
	cleanup_strings struct strings kept = STRINGS_INIT;
	return drop_uncommittable(&git, paths, &kept, err) < 0 ? -1 : update_index(&git, &kept, err);
}

int worktree_commit(struct worktree *worktree, const char *message, struct err *err)
{
	struct git git = { .dir = worktree->top };
	cleanup_strings struct strings arguments = STRINGS_INIT;
	const char *const words[] = { "commit",      "--quiet", "--allow-empty", "--allow-empty-message",
				      "--no-verify", "--cleanup=verbatim", "-m", message };
	if (git_add_identity(&git, &arguments, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strings_add(&arguments, words[i]) < 0)
			return err_no_memory(err);
	return git_run_list(&git, &arguments, NULL, err);
}

int worktree_restore(struct worktree *worktree, const char *commit, struct err *err)
{
	struct git git = { .dir = worktree->top };
	return git_run(&git, NULL, err, "read-tree", "--reset", "-u", commit, NULL);
}

int worktree_list_dirty(const char *project_root, struct strings *paths, struct err *err)
{
	struct git git = { .dir = project_root };
	cleanup_str struct str list = STR_INIT, sub = STR_INIT;
	size_t at = 0;
	if (git_run(&git, &sub, err, "rev-parse", "--show-prefix", NULL) < 0 ||
	    git_run(&git, &list, err, "status", "--porcelain", "-z", "--no-renames", "--", ".", NULL) < 0)
		return -1;
	for (const char *entry; (entry = git_next_field(&list, &at)) != NULL;) {
		const char *path = entry + (strlen(entry) > 3 ? 3 : 0);
		if (text_starts_with(path, str_text(&sub)))
			path += sub.len;
		if (strings_add(paths, path) < 0)
			return err_no_memory(err);
	}
	return 0;
}

int worktree_note_dirty(const char *project_root, const char *what, struct strings *paths,
			const struct progress_sink *sink, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (worktree_list_dirty(project_root, paths, err) < 0)
		return -1;
	if (paths->len == 0)
		return 0;
	if (str_addf(&text, "%zu uncommitted file%s of yours %s not included, %s:", paths->len,
		     paths->len == 1 ? "" : "s", paths->len == 1 ? "is" : "are", what) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < paths->len && i < MOST_NAMED; i++)
		if (str_addf(&text, "%s %s", i ? "," : "", paths->at[i]) < 0)
			return err_no_memory(err);
	if (paths->len > MOST_NAMED && str_addf(&text, " and %zu more", paths->len - MOST_NAMED) < 0)
		return err_no_memory(err);
	sink_note(sink, text.buf);
	return 0;
}

/* ---- paths in texts ----------------------------------------------------------- */

static int replace_all(struct str *text, const char *old, const char *new)
{
	cleanup_str struct str out = STR_INIT;
	const char *at = str_text(text), *found;
	if (!strstr(at, old))
		return 0;
	for (; (found = strstr(at, old)) != NULL; at = found + strlen(old))
		if (str_add(&out, at, (size_t)(found - at)) < 0 || str_adds(&out, new) < 0)
			return -1;
	if (str_adds(&out, at) < 0)
		return -1;
	str_release(text);
	*text = out;
	out = (struct str)STR_INIT;
	return 0;
}

int worktree_shorten_paths(const struct worktree *worktree, struct str *text)
{
	cleanup_str struct str folder = STR_INIT;
	if (!worktree->project)
		return 0;
	if (str_addf(&folder, "%s/", worktree->project) < 0)
		return -1;
	return replace_all(text, folder.buf, "") < 0 ? -1 : replace_all(text, worktree->project, ".");
}

static void translate(const struct worktree *worktree, char *text, size_t size)
{
	cleanup_str struct str copy = STR_INIT;
	if (str_adds(&copy, text) == 0 && replace_all(&copy, worktree->top, worktree->user_top) == 0)
		snprintf(text, size, "%s", str_text(&copy));
}

void worktree_translate_error(const struct worktree *worktree, struct err *err)
{
	if (!worktree->top)
		return;
	translate(worktree, err->text, sizeof(err->text));
	translate(worktree, err->file, sizeof(err->file));
	translate(worktree, err->hint, sizeof(err->hint));
}
