/* Modules are handed out once each, to threads that pull at the same time, in runs that grow short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "engine/module_table.h"

#define MODULES 10007
#define PULLERS 4

struct puller {
	struct module_table *table;
	uint8_t *taken;
	uint32_t longest;
	pthread_t thread;
};

static void *pull_all(void *arg)
{
	struct puller *self = arg;
	uint32_t first, count;
	while (module_table_pull(self->table, &first, &count)) {
		for (uint32_t m = first; m < first + count; m++)
			self->taken[m]++;
		if (count > self->longest)
			self->longest = count;
	}
	return NULL;
}

static void test_each_module_once(void **state)
{
	struct err err = ERR_INIT;
	struct module_table *table = module_table_open(&err);
	uint8_t *taken = calloc(MODULES, 1);
	struct puller pullers[PULLERS];
	assert_non_null(table);
	assert_non_null(taken);
	assert_int_equal(module_table_begin(table, MODULES, PULLERS, &err), 0);
	for (int i = 0; i < PULLERS; i++) {
		pullers[i] = (struct puller){ .table = table, .taken = taken };
		assert_int_equal(pthread_create(&pullers[i].thread, NULL, pull_all, &pullers[i]), 0);
	}
	for (int i = 0; i < PULLERS; i++)
		pthread_join(pullers[i].thread, NULL);
	for (uint32_t m = 0; m < MODULES; m++)
		assert_int_equal(taken[m], 1);
	for (int i = 0; i < PULLERS; i++)
		assert_true(pullers[i].longest <= MODULES / PULLERS / 4);
	free(taken);
	module_table_close(table);
}

static void test_few_modules_go_one_by_one(void **state)
{
	struct err err = ERR_INIT;
	struct module_table *table = module_table_open(&err);
	uint32_t first, count;
	assert_int_equal(module_table_begin(table, 3, 8, &err), 0);
	for (uint32_t m = 0; m < 3; m++) {
		assert_false(module_table_is_empty(table));
		assert_true(module_table_pull(table, &first, &count));
		assert_int_equal(first, m);
		assert_int_equal(count, 1);
	}
	assert_true(module_table_is_empty(table));
	assert_false(module_table_pull(table, &first, &count));
	module_table_close(table);
}

static void test_places_and_who_is_where(void **state)
{
	struct err err = ERR_INIT;
	struct module_table *table = module_table_open(&err);
	assert_int_equal(module_table_begin(table, 2, 1, &err), 0);
	assert_int_equal(module_table_entered(table, 5), MODULE_NONE);
	module_table_enter(table, 5, 1);
	assert_int_equal(module_table_entered(table, 5), 1);
	module_table_enter(table, 5, MODULE_NONE);
	assert_int_equal(module_table_entered(table, 5), MODULE_NONE);
	*module_table_place(table, 1) = (struct module_place){ .first = 7, .tests = 2, .digest = 9 };
	assert_int_equal(module_table_place(table, 1)->first, 7);
	assert_null(module_table_place(table, 2));
	assert_int_equal(module_table_begin(table, MODULE_TABLE_MAX + 1, 1, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	module_table_close(table);
	module_table_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_module_once),
		cmocka_unit_test(test_few_modules_go_one_by_one),
		cmocka_unit_test(test_places_and_who_is_where),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
