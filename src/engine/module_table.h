/*
 * module_table.h: the test modules that workers expand in parallel, in shared memory.
 *
 * 1. module_table_open() before the first fork; every process has it at the
 *    same address then, and needs no name for it.
 * 2. module_table_begin() when it is known how many modules there are.
 * 3. Workers pull runs of neighbours until nothing is left: long runs first,
 *    single modules at the end, so that all end at nearly the same time.
 * 4. Whoever has all results places every module in the order of the suite,
 *    and only then publishes the plan (board_plan()): who saw the plan may read
 *    the places.
 *
 * A worker says which module it is in, so that its death can be put down to it.
 */
#ifndef COMB_ENGINE_MODULE_TABLE_H
#define COMB_ENGINE_MODULE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MODULE_TABLE_MAX (1u << 20)
#define MODULE_NONE UINT32_MAX

/* Where the tests of a module stand in the suite. */
struct module_place {
	uint32_t first;  /* index of the first one */
	uint32_t tests;
	uint64_t digest; /* stands for their ids in their order */
};

struct module_table;

/* NULL and *err when memory is refused. */
struct module_table *module_table_open(struct err *err);
/* Unmaps it in this process. Safe on NULL. */
void module_table_close(struct module_table *self);

/* ERR_INPUT: too many. */
int module_table_begin(struct module_table *self, uint32_t modules, uint32_t workers, struct err *err);
/* The next run for the caller alone; false when nothing is left. */
bool module_table_pull(struct module_table *self, uint32_t *first, uint32_t *count);
/* Whether a pull would give nothing now. */
bool module_table_is_empty(const struct module_table *self);
/* module: MODULE_NONE for none. worker: below BOARD_MAX_WORKERS. */
void module_table_enter(struct module_table *self, uint32_t worker, uint32_t module);
uint32_t module_table_entered(const struct module_table *self, uint32_t worker);

uint32_t module_table_count(const struct module_table *self);
/* NULL where there is no such module. */
struct module_place *module_table_place(struct module_table *self, uint32_t module);

#endif
