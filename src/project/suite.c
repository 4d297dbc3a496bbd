#include "project/suite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/os.h"
#include "base/proc.h"
#include "project/recording.h"
#include "project/refusal.h"
#include "project/suite_command.h"

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
	struct suite_command command;
	struct recording recording;
	struct err tick_err;  /* of a failed look into the record while it was written */
};

static void session_release(struct session *session)
{
	suite_command_release(&session->command);
	recording_release(&session->recording);
}
#define cleanup_session __attribute__((cleanup(session_release)))

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

static int prepare(struct session *session, struct err *err)
{
	cleanup_str struct str record = STR_INIT;
	if (suite_command_make(&session->command, session->project, session->options, err) < 0)
		return -1;
	if (fs_join(&record, session->command.scratch.path.buf, "record") < 0)
		return err_no_memory(err);
	return recording_open(&session->recording, record.buf, err);
}

static int run_pytest(struct session *session, struct proc_result *result, struct err *err)
{
	const struct suite_options *options = session->options;
	bool watched = options->on_progress && !options->plain;
	struct proc_options how = {
		.cwd = session->command.cwd,
		.env = &session->command.env,
		.timeout_s = options->timeout_s,
		.merge_stderr = true,
		.on_tick = watched ? on_tick : NULL,
		.on_tick_context = session,
		.tick_s = TICK_S,
	};
	if (options->interactive) {
		how.merge_stderr = false;
		how.inherit_output = how.inherit_input = true;
		how.output_to_stderr = options->output_to_stderr;
		how.foreground = isatty(0) || isatty(1) || isatty(2);
		how.grace_s = INTERACTIVE_GRACE_S;
	}
	return proc_run((const char *const *)session->command.argv.at, &how, result, err);
}

static int judge(struct session *session, struct err *err)
{
	struct suite_run *run = session->run;
	const int usage_error = 4;
	if (session->options->plain)
		return run->exit_code == usage_error ? refusal_read(session->project, str_text(&run->output), "--collect-only", err) : 0;
	if (recording_poll(&session->recording, run, err) < 0)
		return -1;
	bool stillborn = !recording_began(&session->recording) && !run->timed_out;
	if (session->options->interactive)
		return recording_finish(&session->recording, run, run->timed_out, err);
	if (stillborn || (run->exit_code == usage_error && run->tests.len == 0))
		return refusal_read(session->project, str_text(&run->output), "--collect-only", err);
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
	cleanup_session struct session session = { .project = project, .options = options, .run = run, .command = SUITE_COMMAND_INIT,
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

void test_move_result(struct test *to, struct test *from)
{
	to->outcome = from->outcome;
	to->setup_s = from->setup_s;
	to->call_s = from->call_s;
	to->teardown_s = from->teardown_s;
	to->worker = from->worker;
	to->order = from->order;
	free(to->failure);
	to->failure = steal_pointer(&from->failure);
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

static bool is_broken(const struct suite_run *run, const char *path)
{
	for (size_t i = 0; i < run->collect_errors.len; i++)
		if (text_equals(run->collect_errors.at[i].path, path))
			return true;
	return false;
}

const char *suite_broken_only(const struct suite_run *run, const struct suite_run *other)
{
	for (size_t i = 0; i < run->collect_errors.len; i++)
		if (!is_broken(other, run->collect_errors.at[i].path))
			return run->collect_errors.at[i].path ? run->collect_errors.at[i].path : "";
	return NULL;
}

/* Bytes of a node id without its parameters. A bracket in the name of a file begins none. */
static size_t function_length(const char *id)
{
	const char *name = strstr(id, "::");
	return name ? strcspn(name, "[") + (size_t)(name - id) : strlen(id);
}

bool suite_same_function(const char *a, const char *b)
{
	size_t length = function_length(a);
	return length == function_length(b) && memcmp(a, b, length) == 0;
}

/* A test's place, sorted by its key and then by index. */
struct place {
	const char *key; /* the first bytes of its id */
	size_t length;
	size_t index;
};

struct places {
	struct place *at;
	size_t len;
};

static int compare_keys(const struct place *a, const struct place *b)
{
	int order = memcmp(a->key, b->key, a->length < b->length ? a->length : b->length);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = compare_keys(x, y);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* All tests by their ids; or those that are not taken and have parameters, by their functions. */
static int sort_places(const struct suite_run *run, const bool *taken, struct places *places)
{
	places->at = os_calloc(run->tests.len + 1, sizeof(*places->at));
	if (!places->at)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		const char *id = run->tests.at[i].id;
		size_t whole = strlen(id), length = taken ? function_length(id) : whole;
		if (!taken || (!taken[i] && length < whole))
			places->at[places->len++] = (struct place){ id, length, i };
	}
	qsort(places->at, places->len, sizeof(*places->at), compare_places);
	return 0;
}

/* How many places from index on have one key. */
static size_t count_equal(const struct places *places, size_t index)
{
	size_t end = index;
	while (end < places->len && compare_keys(&places->at[index], &places->at[end]) == 0)
		end++;
	return end - index;
}

/* Equal keys meet in the order of their indexes; exact: only where there are as many in both. */
static void pair_places(const struct places *a, const struct places *b, bool exact, size_t *match)
{
	for (size_t i = 0, j = 0; i < a->len && j < b->len;) {
		int order = compare_keys(&a->at[i], &b->at[j]);
		size_t in_a = count_equal(a, i), in_b = count_equal(b, j);
		for (size_t n = 0; order == 0 && n < in_a && n < in_b && (!exact || in_a == in_b); n++)
			match[b->at[j + n].index] = a->at[i + n].index;
		i += order <= 0 ? in_a : 0;
		j += order >= 0 ? in_b : 0;
	}
}

/* One pass over what is not taken yet (NULL: over everything). */
static int match_pass(const struct suite_run *a, const struct suite_run *b, const bool *taken_a, const bool *taken_b,
		      size_t *match)
{
	struct places in_a = { NULL, 0 }, in_b = { NULL, 0 };
	int failed = sort_places(a, taken_a, &in_a) < 0 || sort_places(b, taken_b, &in_b) < 0 ? -1 : 0;
	if (!failed)
		pair_places(&in_a, &in_b, taken_a != NULL, match);
	free(in_a.at);
	free(in_b.at);
	return failed;
}

size_t *suite_match(const struct suite_run *a, const struct suite_run *b)
{
	cleanup_free bool *taken_a = os_calloc(a->tests.len + 1, sizeof(bool));
	cleanup_free bool *taken_b = os_calloc(b->tests.len + 1, sizeof(bool));
	size_t *match = os_calloc(b->tests.len + 1, sizeof(*match));
	if (!taken_a || !taken_b || !match)
		goto no_memory;
	for (size_t i = 0; i < b->tests.len; i++)
		match[i] = SIZE_MAX;
	if (match_pass(a, b, NULL, NULL, match) < 0)
		goto no_memory;
	for (size_t i = 0; i < b->tests.len; i++)
		if (match[i] != SIZE_MAX)
			taken_b[i] = taken_a[match[i]] = true;
	if (match_pass(a, b, taken_a, taken_b, match) == 0)
		return match;
no_memory:
	free(match);
	return NULL;
}
