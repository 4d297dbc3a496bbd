#include "project/recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

#define NO_TEST SIZE_MAX
/* More than any suite has; a number above it is no index. */
#define MOST_TESTS 50000000

/* What a line is read with. */
struct reader {
	struct recording *recording;
	struct record_file *file;
	struct suite_run *run;
	struct err *err;
};

typedef int event_reader(struct reader *reader, json_t *line);

/* A text of a line, decoded, owned by the caller; NULL in *out for null. */
static int get_text(struct reader *reader, json_t *line, const char *key, char **out)
{
	const char *escaped = json_string_value(json_object_get(line, key));
	cleanup_str struct str text = STR_INIT;
	*out = NULL;
	if (!escaped)
		return 0;
	if (record_text_decode(&text, escaped) < 0 || !(*out = str_steal(&text)))
		return err_no_memory(reader->err);
	return 0;
}

static int get_list(struct reader *reader, json_t *line, const char *key, struct strings *out)
{
	json_t *list = json_object_get(line, key), *element;
	cleanup_str struct str text = STR_INIT;
	size_t i;
	json_array_foreach(list, i, element) {
		const char *escaped = json_string_value(element);
		if (record_text_decode(&text, escaped ? escaped : "") < 0 || strings_add(out, str_text(&text)) < 0)
			return err_no_memory(reader->err);
	}
	return 0;
}

static long long get_integer(json_t *line, const char *key, long long otherwise)
{
	json_t *value = json_object_get(line, key);
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static double get_seconds(json_t *line, const char *key)
{
	return (double)get_integer(line, key, 0) / 1e9;
}

/* tests[0 .. count) exist afterwards. */
static int grow_tests(struct reader *reader, size_t count)
{
	while (reader->run->tests.len < count) {
		struct test test = { .worker = -1, .order = -1 };
		if (vec_push(&reader->run->tests, test) < 0)
			return err_no_memory(reader->err);
	}
	while (reader->recording->attempts.len < count)
		if (vec_push(&reader->recording->attempts, (struct attempt){ 0 }) < 0)
			return err_no_memory(reader->err);
	return 0;
}

/* The test that a line is about. */
static int get_test(struct reader *reader, json_t *line, struct test **test, struct attempt **attempt)
{
	long long index = get_integer(line, "test", -1);
	if (index < 0 || index >= MOST_TESTS)
		return err_set(reader->err, ERR_INTERNAL, "the record %s names no test", reader->file->path);
	if (grow_tests(reader, (size_t)index + 1) < 0)
		return -1;
	*test = &reader->run->tests.at[index];
	*attempt = &reader->recording->attempts.at[index];
	return 0;
}

static int read_begin(struct reader *reader, json_t *line)
{
	reader->file->began = true;
	free(reader->file->worker);
	return get_text(reader, line, "worker", &reader->file->worker);
}

static int read_item(struct reader *reader, json_t *line)
{
	struct test *test;
	struct attempt *attempt;
	if (get_test(reader, line, &test, &attempt) < 0)
		return -1;
	if (test->id)
		return 0;
	test->source_line = (int)get_integer(line, "source_line", 0);
	test->in_source = json_is_true(json_object_get(line, "in_source"));
	struct {
		const char *key;
		char **into;
	} texts[] = {
		{ "id", &test->id },
		{ "path", &test->path },
		{ "kind", &test->kind },
		{ "class", &test->module_class },
		{ "function", &test->function },
		{ "source_path", &test->source_path },
		{ "scope", &test->widest_scope },
		{ "group", &test->group },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (get_text(reader, line, texts[i].key, texts[i].into) < 0)
			return -1;
	if (get_list(reader, line, "bases", &test->bases) < 0 || get_list(reader, line, "marks", &test->marks) < 0)
		return -1;
	if (get_list(reader, line, "fixtures", &test->fixtures) < 0)
		return -1;
	if (get_list(reader, line, "requested", &test->requested) < 0)
		return -1;
	return get_list(reader, line, "barred", &test->barred);
}

static int read_session(struct reader *reader, json_t *line)
{
	(void)line;
	reader->file->in_session = true;
	return 0;
}

/* All that is known of the tests until their results are told. */
static int read_ids(struct reader *reader, json_t *line)
{
	cleanup_strings struct strings ids = STRINGS_INIT;
	if (get_list(reader, line, "ids", &ids) < 0)
		return -1;
	for (size_t i = 0; i < ids.len && i < reader->run->tests.len; i++) {
		struct test *test = &reader->run->tests.at[i];
		if (!test->id && !(test->id = os_strdup(ids.at[i])))
			return err_no_memory(reader->err);
	}
	return 0;
}

static int read_collected(struct reader *reader, json_t *line)
{
	long long count = get_integer(line, "count", 0);
	double seconds = get_seconds(line, "duration_ns");
	if (count < 0 || count >= MOST_TESTS)
		return err_set(reader->err, ERR_INTERNAL, "the record %s counts no tests", reader->file->path);
	reader->file->collected = true;
	reader->file->count = (size_t)count;
	if (reader->file->count > reader->recording->expected)
		reader->recording->expected = reader->file->count;
	if (seconds > reader->run->collect_s)
		reader->run->collect_s = seconds;
	if (reader->run->markers.len == 0 && get_list(reader, line, "markers", &reader->run->markers) < 0)
		return -1;
	return grow_tests(reader, (size_t)count) < 0 ? -1 : read_ids(reader, line);
}

static bool same_collect_error(const struct collect_error *a, const struct collect_error *b)
{
	return a->line == b->line && text_equals(a->path, b->path) && text_equals(a->text, b->text);
}

static void collect_error_release(struct collect_error *error)
{
	free(error->path);
	free(error->text);
}

/* Every worker collects, and meets the same errors. */
static int read_collect_error(struct reader *reader, json_t *line)
{
	struct collect_error error = { .line = (int)get_integer(line, "line", 0) };
	if (get_text(reader, line, "path", &error.path) < 0 || get_text(reader, line, "text", &error.text) < 0) {
		collect_error_release(&error);
		return -1;
	}
	for (size_t i = 0; i < reader->run->collect_errors.len; i++)
		if (same_collect_error(&reader->run->collect_errors.at[i], &error)) {
			collect_error_release(&error);
			return 0;
		}
	if (vec_push(&reader->run->collect_errors, error) < 0) {
		collect_error_release(&error);
		return err_no_memory(reader->err);
	}
	return 0;
}

static int worker_number(const char *worker)
{
	return worker && text_starts_with(worker, "gw") ? atoi(worker + 2) : -1;
}

static int read_start(struct reader *reader, json_t *line)
{
	struct test *test;
	struct attempt *attempt;
	if (get_test(reader, line, &test, &attempt) < 0)
		return -1;
	test->worker = worker_number(reader->file->worker);
	test->order = reader->file->started++;
	reader->file->current = reader->recording->running = (size_t)(test - reader->run->tests.at);
	return 0;
}

/* A new attempt (a test that is run again) forgets the one before; the last counts. */
static void begin_attempt(struct test *test, struct attempt *attempt)
{
	*attempt = (struct attempt){ .outcome = TEST_NOT_RUN };
	test->setup_s = test->call_s = test->teardown_s = 0;
	free(test->failure);
	test->failure = NULL;
}

/* Duration and verdict of one phase. */
static void note_phase(struct test *test, struct attempt *attempt, json_t *line)
{
	const char *when = json_string_value(json_object_get(line, "when"));
	const char *outcome = json_string_value(json_object_get(line, "outcome"));
	bool xfail = json_is_true(json_object_get(line, "xfail")), part = json_is_true(json_object_get(line, "part"));
	bool failed = text_equals(outcome, "failed"), skipped = text_equals(outcome, "skipped");
	double seconds = get_seconds(line, "duration_ns");
	if (text_equals(when, "setup")) {
		begin_attempt(test, attempt);
		test->setup_s = seconds;
		attempt->setup_bad = failed;
	} else if (text_equals(when, "teardown")) {
		test->teardown_s = seconds;
		attempt->teardown_bad = failed;
		return;
	} else {
		test->call_s = part ? test->call_s : seconds;
		attempt->call_bad |= failed;
		if (!part && !failed && !skipped)
			attempt->outcome = xfail ? TEST_XPASSED : TEST_PASSED;
	}
	if (skipped && !part)
		attempt->outcome = xfail ? TEST_XFAILED : TEST_SKIPPED;
}

static enum outcome attempt_outcome(const struct attempt *attempt)
{
	if (attempt->call_bad)
		return TEST_FAILED;
	if (attempt->setup_bad || attempt->teardown_bad)
		return TEST_ERROR;
	return attempt->outcome;
}

static int read_report(struct reader *reader, json_t *line)
{
	struct test *test;
	struct attempt *attempt;
	if (get_test(reader, line, &test, &attempt) < 0)
		return -1;
	note_phase(test, attempt, line);
	test->outcome = attempt_outcome(attempt);
	if (test->failure)
		return 0;
	return get_text(reader, line, "text", &test->failure);
}

static int read_finish(struct reader *reader, json_t *line)
{
	struct test *test;
	struct attempt *attempt;
	if (get_test(reader, line, &test, &attempt) < 0)
		return -1;
	reader->file->current = NO_TEST;
	reader->recording->finished++;
	if (test->failure)
		return 0;
	return get_text(reader, line, "reason", &test->failure);
}

static int read_result(struct reader *reader, json_t *line)
{
	struct test *test;
	struct attempt *attempt;
	long long outcome = get_integer(line, "outcome", TEST_NOT_RUN);
	if (get_test(reader, line, &test, &attempt) < 0)
		return -1;
	test->outcome = outcome >= TEST_NOT_RUN && outcome <= TEST_CRASHED ? (enum outcome)outcome : TEST_NOT_RUN;
	test->setup_s = get_seconds(line, "setup_ns");
	test->call_s = get_seconds(line, "call_ns");
	test->teardown_s = get_seconds(line, "teardown_ns");
	reader->recording->finished += test->outcome != TEST_NOT_RUN;
	return test->id ? 0 : get_text(reader, line, "id", &test->id);
}

static int read_touch(struct reader *reader, json_t *line)
{
	long long index = get_integer(line, "test", -1);
	const char *kind = json_string_value(json_object_get(line, "kind"));
	const char *phase = json_string_value(json_object_get(line, "phase"));
	struct touch touch = { .test = index < 0 ? SIZE_MAX : (size_t)index };
	touch.phase = phase ? phase[0] : 'i';
	touch.line = (int)get_integer(line, "line", 0);
	if (!kind || touch_kind_parse(kind, &touch.kind) < 0)
		return 0; /* of a newer plugin */
	if (get_text(reader, line, "what", &touch.what) < 0 || get_text(reader, line, "file", &touch.file) < 0 ||
	    get_text(reader, line, "fixture", &touch.fixture) < 0 || vec_push(&reader->run->touches, touch) < 0) {
		free(touch.what);
		free(touch.file);
		free(touch.fixture);
		return err_no_memory(reader->err);
	}
	return 0;
}

static int read_fixture(struct reader *reader, json_t *line)
{
	long long index = get_integer(line, "test", -1);
	struct fixture_setup setup = { .test = index < 0 ? SIZE_MAX : (size_t)index,
				       .seconds = get_seconds(line, "duration_ns") };
	if (get_text(reader, line, "name", &setup.name) < 0 || get_text(reader, line, "scope", &setup.scope) < 0 ||
	    get_text(reader, line, "base", &setup.base) < 0 || vec_push(&reader->run->fixture_setups, setup) < 0) {
		free(setup.name);
		free(setup.scope);
		free(setup.base);
		return err_no_memory(reader->err);
	}
	return 0;
}

static int read_lost(struct reader *reader, json_t *line)
{
	cleanup_free char *worker = NULL;
	if (get_text(reader, line, "worker", &worker) < 0)
		return -1;
	if (worker && strings_add(&reader->recording->lost_workers, worker) < 0)
		return err_no_memory(reader->err);
	return 0;
}

static int read_end(struct reader *reader, json_t *line)
{
	(void)line;
	reader->file->ended = true;
	return 0;
}

static const struct {
	const char *event;
	event_reader *read;
} event_readers[] = {
	{ "begin", read_begin },	 { "session", read_session }, { "item", read_item },	    { "collected", read_collected },
	{ "collect_error", read_collect_error }, { "start", read_start },   { "report", read_report },
	{ "finish", read_finish },	 { "result", read_result }, { "touch", read_touch },   { "fixture", read_fixture },
	{ "lost", read_lost },	 { "end", read_end },
};

static int read_line(struct reader *reader, const char *bytes, size_t len)
{
	json_error_t why;
	int result = 0;
	json_t *line = json_loadb(bytes, len, 0, &why);
	if (!json_is_object(line)) {
		json_decref(line);
		return err_set(reader->err, ERR_INTERNAL, "the record %s cannot be read: %s", reader->file->path, why.text);
	}
	const char *event = json_string_value(json_object_get(line, "event"));
	for (size_t i = 0; event && i < sizeof(event_readers) / sizeof(*event_readers); i++)
		if (strcmp(event_readers[i].event, event) == 0)
			result = event_readers[i].read(reader, line);
	json_decref(line);
	return result;
}

/* Reads whole lines out of file->rest and keeps what is left. */
static int read_lines(struct reader *reader)
{
	struct str *rest = &reader->file->rest;
	size_t at = 0;
	const char *newline;
	while (at < rest->len && (newline = memchr(rest->buf + at, '\n', rest->len - at))) {
		size_t len = (size_t)(newline - (rest->buf + at));
		if (read_line(reader, rest->buf + at, len) < 0)
			return -1;
		at += len + 1;
	}
	if (at > 0) {
		memmove(rest->buf, rest->buf + at, rest->len - at + 1);
		rest->len -= at;
	}
	return 0;
}

static int poll_file(struct reader *reader)
{
	struct record_file *file = reader->file;
	cleanup_fd int fd = os_open(file->path, O_RDONLY, 0);
	if (fd < 0 || lseek(fd, (off_t)file->offset, SEEK_SET) < 0)
		return err_set(reader->err, ERR_INTERNAL, "cannot read the record %s:", file->path);
	for (;;) {
		if (str_reserve(&file->rest, 1 << 18) < 0)
			return err_no_memory(reader->err);
		ssize_t n = os_read(fd, file->rest.buf + file->rest.len, 1 << 18);
		if (n < 0)
			return err_set(reader->err, ERR_INTERNAL, "cannot read the record %s:", file->path);
		if (n == 0)
			return 0;
		file->rest.len += (size_t)n;
		file->rest.buf[file->rest.len] = '\0';
		file->offset += (size_t)n;
		if (read_lines(reader) < 0)
			return -1;
	}
}

static bool knows_file(const struct recording *recording, const char *name)
{
	for (size_t i = 0; i < recording->files.len; i++)
		if (strcmp(fs_base_name(recording->files.at[i].path), name) == 0)
			return true;
	return false;
}

static int add_file(struct recording *recording, const char *name, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	struct record_file file = { .current = NO_TEST };
	if (fs_join(&path, recording->dir, name) < 0 || !(file.path = str_steal(&path)) ||
	    vec_push(&recording->files, file) < 0) {
		free(file.path);
		return err_no_memory(err);
	}
	return 0;
}

static int find_new_files(struct recording *recording, struct err *err)
{
	DIR *dir = opendir(recording->dir);
	if (!dir)
		return err_set(err, ERR_INTERNAL, "cannot read the record %s:", recording->dir);
	int result = 0;
	for (struct dirent *entry; result == 0 && (entry = readdir(dir));)
		if (text_ends_with(entry->d_name, ".jsonl") && !knows_file(recording, entry->d_name))
			result = add_file(recording, entry->d_name, err);
	closedir(dir);
	return result;
}

int recording_open(struct recording *recording, const char *dir, struct err *err)
{
	recording_release(recording);
	recording->dir = os_strdup(dir);
	return recording->dir ? 0 : err_no_memory(err);
}

int recording_poll(struct recording *recording, struct suite_run *run, struct err *err)
{
	if (find_new_files(recording, err) < 0)
		return -1;
	for (size_t i = 0; i < recording->files.len; i++) {
		struct reader reader = { recording, &recording->files.at[i], run, err };
		if (poll_file(&reader) < 0)
			return -1;
	}
	return 0;
}

static int explain(struct test *test, struct err *err, const char *why)
{
	free(test->failure);
	test->failure = os_strdup(why);
	return test->failure ? 0 : err_no_memory(err);
}

/* Not finished, through no fault of its own. */
static int stopped(struct test *test, struct err *err, const char *why)
{
	if (test->outcome == TEST_FAILED || test->outcome == TEST_ERROR)
		return 0;
	test->outcome = TEST_NOT_RUN;
	return explain(test, err, why);
}

/* The test a process was in when it ended. An xdist worker that its controller did not miss was stopped by it. */
static int judge_unfinished(const struct recording *recording, const struct record_file *file, struct test *test,
			    bool timed_out, struct err *err)
{
	if (timed_out)
		return stopped(test, err, "it was running when the time limit ended the run");
	if (file->worker && strings_find(&recording->lost_workers, file->worker) < 0)
		return stopped(test, err, "it was running when the run was stopped");
	cleanup_str struct str why = STR_INIT;
	const char *process = file->worker ? file->worker : "the process of pytest";
	if (str_addf(&why, "%s ended while it ran this test", process) < 0)
		return err_no_memory(err);
	test->outcome = TEST_CRASHED;
	return explain(test, err, why.buf);
}

int recording_finish(struct recording *recording, struct suite_run *run, bool timed_out, struct err *err)
{
	for (size_t i = 0; i < recording->files.len; i++) {
		const struct record_file *file = &recording->files.at[i];
		run->cut_short |= !file->worker && file->in_session && !file->ended;
		if (file->current < run->tests.len &&
		    judge_unfinished(recording, file, &run->tests.at[file->current], timed_out, err) < 0)
			return -1;
	}
	for (size_t i = 0; !recording->bare && i < run->tests.len; i++)
		if (!run->tests.at[i].id)
			return err_set(err, ERR_INTERNAL, "the record does not describe test %zu of %zu", i, run->tests.len);
	return 0;
}

bool recording_began(const struct recording *recording)
{
	for (size_t i = 0; i < recording->files.len; i++)
		if (recording->files.at[i].began)
			return true;
	return false;
}

void recording_release(struct recording *recording)
{
	for (size_t i = 0; i < recording->files.len; i++) {
		free(recording->files.at[i].path);
		free(recording->files.at[i].worker);
		str_release(&recording->files.at[i].rest);
	}
	vec_release(&recording->files);
	vec_release(&recording->attempts);
	strings_release(&recording->lost_workers);
	free(recording->dir);
	*recording = (struct recording)RECORDING_INIT;
}
