/*
 * suite_dump: what suite_run() sees of a project, as JSON, for the tests in
 * tests/e2e/test_suite.py.
 *
 *   suite_dump PROJECT PYTHON [setting=value ...] [-- pytest arguments]
 *   settings: workers, comb (workers of comb's engine), dist, seed, timeout, footprint, collect, plain, markers,
 *   order (indexes: 3,1,2)
 *
 * Texts are printed as percent-escaped UTF-8, as in a record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "project/record_line.h"
#include "project/suite.h"

#include "base/banned.h"

static json_t *text(const char *bytes)
{
	struct record_line line = RECORD_LINE_INIT;
	if (!bytes)
		return json_null();
	record_line_begin(&line, "x");
	record_line_text(&line, "t", bytes, strlen(bytes));
	str_addc(&line.text, '}');
	json_t *object = json_loads(line.text.buf, 0, NULL);
	json_t *value = json_incref(json_object_get(object, "t"));
	json_decref(object);
	record_line_release(&line);
	return value;
}

static json_t *texts(const struct strings *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->len; i++)
		json_array_append_new(array, text(list->at[i]));
	return array;
}

static json_t *test_json(const struct test *test)
{
	return json_pack("{so so so so so so si sb so so so so so ss so sf sf sf si si}", "id", text(test->id), "path",
			 text(test->path), "kind", text(test->kind), "class", text(test->module_class), "function",
			 text(test->function), "source_path", text(test->source_path), "source_line", test->source_line,
			 "in_source", test->in_source, "bases", texts(&test->bases), "marks", texts(&test->marks),
			 "fixtures", texts(&test->fixtures), "scope", text(test->widest_scope), "group",
			 text(test->group), "outcome", outcome_name(test->outcome), "failure", text(test->failure),
			 "setup_s", test->setup_s, "call_s", test->call_s, "teardown_s", test->teardown_s, "worker",
			 test->worker, "order", test->order);
}

static json_t *run_json(const struct suite_run *run)
{
	json_t *tests = json_array(), *touches = json_array(), *errors = json_array();
	for (size_t i = 0; i < run->tests.len; i++)
		json_array_append_new(tests, test_json(&run->tests.at[i]));
	for (size_t i = 0; i < run->touches.len; i++) {
		const struct touch *touch = &run->touches.at[i];
		char phase[] = { touch->phase, '\0' };
		json_array_append_new(touches, json_pack("{sI ss ss so so si}", "test",
							 touch->test == SIZE_MAX ? (json_int_t)-1 : (json_int_t)touch->test,
							 "kind", touch_kind_name(touch->kind), "phase", phase, "what",
							 text(touch->what), "file", text(touch->file), "line", touch->line));
	}
	for (size_t i = 0; i < run->collect_errors.len; i++) {
		const struct collect_error *error = &run->collect_errors.at[i];
		json_array_append_new(errors, json_pack("{so si so}", "path", text(error->path), "line", error->line,
							"text", text(error->text)));
	}
	return json_pack("{so so so si sb sb sf sf so}", "tests", tests, "touches", touches, "collect_errors", errors,
			 "exit", run->exit_code, "timed_out", run->timed_out, "green", suite_is_green(run), "wall_s",
			 run->wall_s, "collect_s", run->collect_s, "output", text(str_text(&run->output)));
}

/* "3,1,2" */
static void set_order(struct suite_options *options, const char *value)
{
	static size_t order[1000];
	options->order = order;
	for (char *end; *value && options->order_count < 1000; value = end + (*end == ',')) {
		order[options->order_count] = strtoul(value, &end, 10);
		if (end == value)
			break;
		options->order_count++;
	}
}

static void set(struct suite_options *options, const char *setting)
{
	size_t len = strcspn(setting, "=");
	const char *value = setting[len] ? setting + len + 1 : "";
	struct slice name = { setting, len };
	if (slice_equals(name, "workers")) {
		options->engine = ENGINE_XDIST;
		options->workers = atoi(value);
	} else if (slice_equals(name, "comb")) {
		options->engine = ENGINE_COMB;
		options->workers = atoi(value);
	} else if (slice_equals(name, "dist"))
		options->dist = value;
	else if (slice_equals(name, "seed"))
		options->shuffle_seed = strtoull(value, NULL, 10);
	else if (slice_equals(name, "order"))
		set_order(options, value);
	else if (slice_equals(name, "timeout"))
		clock_parse_duration(value, &options->timeout_s);
	else if (slice_equals(name, "footprint"))
		options->footprint = true;
	else if (slice_equals(name, "collect"))
		options->collect_only = true;
	else if (slice_equals(name, "plain"))
		options->plain = true;
	else if (slice_equals(name, "markers"))
		options->markers = value;
	else
		fprintf(stderr, "unknown setting %s\n", setting);
}

static void show_progress(void *context, size_t done, size_t total, const char *running)
{
	(void)context;
	fprintf(stderr, "progress %zu/%zu %s\n", done, total, running ? running : "-");
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	cleanup_strings struct strings arguments = STRINGS_INIT;
	struct suite_options options = { .arguments = &arguments, .on_progress = show_progress };
	bool rest = false;
	for (int i = 3; i < argc; i++) {
		if (rest)
			strings_add(&arguments, argv[i]);
		else if (strcmp(argv[i], "--") == 0)
			rest = true;
		else
			set(&options, argv[i]);
	}
	if (argc < 3 || project_open(&project, argv[1], argv[2], &err) < 0 || suite_run(&project, &options, &run, &err) < 0) {
		json_t *error = json_pack("{so si so si so}", "error", text(err.text), "status", err_exit_status(&err),
					  "file", text(err.file), "line", err.line, "hint", text(err.hint));
		json_dumpf(error, stdout, JSON_INDENT(1));
		json_decref(error);
		return 1;
	}
	json_t *dump = run_json(&run);
	json_dumpf(dump, stdout, JSON_INDENT(1));
	json_decref(dump);
	return 0;
}
