/* Touches: canonical names, what belongs to nobody, once for each test. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/touch.h"

struct place {
	struct touch_log log;
	struct str dir, real; /* as made, and canonical */
	struct str got;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct err err = ERR_INIT;
	place->log = (struct touch_log)TOUCH_LOG_INIT;
	assert_int_equal(fs_make_temp_dir("comb-test-", &place->dir, &err), 0);
	assert_int_equal(fs_real_path(place->dir.buf, &place->real, &err), 0);
	touch_log_turn(&place->log, 1, 'c');
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	struct err err = ERR_INIT;
	fs_remove_all(place->dir.buf, &err);
	str_release(&place->dir);
	str_release(&place->real);
	str_release(&place->got);
	touch_log_release(&place->log);
	free(place);
	return 0;
}

static bool writes(struct place *place, const char *path)
{
	return touch_log_path(&place->log, TOUCH_WRITE, place->dir.buf, path, true, &place->got);
}

static void assert_below(struct place *place, const char *name)
{
	cleanup_str struct str expected = STR_INIT;
	fs_join(&expected, place->real.buf, name);
	assert_string_equal(place->got.buf, expected.buf);
}

static void test_names_become_canonical(void **state)
{
	struct place *place = *state;
	static const char *const same[] = { "f", "./f", "sub/../f", "link/../f", ".//f" };
	cleanup_str struct str path = STR_INIT;
	fs_join(&path, place->dir.buf, "sub");
	assert_int_equal(os_mkdir(path.buf, 0700), 0);
	fs_join(&path, place->dir.buf, "link");
	assert_int_equal(os_symlink("sub", path.buf), 0);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		touch_log_turn(&place->log, i + 10, 'c');
		assert_true(writes(place, same[i]));
		assert_below(place, "f");
	}
	assert_true(writes(place, "link/g"));
	assert_below(place, "sub/g");
	assert_true(writes(place, "no/such/folder/../g"));
	assert_below(place, "no/such/g");
	assert_true(touch_log_path(&place->log, TOUCH_WRITE, place->dir.buf, "link", false, &place->got));
	assert_below(place, "link");
	assert_true(writes(place, "link/"));
	assert_below(place, "sub");
}

static void test_one_touch_once_for_each_test(void **state)
{
	struct place *place = *state;
	assert_true(writes(place, "f"));
	touch_log_turn(&place->log, 1, 't');
	assert_false(writes(place, "f"));
	assert_true(touch_log_name(&place->log, TOUCH_BIND, "f"));
	assert_false(touch_log_name(&place->log, TOUCH_BIND, "f"));
	touch_log_turn(&place->log, 2, 's');
	assert_true(writes(place, "f"));
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", i);
		assert_true(writes(place, name));
	}
	assert_false(writes(place, "n7"));
}

static void test_what_belongs_to_nobody_is_dropped(void **state)
{
	struct place *place = *state;
	static const char *const dropped[] = {
		"/dev/null", "/proc/self/fd/3", "__pycache__/x.txt", "a/.pytest_cache/v", ".coverage.host.1", "x.pyc",
		".comb/history.db", ".hypothesis/x", "",
	};
	static const char *const kept[] = { "/dev/shm/x", "/tmp/fixed-name", "cache/x", "my.coverage" };
	for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		assert_false(writes(place, dropped[i]));
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_true(writes(place, kept[i]));
}

static void test_private_folders_hold_everything_below(void **state)
{
	struct place *place = *state;
	cleanup_str struct str path = STR_INIT;
	fs_join(&path, place->dir.buf, "own");
	assert_int_equal(touch_log_private(&place->log, path.buf), 0);
	assert_false(writes(place, "own"));
	assert_false(writes(place, "own/deep/file"));
	assert_true(writes(place, "owner"));
	fs_join(&path, place->real.buf, "own/x");
	assert_true(touch_log_is_private(&place->log, path.buf));
}

static void test_reading_code_is_no_touch(void **state)
{
	struct place *place = *state;
	struct touch_log *log = &place->log;
	assert_false(touch_log_path(log, TOUCH_READ, place->dir.buf, "module.py", true, &place->got));
	assert_false(touch_log_path(log, TOUCH_READ, "/", "/usr/share/zoneinfo/UTC", true, &place->got));
	assert_false(touch_log_path(log, TOUCH_READ, "/", "/x/site-packages/p/data.txt", true, &place->got));
	assert_true(touch_log_path(log, TOUCH_READ, place->dir.buf, "data.json", true, &place->got));
	assert_true(touch_log_path(log, TOUCH_WRITE, place->dir.buf, "module.py", true, &place->got));
}

static void test_kinds_have_names(void **state)
{
	(void)state;
	enum touch_kind kind;
	assert_int_equal(touch_kind_parse("spawn", &kind), 0);
	assert_int_equal(kind, TOUCH_SPAWN);
	assert_int_equal(touch_kind_parse("none", &kind), -1);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		UNIT(test_names_become_canonical),	      UNIT(test_one_touch_once_for_each_test),
		UNIT(test_what_belongs_to_nobody_is_dropped), UNIT(test_private_folders_hold_everything_below),
		UNIT(test_reading_code_is_no_touch),	      UNIT(test_kinds_have_names),
	};
	return cmocka_run_group_tests_name("touch", tests, NULL, NULL);
}
