/* Every rule against its cases in tests/golden/rules: findings exactly on the lines that say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "safety/rule.h"

#define RULES COMB_GOLDEN "/rules"

/* A single file stands for tests/test_NAME.py, unless its first line is "# file: path". */
static void add_single(struct code_set *set, const char *path)
{
	struct err err = ERR_INIT;
	struct str text = STR_INIT, name = STR_INIT;
	assert_int_equal(fs_read(path, &text, &err), 0);
	if (text_starts_with(str_text(&text), "# file: ")) {
		const char *start = text.buf + strlen("# file: ");
		assert_int_equal(str_add(&name, start, strcspn(start, "\n")), 0);
	} else {
		assert_int_equal(str_addf(&name, "tests/test_%s", fs_base_name(path)), 0);
	}
	assert_int_equal(code_set_add(set, str_text(&name), &text, &err), 0);
	str_release(&name);
}

static bool has_finding(const struct findings *findings, const char *code, const char *path, int line)
{
	for (size_t i = 0; i < findings->list.len; i++) {
		const struct finding *finding = &findings->list.at[i];
		for (size_t p = 0; strcmp(finding->rule->code, code) == 0 && p < finding->places.len; p++)
			if (finding->places.at[p].line == line && strcmp(finding->places.at[p].path, path) == 0)
				return true;
	}
	return false;
}

/* Compares line by line; returns how many lines were expected to have a finding, or -1. */
static int check_file(const struct code *code, const struct findings *findings, const char *rule, const char *where)
{
	int expected = 0, wrong = 0, line = 1;
	char mark[32];
	snprintf(mark, sizeof(mark), "# %s", rule);
	for (const char *at = str_text(&code->text); *at; line++) {
		size_t len = strcspn(at, "\n");
		char text[400];
		snprintf(text, sizeof(text), "%.*s", (int)len, at);
		bool wanted = strstr(text, mark) != NULL;
		bool found = has_finding(findings, rule, code->path, line);
		expected += wanted;
		if (wanted != found) {
			print_error("%s (%s:%d): %s is %s\n    %s\n", where, code->path, line, rule,
				    found ? "found and should not be" : "not found", text);
			wrong++;
		}
		at += len + (at[len] == '\n');
	}
	return wrong ? -1 : expected;
}

/* One case: a file or a folder. Returns whether it holds. */
static bool check_case(const char *path, const char *rule)
{
	struct err err = ERR_INIT;
	struct code_set set = CODE_SET_INIT;
	struct findings findings = FINDINGS_INIT;
	bool is_bad = text_starts_with(fs_base_name(path), "bad"), holds = true;
	if (fs_is_dir(path))
		assert_int_equal(code_set_load(&set, path, &err), 0);
	else
		add_single(&set, path);
	assert_true(set.files.len > 0);
	assert_int_equal(rules_run(&set, &findings, &err), 0);
	int expected = 0;
	for (size_t i = 0; i < set.files.len; i++) {
		int count = check_file(&set.files.at[i], &findings, rule, path);
		holds = holds && count >= 0;
		expected += count;
	}
	if (holds && is_bad != (expected > 0)) {
		print_error("%s: a bad case expects a finding, a good one none\n", path);
		holds = false;
	}
	findings_release(&findings);
	code_set_release(&set);
	return holds;
}

struct cases {
	const char *rule;
	size_t bad, good, wrong;
};

static int visit(void *context, const char *relative, bool is_dir, struct err *err)
{
	struct cases *cases = context;
	struct str path = STR_INIT;
	assert_int_equal(str_addf(&path, "%s/%s/%s", RULES, cases->rule, relative), 0);
	bool bad = text_starts_with(relative, "bad");
	assert_true(bad || text_starts_with(relative, "good"));
	cases->bad += bad;
	cases->good += !bad;
	cases->wrong += !check_case(str_text(&path), cases->rule);
	str_release(&path);
	return 1;
}

static void test_rule_cases(void **state)
{
	const struct rule *rule;
	size_t wrong = 0, rules = 0;
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++) {
		struct cases cases = { .rule = rule->code };
		struct err err = ERR_INIT;
		char folder[600];
		if (!rule->match)
			continue;
		rules++;
		snprintf(folder, sizeof(folder), "%s/%s", RULES, rule->code);
		if (!fs_is_dir(folder)) {
			print_error("%s has no cases\n", rule->code);
			wrong++;
			continue;
		}
		assert_int_equal(fs_walk(folder, visit, &cases, &err), 0);
		if (cases.bad == 0 || cases.good == 0)
			print_error("%s needs a bad and a good case\n", rule->code);
		wrong += cases.wrong + (cases.bad == 0) + (cases.good == 0);
	}
	assert_true(rules >= 60);
	assert_int_equal(wrong, 0);
}

/* The example of a row is what the row finds, and what it does not find. */
static size_t findings_in_example(const struct rule *rule, const char *example)
{
	struct err err = ERR_INIT;
	struct code_set set = CODE_SET_INIT;
	struct findings findings = FINDINGS_INIT;
	struct str text = STR_INIT;
	static const char imports[] =
		"import asyncio, codecs, compileall, cProfile, functools, gc, locale, logging, os, psutil, pytest, "
		"random, "
		"redis, requests, shutil, signal, socket, sqlite3, subprocess, sys, threading, time, uuid, warnings\n"
		"from contextlib import contextmanager\nfrom datetime import date, datetime\n"
		"from http.server import HTTPServer\nfrom multiprocessing.shared_memory import SharedMemory\n"
		"from pathlib import Path\nfrom unittest import TestCase\n"
		"from unittest.mock import Mock, PropertyMock, patch\nfrom freezegun import freeze_time\n"
		"from sqlalchemy import create_engine\nfrom shop import app, exchange\nimport shop.net\n";
	size_t count = 0;
	bool frozen = strcmp(rule->code, "CB603") == 0;
	assert_int_equal(str_adds(&text, imports), 0);
	if (frozen) {
		char *at = strstr(text.buf, "from freezegun import freeze_time\n");
		memset(at, '#', strlen("from freezegun"));
	}
	assert_int_equal(str_adds(&text, example), 0);
	assert_int_equal(code_set_add(&set, "tests/test_example.py", &text, &err), 0);
	assert_int_equal(rules_run(&set, &findings, &err), 0);
	for (size_t i = 0; i < findings.list.len; i++)
		count += findings.list.at[i].rule == rule;
	findings_release(&findings);
	code_set_release(&set);
	return count;
}

static void test_examples(void **state)
{
	const struct rule *rule;
	size_t wrong = 0;
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++) {
		if (!rule->match || strcmp(rule->code, "CB506") == 0)
			continue;
		if (findings_in_example(rule, rule->bad) == 0) {
			print_error("%s does not find its own bad example\n", rule->code);
			wrong++;
		}
		if (findings_in_example(rule, rule->good) > 0) {
			print_error("%s finds its own good example\n", rule->code);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_table(void **state)
{
	const struct rule *rule;
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++) {
		const struct rule *next = rule_at(i + 1);
		assert_true(!next || strcmp(rule->code, next->code) < 0);
		assert_non_null(rule->title);
		assert_non_null(rule->why);
		assert_non_null(rule->remedy);
		assert_non_null(rule->bad);
		assert_non_null(rule->good);
		assert_true(rule->why[strlen(rule->why) - 1] == '.');
		assert_true(rule->bad[strlen(rule->bad) - 1] == '\n');
		assert_true(rule->good[strlen(rule->good) - 1] == '\n');
		assert_ptr_equal(rule_find(rule->code), rule);
	}
	assert_null(rule_find("CB999"));
	assert_non_null(rule_find("cb204"));
}

/* Sources from anywhere: rules must survive what no person would write. */
static void test_odd_sources(void **state)
{
	static const char *const sources[] = {
		"",
		"\n",
		"def",
		"class",
		"@",
		"import",
		"from . import",
		"x = [",
		"def f(:\n  pass",
		"\xff\xfe\x00",
		"f\"{x!r:{y}}\"",
		"lambda: (yield)",
		"del x, y[0], (z.a, [b.c])",
		"global x\nx = 1",
		"@pytest.fixture\ndef f(): yield\n",
		"class A(metaclass=M, *x, **y): pass",
		"a.b.c.d.e().f[0].g += 1",
		"with a as b, c() as (d, e):\n  b.start()",
		"match x:\n  case {'a': [b]}:\n    b.append(1)",
	};
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		struct err err = ERR_INIT;
		struct code_set set = CODE_SET_INIT;
		struct findings findings = FINDINGS_INIT;
		struct str text = STR_INIT;
		assert_int_equal(str_adds(&text, sources[i]), 0);
		assert_int_equal(code_set_add(&set, "tests/test_odd.py", &text, &err), 0);
		assert_int_equal(rules_run(&set, &findings, &err), 0);
		findings_release(&findings);
		code_set_release(&set);
	}
}

static void test_deep_nesting(void **state)
{
	static const char *const parts[][3] = {
		{ "x = ", "(", ")" },    { "x = a", ".b()", "" }, { "x = ", "[", "]" },
		{ "x = ", "not ", "y" }, { "x = 1", "+1", "" },   { "x = ", "lambda: ", "1" },
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct err err = ERR_INIT;
		struct code_set set = CODE_SET_INIT;
		struct findings findings = FINDINGS_INIT;
		struct str text = STR_INIT;
		assert_int_equal(str_adds(&text, "import pytest\ndef test_deep():\n    "), 0);
		assert_int_equal(str_adds(&text, parts[i][0]), 0);
		for (int k = 0; k < 3000; k++)
			assert_int_equal(str_adds(&text, parts[i][1]), 0);
		for (int k = 0; k < 3000; k++)
			assert_int_equal(str_adds(&text, k == 0 || parts[i][2][0] != 'y' ? parts[i][2] : ""), 0);
		assert_int_equal(code_set_add(&set, "tests/test_deep.py", &text, &err), 0);
		assert_int_equal(rules_run(&set, &findings, &err), 0);
		findings_release(&findings);
		code_set_release(&set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_cases),  cmocka_unit_test(test_examples),     cmocka_unit_test(test_table),
		cmocka_unit_test(test_odd_sources), cmocka_unit_test(test_deep_nesting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
