#include "native/plan.h"

#include <stdlib.h>

#include "base/os.h"

#include "base/banned.h"

enum { SCOPE, RUN, GROUP, COST, USES, SERIAL, FIELDS };

static int check_row(PyObject *row)
{
	if (PyTuple_Check(row) && PyTuple_Size(row) == FIELDS && PyTuple_Check(PyTuple_GetItem(row, USES)))
		return 0;
	PyErr_SetString(PyExc_TypeError, "a row of a plan is (scope, run, group, cost_s, uses, serial)");
	return -1;
}

static size_t count_uses(PyObject *rows)
{
	size_t uses = 0;
	for (Py_ssize_t i = 0; i < PyList_Size(rows); i++) {
		if (check_row(PyList_GetItem(rows, i)) < 0)
			return SIZE_MAX;
		uses += (size_t)PyTuple_Size(PyTuple_GetItem(PyList_GetItem(rows, i), USES));
	}
	return uses;
}

/* Errors are looked for once, at the end of all rows. */
static uint32_t number(PyObject *value)
{
	return (uint32_t)PyLong_AsUnsignedLong(value);
}

static struct sched_use *read_test(PyObject *row, struct sched_test *test, struct sched_use *uses)
{
	PyObject *used = PyTuple_GetItem(row, USES);
	long group = PyLong_AsLong(PyTuple_GetItem(row, GROUP));
	*test = (struct sched_test){
		.scope = number(PyTuple_GetItem(row, SCOPE)),
		.run = number(PyTuple_GetItem(row, RUN)),
		.group = group < 0 ? SCHED_NONE : (uint32_t)group,
		.cost_s = (float)PyFloat_AsDouble(PyTuple_GetItem(row, COST)),
		.uses = uses,
		.use_count = (uint32_t)PyTuple_Size(used),
		.serial = PyObject_IsTrue(PyTuple_GetItem(row, SERIAL)) == 1,
	};
	for (uint32_t i = 0; i < test->use_count; i++) {
		uint32_t use = number(PyTuple_GetItem(used, (Py_ssize_t)i));
		*uses++ = (struct sched_use){ .resource = use / 2, .exclusive = use % 2 };
	}
	return uses;
}

static int read_rows(struct native_plan *plan, PyObject *rows)
{
	size_t use_count = count_uses(rows);
	if (use_count == SIZE_MAX)
		return -1;
	plan->count = (uint32_t)PyList_Size(rows);
	plan->tests = os_malloc(sizeof(*plan->tests) * plan->count + 1);
	plan->uses = os_malloc(sizeof(*plan->uses) * use_count + 1);
	if (!plan->tests || !plan->uses) {
		PyErr_NoMemory();
		return -1;
	}
	struct sched_use *uses = plan->uses;
	for (uint32_t i = 0; i < plan->count; i++)
		uses = read_test(PyList_GetItem(rows, (Py_ssize_t)i), &plan->tests[i], uses);
	return PyErr_Occurred() ? -1 : 0;
}

static int read_lists(struct native_plan *plan, PyObject *setups, PyObject *caps)
{
	plan->options.scopes = (uint32_t)PyList_Size(setups);
	plan->options.resources = (uint32_t)PyList_Size(caps);
	plan->setups = os_malloc(sizeof(*plan->setups) * plan->options.scopes + 1);
	plan->caps = os_malloc(sizeof(*plan->caps) * plan->options.resources + 1);
	if (!plan->setups || !plan->caps) {
		PyErr_NoMemory();
		return -1;
	}
	for (uint32_t i = 0; i < plan->options.scopes; i++)
		plan->setups[i] = (float)PyFloat_AsDouble(PyList_GetItem(setups, (Py_ssize_t)i));
	for (uint32_t i = 0; i < plan->options.resources; i++)
		plan->caps[i] = number(PyList_GetItem(caps, (Py_ssize_t)i));
	plan->options.setup_s = plan->setups;
	plan->options.caps = plan->caps;
	return PyErr_Occurred() ? -1 : 0;
}

static int read_holders(struct native_plan *plan, PyObject *holders)
{
	uint32_t count = (uint32_t)PyList_Size(holders);
	if (count == 0)
		return 0;
	if (count != plan->options.scopes) {
		PyErr_SetString(PyExc_ValueError, "holders are as many as setups");
		return -1;
	}
	plan->holders = os_malloc(sizeof(*plan->holders) * count);
	if (!plan->holders) {
		PyErr_NoMemory();
		return -1;
	}
	for (uint32_t i = 0; i < count; i++) {
		long worker = PyLong_AsLong(PyList_GetItem(holders, (Py_ssize_t)i));
		plan->holders[i] = worker < 0 ? SCHED_NONE : (uint32_t)worker;
	}
	plan->options.holders = plan->holders;
	return PyErr_Occurred() ? -1 : 0;
}

int native_plan_read(struct native_plan *plan, PyObject *args)
{
	PyObject *rows, *setups, *caps, *holders;
	int each, longest_first;
	if (!PyArg_ParseTuple(args, "O!IppKO!O!O!", &PyList_Type, &rows, &plan->options.workers, &each, &longest_first,
			      &plan->digest, &PyList_Type, &setups, &PyList_Type, &caps, &PyList_Type, &holders))
		return -1;
	plan->options.each = each;
	plan->options.longest_first = longest_first;
	if (read_rows(plan, rows) < 0)
		return -1;
	if (read_lists(plan, setups, caps) < 0)
		return -1;
	return read_holders(plan, holders);
}

void native_plan_release(struct native_plan *plan)
{
	free(plan->tests);
	free(plan->uses);
	free(plan->setups);
	free(plan->caps);
	free(plan->holders);
	plan->tests = NULL;
	plan->uses = NULL;
	plan->setups = NULL;
	plan->caps = NULL;
	plan->holders = NULL;
}
