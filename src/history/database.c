#include "history/database.h"

#include "base/banned.h"

int database_error(struct history *history, struct err *err)
{
	int code = history->db ? sqlite3_errcode(history->db) : SQLITE_CANTOPEN;
	const char *why = history->db ? sqlite3_errmsg(history->db) : "out of memory";
	history->damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	if (code == SQLITE_NOMEM)
		return err_no_memory(err);
	err_set_at(err, ERR_ENVIRONMENT, history->path, 0, "cannot use %s: %s", history->path, why);
	if (code == SQLITE_FULL)
		err_hint(err, "make room on that disk");
	else if (code == SQLITE_BUSY)
		err_hint(err, "another comb is at work in this project; wait for it to end");
	else if (code == SQLITE_CORRUPT)
		err_hint(err, "run comb again: it puts the damaged file aside and begins a new one");
	return -1;
}

int database_run(struct history *history, const char *sql, struct err *err)
{
	return sqlite3_exec(history->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_error(history, err);
}

int database_begin(struct history *history, struct err *err)
{
	return database_run(history, "BEGIN IMMEDIATE", err);
}

int database_commit(struct history *history, struct err *err)
{
	return database_run(history, "COMMIT", err);
}

void database_rollback(struct history *history)
{
	if (!sqlite3_get_autocommit(history->db))
		sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
}

int statement_prepare(struct statement *statement, struct history *history, const char *sql, struct err *err)
{
	statement_release(statement);
	statement->history = history;
	if (sqlite3_prepare_v2(history->db, sql, -1, &statement->sqlite, NULL) != SQLITE_OK)
		return database_error(history, err);
	return 0;
}

void statement_text(struct statement *statement, int position, const char *text)
{
	sqlite3_bind_text(statement->sqlite, position, text, -1, SQLITE_STATIC);
}

void statement_integer(struct statement *statement, int position, int64_t value)
{
	sqlite3_bind_int64(statement->sqlite, position, value);
}

void statement_real(struct statement *statement, int position, double value)
{
	sqlite3_bind_double(statement->sqlite, position, value);
}

int statement_step(struct statement *statement, struct err *err)
{
	int code = sqlite3_step(statement->sqlite);
	if (code == SQLITE_ROW)
		return 1;
	int failed = code == SQLITE_DONE ? 0 : database_error(statement->history, err);
	sqlite3_reset(statement->sqlite);
	return failed;
}

int statement_run(struct statement *statement, struct err *err)
{
	int row;
	while ((row = statement_step(statement, err)) > 0)
		;
	return row;
}

void statement_release(struct statement *statement)
{
	sqlite3_finalize(statement->sqlite);
	statement->sqlite = NULL;
}
