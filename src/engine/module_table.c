#include "engine/module_table.h"

#include <stdatomic.h>

#include "base/os.h"
#include "engine/board.h"

#include "base/banned.h"

#define RUNS_PER_WORKER 4 /* the longest run is this part of a worker's fair share */

struct shared {
	_Atomic uint32_t next; /* the first module that nobody has pulled */
	uint32_t modules, workers;
	_Atomic uint32_t entered[BOARD_MAX_WORKERS]; /* module + 1; 0: none */
	struct module_place places[MODULE_TABLE_MAX];
};

struct module_table {
	struct shared *shared;
};

struct module_table *module_table_open(struct err *err)
{
	struct module_table *self = os_calloc(1, sizeof(*self));
	if (!self) {
		err_no_memory(err);
		return NULL;
	}
	cleanup_fd int fd = os_memfd("comb-modules");
	if (fd >= 0 && os_ftruncate(fd, (off_t)sizeof(struct shared)) == 0)
		self->shared = os_mmap_shared(fd, sizeof(struct shared));
	if (self->shared)
		return self;
	err_set(err, ERR_ENVIRONMENT, "cannot make shared memory:");
	module_table_close(self);
	return NULL;
}

void module_table_close(struct module_table *self)
{
	if (self && self->shared)
		os_munmap(self->shared, sizeof(struct shared));
	cleanup_free_pointer(&self);
}

int module_table_begin(struct module_table *self, uint32_t modules, uint32_t workers, struct err *err)
{
	if (modules > MODULE_TABLE_MAX)
		return err_set(err, ERR_INPUT, "%u test modules are more than the %u that can be expanded in parallel",
			       modules, MODULE_TABLE_MAX);
	self->shared->modules = modules;
	self->shared->workers = workers > 0 ? workers : 1;
	atomic_store(&self->shared->next, 0);
	return 0;
}

bool module_table_pull(struct module_table *self, uint32_t *first, uint32_t *count)
{
	struct shared *shared = self->shared;
	uint32_t next = atomic_load(&shared->next);
	do {
		if (next >= shared->modules)
			return false;
		*count = (shared->modules - next) / (shared->workers * RUNS_PER_WORKER);
		if (*count == 0)
			*count = 1;
	} while (!atomic_compare_exchange_weak(&shared->next, &next, next + *count));
	*first = next;
	return true;
}

bool module_table_is_empty(const struct module_table *self)
{
	return atomic_load(&self->shared->next) >= self->shared->modules;
}

void module_table_enter(struct module_table *self, uint32_t worker, uint32_t module)
{
	atomic_store(&self->shared->entered[worker], module + 1);
}

uint32_t module_table_entered(const struct module_table *self, uint32_t worker)
{
	return atomic_load(&self->shared->entered[worker]) - 1;
}

uint32_t module_table_count(const struct module_table *self)
{
	return self->shared->modules;
}

struct module_place *module_table_place(struct module_table *self, uint32_t module)
{
	return module < self->shared->modules ? &self->shared->places[module] : NULL;
}
