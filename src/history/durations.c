#include "history/durations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "history/database.h"

#include "base/banned.h"

#define PROCESS_KEY "run.process_bytes" /* in the history's meta table */
/* Weight of the newest run, and the floor of a logarithm: as in runs.c. */
#define NEWEST_WEIGHT 0.3
#define SHORTEST_S 1e-6
/* Below this, a test's average is of no use to any plan. */
#define SHORT_S 0.005
/* Asking for single tests is quicker than reading all while so many times more are known. */
#define FEW 8
#define SIBLINGS 0.75

/* A test by its identity in the database, and what that has of it. */
struct known {
	const char *id;
	size_t path_len; /* id up to "::" */
	const char *name;
	size_t index; /* in the caller's order */
	int64_t occurrence;
	int64_t number;  /* of the test; 0: never seen */
	int samples;
	double logs[3], variance;
	int outcome;
};

static void identify(struct known *known, const char *id, size_t index)
{
	const char *separator = strstr(id, "::");
	*known = (struct known){ .id = id, .index = index, .path_len = separator ? (size_t)(separator - id) : strlen(id),
				 .name = separator ? separator + 2 : id };
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = compare_bytes(x->id, x->path_len, y->id, y->path_len);
	order = order ? order : strcmp(x->name, y->name);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool same_name(const struct known *x, const struct known *y)
{
	return x->path_len == y->path_len && memcmp(x->id, y->id, x->path_len) == 0 && strcmp(x->name, y->name) == 0;
}

/* Sorted by path, name and occurrence, as the database's index is. */
static void sort_known(struct known *tests, size_t count)
{
	qsort(tests, count, sizeof(*tests), compare_known);
	for (size_t i = 1; i < count; i++)
		if (same_name(&tests[i - 1], &tests[i]))
			tests[i].occurrence = tests[i - 1].occurrence + 1;
}

#define PACE "t.id, p.samples, p.log_setup, p.log_call, p.log_teardown, p.variance, p.outcome"

static void take_pace(struct known *test, struct statement *statement)
{
	test->number = sqlite3_column_int64(statement->sqlite, 0);
	test->samples = sqlite3_column_int(statement->sqlite, 1);
	for (int i = 0; i < 3; i++)
		test->logs[i] = sqlite3_column_double(statement->sqlite, 2 + i);
	test->variance = sqlite3_column_double(statement->sqlite, 5);
	test->outcome = sqlite3_column_int(statement->sqlite, 6);
}

static int compare_row(const struct known *test, struct statement *statement)
{
	const char *path = (const char *)sqlite3_column_text(statement->sqlite, 7);
	int order = compare_bytes(test->id, test->path_len, path, (size_t)sqlite3_column_bytes(statement->sqlite, 7));
	if (order == 0)
		order = strcmp(test->name, (const char *)sqlite3_column_text(statement->sqlite, 8));
	if (order == 0)
		order = (test->occurrence > sqlite3_column_int64(statement->sqlite, 9)) -
			(test->occurrence < sqlite3_column_int64(statement->sqlite, 9));
	return order;
}

/* Walks both sorted lists at once. */
static int load_all(struct history *history, struct known *tests, size_t count, struct err *err)
{
	static const char sql[] = "SELECT " PACE ", t.path, t.name, t.occurrence FROM tests t LEFT JOIN paces p ON p.test = t.id"
				  " ORDER BY t.path, t.name, t.occurrence";
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	int row = statement_step(&statement, err);
	for (size_t i = 0; i < count && row == 1;) {
		int order = compare_row(&tests[i], &statement);
		if (order == 0)
			take_pace(&tests[i], &statement);
		if (order <= 0)
			i++;
		if (order >= 0)
			row = statement_step(&statement, err);
	}
	return row < 0 ? -1 : 0;
}

static int load_each(struct history *history, struct known *tests, size_t count, struct err *err)
{
	static const char sql[] = "SELECT " PACE " FROM tests t LEFT JOIN paces p ON p.test = t.id"
				  " WHERE t.path = ?1 AND t.name = ?2 AND t.occurrence = ?3";
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		sqlite3_bind_text(statement.sqlite, 1, tests[i].id, (int)tests[i].path_len, SQLITE_STATIC);
		statement_text(&statement, 2, tests[i].name);
		statement_integer(&statement, 3, tests[i].occurrence);
		int row = statement_step(&statement, err);
		if (row < 0)
			return -1;
		if (row == 1)
			take_pace(&tests[i], &statement);
		sqlite3_reset(statement.sqlite);
	}
	return 0;
}

static int load(struct history *history, struct known *tests, size_t count, struct err *err)
{
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, "SELECT coalesce(max(id), 0) FROM tests", err) < 0)
		return -1;
	int row = statement_step(&statement, err);
	size_t known = row == 1 ? (size_t)sqlite3_column_int64(statement.sqlite, 0) : 0;
	statement_release(&statement);
	if (row < 0)
		return -1;
	return count * FEW < known ? load_each(history, tests, count, err) : load_all(history, tests, count, err);
}

/* --- before a run --- */

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

enum kinship { SAME_FUNCTION, SAME_FILE, SAME_FOLDER, KINSHIPS };

/* The last answer of each kind is kept: unknown tests come in runs that ask the same. */
struct siblings {
	const struct known *tests;
	size_t count;
	const float *costs_s; /* by index; 0: unknown */
	float *scratch;
	struct {
		const char *prefix;
		size_t len;
		float cost_s;
	} answers[KINSHIPS];
};

/*
 * The 75th percentile of the known tests whose id begins so; 0: there is none.
 * Tests are sorted by path and name; that is the order of ids, but for paths
 * that others continue (a.py, a.py.x), whose tests may be missed.
 */
static float percentile_of(struct siblings *siblings, enum kinship kinship, const char *prefix, size_t len)
{
	size_t low = 0, high = siblings->count, found = 0;
	const char *last = siblings->answers[kinship].prefix;
	if (last && siblings->answers[kinship].len == len && strncmp(last, prefix, len) == 0)
		return siblings->answers[kinship].cost_s;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strncmp(siblings->tests[middle].id, prefix, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < siblings->count && strncmp(siblings->tests[low].id, prefix, len) == 0; low++)
		if (siblings->costs_s[siblings->tests[low].index] > 0)
			siblings->scratch[found++] = siblings->costs_s[siblings->tests[low].index];
	if (found == 0)
		return 0;
	qsort(siblings->scratch, found, sizeof(float), compare_floats);
	siblings->answers[kinship].prefix = prefix;
	siblings->answers[kinship].len = len;
	return siblings->answers[kinship].cost_s = siblings->scratch[(size_t)((double)(found - 1) * SIBLINGS + 0.5)];
}

/* Length of the id up to and with the last such character before `end`; 0: none. */
static size_t up_to_last(const char *id, size_t end, char character)
{
	while (end > 0 && id[end - 1] != character)
		end--;
	return end;
}

static float expect_unknown(struct siblings *siblings, const struct known *test)
{
	const char *parameters = strchr(test->name, '[');
	float cost_s = parameters ? percentile_of(siblings, SAME_FUNCTION, test->id, (size_t)(parameters + 1 - test->id)) : 0;
	if (cost_s <= 0 && test->id[test->path_len])
		cost_s = percentile_of(siblings, SAME_FILE, test->id, test->path_len + 2);
	for (size_t end = test->path_len; cost_s <= 0 && end > 0;) {
		end = up_to_last(test->id, end, '/');
		cost_s = percentile_of(siblings, SAME_FOLDER, test->id, end);
		end = end ? end - 1 : 0;
	}
	return cost_s;
}

static int expect_all_unknown(const struct known *tests, size_t count, float *costs_s, struct err *err)
{
	cleanup_free float *scratch = os_malloc(sizeof(float) * count + 1), *filled = os_calloc(count + 1, sizeof(float));
	struct siblings siblings = { .tests = tests, .count = count, .costs_s = costs_s, .scratch = scratch };
	if (!scratch || !filled)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (costs_s[tests[i].index] <= 0)
			filled[i] = expect_unknown(&siblings, &tests[i]);
	for (size_t i = 0; i < count; i++)
		if (costs_s[tests[i].index] <= 0)
			costs_s[tests[i].index] = filled[i];
	return 0;
}

int durations_expect(struct history *history, const char *const *ids, size_t count, float *costs_s, size_t *known,
		     struct err *err)
{
	cleanup_free struct known *tests = os_malloc(sizeof(*tests) * count + 1);
	*known = 0;
	if (!tests)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		identify(&tests[i], ids[i], i);
	sort_known(tests, count);
	if (load(history, tests, count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		double cost_s = 0;
		for (int phase = 0; tests[i].samples && phase < 3; phase++)
			cost_s += exp(tests[i].logs[phase]);
		costs_s[tests[i].index] = (float)cost_s;
		*known += tests[i].samples > 0;
	}
	return *known && *known < count ? expect_all_unknown(tests, count, costs_s, err) : 0;
}

int durations_setups(struct history *history, struct module_costs *costs, struct err *err)
{
	cleanup_statement struct statement statement = STATEMENT_INIT;
	int row;
	if (statement_prepare(&statement, history, "SELECT path, log_setup FROM setups ORDER BY path", err) < 0)
		return -1;
	while ((row = statement_step(&statement, err)) == 1) {
		struct module_cost cost = { os_strdup((const char *)sqlite3_column_text(statement.sqlite, 0)),
					    exp(sqlite3_column_double(statement.sqlite, 1)) };
		if (!cost.path || vec_push(&costs->list, cost) < 0) {
			free(cost.path);
			return err_no_memory(err);
		}
	}
	return row;
}

void module_costs_release(struct module_costs *costs)
{
	for (size_t i = 0; i < costs->list.len; i++)
		free(costs->list.at[i].path);
	vec_release(&costs->list);
}

/* --- after a run --- */

struct writer {
	int64_t run;
	struct statement add, pace, outcome;
};

static void writer_release(struct writer *writer)
{
	statement_release(&writer->add);
	statement_release(&writer->pace);
	statement_release(&writer->outcome);
}
#define cleanup_writer __attribute__((cleanup(writer_release)))

static int writer_begin(struct writer *writer, struct history *history, struct err *err)
{
	static const char add[] = "INSERT INTO tests (path, name, occurrence) VALUES (?1, ?2, ?3)";
	static const char pace[] = "INSERT OR REPLACE INTO paces (test, samples, log_setup, log_call, log_teardown,"
				   " variance, outcome, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	static const char outcome[] = "UPDATE paces SET outcome = ?2, run = ?3 WHERE test = ?1";
	if (statement_prepare(&writer->add, history, add, err) < 0 ||
	    statement_prepare(&writer->pace, history, pace, err) < 0)
		return -1;
	return statement_prepare(&writer->outcome, history, outcome, err);
}

static double log_of(double seconds)
{
	return log(seconds > SHORTEST_S ? seconds : SHORTEST_S);
}

static bool stays_as_it_is(const struct known *test, const struct duration *duration)
{
	double was_s = exp(test->logs[0]) + exp(test->logs[1]) + exp(test->logs[2]);
	return test->samples > 0 && was_s < SHORT_S && test->outcome == (int)duration->outcome &&
	       duration->setup_s + duration->call_s + duration->teardown_s < SHORT_S;
}

static int add_test(struct writer *writer, struct known *test, struct err *err)
{
	sqlite3_bind_text(writer->add.sqlite, 1, test->id, (int)test->path_len, SQLITE_STATIC);
	statement_text(&writer->add, 2, test->name);
	statement_integer(&writer->add, 3, test->occurrence);
	if (statement_run(&writer->add, err) < 0)
		return -1;
	test->number = sqlite3_last_insert_rowid(writer->add.history->db);
	return 0;
}

static int write_outcome(struct writer *writer, const struct known *test, enum outcome outcome, struct err *err)
{
	statement_integer(&writer->outcome, 1, test->number);
	statement_integer(&writer->outcome, 2, outcome);
	statement_integer(&writer->outcome, 3, writer->run);
	return statement_run(&writer->outcome, err);
}

/* The moving averages and the variance of update_pace() in runs.c. */
static int write_pace(struct writer *writer, struct known *test, const struct duration *duration, struct err *err)
{
	double seen[3] = { log_of(duration->setup_s), log_of(duration->call_s), log_of(duration->teardown_s) };
	double distance = seen[1] - test->logs[1], variance = 0;
	if (test->samples == 0)
		memcpy(test->logs, seen, sizeof(seen));
	else
		variance = (1 - NEWEST_WEIGHT) * (test->variance + NEWEST_WEIGHT * distance * distance);
	statement_integer(&writer->pace, 1, test->number);
	statement_integer(&writer->pace, 2, test->samples + 1);
	for (int i = 0; i < 3; i++)
		statement_real(&writer->pace, 3 + i, test->logs[i] + NEWEST_WEIGHT * (seen[i] - test->logs[i]));
	statement_real(&writer->pace, 6, variance);
	statement_integer(&writer->pace, 7, duration->outcome);
	statement_integer(&writer->pace, 8, writer->run);
	return statement_run(&writer->pace, err);
}

static int write_test(struct writer *writer, struct known *test, const struct duration *duration, struct err *err)
{
	if (duration->outcome == TEST_NOT_RUN)
		return 0;
	if (duration->outcome == TEST_CRASHED)
		return test->number ? write_outcome(writer, test, TEST_CRASHED, err) : 0;
	if (stays_as_it_is(test, duration))
		return 0;
	if (!test->number && add_test(writer, test, err) < 0)
		return -1;
	return write_pace(writer, test, duration, err);
}

static int compare_setups(const void *a, const void *b)
{
	const struct module_setup *x = a, *y = b;
	int order = strcmp(x->path, y->path);
	order = order ? order : strcmp(x->fixture, y->fixture);
	return order ? order : (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

static int write_setup(struct statement *read, struct statement *write, const char *path, double seconds,
		       struct err *err)
{
	double log_setup = log_of(seconds);
	statement_text(read, 1, path);
	int row = statement_step(read, err);
	if (row < 0)
		return -1;
	if (row == 1)
		log_setup = (1 - NEWEST_WEIGHT) * sqlite3_column_double(read->sqlite, 0) + NEWEST_WEIGHT * log_setup;
	sqlite3_reset(read->sqlite);
	statement_text(write, 1, path);
	statement_real(write, 2, log_setup);
	return statement_run(write, err);
}

/* Of each fixture of a module what it took least: a parametrised one is set up several times, by one worker too. */
static int write_setups(struct history *history, const struct durations *durations, struct err *err)
{
	cleanup_statement struct statement read = STATEMENT_INIT, write = STATEMENT_INIT;
	size_t count = durations->setups.len;
	struct module_setup *setups = durations->setups.at;
	if (count == 0)
		return 0;
	if (statement_prepare(&read, history, "SELECT log_setup FROM setups WHERE path = ?1", err) < 0 ||
	    statement_prepare(&write, history, "INSERT OR REPLACE INTO setups (path, log_setup) VALUES (?1, ?2)", err) < 0)
		return -1;
	qsort(setups, count, sizeof(*setups), compare_setups);
	double seconds = 0;
	for (size_t i = 0; i < count; i++) {
		bool same_path = i > 0 && strcmp(setups[i - 1].path, setups[i].path) == 0;
		seconds = same_path ? seconds : 0;
		if (!same_path || strcmp(setups[i - 1].fixture, setups[i].fixture) != 0)
			seconds += setups[i].seconds;
		bool last = i + 1 == count || strcmp(setups[i].path, setups[i + 1].path) != 0;
		if (last && write_setup(&read, &write, setups[i].path, seconds, err) < 0)
			return -1;
	}
	return 0;
}

static bool has_path(const struct known *tests, size_t count, const char *path)
{
	size_t low = 0, high = count, len = strlen(path);
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_bytes(tests[middle].id, tests[middle].path_len, path, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && compare_bytes(tests[low].id, tests[low].path_len, path, len) == 0;
}

static bool was_paid(const struct durations *durations, const char *path)
{
	for (size_t i = 0; i < durations->setups.len; i++)
		if (strcmp(durations->setups.at[i].path, path) == 0)
			return true;
	return false;
}

/* A module whose tests ran and paid nothing may have lost its fixture: each such run halves what is expected. */
static int fade_setups(struct history *history, const struct durations *durations, const struct known *tests,
		       struct err *err)
{
	cleanup_module_costs struct module_costs costs = { .list = VEC_INIT };
	cleanup_statement struct statement fade = STATEMENT_INIT;
	static const char sql[] = "UPDATE setups SET log_setup = log_setup - 0.6931 WHERE path = ?1";
	if (durations_setups(history, &costs, err) < 0 || statement_prepare(&fade, history, sql, err) < 0)
		return -1;
	for (size_t i = 0; i < costs.list.len; i++) {
		const char *path = costs.list.at[i].path;
		if (!has_path(tests, durations->tests.len, path) || was_paid(durations, path))
			continue;
		statement_text(&fade, 1, path);
		if (statement_run(&fade, err) < 0)
			return -1;
	}
	return 0;
}

int durations_process_bytes(struct history *history, int64_t *bytes, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	*bytes = 0;
	int found = history_meta_get(history, PROCESS_KEY, &text, err);
	if (found > 0)
		*bytes = strtoll(str_text(&text), NULL, 10);
	return found < 0 ? -1 : 0;
}

/* A part of the suite may need less: what is remembered shrinks slowly. */
static int write_process_bytes(struct history *history, int64_t bytes, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	int64_t before;
	if (bytes <= 0)
		return 0;
	if (durations_process_bytes(history, &before, err) < 0)
		return -1;
	if (bytes < before - before / 8)
		bytes = before - before / 8;
	if (str_addf(&text, "%lld", (long long)bytes) < 0)
		return err_no_memory(err);
	return history_meta_set(history, PROCESS_KEY, str_text(&text), err);
}

/* tests: sorted, so that neighbours in the database are written one after the other. */
static int write_all(struct history *history, const struct durations_run *run, const struct durations *durations,
		     struct known *tests, struct err *err)
{
	cleanup_writer struct writer writer = { .run = 0 };
	struct run_figures figures = { .exit_code = run->exit_code, .green = run->green, .wall_s = run->wall_s,
				       .collected = run->collected, .failed = run->failed };
	if (database_begin(history, err) < 0 || run_add(history, &run->what, &figures, &writer.run, err) < 0 ||
	    load(history, tests, durations->tests.len, err) < 0 || writer_begin(&writer, history, err) < 0)
		return -1;
	for (size_t i = 0; i < durations->tests.len; i++)
		if (write_test(&writer, &tests[i], &durations->tests.at[tests[i].index], err) < 0)
			return -1;
	if (write_setups(history, durations, err) < 0 || fade_setups(history, durations, tests, err) < 0 ||
	    write_process_bytes(history, run->process_bytes, err) < 0)
		return -1;
	return database_commit(history, err);
}

static int write_run(struct history *history, const struct durations_run *run, const struct durations *durations,
		     struct err *err)
{
	size_t count = durations->tests.len;
	cleanup_free struct known *tests = os_malloc(sizeof(*tests) * count + 1);
	if (!tests)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		identify(&tests[i], durations->tests.at[i].id, i);
	sort_known(tests, count);
	int failed = write_all(history, run, durations, tests, err);
	if (failed)
		database_rollback(history);
	return failed;
}

int durations_write(const char *folder, const struct durations_run *run, const struct durations *durations,
		    struct str *note, struct err *err)
{
	cleanup_history struct history *history = NULL;
	struct err first = ERR_INIT;
	int failed = history_open_quickly(&history, folder, false, &first);
	bool damaged = failed > 0;
	if (!failed) {
		failed = write_run(history, run, durations, &first);
		damaged = failed && history->damaged;
	}
	if (!damaged) {
		*err = first;
		return failed;
	}
	history_close(history);
	history = NULL;
	return history_open(&history, folder, note, err) < 0 ? -1 : write_run(history, run, durations, err);
}
