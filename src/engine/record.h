/*
 * record.h: who ran what in which order in an earlier run, read from the trace
 * it wrote (trace_file.h), and laid upon the tests of this one.
 */
#ifndef COMB_ENGINE_RECORD_H
#define COMB_ENGINE_RECORD_H

#include "base/err.h"
#include "base/str.h"
#include "engine/trace.h"

struct record;

/* ERR_INPUT naming the file when it is no record. */
int record_open(struct record **record, const char *path, struct err *err);
void record_close(struct record *record); /* NULL is fine */
uint32_t record_workers(const struct record *record);

/*
 * Fills what trace demands of its tests, whose node ids are ids[0 … count);
 * heads[0 … workers) gets the first test of each slot, or SCHED_NONE. Equal
 * ids are told apart by their order. ERR_INPUT naming tests that only one of
 * the two has.
 */
int record_apply(const struct record *record, const struct slice *ids, uint32_t count, struct trace *trace,
		 uint32_t *heads, struct err *err);

/*
 * Which tests did not run in the record: fills omitted[0 … *made) with their
 * indices in a collection of total tests, ascending. total is count, or in the
 * mode `each` a multiple of it. ERR_INPUT as above.
 */
int record_omits(const struct record *record, const struct slice *ids, uint32_t count, uint32_t total, uint32_t *omitted,
		 uint32_t *made, struct err *err);

#endif
