/* mark_record.h: what comb has placed in a project so far, kept in its history. */
#ifndef COMB_PHASES_MARK_RECORD_H
#define COMB_PHASES_MARK_RECORD_H

#include "base/err.h"
#include "base/vec.h"
#include "history/history.h"

#define CASES_PREFIX "cases:"

struct placed_mark {
	char *file;       /* relative to the root */
	char *class_path; /* NULL: none */
	char *function;   /* NULL: none */
	char *mark;       /* "unit"; or CASES_PREFIX and the letters of param_marks.h */
};

void placed_mark_release(struct placed_mark *mark);

struct mark_record {
	VEC(struct placed_mark) marks;
	struct strings hooks; /* conftest files with the hook, relative to the root */
};
#define MARK_RECORD_INIT { .marks = VEC_INIT }

/* Nothing on record is an empty record. */
int mark_record_load(struct mark_record *record, struct history *history, struct err *err);
/* Copies the texts; a mark that is there already is not added twice. */
int mark_record_add(struct mark_record *record, const struct placed_mark *mark, struct err *err);
/* An empty record is forgotten. */
int mark_record_store(const struct mark_record *record, struct history *history, struct err *err);
void mark_record_release(struct mark_record *record);
#define cleanup_mark_record __attribute__((cleanup(mark_record_release)))

#endif
