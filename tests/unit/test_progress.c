/* .parallel_test_progress and the messages of gate commits: written, read back, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "phases/message.h"
#include "phases/progress.h"

static uint64_t seed;

/* xorshift64*, Vigna 2016 */
static unsigned pick(unsigned below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * 2685821657736338717u) >> 33) % below;
}

static void random_figure(char *out, size_t max)
{
	static const char *const pieces[] = { "a", " ", "\n", "\t", "\x1b[2J", "é", "\xff", "-", "#", "12 of 13", "\\n", "\r" };
	out[0] = '\0';
	for (unsigned n = pick(12); n > 0 && strlen(out) + 10 < max; n--) {
		const char *piece = pieces[pick(sizeof(pieces) / sizeof(*pieces))];
		memcpy(out + strlen(out), piece, strlen(piece) + 1);
	}
}

static void random_progress(struct progress *progress)
{
	static const enum gate_status statuses[] = { GATE_PASSED, GATE_FAILED, GATE_SKIPPED };
	if (pick(4))
		snprintf(progress->inputs, sizeof(progress->inputs), "%016llx", (unsigned long long)seed);
	for (unsigned n = pick(9); n > 0; n--) {
		char gate[16], commit[65] = "", figure[200];
		snprintf(gate, sizeof(gate), pick(9) ? "%u.%u" : "all", pick(4), pick(12));
		for (unsigned i = pick(2) ? 40 : 64; i > 0; i--)
			commit[i - 1] = "0123456789abcdef"[pick(16)];
		random_figure(figure, sizeof(figure));
		struct progress_line line = {
			.phase = "check",
			.gate = gate,
			.status = statuses[pick(3)],
			.commit = pick(3) ? commit : NULL,
			.time_s = (int64_t)pick(2000000000) * 2,
			.figure = figure,
		};
		assert_int_equal(progress_set(progress, &line), 0);
	}
}

static void assert_same(const struct progress *a, const struct progress *b)
{
	assert_string_equal(a->inputs, b->inputs);
	assert_int_equal(a->lines.len, b->lines.len);
	for (size_t i = 0; i < a->lines.len; i++) {
		const struct progress_line *x = &a->lines.at[i], *y = &b->lines.at[i];
		assert_string_equal(x->phase, y->phase);
		assert_string_equal(x->gate, y->gate);
		assert_int_equal(x->status, y->status);
		assert_true(text_equals(x->commit, y->commit));
		assert_true(x->time_s == y->time_s);
		assert_string_equal(x->figure, y->figure);
	}
}

static void test_what_is_written_is_read_back(void **state)
{
	(void)state;
	for (seed = 1; seed < 3000;) {
		uint64_t this = seed;
		cleanup_progress struct progress progress = PROGRESS_INIT, again = PROGRESS_INIT;
		cleanup_str struct str text = STR_INIT, twice = STR_INIT;
		struct err err = ERR_INIT;
		random_progress(&progress);
		assert_int_equal(progress_format(&progress, &text), 0);
		if (progress_parse(&again, "file", str_slice(&text), &err) < 0)
			fail_msg("seed %llu: %d: %s", (unsigned long long)this, err.line, err.text);
		assert_same(&progress, &again);
		assert_int_equal(progress_format(&again, &twice), 0);
		assert_string_equal(text.buf, twice.buf);
		seed = this + 1;
	}
}

/* A byte changed anywhere: read as something that can be written again, or refused with its line; never a crash. */
static void test_damaged_files_are_refused_or_read_whole(void **state)
{
	(void)state;
	cleanup_str struct str text = STR_INIT;
	struct progress progress = PROGRESS_INIT;
	struct progress_line line = { "setup", "0.1", GATE_PASSED, NULL, 1763900000, "pytest-xdist declared" };
	seed = 42;
	memcpy(progress.inputs, "0123456789abcdef", 17);
	progress_set(&progress, &line);
	progress_format(&progress, &text);
	progress_release(&progress);
	for (size_t i = 0; i < text.len; i++)
		for (unsigned round = 0; round < 8; round++) {
			struct err err = ERR_INIT;
			char old = text.buf[i];
			text.buf[i] = (char)pick(256);
			if (progress_parse(&progress, "file", str_slice(&text), &err) < 0) {
				assert_int_equal(err.kind, ERR_INPUT);
				assert_true(err.line >= 1 && strcmp(err.file, "file") == 0 && err.hint[0]);
			}
			progress_release(&progress);
			text.buf[i] = old;
		}
}

static void test_errors_name_the_line(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "setup 0.1 passed - 2026-11-23T15:04:05Z x\nsetup 0.1 passed - 2026-11-23T15:04:05Z x", "a second line" },
		{ "<<<<<<< HEAD", "expected phase, gate" },
		{ "setup 0.1 passed -", "expected phase, gate" },
		{ "Setup 0.1 passed - 2026-11-23T15:04:05Z", "not the name of a phase" },
		{ "setup 01 passed - 2026-11-23T15:04:05Z", "not the number of a gate" },
		{ "setup 0.1 pending - 2026-11-23T15:04:05Z", "not a status" },
		{ "setup 0.1 passed 12ab 2026-11-23T15:04:05Z", "not a commit id" },
		{ "setup 0.1 passed - 2026-13-23T15:04:05Z", "not a time" },
		{ "setup 0.1 passed - 2026-11-23", "not a time" },
		{ "inputs 12", "16 hexadecimal digits" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_str struct str text = STR_INIT;
		struct progress progress = PROGRESS_INIT;
		struct err err = ERR_INIT;
		str_addf(&text, "# comb progress 1\n# a comment\n\n%s\n", cases[i].line);
		assert_int_equal(progress_parse(&progress, "file", str_slice(&text), &err), -1);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_int_equal(err.line, i == 0 ? 5 : 4);
	}
	struct progress progress = PROGRESS_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(progress_parse(&progress, "file", SLICE(""), &err), -1);
	assert_int_equal(err.line, 1);
}

static void test_lines_stand_in_the_order_of_gates(void **state)
{
	(void)state;
	cleanup_progress struct progress progress = PROGRESS_INIT;
	static const char *const gates[] = { "all", "2.10", "0.1", "2.2", "10.1" };
	static const char *const sorted[] = { "0.1", "2.2", "2.10", "10.1", "all" };
	for (size_t i = 0; i < 5; i++) {
		struct progress_line line = { "check", gates[i], GATE_PASSED, NULL, 0, "" };
		progress_set(&progress, &line);
	}
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(progress.lines.at[i].gate, sorted[i]);
	progress_remove(&progress, "2.10");
	assert_null(progress_find(&progress, "2.10"));
	assert_int_equal(progress.lines.len, 4);
}

static void test_messages_are_wrapped_and_read_back(void **state)
{
	(void)state;
	cleanup_str struct str out = STR_INIT;
	cleanup_message struct message message = { 0 };
	static const struct gate gate = { .id = "2.3", .title = "no fixed resource", .attempts = 3 };
	static const struct phase phase = { 2, "check", "Safety", &gate };
	struct gate_result result = GATE_RESULT_INIT;
	result.status = GATE_FAILED;
	str_adds(&result.figure, "1 of 3 \x1b[2J left");
	str_adds(&result.detail, "Port 8765 is bound by tests/test_api.py and tests/test_invoice.py, which can overlap in time."
				 "\n\n- a list item that is longer than seventy-two columns and stays on the line it stands on\n");
	assert_int_equal(message_for_gate(&phase, &gate, 2, &result, &out), 0);
	assert_string_equal(out.buf,
			    "gate 2.3 failed: no fixed resource\n\n1 of 3 \\x1b[2J left\n\nAttempt 2 of 3.\n\n"
			    "Port 8765 is bound by tests/test_api.py and tests/test_invoice.py, which\ncan overlap in time.\n\n"
			    "- a list item that is longer than seventy-two columns and stays on the line it stands on\n\n"
			    "Comb-Phase: check\nComb-Gate: 2.3\nComb-Status: failed\n");
	assert_int_equal(message_parse(str_slice(&out), &message), 0);
	assert_string_equal(message.gate, "2.3");
	assert_string_equal(message.status, "failed");
	assert_string_equal(message.figure, "1 of 3 \\x1b[2J left");
	assert_int_equal(message_parse(SLICE("a commit of the user\n\nwith a body\n"), &message), 0);
	assert_null(message.gate);
	gate_result_release(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read_back),
		cmocka_unit_test(test_damaged_files_are_refused_or_read_whole),
		cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_lines_stand_in_the_order_of_gates),
		cmocka_unit_test(test_messages_are_wrapped_and_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
