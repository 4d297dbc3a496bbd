#include "project/suite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"
#include "project/plugin_dir.h"
#include "project/recording.h"

#include "base/banned.h"

#define TICK_S 0.2
#define INTERACTIVE_GRACE_S 30 /* for fixtures and the summary, after an interrupt */

static const struct {
	const char *name;
	bool good;
} outcomes[] = {
	[TEST_NOT_RUN] = { "not run", false }, [TEST_PASSED] = { "passed", true },
	[TEST_FAILED] = { "failed", false },   [TEST_ERROR] = { "error", false },
	[TEST_SKIPPED] = { "skipped", true },  [TEST_XFAILED] = { "xfailed", true },
	[TEST_XPASSED] = { "xpassed", true },  [TEST_CRASHED] = { "crashed", false },
};
#define OUTCOME_COUNT (sizeof(outcomes) / sizeof(*outcomes))

/* Nothing of an outer pytest run may reach the inner one. */
static const char *const outer_variables[] = {
	"PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID", "PYTEST_CURRENT_TEST",
	"COMB_RECORD", "COMB_FOOTPRINT", "COMB_SHUFFLE", "COMB_ORDER", "COMB_KEEP_ORDER", "COMB_WHOLE",
};

const char *outcome_name(enum outcome outcome)
{
	return (size_t)outcome < OUTCOME_COUNT ? outcomes[outcome].name : "unknown";
}

int outcome_parse(const char *name, enum outcome *outcome)
{
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		if (strcmp(outcomes[i].name, name) == 0) {
			*outcome = (enum outcome)i;
			return 0;
		}
	return -1;
}

bool outcome_is_good(enum outcome outcome)
{
	return (size_t)outcome < OUTCOME_COUNT && outcomes[outcome].good;
}

/* Everything one run needs; the folder goes away with it. */
struct session {
	const struct project *project;
	const struct suite_options *options;
	struct suite_run *run;
	struct str dir;       /* temporary: plugin/, record/, cache/ */
	struct strings argv, env;
	struct recording recording;
	struct err tick_err;  /* of a failed look into the record while it was written */
};

static void session_release(struct session *session)
{
	struct err ignored = ERR_INIT;
	if (session->dir.len > 0)
		fs_remove_all(session->dir.buf, &ignored);
	str_release(&session->dir);
	strings_release(&session->argv);
	strings_release(&session->env);
	recording_release(&session->recording);
}
#define cleanup_session __attribute__((cleanup(session_release)))

/* The order plugin is needed where an order is asked for, or where some plugin would shuffle. */
static bool wants_order(const struct session *session)
{
	return !session->options->plain || session->options->shuffle_seed || session->options->order ||
	       project_plugin(session->project, "pytest-randomly") ||
	       project_plugin(session->project, "pytest-random-order");
}

static bool has_workers_option(const struct project *project)
{
	return project_plugin(project, "pytest-xdist") || project_plugin(project, "pytest-comb");
}

static int add_engine(struct session *session, struct strings *argv)
{
	const struct suite_options *options = session->options;
	int failed = 0;
	if (options->engine == ENGINE_SERIAL) {
		if (!options->keep_addopts && has_workers_option(session->project))
			failed = strings_add(argv, "-n0") < 0 || strings_add(argv, "--dist=no") < 0;
		return failed ? -1 : 0;
	}
	if (options->engine == ENGINE_COMB)
		failed = strings_add(argv, "-p") < 0 || strings_add(argv, "pytest_comb.plugin") < 0 ||
			 strings_add(argv, "--comb") < 0;
	if (!failed && (options->workers > 0 || !options->keep_addopts))
		failed = strings_addf(argv, "-n%d", options->workers) < 0;
	if (!failed && options->dist)
		failed = strings_addf(argv, "--dist=%s", options->dist) < 0;
	return failed ? -1 : 0;
}

static int add_plugins(struct session *session, struct strings *argv)
{
	if (wants_order(session) && (strings_add(argv, "-p") < 0 || strings_add(argv, "pytest_comb.order") < 0))
		return -1;
	if (!session->options->plain && (strings_add(argv, "-p") < 0 || strings_add(argv, "pytest_comb.observe") < 0))
		return -1;
	return 0;
}

static int build_argv(struct session *session, struct err *err)
{
	const struct suite_options *options = session->options;
	struct strings *argv = &session->argv;
	int failed = strings_add(argv, session->project->python) < 0 || strings_add(argv, "-m") < 0 ||
		     strings_add(argv, "pytest") < 0 || add_plugins(session, argv) < 0 || add_engine(session, argv) < 0;
	/* An own, empty cache: --lf and --ff of addopts see no history, and the user's is left alone. */
	if (!failed && !options->interactive)
		failed = strings_add(argv, "-o") < 0 || strings_addf(argv, "cache_dir=%s/cache", session->dir.buf) < 0;
	if (!failed && options->markers)
		failed = strings_add(argv, "-m") < 0 || strings_add(argv, options->markers) < 0;
	if (!failed && options->collect_only)
		failed = strings_add(argv, "--collect-only") < 0 || strings_add(argv, "-q") < 0;
	for (size_t i = 0; !failed && options->arguments && i < options->arguments->len; i++)
		failed = strings_add(argv, options->arguments->at[i]) < 0;
	return failed ? err_no_memory(err) : 0;
}

/* As if the virtual environment had been activated. */
static int add_environment_folder(struct session *session)
{
	const char *folder = session->project->environment, *path = getenv("PATH");
	if (!folder)
		return 0;
	if (strings_addf(&session->env, "VIRTUAL_ENV=%s", folder) < 0)
		return -1;
	return strings_addf(&session->env, "PATH=%s/bin%s%s", folder, path ? ":" : "", path ? path : "");
}

static int add_plugin_path(struct session *session, const char *plugin_parent)
{
	const char *path = getenv("PYTHONPATH");
	if (strings_addf(&session->env, "COMB_SAVED_PYTHONPATH=%s", path ? path : "") < 0)
		return -1;
	return strings_addf(&session->env, "PYTHONPATH=%s%s%s", plugin_parent, path && path[0] ? ":" : "", path ? path : "");
}

static int add_plugin_settings(struct session *session)
{
	const struct suite_options *options = session->options;
	int failed = 0;
	if (!options->plain)
		failed = strings_addf(&session->env, "COMB_RECORD=%s/record", session->dir.buf) < 0;
	if (!failed && options->footprint)
		failed = strings_add(&session->env, "COMB_FOOTPRINT=1") < 0;
	if (!failed && options->whole)
		failed = strings_add(&session->env, "COMB_WHOLE=1") < 0;
	if (!failed && options->shuffle_seed)
		failed = strings_addf(&session->env, "COMB_SHUFFLE=%llu", (unsigned long long)options->shuffle_seed) < 0;
	if (!failed && options->order)
		failed = strings_addf(&session->env, "COMB_ORDER=%s/order", session->dir.buf) < 0;
	if (!failed && options->interactive)
		failed = strings_add(&session->env, "COMB_KEEP_ORDER=1") < 0;
	return failed ? -1 : 0;
}

static int build_env(struct session *session, struct err *err)
{
	const struct suite_options *options = session->options;
	cleanup_str struct str plugin_parent = STR_INIT;
	int failed = 0;
	for (size_t i = 0; !failed && i < sizeof(outer_variables) / sizeof(*outer_variables); i++)
		failed = strings_add(&session->env, outer_variables[i]) < 0;
	failed = failed || add_environment_folder(session) < 0 || add_plugin_settings(session) < 0;
	for (size_t i = 0; !failed && options->env && i < options->env->len; i++)
		failed = strings_add(&session->env, options->env->at[i]) < 0;
	if (failed)
		return err_no_memory(err);
	if (options->plain && !wants_order(session) && options->engine != ENGINE_COMB)
		return 0;
	if (plugin_dir_link(session->dir.buf, &plugin_parent, err) < 0)
		return -1;
	return add_plugin_path(session, plugin_parent.buf) < 0 ? err_no_memory(err) : 0;
}

static void on_tick(void *context)
{
	struct session *session = context;
	const struct suite_options *options = session->options;
	struct recording *recording = &session->recording;
	if (session->tick_err.kind != ERR_NONE || recording_poll(recording, session->run, &session->tick_err) < 0)
		return;
	const char *running = recording->running < session->run->tests.len ?
				      session->run->tests.at[recording->running].id : NULL;
	options->on_progress(options->on_progress_context, recording->finished, recording->expected, running);
}

/* The order asked for, one index a line, where every process of the run can read it. */
static int write_order(struct session *session, struct err *err)
{
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	if (!session->options->order)
		return 0;
	if (fs_join(&path, session->dir.buf, "order") < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < session->options->order_count; i++)
		if (str_addf(&text, "%zu\n", session->options->order[i]) < 0)
			return err_no_memory(err);
	return fs_write(path.buf, str_slice(&text), err);
}

static int prepare(struct session *session, struct err *err)
{
	cleanup_str struct str record = STR_INIT;
	if (fs_make_temp_dir("comb-run-", &session->dir, err) < 0)
		return -1;
	if (fs_join(&record, session->dir.buf, "record") < 0)
		return err_no_memory(err);
	if (fs_make_dirs(record.buf, err) < 0 || recording_open(&session->recording, record.buf, err) < 0 ||
	    write_order(session, err) < 0)
		return -1;
	return build_argv(session, err) < 0 || build_env(session, err) < 0 ? -1 : 0;
}

static int run_pytest(struct session *session, struct proc_result *result, struct err *err)
{
	const struct suite_options *options = session->options;
	bool watched = options->on_progress && !options->plain;
	struct proc_options how = {
		.cwd = session->project->path ? session->project->path : session->project->root,
		.env = &session->env,
		.timeout_s = options->timeout_s,
		.merge_stderr = true,
		.on_tick = watched ? on_tick : NULL,
		.on_tick_context = session,
		.tick_s = TICK_S,
	};
	if (options->interactive) {
		how.cwd = session->project->path;
		how.merge_stderr = false;
		how.inherit_output = how.inherit_input = true;
		how.output_to_stderr = options->output_to_stderr;
		how.foreground = isatty(0) || isatty(1) || isatty(2);
		how.grace_s = INTERACTIVE_GRACE_S;
	}
	return proc_run((const char *const *)session->argv.at, &how, result, err);
}

/* The line behind the last "path:LINE:" of pytest's short traceback that stands below root; 0 if there is none. */
static int blamed_line(const char *output, const char *path, const char *root)
{
	size_t root_len = strlen(root);
	const char *name = strncmp(path, root, root_len) == 0 ? path + root_len + 1 : path;
	int line = 0;
	for (const char *at = output; (at = strstr(at, name)); at++) {
		const char *tail = at + strlen(name);
		int n = tail[0] == ':' ? atoi(tail + 1) : 0;
		n = strncmp(tail, "\", line ", 8) == 0 ? atoi(tail + 8) : n;
		line = n > 0 ? n : line;
	}
	return line;
}

/* "ImportError while loading conftest '/p/conftest.py'." */
static bool conftest_error(struct session *session, struct err *err)
{
	static const char intro[] = "while loading conftest '";
	const char *output = str_text(&session->run->output);
	const char *start = strstr(output, intro);
	const char *end = start ? strchr(start + sizeof(intro) - 1, '\'') : NULL;
	cleanup_str struct str path = STR_INIT;
	if (!end || str_add(&path, start + sizeof(intro) - 1, (size_t)(end - start) - (sizeof(intro) - 1)) < 0)
		return false;
	err_set_at(err, ERR_INPUT, path.buf, blamed_line(end, path.buf, session->project->root),
		   "pytest cannot load a conftest file");
	return true;
}

/* The most telling line of what pytest said when it did not start. */
static void complaint(const char *output, struct str *out)
{
	static const char *const marks[] = { ": error: ", "ERROR: ", "E   ", "Error: " };
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		const char *at = strstr(output, marks[i]);
		if (at) {
			at += i < 2 ? strlen(marks[i]) : 0;
			str_add_printable(out, at, strcspn(at, "\n"));
			return;
		}
	}
	while (*output == '\n')
		output++;
	str_add_printable(out, output, strcspn(output, "\n"));
}

static int could_not_start(struct session *session, struct err *err)
{
	const char *output = str_text(&session->run->output);
	cleanup_str struct str said = STR_INIT;
	if (conftest_error(session, err))
		goto hint;
	complaint(output, &said);
	if (strstr(output, "comb's extension cannot be loaded")) {
		err_set(err, ERR_ENVIRONMENT, "%s", str_text(&said));
		return err_hint(err, "build comb for this interpreter, or choose another with --python");
	}
	if (strstr(output, "No module named pytest"))
		return err_set(err, ERR_ENVIRONMENT, "%s has no pytest", session->project->python);
	err_set(err, ERR_INPUT, "pytest could not start: %s", str_text(&said));
hint:
	return err_hint(err, "see what `%s -m pytest --collect-only` says in %s", session->project->python,
			session->project->root);
}

static int judge(struct session *session, struct err *err)
{
	struct suite_run *run = session->run;
	const int usage_error = 4;
	if (session->options->plain)
		return run->exit_code == usage_error ? could_not_start(session, err) : 0;
	if (recording_poll(&session->recording, run, err) < 0)
		return -1;
	bool stillborn = !recording_began(&session->recording) && !run->timed_out;
	if (session->options->interactive)
		return recording_finish(&session->recording, run, run->timed_out, err);
	if (stillborn || (run->exit_code == usage_error && run->tests.len == 0))
		return could_not_start(session, err);
	return recording_finish(&session->recording, run, run->timed_out, err);
}

static void test_release(struct test *test)
{
	char *texts[] = { test->id, test->path, test->kind, test->module_class, test->function, test->source_path,
			  test->widest_scope, test->group, test->failure };
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(texts[i]);
	strings_release(&test->bases);
	strings_release(&test->marks);
	strings_release(&test->fixtures);
	strings_release(&test->requested);
	strings_release(&test->barred);
}

/* After an interrupt: what was recorded, as far as it goes; no tests where collection had not ended. */
static void salvage(struct session *session)
{
	struct suite_run *run = session->run;
	struct err ignored = ERR_INIT;
	if (!session->options->plain && recording_poll(&session->recording, run, &ignored) == 0 &&
	    recording_finish(&session->recording, run, true, &ignored) == 0)
		return;
	for (size_t i = 0; i < run->tests.len; i++)
		test_release(&run->tests.at[i]);
	vec_release(&run->tests);
}

int suite_run(const struct project *project, const struct suite_options *options, struct suite_run *run,
	      struct err *err)
{
	cleanup_session struct session session = { .project = project, .options = options, .run = run,
						   .recording = RECORDING_INIT };
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	suite_run_release(run);
	if (prepare(&session, err) < 0)
		return -1;
	int failed = run_pytest(&session, &result, err);
	run->exit_code = result.exit_code;
	run->signal = result.signal;
	run->cpu_s = result.cpu_s;
	run->max_rss_bytes = result.max_rss_bytes;
	run->timed_out = result.timed_out;
	run->watched = options->footprint && !options->plain;
	run->wall_s = result.wall_s;
	run->output = result.out;
	result.out = (struct str)STR_INIT;
	if (failed) {
		salvage(&session);
		return -1;
	}
	return judge(&session, err);
}

void suite_run_release(struct suite_run *run)
{
	for (size_t i = 0; i < run->tests.len; i++)
		test_release(&run->tests.at[i]);
	for (size_t i = 0; i < run->touches.len; i++) {
		free(run->touches.at[i].what);
		free(run->touches.at[i].file);
		free(run->touches.at[i].fixture);
	}
	for (size_t i = 0; i < run->fixture_setups.len; i++) {
		free(run->fixture_setups.at[i].name);
		free(run->fixture_setups.at[i].scope);
		free(run->fixture_setups.at[i].base);
	}
	for (size_t i = 0; i < run->collect_errors.len; i++) {
		free(run->collect_errors.at[i].path);
		free(run->collect_errors.at[i].text);
	}
	strings_release(&run->markers);
	vec_release(&run->tests);
	vec_release(&run->touches);
	vec_release(&run->fixture_setups);
	vec_release(&run->collect_errors);
	str_release(&run->output);
	*run = (struct suite_run)SUITE_RUN_INIT;
}

struct suite_counts suite_count(const struct suite_run *run)
{
	struct suite_counts counts = { .collected = run->tests.len };
	for (size_t i = 0; i < run->tests.len; i++) {
		enum outcome outcome = run->tests.at[i].outcome;
		if (outcome == TEST_NOT_RUN)
			continue;
		counts.ran++;
		if (outcome == TEST_PASSED)
			counts.passed++;
		else if (outcome == TEST_SKIPPED)
			counts.skipped++;
		else if (outcome_is_good(outcome))
			counts.other++;
		else
			counts.failed++;
	}
	return counts;
}

bool suite_is_green(const struct suite_run *run)
{
	struct suite_counts counts = suite_count(run);
	return run->exit_code == 0 && counts.failed == 0 && run->collect_errors.len == 0 && counts.ran == counts.collected;
}

/* A test's place, sorted by id and then by index. */
struct place {
	const char *id;
	size_t index;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static struct place *sorted_places(const struct suite_run *run)
{
	struct place *places = os_calloc(run->tests.len + 1, sizeof(*places));
	for (size_t i = 0; places && i < run->tests.len; i++)
		places[i] = (struct place){ run->tests.at[i].id, i };
	if (places)
		qsort(places, run->tests.len, sizeof(*places), compare_places);
	return places;
}

size_t *suite_match(const struct suite_run *a, const struct suite_run *b)
{
	cleanup_free struct place *in_a = sorted_places(a), *in_b = sorted_places(b);
	size_t *match = os_calloc(b->tests.len + 1, sizeof(*match));
	if (!in_a || !in_b || !match) {
		free(match);
		return NULL;
	}
	/* Both lists are sorted: equal ids meet in the order of their indexes. */
	for (size_t i = 0, j = 0; j < b->tests.len;) {
		int order = i < a->tests.len ? strcmp(in_a[i].id, in_b[j].id) : 1;
		if (order < 0) {
			i++;
		} else {
			match[in_b[j].index] = order == 0 ? in_a[i++].index : SIZE_MAX;
			j++;
		}
	}
	return match;
}
