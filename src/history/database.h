/*
 * database.h: SQLite with comb's errors, for the files of this folder.
 *
 * A struct statement is prepared, bound by position and stepped; every failure
 * becomes an err that names the database file.
 */
#ifndef COMB_HISTORY_DATABASE_H
#define COMB_HISTORY_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "history/history.h"

struct history {
	sqlite3 *db;
	char *folder; /* .comb, absolute */
	char *path;   /* of the database */
	bool damaged; /* SQLite said so, in the last database_error() */
};

/* Always -1. */
int database_error(struct history *history, struct err *err);
int database_run(struct history *history, const char *sql, struct err *err);

/* All or nothing around a change. database_rollback() is safe where nothing was begun. */
int database_begin(struct history *history, struct err *err);
int database_commit(struct history *history, struct err *err);
void database_rollback(struct history *history);

/* --- runs.c, for durations.c --- */

struct run_figures {
	int exit_code;
	bool green;
	double wall_s, collect_s;
	size_t collected, failed;
};
/* A row of the table runs; *id gets its number. */
int run_add(struct history *history, const struct history_run *what, const struct run_figures *figures, int64_t *id,
	    struct err *err);

struct statement {
	struct history *history;
	sqlite3_stmt *sqlite;
};
#define STATEMENT_INIT { .sqlite = NULL }
int statement_prepare(struct statement *statement, struct history *history, const char *sql, struct err *err);
/* Positions start at 1. NULL text binds NULL; it must live until the statement is reset. */
void statement_text(struct statement *statement, int position, const char *text);
void statement_integer(struct statement *statement, int position, int64_t value);
void statement_real(struct statement *statement, int position, double value);
/* 1: a row; 0: no more, and reset for the next use; -1 failed. */
int statement_step(struct statement *statement, struct err *err);
/* Steps a statement that gives no rows. */
int statement_run(struct statement *statement, struct err *err);
void statement_release(struct statement *statement);
#define cleanup_statement __attribute__((cleanup(statement_release)))

#endif
