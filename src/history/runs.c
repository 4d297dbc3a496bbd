/* runs.c: runs written to the history, and what they tell about tests. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "history/database.h"

#include "base/banned.h"

/* Runs whose results are kept in full. */
#define KEPT_RUNS 50
/* Weight of the newest run in a pace. */
#define NEWEST_WEIGHT 0.3
/* Below a microsecond a duration is noise; a logarithm needs a floor. */
#define SHORTEST_S 1e-6

/* What stands behind the file in a node id: the test's name within it. */
static const char *name_in_file(const struct test *test)
{
	const char *separator = strstr(test->id, "::");
	return separator ? separator + 2 : test->id;
}

static const char *file_of(const struct test *test)
{
	return test->path ? test->path : "";
}

struct same_name {
	const struct test *test;
	size_t index;
};

static int compare_names(const void *a, const void *b)
{
	const struct same_name *x = a, *y = b;
	int order = strcmp(file_of(x->test), file_of(y->test));
	order = order ? order : strcmp(name_in_file(x->test), name_in_file(y->test));
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* For each test how many of its name stand before it. The caller frees; NULL: no memory. */
static int64_t *count_occurrences(const struct suite_run *run)
{
	size_t count = run->tests.len;
	cleanup_free struct same_name *names = os_calloc(count + 1, sizeof(*names));
	int64_t *occurrences = os_calloc(count + 1, sizeof(*occurrences));
	if (!names || !occurrences) {
		free(occurrences);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		names[i] = (struct same_name){ &run->tests.at[i], i };
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++) {
		const struct test *before = names[i - 1].test, *test = names[i].test;
		if (strcmp(file_of(before), file_of(test)) == 0 && strcmp(name_in_file(before), name_in_file(test)) == 0)
			occurrences[names[i].index] = occurrences[names[i - 1].index] + 1;
	}
	return occurrences;
}

/* Statements that turn a test into the number it has here. */
struct numbering {
	const struct suite_run *run;
	int64_t *occurrences;
	struct statement find, add;
};

static void numbering_release(struct numbering *numbering)
{
	free(numbering->occurrences);
	statement_release(&numbering->find);
	statement_release(&numbering->add);
}
#define cleanup_numbering __attribute__((cleanup(numbering_release)))

static int numbering_begin(struct numbering *numbering, struct history *history, const struct suite_run *run,
			   struct err *err)
{
	static const char find[] = "SELECT id FROM tests WHERE path = ?1 AND name = ?2 AND occurrence = ?3";
	static const char add[] = "INSERT INTO tests (path, name, occurrence) VALUES (?1, ?2, ?3)";
	numbering->run = run;
	numbering->occurrences = count_occurrences(run);
	if (!numbering->occurrences)
		return err_no_memory(err);
	return statement_prepare(&numbering->find, history, find, err) < 0 ||
			       statement_prepare(&numbering->add, history, add, err) < 0 ?
		       -1 :
		       0;
}

static void bind_identity(struct statement *statement, const struct numbering *numbering, size_t index)
{
	const struct test *test = &numbering->run->tests.at[index];
	statement_text(statement, 1, file_of(test));
	statement_text(statement, 2, name_in_file(test));
	statement_integer(statement, 3, numbering->occurrences[index]);
}

/* 1: known, *number filled; 0: never seen; -1: failed. */
static int find_test(struct numbering *numbering, size_t index, int64_t *number, struct err *err)
{
	bind_identity(&numbering->find, numbering, index);
	int row = statement_step(&numbering->find, err);
	if (row == 1) {
		*number = sqlite3_column_int64(numbering->find.sqlite, 0);
		sqlite3_reset(numbering->find.sqlite);
	}
	return row;
}

static int number_test(struct numbering *numbering, size_t index, int64_t *number, struct err *err)
{
	int row = find_test(numbering, index, number, err);
	if (row != 0)
		return row < 0 ? -1 : 0;
	bind_identity(&numbering->add, numbering, index);
	if (statement_run(&numbering->add, err) < 0)
		return -1;
	*number = sqlite3_last_insert_rowid(numbering->add.history->db);
	return 0;
}

int run_add(struct history *history, const struct history_run *what, const struct run_figures *figures, int64_t *id,
	    struct err *err)
{
	static const char sql[] =
		"INSERT INTO runs (started_s, purpose, engine, workers, dist, markers, seed, exit_code, green, wall_s,"
		" collect_s, collected, failed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	statement_integer(&statement, 1, what->started_s ? what->started_s : clock_wall_s());
	statement_text(&statement, 2, what->purpose);
	statement_integer(&statement, 3, what->engine);
	statement_integer(&statement, 4, what->workers);
	statement_text(&statement, 5, what->dist ? what->dist : "");
	statement_text(&statement, 6, what->markers ? what->markers : "");
	statement_integer(&statement, 7, (int64_t)what->seed);
	statement_integer(&statement, 8, figures->exit_code);
	statement_integer(&statement, 9, figures->green);
	statement_real(&statement, 10, figures->wall_s);
	statement_real(&statement, 11, figures->collect_s);
	statement_integer(&statement, 12, (int64_t)figures->collected);
	statement_integer(&statement, 13, (int64_t)figures->failed);
	if (statement_run(&statement, err) < 0)
		return -1;
	*id = sqlite3_last_insert_rowid(history->db);
	return 0;
}

static double log_of(double seconds)
{
	return log(seconds > SHORTEST_S ? seconds : SHORTEST_S);
}

static int read_pace(struct statement *statement, int64_t number, double logs[3], struct pace *pace, struct err *err)
{
	*pace = (struct pace){ 0 };
	statement_integer(statement, 1, number);
	int row = statement_step(statement, err);
	if (row != 1)
		return row;
	pace->samples = sqlite3_column_int(statement->sqlite, 0);
	for (int i = 0; i < 3; i++)
		logs[i] = sqlite3_column_double(statement->sqlite, 1 + i);
	pace->setup_s = exp(logs[0]);
	pace->call_s = exp(logs[1]);
	pace->teardown_s = exp(logs[2]);
	pace->log_variance = sqlite3_column_double(statement->sqlite, 4);
	pace->last_outcome = (enum outcome)sqlite3_column_int(statement->sqlite, 5);
	pace->last_run = sqlite3_column_int64(statement->sqlite, 6);
	sqlite3_reset(statement->sqlite);
	return 1;
}

static const char read_pace_sql[] =
	"SELECT samples, log_setup, log_call, log_teardown, variance, outcome, run FROM paces WHERE test = ?1";

/* Statements of one history_record(). */
struct writer {
	int64_t run;
	struct numbering numbering;
	struct statement result, read_pace, write_pace;
};

static void writer_release(struct writer *writer)
{
	numbering_release(&writer->numbering);
	statement_release(&writer->result);
	statement_release(&writer->read_pace);
	statement_release(&writer->write_pace);
}
#define cleanup_writer __attribute__((cleanup(writer_release)))

static int writer_begin(struct writer *writer, struct history *history, const struct suite_run *run, struct err *err)
{
	static const char result[] = "INSERT INTO results (run, test, outcome, setup_s, call_s, teardown_s, worker,"
				     " position) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	static const char pace[] = "INSERT OR REPLACE INTO paces (test, samples, log_setup, log_call, log_teardown,"
				   " variance, outcome, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	if (numbering_begin(&writer->numbering, history, run, err) < 0 ||
	    statement_prepare(&writer->result, history, result, err) < 0 ||
	    statement_prepare(&writer->read_pace, history, read_pace_sql, err) < 0)
		return -1;
	return statement_prepare(&writer->write_pace, history, pace, err);
}

static int add_result(struct writer *writer, const struct test *test, int64_t number, struct err *err)
{
	struct statement *result = &writer->result;
	statement_integer(result, 1, writer->run);
	statement_integer(result, 2, number);
	statement_integer(result, 3, test->outcome);
	statement_real(result, 4, test->setup_s);
	statement_real(result, 5, test->call_s);
	statement_real(result, 6, test->teardown_s);
	statement_integer(result, 7, test->worker);
	statement_integer(result, 8, test->order);
	return statement_run(result, err);
}

/* Moving averages of logarithms, with the moving variance of the call (West 1979). */
static int update_pace(struct writer *writer, const struct test *test, int64_t number, struct err *err)
{
	struct pace old;
	struct statement *write = &writer->write_pace;
	double logs[3], seen[3] = { log_of(test->setup_s), log_of(test->call_s), log_of(test->teardown_s) };
	int row = read_pace(&writer->read_pace, number, logs, &old, err);
	if (row < 0)
		return -1;
	double variance = 0;
	if (row == 0) {
		memcpy(logs, seen, sizeof(logs));
	} else {
		double distance = seen[1] - logs[1];
		variance = (1 - NEWEST_WEIGHT) * (old.log_variance + NEWEST_WEIGHT * distance * distance);
		for (int i = 0; i < 3; i++)
			logs[i] += NEWEST_WEIGHT * (seen[i] - logs[i]);
	}
	statement_integer(write, 1, number);
	statement_integer(write, 2, old.samples + 1);
	for (int i = 0; i < 3; i++)
		statement_real(write, 3 + i, logs[i]);
	statement_real(write, 6, variance);
	statement_integer(write, 7, test->outcome);
	statement_integer(write, 8, writer->run);
	return statement_run(write, err);
}

static int add_results(struct writer *writer, const struct suite_run *run, int64_t *numbers, struct err *err)
{
	for (size_t i = 0; i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		if (number_test(&writer->numbering, i, &numbers[i], err) < 0)
			return -1;
		if (test->outcome == TEST_NOT_RUN)
			continue;
		if (add_result(writer, test, numbers[i], err) < 0 || update_pace(writer, test, numbers[i], err) < 0)
			return -1;
	}
	return 0;
}

/* A run that watched replaces what was known of every test it ran. */
static int add_touches(struct history *history, const struct suite_run *run, const int64_t *numbers, struct err *err)
{
	cleanup_statement struct statement forget = STATEMENT_INIT, add = STATEMENT_INIT;
	static const char sql[] = "INSERT OR IGNORE INTO touches (test, kind, phase, what, file, line, fixture)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	if (!run->watched)
		return 0;
	if (statement_prepare(&forget, history, "DELETE FROM touches WHERE test = ?1", err) < 0 ||
	    statement_prepare(&add, history, sql, err) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		statement_integer(&forget, 1, numbers[i]);
		if (run->tests.at[i].outcome != TEST_NOT_RUN && statement_run(&forget, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < run->touches.len; i++) {
		const struct touch *touch = &run->touches.at[i];
		char phase[] = { touch->phase, '\0' };
		if (touch->test >= run->tests.len)
			continue;
		statement_integer(&add, 1, numbers[touch->test]);
		statement_text(&add, 2, touch_kind_name(touch->kind));
		statement_text(&add, 3, phase);
		statement_text(&add, 4, touch->what);
		statement_text(&add, 5, touch->file);
		statement_integer(&add, 6, touch->line);
		statement_text(&add, 7, touch->fixture);
		if (statement_run(&add, err) < 0)
			return -1;
	}
	return 0;
}

static int drop_old_results(struct history *history, int64_t newest, struct err *err)
{
	static const char sql[] = "DELETE FROM results WHERE run <= ?1"
				  " AND run NOT IN (SELECT max(id) FROM runs GROUP BY purpose)";
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	statement_integer(&statement, 1, newest - KEPT_RUNS);
	return statement_run(&statement, err);
}

static int record(struct history *history, const struct history_run *what, const struct suite_run *run, int64_t *id,
		  struct err *err)
{
	cleanup_writer struct writer writer = { .run = 0 };
	cleanup_free int64_t *numbers = os_calloc(run->tests.len + 1, sizeof(*numbers));
	if (!numbers)
		return err_no_memory(err);
	struct suite_counts counts = suite_count(run);
	struct run_figures figures = { .exit_code = run->exit_code, .green = suite_is_green(run), .wall_s = run->wall_s,
				       .collect_s = run->collect_s, .collected = counts.collected, .failed = counts.failed };
	if (database_begin(history, err) < 0 || run_add(history, what, &figures, id, err) < 0 ||
	    writer_begin(&writer, history, run, err) < 0)
		return -1;
	writer.run = *id;
	if (add_results(&writer, run, numbers, err) < 0 || add_touches(history, run, numbers, err) < 0 ||
	    drop_old_results(history, *id, err) < 0)
		return -1;
	return database_commit(history, err);
}

int history_record(struct history *history, const struct history_run *what, const struct suite_run *run, int64_t *id,
		   struct err *err)
{
	int64_t number = 0;
	int failed = record(history, what, run, &number, err);
	if (failed)
		database_rollback(history);
	if (id)
		*id = number;
	return failed;
}

int history_paces(struct history *history, const struct suite_run *run, struct pace *paces, struct err *err)
{
	cleanup_numbering struct numbering numbering = { .run = run };
	cleanup_statement struct statement statement = STATEMENT_INIT;
	double logs[3];
	if (numbering_begin(&numbering, history, run, err) < 0 ||
	    statement_prepare(&statement, history, read_pace_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		int64_t number = 0;
		int row = find_test(&numbering, i, &number, err);
		paces[i] = (struct pace){ 0 };
		if (row < 0 || (row == 1 && read_pace(&statement, number, logs, &paces[i], err) < 0))
			return -1;
	}
	return 0;
}

int history_outcomes(struct history *history, const char *purpose, const struct suite_run *run, unsigned *seen,
		     struct err *err)
{
	static const char sql[] = "SELECT DISTINCT results.outcome FROM results JOIN runs ON runs.id = results.run"
				  " WHERE results.test = ?1 AND runs.purpose = ?2";
	cleanup_numbering struct numbering numbering = { .run = run };
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (numbering_begin(&numbering, history, run, err) < 0 || statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	statement_text(&statement, 2, purpose);
	for (size_t i = 0; i < run->tests.len; i++) {
		int64_t number = 0;
		int row = find_test(&numbering, i, &number, err);
		seen[i] = 0;
		statement_integer(&statement, 1, number);
		while (row == 1 && (row = statement_step(&statement, err)) == 1)
			seen[i] |= OUTCOME_BIT(sqlite3_column_int(statement.sqlite, 0));
		if (row < 0)
			return -1;
	}
	return 0;
}

int history_walls(struct history *history, const struct history_run *what, double *walls_s, size_t capacity,
		  size_t *count, struct err *err)
{
	static const char sql[] = "SELECT wall_s FROM runs WHERE engine = ?1 AND workers = ?2 AND dist = ?3"
				  " AND markers = ?4 AND green ORDER BY id DESC LIMIT ?5";
	cleanup_statement struct statement statement = STATEMENT_INIT;
	int row;
	*count = 0;
	if (statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	statement_integer(&statement, 1, what->engine);
	statement_integer(&statement, 2, what->workers);
	statement_text(&statement, 3, what->dist ? what->dist : "");
	statement_text(&statement, 4, what->markers ? what->markers : "");
	statement_integer(&statement, 5, (int64_t)capacity);
	while ((row = statement_step(&statement, err)) == 1)
		walls_s[(*count)++] = sqlite3_column_double(statement.sqlite, 0);
	return row;
}

/* A column as an owned string, NULL for NULL. */
static int column_text(struct statement *statement, int column, char **out, struct err *err)
{
	const char *text = (const char *)sqlite3_column_text(statement->sqlite, column);
	*out = os_strdup(text);
	return text && !*out ? err_no_memory(err) : 0;
}

static int push_touch(struct suite_run *run, struct statement *statement, size_t test, struct err *err)
{
	struct touch touch = { .test = test, .line = sqlite3_column_int(statement->sqlite, 4) };
	const char *kind = (const char *)sqlite3_column_text(statement->sqlite, 0);
	const char *phase = (const char *)sqlite3_column_text(statement->sqlite, 1);
	touch.phase = phase[0];
	if (touch_kind_parse(kind, &touch.kind) < 0)
		return 0;
	if (column_text(statement, 2, &touch.what, err) < 0 || column_text(statement, 3, &touch.file, err) < 0 ||
	    column_text(statement, 5, &touch.fixture, err) < 0 ||
	    vec_push(&run->touches, touch) < 0) {
		free(touch.what);
		free(touch.file);
		free(touch.fixture);
		return err_no_memory(err);
	}
	return 0;
}

int history_touches(struct history *history, struct suite_run *run, struct err *err)
{
	static const char sql[] = "SELECT kind, phase, what, file, line, fixture FROM touches WHERE test = ?1";
	cleanup_numbering struct numbering numbering = { .run = run };
	cleanup_statement struct statement statement = STATEMENT_INIT;
	cleanup_free bool *has_some = os_calloc(run->tests.len + 1, sizeof(*has_some));
	if (!has_some)
		return err_no_memory(err);
	for (size_t i = 0; i < run->touches.len; i++)
		if (run->touches.at[i].test < run->tests.len)
			has_some[run->touches.at[i].test] = true;
	if (numbering_begin(&numbering, history, run, err) < 0 || statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++) {
		int64_t number = 0;
		int row = has_some[i] ? 0 : find_test(&numbering, i, &number, err);
		if (row == 0)
			continue;
		statement_integer(&statement, 1, number);
		while (row == 1 && (row = statement_step(&statement, err)) == 1)
			if (push_touch(run, &statement, i, err) < 0)
				return -1;
		if (row < 0)
			return -1;
	}
	return 0;
}
