/* Splices, changesets and diffs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"
#include "source/diff.h"
#include "source/edit.h"
#include "source/ini_edit.h"
#include "source/marks.h"
#include "source/requirements_edit.h"
#include "source/toml_edit.h"

static void test_splices_change_nothing_else(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str out = STR_INIT;
	edits_add(&edits, 4, 5, SLICE("X"));
	edits_add(&edits, 0, 0, SLICE("1"));
	edits_add(&edits, 4, 4, SLICE("<"));
	edits_add(&edits, 0, 0, SLICE("2"));
	assert_int_equal(edits_apply(&edits, SLICE("abcdef"), &out, &err), 0);
	assert_string_equal(out.buf, "12abcd<Xf");
	edits_add(&edits, 3, 5, SLICE(""));
	assert_int_equal(edits_apply(&edits, SLICE("abcdef"), &out, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_string_equal(out.buf, "12abcd<Xf");
}

/* Every call of a write of two files made to fail once: both are new or both are old. */
static void test_changeset_is_all_or_nothing_under_every_fault(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, one = STR_INIT, two = STR_INIT, content = STR_INIT, backup = STR_INIT;
	assert_int_equal(fs_make_temp_dir("comb-test-", &dir, &err), 0);
	str_addf(&one, "%s/one", dir.buf);
	str_addf(&two, "%s/new/folder/two", dir.buf);
	str_addf(&backup, "%s/backup", dir.buf);
	assert_int_equal(fs_write(one.buf, SLICE("old"), &err), 0);
	bool fired = true;
	for (long nth = 1; fired; nth++) {
		cleanup_changeset struct changeset set = CHANGESET_INIT;
		set.backup_dir = os_strdup(backup.buf);
		struct str after = STR_INIT;
		str_adds(&after, "new");
		assert_int_equal(changeset_add(&set, one.buf, SLICE("old"), true, &after, &err), 0);
		str_adds(&after, "two");
		assert_int_equal(changeset_add(&set, two.buf, SLICE(""), false, &after, &err), 0);
		os_fault_arm(nth, ENOSPC);
		int result = changeset_write(&set, &err);
		fired = os_fault_fired();
		os_fault_arm(0, 0);
		assert_true(fired || result == 0);
		err_clear(&err);
		assert_int_equal(fs_read(one.buf, &content, &err), 0);
		assert_string_equal(content.buf, result == 0 ? "new" : "old");
		assert_int_equal(fs_exists(two.buf), result == 0);
		if (result == 0)
			assert_int_equal(changeset_undo(&set, &err), 0);
		assert_int_equal(fs_read(one.buf, &content, &err), 0);
		assert_string_equal(content.buf, "old");
		assert_false(fs_exists(two.buf));
	}
	cleanup_str struct str made = STR_INIT;
	str_addf(&made, "%s/new", dir.buf);
	assert_false(fs_exists(made.buf));
	fs_remove_all(dir.buf, &err);
}

static void test_a_file_that_somebody_else_changed_is_left(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, path = STR_INIT, content = STR_INIT;
	fs_make_temp_dir("comb-test-", &dir, &err);
	str_addf(&path, "%s/file", dir.buf);
	fs_write(path.buf, SLICE("theirs"), &err);
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	struct str after = STR_INIT;
	str_adds(&after, "ours");
	changeset_add(&set, path.buf, SLICE("as read"), true, &after, &err);
	assert_int_equal(changeset_write(&set, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.file, path.buf);
	err_clear(&err);
	fs_write(path.buf, SLICE("as read"), &err);
	assert_int_equal(changeset_write(&set, &err), 0);
	fs_write(path.buf, SLICE("theirs again"), &err);
	assert_int_equal(changeset_undo(&set, &err), -1);
	err_clear(&err);
	fs_read(path.buf, &content, &err);
	assert_string_equal(content.buf, "theirs again");
	fs_remove_all(dir.buf, &err);
}

static void test_a_second_write_keeps_the_first_content_for_undo(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, path = STR_INIT, content = STR_INIT;
	fs_make_temp_dir("comb-test-", &dir, &err);
	str_addf(&path, "%s/file", dir.buf);
	fs_write(path.buf, SLICE("a"), &err);
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	struct str after = STR_INIT;
	str_adds(&after, "b");
	changeset_add(&set, path.buf, SLICE("a"), true, &after, &err);
	assert_int_equal(changeset_write(&set, &err), 0);
	str_adds(&after, "c");
	changeset_add(&set, path.buf, SLICE("b"), true, &after, &err);
	assert_int_equal(changeset_write(&set, &err), 0);
	fs_read(path.buf, &content, &err);
	assert_string_equal(content.buf, "c");
	assert_int_equal(changeset_undo(&set, &err), 0);
	fs_read(path.buf, &content, &err);
	assert_string_equal(content.buf, "a");
	assert_int_equal(changeset_undo(&set, &err), 0);
	fs_remove_all(dir.buf, &err);
}

static void test_diff_is_what_diff_u_prints(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after, *diff;
	} cases[] = {
		{ "a\nb\nc\n", "a\nB\nc\n", "--- x\n+++ y\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n" },
		{ "", "a\n", "--- x\n+++ y\n@@ -0,0 +1 @@\n+a\n" },
		{ "a", "a\n", "--- x\n+++ y\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n" },
		{ "a\r\nb", "b", "--- x\n+++ y\n@@ -1,2 +1 @@\n-a\r\n b\n\\ No newline at end of file\n" },
		{ "i\n\n\nd\n", "i\n\np\n\n\nd\n", "--- x\n+++ y\n@@ -1,4 +1,6 @@\n i\n \n+p\n+\n \n d\n" },
		{ "a\n", "a\n", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		cleanup_str struct str out = STR_INIT;
		struct slice before = { cases[i].before, strlen(cases[i].before) };
		struct slice after = { cases[i].after, strlen(cases[i].after) };
		assert_int_equal(diff_unified(&out, "x", "y", before, after, &err), 0);
		assert_string_equal(str_text(&out), cases[i].diff);
	}
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static void random_lines(struct str *out, unsigned *seed)
{
	static const char *const lines[] = { "\n", "a\n", "b\r\n", "c\n", "d\n" };
	str_clear(out);
	str_adds(out, "");
	for (unsigned n = next_random(seed) % 30; n > 0; n--)
		str_adds(out, lines[next_random(seed) % 5]);
	if (next_random(seed) % 4 == 0)
		str_adds(out, "end");
}

/* patch(1) turns before into after by our diff, and back. */
static void test_patch_applies_random_diffs(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	cleanup_str struct str dir = STR_INIT, file = STR_INIT, patch = STR_INIT, content = STR_INIT;
	fs_make_temp_dir("comb-test-", &dir, &err);
	str_addf(&file, "%s/x", dir.buf);
	str_addf(&patch, "%s/p", dir.buf);
	unsigned seed = 7;
	for (int round = 0; round < 60; round++) {
		cleanup_str struct str before = STR_INIT, after = STR_INIT, diff = STR_INIT;
		random_lines(&before, &seed);
		random_lines(&after, &seed);
		assert_int_equal(diff_unified(&diff, "a/x", "b/x", str_slice(&before), str_slice(&after), &err), 0);
		if (diff.len == 0)
			continue;
		fs_write(file.buf, str_slice(&before), &err);
		fs_write(patch.buf, str_slice(&diff), &err);
		const char *argv[] = { "git", "apply", "--whitespace=nowarn", "--unidiff-zero", "p", NULL };
		struct proc_options options = { .cwd = dir.buf };
		struct proc_result result = PROC_RESULT_INIT;
		assert_int_equal(proc_run(argv, &options, &result, &err), 0);
		if (result.exit_code != 0)
			fail_msg("%s\n%s", str_text(&result.err_out), diff.buf);
		proc_result_release(&result);
		if (after.len == 0)
			str_clear(&content);
		else
			assert_int_equal(fs_read(file.buf, &content, &err), 0);
		assert_int_equal(content.len, after.len);
		assert_memory_equal(str_text(&content), str_text(&after), after.len);
	}
	fs_remove_all(dir.buf, &err);
}

/* --- editors without memory --- */

static int edit_marks(struct slice source, struct edits *edits, struct err *err)
{
	struct mark_request requests[] = { { .mark = "unit" }, { .function = "test_a", .mark = "xdist_group(\"x\")" } };
	return marks_insert(source, "x.py", requests, 2, edits, err);
}

static int edit_unmark(struct slice source, struct edits *edits, struct err *err)
{
	struct mark_request request = { .mark = "slow", .anywhere = true };
	return marks_remove(source, "x.py", &request, 1, edits, err);
}

static int edit_toml(struct slice source, struct edits *edits, struct err *err)
{
	static const char *const path[] = { "a", "b c", NULL }, *const texts[] = { "x", "y" };
	cleanup_toml struct toml toml = TOML_INIT;
	return toml_open(&toml, source, "x.toml", err) < 0 ? -1 : toml_append(&toml, path, texts, 2, edits, err);
}

static int edit_ini(struct slice source, struct edits *edits, struct err *err)
{
	static const char *const lines[] = { "x", "y" };
	cleanup_ini struct ini ini = INI_INIT;
	return ini_open(&ini, source, "x.ini", INI_PYTEST, err) < 0 ? -1
								    : ini_append(&ini, "a", "b", lines, 2, edits, err);
}

static int edit_requirements(struct slice source, struct edits *edits, struct err *err)
{
	cleanup_requirements struct requirements requirements = REQUIREMENTS_INIT;
	if (requirements_open(&requirements, source, "r.txt", err) < 0)
		return -1;
	return requirements_insert(&requirements, "pytest-xdist", "pytest", edits, err);
}

static const struct {
	int (*edit)(struct slice source, struct edits *edits, struct err *err);
	const char *source;
} editors[] = {
	{ edit_marks, "import pytest as pt\npytestmark = [pt.mark.slow]\nclass A: x = 1\n@pt.mark.a\ndef test_a(): pass\n" },
	{ edit_marks, "# coding: latin-1\nif 1:\n    import pytest\ndef test_a(): pass\n" },
	{ edit_unmark, "import pytest\n\npytestmark = pytest.mark.slow\n\n@pytest.mark.slow\ndef test_a(): pass\n" },
	{ edit_toml, "[a]\n\"b c\" = [\n  'x',\n]\n[[d.e]]\nf.g = { h = 1 }\n" },
	{ edit_toml, "[x]\n" },
	{ edit_ini, "[a]\nb =\n  c\n" },
	{ edit_requirements, "pytest; python_version < '4'\n-r x.txt\n" },
};

/* Each allocation of each editor made to fail once: an error, no crash, no leak, and no half of an edit is used. */
static void test_editors_without_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(editors) / sizeof(*editors); i++) {
		struct slice source = { editors[i].source, strlen(editors[i].source) };
		cleanup_str struct str wanted = STR_INIT, got = STR_INIT;
		struct err err = ERR_INIT;
		cleanup_edits struct edits all = EDITS_INIT;
		assert_int_equal(editors[i].edit(source, &all, &err), 0);
		assert_int_equal(edits_apply(&all, source, &wanted, &err), 0);
		assert_true(wanted.len != source.len);
		bool fired = true;
		for (long nth = 1; fired; nth++) {
			cleanup_edits struct edits edits = EDITS_INIT;
			err_clear(&err);
			os_fault_arm(nth, ENOMEM);
			int result = editors[i].edit(source, &edits, &err);
			fired = os_fault_fired();
			os_fault_arm(0, 0);
			if (result < 0) {
				assert_int_equal(err.kind, ERR_INTERNAL);
				continue;
			}
			assert_int_equal(edits_apply(&edits, source, &got, &err), 0);
			assert_string_equal(got.buf, wanted.buf);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splices_change_nothing_else),
		cmocka_unit_test(test_changeset_is_all_or_nothing_under_every_fault),
		cmocka_unit_test(test_a_file_that_somebody_else_changed_is_left),
		cmocka_unit_test(test_a_second_write_keeps_the_first_content_for_undo),
		cmocka_unit_test(test_diff_is_what_diff_u_prints),
		cmocka_unit_test(test_patch_applies_random_diffs),
		cmocka_unit_test(test_editors_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
