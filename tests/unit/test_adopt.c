/* The driver of adoption with gates made up here: commits, attempts, resuming, the user's tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/proc.h"
#include "phases/adopt.h"
#include "phases/git.h"
#include "phases/lock.h"
#include "phases/workspace.h"

/* ---- gates ------------------------------------------------------------------ */

static int reached;          /* calls of reach() in this process */
static int die_at;           /* 0: never; the nth call of reach() kills the process after its edit */
static int pass_at_attempt;  /* of gate 1.1 */
static bool last_passes;

static int write_in(const struct phase_ctx *ctx, const char *name, const char *text, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	fs_join(&path, ctx->project->root, name);
	int result = fs_write(path.buf, (struct slice){ text, strlen(text) }, err);
	if (++reached == die_at)
		kill(getpid(), SIGKILL);
	return result;
}

static int reach_edit(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_str struct str junk = STR_INIT;
	fs_join(&junk, ctx->project->root, "left-by-a-test.txt");
	FILE *file = fopen(junk.buf, "w"); /* what tests leave behind is not committed */
	if (file)
		fclose(file);
	result->status = GATE_PASSED;
	str_adds(&result->figure, "1 file edited");
	str_adds(&result->detail, "A paragraph.");
	return write_in(ctx, "test_one.py", "def test_one(): assert 1\n", err);
}

static int reach_third(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	cleanup_str struct str name = STR_INIT;
	str_addf(&name, "attempt%d.txt", ctx->attempt);
	result->status = ctx->attempt == pass_at_attempt ? GATE_PASSED : GATE_FAILED;
	str_addf(&result->figure, "attempt %d", ctx->attempt);
	return write_in(ctx, name.buf, "x\n", err);
}

static int reach_last(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	result->status = last_passes ? GATE_PASSED : GATE_FAILED;
	str_addf(&result->figure, "as said\x1b[2J in %s/last.txt", ctx->project->root);
	return write_in(ctx, "last.txt", "y\n", err);
}

static int verify_nothing(struct phase_ctx *ctx, struct gate_result *result, struct err *err)
{
	result->status = GATE_PASSED;
	str_adds(&result->figure, "verified");
	return 0;
}

static const struct gate setup_gates[] = {
	{ .id = "0.1", .title = "a file is edited", .attempts = 1, .reach = reach_edit, .verify = verify_nothing },
	{ 0 },
};
static const struct gate mark_gates[] = {
	{ .id = "1.1", .title = "third time lucky", .attempts = 3, .reach = reach_third, .verify = verify_nothing },
	{ .id = "1.2", .title = "may fail", .attempts = 1, .may_fail = true, .reach = reach_last, .verify = verify_nothing },
	{ 0 },
};
static const struct phase fake_setup = { 0, "setup", "Dependencies", setup_gates };
static const struct phase fake_mark = { 1, "mark", "Categories", mark_gates };
static const struct phase *const fake_phases[] = { &fake_setup, &fake_mark, NULL };

/* ---- a project in a repository ------------------------------------------------ */

struct fixture {
	struct str dir, root;
	struct project project;
	struct adopt_report report;
	struct err err;
};

static void git(const struct fixture *f, struct str *out, const char *const *words)
{
	struct git git = { .dir = f->root.buf };
	struct err err = ERR_INIT;
	cleanup_strings struct strings arguments = STRINGS_INIT;
	for (; *words; words++)
		strings_add(&arguments, *words);
	if (git_run_list(&git, &arguments, out, &err) < 0)
		fail_msg("%s", err.text);
}
#define GIT(f, out, ...) git(f, out, (const char *const[]){ __VA_ARGS__, NULL })

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	struct err err = ERR_INIT;
	cleanup_str struct str path = STR_INIT;
	fs_join(&path, f->root.buf, name);
	assert_int_equal(fs_write(path.buf, (struct slice){ text, strlen(text) }, &err), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	cleanup_str struct str cache = STR_INIT;
	assert_int_equal(fs_make_temp_dir("comb-test-", &f->dir, &f->err), 0);
	fs_join(&f->root, f->dir.buf, "shop");
	fs_join(&cache, f->dir.buf, "cache");
	assert_int_equal(fs_make_dirs(f->root.buf, &f->err), 0);
	setenv("XDG_CACHE_HOME", cache.buf, 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	write_file(f, "test_one.py", "def test_one(): pass\n");
	write_file(f, "pytest.ini", "[pytest]\n");
	GIT(f, NULL, "init", "--quiet", "--initial-branch=main");
	GIT(f, NULL, "add", "--all");
	GIT(f, NULL, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first");
	if (project_open(&f->project, f->root.buf, NULL, &f->err) < 0)
		fail_msg("%s", f->err.text);
	reached = die_at = 0;
	pass_at_attempt = 3;
	last_passes = true;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	cleanup_str struct str cache = STR_INIT;
	fs_join(&cache, f->dir.buf, "cache/comb");
	assert_false(fs_exists(cache.buf)); /* no checkout is left behind */
	adopt_report_release(&f->report);
	project_release(&f->project);
	fs_remove_all(f->dir.buf, &err);
	str_release(&f->dir);
	str_release(&f->root);
	free(f);
	return 0;
}

static int adopt(struct fixture *f, const char *branch)
{
	struct adopt_options options = { .table = fake_phases, .branch = branch };
	err_clear(&f->err);
	return adopt_run(&f->project, &options, &f->report, &f->err);
}

static void assert_adopts(struct fixture *f, const char *branch)
{
	if (adopt(f, branch) < 0)
		fail_msg("%s (%s)", f->err.text, f->err.hint);
}

static void assert_log(const struct fixture *f, const char *expected)
{
	cleanup_str struct str log = STR_INIT;
	GIT(f, &log, "log", "--format=%s", "parallel-testing");
	assert_string_equal(str_text(&log), expected);
}

static void assert_user_tree_untouched(const struct fixture *f)
{
	cleanup_str struct str out = STR_INIT;
	GIT(f, &out, "status", "--porcelain");
	assert_string_equal(str_text(&out), "");
	GIT(f, &out, "log", "--format=%s");
	assert_string_equal(str_text(&out), "first");
	GIT(f, &out, "worktree", "list", "--porcelain");
	assert_null(strstr(str_text(&out) + 1, "worktree ")); /* one, the user's */
}

static const char whole_log[] = "adoption finished: 3 of 3 gates passed\n"
				"gate 1.2 passed: may fail\n"
				"gate 1.1 passed: third time lucky\n"
				"gate 1.1 failed: third time lucky\n"
				"gate 1.1 failed: third time lucky\n"
				"gate 0.1 passed: a file is edited\n"
				"first";

/* ---- tests ---------------------------------------------------------------------- */

static void test_every_attempt_is_a_commit(void **state)
{
	struct fixture *f = *state;
	cleanup_str struct str out = STR_INIT;
	assert_adopts(f, "parallel-testing");
	assert_true(f->report.passed);
	assert_log(f, whole_log);
	assert_user_tree_untouched(f);
	GIT(f, &out, "ls-tree", "-r", "--name-only", "parallel-testing");
	/* Failed attempts are taken back, what tests leave behind is not committed. */
	assert_string_equal(str_text(&out), ".parallel_test_progress\nattempt3.txt\nlast.txt\npytest.ini\ntest_one.py");
	GIT(f, &out, "log", "-1", "--format=%B", "parallel-testing~2");
	assert_string_equal(str_text(&out), "gate 1.1 passed: third time lucky\n\nattempt 3\n\nAttempt 3 of 3.\n\n"
					    "Comb-Phase: mark\nComb-Gate: 1.1\nComb-Status: passed\n");
}

static void test_progress_file_names_the_commits(void **state)
{
	struct fixture *f = *state;
	cleanup_str struct str text = STR_INIT, id = STR_INIT;
	cleanup_progress struct progress progress = PROGRESS_INIT;
	assert_adopts(f, "parallel-testing");
	GIT(f, &text, "show", "parallel-testing:" PROGRESS_FILE);
	str_addc(&text, '\n');
	assert_int_equal(progress_parse(&progress, "file", str_slice(&text), &f->err), 0);
	assert_int_equal(progress.lines.len, 4);
	GIT(f, &id, "rev-parse", "parallel-testing~2");
	assert_string_equal(progress_find(&progress, "1.1")->commit, id.buf);
	assert_string_equal(progress_find(&progress, "1.2")->figure, "as said\\x1b[2J in last.txt");
	GIT(f, &id, "rev-parse", "parallel-testing~1");
	assert_string_equal(progress_find(&progress, "all")->commit, id.buf);
}

static void test_second_run_does_nothing(void **state)
{
	struct fixture *f = *state;
	assert_adopts(f, "parallel-testing");
	reached = 0;
	assert_adopts(f, "parallel-testing");
	assert_true(f->report.nothing_to_do);
	assert_true(f->report.passed);
	assert_int_equal(reached, 0);
	assert_log(f, whole_log);
	assert_string_equal(gate_list_find(&f->report.gates, "0.1")->figure, "1 file edited");
}

static void test_new_commits_of_the_user_make_all_gates_run_again(void **state)
{
	struct fixture *f = *state;
	cleanup_str struct str out = STR_INIT;
	assert_adopts(f, "parallel-testing");
	write_file(f, "test_two.py", "def test_two(): pass\n");
	GIT(f, NULL, "add", "--all");
	GIT(f, NULL, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "-m", "second");
	reached = 0;
	assert_adopts(f, "parallel-testing");
	assert_false(f->report.nothing_to_do);
	assert_int_equal(reached, 5);
	GIT(f, &out, "ls-tree", "--name-only", "parallel-testing", "test_two.py");
	assert_string_equal(str_text(&out), "test_two.py");
}

static void test_a_failing_gate_stops_and_is_tried_again(void **state)
{
	struct fixture *f = *state;
	pass_at_attempt = 0;
	assert_adopts(f, "parallel-testing");
	assert_false(f->report.passed);
	assert_string_equal(f->report.stopped_at->id, "1.1");
	assert_log(f, "adoption stopped at gate 1.1: third time lucky\n"
		      "gate 1.1 failed: third time lucky\n"
		      "gate 1.1 failed: third time lucky\n"
		      "gate 1.1 failed: third time lucky\n"
		      "gate 0.1 passed: a file is edited\n"
		      "first");
	pass_at_attempt = 1;
	reached = 0;
	assert_adopts(f, "parallel-testing");
	assert_true(f->report.passed);
	assert_int_equal(reached, 2);
	cleanup_str struct str out = STR_INIT;
	GIT(f, &out, "ls-tree", "-r", "--name-only", "parallel-testing");
	assert_string_equal(str_text(&out), ".parallel_test_progress\nattempt1.txt\nlast.txt\npytest.ini\ntest_one.py");
}

static void test_a_gate_that_may_fail_does_not_stop(void **state)
{
	struct fixture *f = *state;
	last_passes = false;
	assert_adopts(f, "parallel-testing");
	assert_null(f->report.stopped_at);
	assert_false(f->report.passed);
	assert_adopts(f, "parallel-testing");
	assert_true(f->report.nothing_to_do);
	assert_false(f->report.passed);
}

/* Killed within each call of reach() in turn: the next run ends where an undisturbed one would. */
static void test_killed_at_every_gate_and_resumed(void **state)
{
	struct fixture *f = *state;
	for (int n = 1; n <= 5; n++) {
		pid_t child = fork();
		if (child == 0) {
			reached = 0;
			die_at = n == 1 ? 1 : 2; /* behind the first, each run gets one attempt further */
			adopt(f, "parallel-testing");
			_exit(0);
		}
		int status;
		waitpid(child, &status, 0);
		assert_true(n == 5 || WIFSIGNALED(status));
	}
	reached = 0;
	assert_adopts(f, "parallel-testing");
	assert_true(f->report.passed);
	assert_log(f, whole_log);
	assert_user_tree_untouched(f);
}

static void test_in_place_and_back(void **state)
{
	struct fixture *f = *state;
	cleanup_str struct str out = STR_INIT;
	size_t count;
	assert_adopts(f, NULL);
	assert_true(f->report.passed);
	GIT(f, &out, "status", "--porcelain");
	assert_string_equal(str_text(&out), " M test_one.py\n?? .parallel_test_progress\n?? attempt3.txt\n?? last.txt\n"
					    "?? left-by-a-test.txt");
	reached = 0;
	assert_adopts(f, NULL);
	assert_true(f->report.nothing_to_do);
	assert_int_equal(workspace_undo(f->root.buf, &count, &f->err), 0);
	assert_int_equal(count, 4);
	GIT(f, &out, "status", "--porcelain");
	assert_string_equal(str_text(&out), "?? left-by-a-test.txt");
	assert_int_equal(workspace_undo(f->root.buf, &count, &f->err), -1);
}

static void test_killed_in_place_and_resumed(void **state)
{
	struct fixture *f = *state;
	cleanup_str struct str out = STR_INIT;
	for (int n = 1; n <= 3; n++) {
		pid_t child = fork();
		if (child == 0) {
			reached = 0;
			die_at = n;
			adopt(f, NULL);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	assert_adopts(f, NULL);
	assert_true(f->report.passed);
	GIT(f, &out, "status", "--porcelain");
	assert_string_equal(str_text(&out), " M test_one.py\n?? .parallel_test_progress\n?? attempt3.txt\n?? last.txt\n"
					    "?? left-by-a-test.txt");
}

static void test_one_comb_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct lock lock = LOCK_INIT;
	assert_int_equal(lock_acquire(&lock, f->root.buf, &f->err), 0);
	assert_int_equal(adopt(f, "parallel-testing"), -1);
	assert_int_equal(f->err.kind, ERR_ENVIRONMENT);
	char pid[64];
	snprintf(pid, sizeof(pid), "another comb (process %ld)", (long)getpid());
	assert_non_null(strstr(f->err.text, pid));
	lock_release(&lock);
	assert_adopts(f, "parallel-testing");
}

/* A child of the killed comb may hold the lock until it becomes another program; another comb goes on holding it. */
static void test_a_clean_up_waits_for_the_dead_ones_children_only(void **state)
{
	struct fixture *f = *state;
	struct lock dead = LOCK_INIT, ours = LOCK_INIT;
	assert_int_equal(lock_acquire(&dead, f->root.buf, &f->err), 0);
	assert_int_equal(lock_acquire_for_clean_up(&ours, f->root.buf, getpid()), -1);
	assert_int_equal(lock_acquire_for_clean_up(&ours, f->root.buf, getpid() + 1), 0);
	lock_release(&dead);
	assert_int_equal(lock_acquire_for_clean_up(&ours, f->root.buf, getpid()), 1);
	lock_release(&ours);
}

static void assert_refused(struct fixture *f, const char *branch, const char *text)
{
	assert_int_equal(adopt(f, branch), -1);
	assert_int_equal(f->err.kind, ERR_INPUT);
	if (!strstr(f->err.text, text))
		fail_msg("'%s' does not say '%s'", f->err.text, text);
	assert_true(f->err.hint[0] || strstr(text, "no name"));
}

static void test_branches_that_are_not_combs_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_refused(f, "main", "is checked out in");
	assert_refused(f, "a..b", "is no name for a branch");
	GIT(f, NULL, "switch", "--quiet", "--create", "feature");
	GIT(f, NULL, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "mine");
	GIT(f, NULL, "switch", "--quiet", "main");
	assert_refused(f, "feature", "was not made by comb");
}

static void test_symbolic_links_into_the_users_tree_are_not_followed(void **state)
{
	struct fixture *f = *state;
	cleanup_str struct str target = STR_INIT, link = STR_INIT;
	fs_join(&target, f->root.buf, "pytest.ini");
	fs_join(&link, f->root.buf, "last.txt");
	assert_int_equal(symlink(target.buf, link.buf), 0);
	GIT(f, NULL, "add", "--all");
	GIT(f, NULL, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--amend", "-m", "first");
	assert_int_equal(adopt(f, "parallel-testing"), -1);
	assert_non_null(strstr(f->err.text, "leads into your own tree"));
	assert_user_tree_untouched(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_attempt_is_a_commit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_progress_file_names_the_commits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_run_does_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_commits_of_the_user_make_all_gates_run_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_failing_gate_stops_and_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_gate_that_may_fail_does_not_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_at_every_gate_and_resumed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_place_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_in_place_and_resumed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_comb_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_clean_up_waits_for_the_dead_ones_children_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_branches_that_are_not_combs_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_symbolic_links_into_the_users_tree_are_not_followed, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
