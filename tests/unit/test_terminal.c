/* Talking to a person: lines in a pipe, the live line's pieces, hostile names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "report/terminal.h"

static void test_a_pipe_gets_plain_escaped_lines(void **state)
{
	(void)state;
	int fds[2];
	char buf[4096];
	struct err err = ERR_INIT;
	struct terminal terminal;
	assert_int_equal(os_pipe(fds), 0);
	setenv("LC_ALL", "C", 1);
	terminal_open(&terminal, fds[1], false, 0);
	terminal_title(&terminal, "2 Safety");
	terminal.sink.step(terminal.sink.context, "shuffled run");
	terminal.sink.progress(terminal.sink.context, 1, 2, "test_a");
	terminal.sink.note(terminal.sink.context, "name \x1b[2J");
	terminal_line(&terminal, MARK_FAILED, "2.5 outcomes equal");
	assert_int_equal(terminal_close(&terminal, &err), 0);
	close(fds[1]);
	ssize_t n = os_read(fds[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, "  shuffled run\n  name \\x1b[2J\nFAILED 2.5 outcomes equal\n");
	close(fds[0]);
}

static void test_quiet_keeps_results_only(void **state)
{
	(void)state;
	int fds[2];
	char buf[256];
	struct err err = ERR_INIT;
	struct terminal terminal;
	assert_int_equal(os_pipe(fds), 0);
	setenv("LC_ALL", "de_DE.UTF-8", 1);
	terminal_open(&terminal, fds[1], true, -1);
	terminal.sink.step(terminal.sink.context, "step");
	terminal.sink.note(terminal.sink.context, "note");
	terminal_line(&terminal, MARK_PASSED, "done");
	assert_int_equal(terminal_close(&terminal, &err), 0);
	close(fds[1]);
	ssize_t n = os_read(fds[0], buf, sizeof(buf) - 1);
	assert_int_equal(n, (ssize_t)strlen("\x1b[32m✓\x1b[0m done\n"));
	assert_memory_equal(buf, "\x1b[32m✓\x1b[0m done\n", (size_t)n);
	close(fds[0]);
}

static void test_a_full_disk_is_told_at_the_end(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct terminal terminal;
	int fd = os_open("/dev/full", O_WRONLY, 0);
	assert_true(fd >= 0);
	terminal_open(&terminal, fd, false, 0);
	terminal_line(&terminal, MARK_NONE, "lost");
	assert_int_equal(terminal_close(&terminal, &err), -1);
	assert_string_equal(err.text, "cannot write the output: No space left on device");
	close(fd);
}

static void test_text_is_cut_by_columns_not_bytes(void **state)
{
	(void)state;
	cleanup_str struct str s = STR_INIT;
	assert_int_equal(text_columns("héllo"), 5);
	assert_int_equal(text_columns("試験"), 4);
	assert_int_equal(text_columns("e\xcc\x81"), 1);
	str_add_fitted(&s, "試験試験", 6, true);
	assert_string_equal(s.buf, "試験…");
	assert_true(text_columns(s.buf) <= 6);
	str_clear(&s);
	str_add_fitted(&s, "abcdefgh", 6, false);
	assert_string_equal(s.buf, "abcd..");
	str_clear(&s);
	str_add_fitted(&s, "abcdef", 6, false);
	assert_string_equal(s.buf, "abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pipe_gets_plain_escaped_lines),
		cmocka_unit_test(test_quiet_keeps_results_only),
		cmocka_unit_test(test_a_full_disk_is_told_at_the_end),
		cmocka_unit_test(test_text_is_cut_by_columns_not_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
