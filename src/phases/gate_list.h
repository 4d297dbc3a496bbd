/*
 * gate_list.h: gates with what became of them, for a person and for a program.
 *
 * Every gate of the phases given has a row, in order; those not tried yet are
 * GATE_PENDING. adopt, validate and status fill it and print it the same way.
 */
#ifndef COMB_PHASES_GATE_LIST_H
#define COMB_PHASES_GATE_LIST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/vec.h"
#include "phases/gate.h"
#include "phases/progress.h"
#include "report/terminal.h"

struct gate_row {
	const struct phase *phase;
	const struct gate *gate;
	enum gate_status status;
	int attempts;      /* made in this run; 0: the result is an earlier run's, or there is none */
	int64_t time_s;    /* 0: not tried */
	double wall_s;     /* spent in this run */
	char *commit;      /* NULL: none */
	char *figure;      /* NULL: none */
	json_t *data;      /* NULL: none */
};

/* Told of each gate; members may be NULL. */
struct gate_listener {
	void (*begin)(void *context, const struct gate_row *row, int attempt);
	void (*end)(void *context, const struct gate_row *row); /* after each attempt, and for a gate not run again */
	void *context;
};

/* listener may be NULL. */
void gate_listener_begin(const struct gate_listener *listener, const struct gate_row *row, int attempt);
void gate_listener_end(const struct gate_listener *listener, const struct gate_row *row);

struct gate_list {
	VEC(struct gate_row) rows;
};
#define GATE_LIST_INIT { .rows = VEC_INIT }

/* All gates of a table of phases, pending. */
int gate_list_open(struct gate_list *list, const struct phase *const *table);
void gate_list_release(struct gate_list *list);
#define cleanup_gate_list __attribute__((cleanup(gate_list_release)))

/* Takes status, commit, time and figure from the progress; rows without a line become pending. */
int gate_list_apply(struct gate_list *list, const struct progress *progress);
/* Copies a result, and the commit that holds it (NULL: none), into its row. 0, or -1 when out of memory. */
int gate_row_set(struct gate_row *row, const struct gate_result *result, const char *commit);
struct gate_row *gate_list_find(const struct gate_list *list, const char *gate);
size_t gate_list_count(const struct gate_list *list, enum gate_status status);

/* A new reference, or NULL when out of memory. Hostile bytes in figures are escaped. */
json_t *gate_list_json(const struct gate_list *list);
/* Phases as headings, a line for each gate. */
void gate_list_print(const struct gate_list *list, struct terminal *terminal);
/* "2.3 no fixed resource …: 0 of 3 left", without its mark. */
int gate_row_add_text(const struct gate_row *row, struct str *out);
enum mark gate_status_mark(enum gate_status status);

#endif
