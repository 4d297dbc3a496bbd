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
