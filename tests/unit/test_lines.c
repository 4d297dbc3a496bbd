/* What workers write, as whole labelled lines: pieces, markers, hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "report/lines.h"

#define TOKEN "comb0123456789abcdefghi"

struct fixture {
	struct lines lines;
	int write_fd;
	struct str out;
	uint32_t marker;
};

static void start(struct fixture *f, const char *label, bool terminal)
{
	int fds[2];
	struct err err = ERR_INIT;
	*f = (struct fixture){ .write_fd = -1 };
	assert_int_equal(os_pipe(fds), 0);
	assert_int_equal(lines_open(&f->lines, fds[0], label, TOKEN, terminal, &err), 0);
	f->write_fd = fds[1];
}

static void end(struct fixture *f)
{
	close(f->write_fd);
	lines_release(&f->lines);
	lines_release(&f->lines);
	str_release(&f->out);
}

static void put(struct fixture *f, const void *bytes, size_t len)
{
	assert_int_equal(os_write_all(f->write_fd, bytes, len), 0);
}

static void expect(struct fixture *f, enum lines_state state, const char *text)
{
	str_clear(&f->out);
	assert_int_equal(lines_read(&f->lines, &f->out, &f->marker), state);
	assert_string_equal(str_text(&f->out), text);
}

static void test_only_whole_lines_with_their_label(void **state)
{
	struct fixture f;
	start(&f, "gw1", false);
	put(&f, "one\ntw", 6);
	expect(&f, LINES_EMPTY, "[gw1] one\n");
	expect(&f, LINES_EMPTY, "");
	put(&f, "o\nrest", 6);
	expect(&f, LINES_EMPTY, "[gw1] two\n");
	str_clear(&f.out);
	assert_int_equal(lines_flush(&f.lines, &f.out), 0);
	assert_string_equal(f.out.buf, "[gw1] rest\n");
	end(&f);
}

static void test_reading_stops_at_the_marker_of_a_test(void **state)
{
	static const char bytes[] = "a\nb\0" TOKEN "00000007\nof the next\n";
	struct fixture f;
	start(&f, "gw0", false);
	put(&f, bytes, sizeof(bytes) - 1);
	expect(&f, LINES_MARKER, "[gw0] a\n[gw0] b\n");
	assert_int_equal(f.marker, 7);
	expect(&f, LINES_EMPTY, "[gw0] of the next\n");
	end(&f);
}

static void test_a_token_without_a_number_is_output(void **state)
{
	static const char bytes[] = "\0" TOKEN "xyz\n";
	struct fixture f;
	start(&f, "", true);
	put(&f, bytes, sizeof(bytes) - 1);
	expect(&f, LINES_EMPTY, "\\x00" TOKEN "xyz\n");
	end(&f);
}

static void test_a_terminal_gets_colours_and_nothing_else(void **state)
{
	static const char bytes[] = "\x1b[31mred\x1b[0m\t\x1b[2J\xff\r\n10%\r20%\r\n";
	struct fixture f;
	start(&f, "gw0", true);
	put(&f, bytes, sizeof(bytes) - 1);
	expect(&f, LINES_EMPTY, "[gw0] \x1b[31mred\x1b[0m\t\\x1b[2J\\xff\x1b[0m\n[gw0] 20%\n");
	end(&f);
}

static void test_a_file_gets_the_bytes(void **state)
{
	struct fixture f;
	start(&f, "gw0", false);
	put(&f, "\x1b[2J\xff\r\n", 7);
	expect(&f, LINES_EMPTY, "[gw0] \x1b[2J\xff\r\n");
	end(&f);
}

static void test_a_line_without_end_is_cut(void **state)
{
	static char bytes[50000];
	struct fixture f;
	size_t written = 0;
	memset(bytes, 'x', sizeof(bytes));
	start(&f, "", false);
	while (written <= LINES_LONGEST_BYTES) {
		put(&f, bytes, sizeof(bytes));
		written += sizeof(bytes);
		assert_int_equal(lines_read(&f.lines, &f.out, &f.marker), written <= LINES_LONGEST_BYTES ? LINES_EMPTY : LINES_ENOUGH);
	}
	assert_int_equal(f.out.len, LINES_LONGEST_BYTES + 1);
	end(&f);
}

static void test_the_end_of_the_stream(void **state)
{
	struct fixture f;
	start(&f, "gw0", false);
	put(&f, "last", 4);
	close(f.write_fd);
	f.write_fd = -1;
	expect(&f, LINES_EMPTY, "");
	assert_int_equal(lines_flush(&f.lines, &f.out), 0);
	assert_string_equal(f.out.buf, "[gw0] last\n");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_whole_lines_with_their_label),
		cmocka_unit_test(test_reading_stops_at_the_marker_of_a_test),
		cmocka_unit_test(test_a_token_without_a_number_is_output),
		cmocka_unit_test(test_a_terminal_gets_colours_and_nothing_else),
		cmocka_unit_test(test_a_file_gets_the_bytes),
		cmocka_unit_test(test_a_line_without_end_is_cut),
		cmocka_unit_test(test_the_end_of_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
