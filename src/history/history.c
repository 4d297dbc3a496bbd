#include "history/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/os.h"
#include "history/database.h"
#include "history/durations.h"

#include "base/banned.h"

#define BUSY_TIMEOUT_MS 15000
/* For who must not be kept waiting. */
#define QUICK_TIMEOUT_MS 1000
/* A check of every page is worth its time while there are few. */
#define CHECKED_BYTES (32 << 20)

/* One row a version, from the first: what brings a database of the version before up to it. */
static const char *const migrations[] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE tests (id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL,"
	" occurrence INTEGER NOT NULL, UNIQUE (path, name, occurrence));"
	"CREATE TABLE runs (id INTEGER PRIMARY KEY, started_s INTEGER NOT NULL, purpose TEXT NOT NULL,"
	" engine INTEGER NOT NULL, workers INTEGER NOT NULL, dist TEXT NOT NULL, markers TEXT NOT NULL,"
	" seed INTEGER NOT NULL, exit_code INTEGER NOT NULL, green INTEGER NOT NULL, wall_s REAL NOT NULL,"
	" collect_s REAL NOT NULL, collected INTEGER NOT NULL, failed INTEGER NOT NULL);"
	"CREATE INDEX runs_by_configuration ON runs (engine, workers, dist, markers, id);"
	"CREATE TABLE results (run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
	" test INTEGER NOT NULL REFERENCES tests (id) ON DELETE CASCADE, outcome INTEGER NOT NULL,"
	" setup_s REAL NOT NULL, call_s REAL NOT NULL, teardown_s REAL NOT NULL, worker INTEGER NOT NULL,"
	" position INTEGER NOT NULL, PRIMARY KEY (run, test)) WITHOUT ROWID;"
	"CREATE INDEX results_by_test ON results (test);"
	"CREATE TABLE paces (test INTEGER PRIMARY KEY REFERENCES tests (id) ON DELETE CASCADE,"
	" samples INTEGER NOT NULL, log_setup REAL NOT NULL, log_call REAL NOT NULL, log_teardown REAL NOT NULL,"
	" variance REAL NOT NULL, outcome INTEGER NOT NULL, run INTEGER NOT NULL);"
	"CREATE TABLE touches (test INTEGER NOT NULL REFERENCES tests (id) ON DELETE CASCADE, kind TEXT NOT NULL,"
	" phase TEXT NOT NULL, what TEXT NOT NULL, file TEXT, line INTEGER NOT NULL, fixture TEXT,"
	" UNIQUE (test, kind, what));",
	"CREATE TABLE setups (path TEXT PRIMARY KEY, log_setup REAL NOT NULL) WITHOUT ROWID;",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))

static int name_files(const char *project, struct history *history, struct err *err)
{
	cleanup_str struct str folder = STR_INIT, path = STR_INIT;
	if (fs_join(&folder, project, ".comb") < 0 || fs_join(&path, folder.buf, "history.db") < 0)
		return err_no_memory(err);
	history->folder = str_steal(&folder);
	history->path = str_steal(&path);
	return history->folder && history->path ? 0 : err_no_memory(err);
}

static int make_folder(const char *project, struct history *history, struct err *err)
{
	cleanup_str struct str ignore = STR_INIT;
	if (name_files(project, history, err) < 0 || fs_join(&ignore, history->folder, ".gitignore") < 0)
		return err_no_memory(err);
	if (fs_make_dirs(history->folder, err) < 0)
		goto unwritable;
	/* Ignored by git without a line in the user's own .gitignore. */
	if (!fs_exists(ignore.buf) && fs_write(ignore.buf, SLICE("*\n"), err) < 0)
		goto unwritable;
	return 0;
unwritable:
	err->kind = ERR_ENVIRONMENT;
	return err_hint(err, "comb keeps what it measures in .comb; make %s writable", project);
}

/* The answer to a question with one number; -1 with err where there is none. */
static int ask(struct history *history, const char *sql, int64_t *answer, struct err *err)
{
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, sql, err) < 0)
		return -1;
	int row = statement_step(&statement, err);
	if (row == 1)
		*answer = sqlite3_column_int64(statement.sqlite, 0);
	return row == 1 ? 0 : row < 0 ? -1 : err_set(err, ERR_INTERNAL, "%s gave no answer", sql);
}

static int migrate(struct history *history, struct err *err)
{
	int64_t version = 0;
	cleanup_str struct str sql = STR_INIT;
	if (database_begin(history, err) < 0 || ask(history, "PRAGMA user_version", &version, err) < 0)
		return -1;
	if (version > VERSION) {
		err_set_at(err, ERR_ENVIRONMENT, history->path, 0, "%s was written by a newer comb", history->path);
		return err_hint(err, "use that comb, or move the file away to begin anew");
	}
	for (int64_t v = version; v < VERSION; v++)
		if (database_run(history, migrations[v], err) < 0)
			return -1;
	if (str_addf(&sql, "PRAGMA user_version = %d", VERSION) < 0)
		return err_no_memory(err);
	if (version < VERSION && database_run(history, sql.buf, err) < 0)
		return -1;
	return database_commit(history, err);
}

/* SQLITE_OK, or the code of what is wrong with the file itself. */
static int check(struct history *history)
{
	struct stat st;
	sqlite3_stmt *statement = NULL;
	if (os_stat(history->path, &st) < 0 || st.st_size > CHECKED_BYTES)
		return SQLITE_OK;
	int code = sqlite3_prepare_v2(history->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const char *said = (const char *)sqlite3_column_text(statement, 0);
		code = said && strcmp(said, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? code : SQLITE_OK;
}

/* damaged: the file is no database, or a broken one. */
static int open_database(struct history *history, bool *damaged, struct err *err)
{
	static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON";
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(history->path, &history->db, flags, NULL) != SQLITE_OK)
		return database_error(history, err);
	sqlite3_busy_timeout(history->db, BUSY_TIMEOUT_MS);
	*damaged = check(history) != SQLITE_OK;
	if (*damaged)
		return err_set(err, ERR_ENVIRONMENT, "%s is damaged", history->path);
	if (database_run(history, settings, err) == 0 && migrate(history, err) == 0)
		return 0;
	int code = sqlite3_errcode(history->db);
	*damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	database_rollback(history);
	return -1;
}

/* Moves the database and its journal aside, under a free name. */
static int put_aside(struct history *history, struct str *note, struct err *err)
{
	static const char *const companions[] = { "-wal", "-shm" };
	cleanup_str struct str target = STR_INIT, companion = STR_INIT;
	for (int n = 1; target.len == 0 || fs_exists(target.buf); n++) {
		str_clear(&target);
		if (str_addf(&target, "%s.damaged-%d", history->path, n) < 0)
			return err_no_memory(err);
	}
	if (os_rename(history->path, target.buf) < 0)
		return err_set(err, ERR_ENVIRONMENT, "cannot put the damaged %s aside:", history->path);
	for (size_t i = 0; i < 2; i++) {
		str_clear(&companion);
		if (str_addf(&companion, "%s%s", history->path, companions[i]) < 0)
			return err_no_memory(err);
		os_unlink(companion.buf);
	}
	if (note && str_addf(note, "the history was damaged; it is kept as %s, and a new one is begun", target.buf) < 0)
		return err_no_memory(err);
	return 0;
}

static int open_or_replace(struct history *history, struct str *note, struct err *err)
{
	bool damaged = false;
	struct err first = ERR_INIT;
	if (open_database(history, &damaged, &first) == 0)
		return 0;
	if (!damaged) {
		*err = first;
		return -1;
	}
	sqlite3_close(history->db);
	history->db = NULL;
	if (put_aside(history, note, err) < 0)
		return -1;
	return open_database(history, &damaged, err);
}

int history_open(struct history **history, const char *folder, struct str *note, struct err *err)
{
	struct history *opened = os_calloc(1, sizeof(*opened));
	*history = NULL;
	if (!opened)
		return err_no_memory(err);
	if (make_folder(folder, opened, err) < 0 || open_or_replace(opened, note, err) < 0) {
		history_close(opened);
		return -1;
	}
	*history = opened;
	return 0;
}

/* A new database is made without waiting for the disk: after a power cut it is damaged at worst, and begun anew. */
static int open_quickly(struct history *history, bool reading, bool *none, struct err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (reading ? 0 : SQLITE_OPEN_CREATE);
	int64_t version = 0;
	if (sqlite3_open_v2(history->path, &history->db, flags, NULL) != SQLITE_OK)
		return database_error(history, err);
	sqlite3_busy_timeout(history->db, QUICK_TIMEOUT_MS);
	sqlite3_db_config(history->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (ask(history, "PRAGMA user_version", &version, err) < 0)
		return -1;
	*none = reading && version != VERSION;
	if (*none)
		return 0;
	if (version == VERSION)
		return database_run(history, "PRAGMA synchronous = NORMAL", err);
	return database_run(history, "PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL", err) < 0 ? -1 :
													 migrate(history, err);
}

int history_open_quickly(struct history **history, const char *folder, bool reading, struct err *err)
{
	struct history *opened = os_calloc(1, sizeof(*opened));
	*history = NULL;
	if (!opened)
		return err_no_memory(err);
	int failed = reading ? name_files(folder, opened, err) : make_folder(folder, opened, err);
	bool none = !failed && reading && !fs_exists(opened->path);
	if (!failed && !none)
		failed = open_quickly(opened, reading, &none, err);
	bool damaged = opened->damaged;
	if (failed || none)
		history_close(opened);
	else
		*history = opened;
	return failed && damaged ? 1 : failed;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	sqlite3_close(history->db);
	free(history->folder);
	free(history->path);
	free(history);
}

const char *history_folder(const struct history *history)
{
	return history->folder;
}

int history_meta_set(struct history *history, const char *key, const char *value, struct err *err)
{
	static const char keep[] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";
	static const char forget[] = "DELETE FROM meta WHERE key = ?1";
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, value ? keep : forget, err) < 0)
		return -1;
	statement_text(&statement, 1, key);
	if (value)
		statement_text(&statement, 2, value);
	return statement_run(&statement, err);
}

int history_meta_get(struct history *history, const char *key, struct str *value, struct err *err)
{
	cleanup_statement struct statement statement = STATEMENT_INIT;
	if (statement_prepare(&statement, history, "SELECT value FROM meta WHERE key = ?1", err) < 0)
		return -1;
	statement_text(&statement, 1, key);
	int row = statement_step(&statement, err);
	if (row != 1)
		return row;
	str_clear(value);
	if (str_add(value, sqlite3_column_text(statement.sqlite, 0), (size_t)sqlite3_column_bytes(statement.sqlite, 0)) < 0)
		return err_no_memory(err);
	return 1;
}
