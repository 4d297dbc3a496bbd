#include "native/gap.h"

#include <math.h>
#include <stdlib.h>

#include "base/os.h"
#include "tune/gap.h"

#include "base/banned.h"

/* Fixtures' names belong to the rows, which outlive this. */
static int read_rows(struct gap_test *tests, struct gap_setup *setups, PyObject *test_rows, PyObject *setup_rows)
{
	for (Py_ssize_t i = 0; i < PyList_Size(test_rows); i++)
		if (!PyArg_ParseTuple(PyList_GetItem(test_rows, i), "Id", &tests[i].test, &tests[i].seconds))
			return -1;
	for (Py_ssize_t i = 0; i < PyList_Size(setup_rows); i++) {
		int of_module;
		if (!PyArg_ParseTuple(PyList_GetItem(setup_rows, i), "Ipyd", &setups[i].test, &of_module,
				      &setups[i].fixture, &setups[i].seconds))
			return -1;
		setups[i].of_module = of_module;
	}
	return 0;
}

PyObject *native_gap(const struct board *board, uint32_t workers, PyObject *args)
{
	cleanup_str struct str text = STR_INIT;
	PyObject *test_rows, *setup_rows;
	struct err err = ERR_INIT;
	struct gap gap;
	if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &test_rows, &PyList_Type, &setup_rows))
		return NULL;
	size_t test_count = (size_t)PyList_Size(test_rows), setup_count = (size_t)PyList_Size(setup_rows);
	cleanup_free struct gap_test *tests = os_malloc(sizeof(*tests) * test_count + 1);
	cleanup_free struct gap_setup *setups = os_malloc(sizeof(*setups) * setup_count + 1);
	if (!tests || !setups)
		return PyErr_NoMemory();
	if (read_rows(tests, setups, test_rows, setup_rows) < 0)
		return NULL;
	struct gap_run run = { .sched = board_sched(board), .times = board_times(board), .workers = (int)workers,
			       .cores = INFINITY, .tests = tests, .test_count = test_count, .setups = setups,
			       .setup_count = setup_count };
	if (gap_compute(&gap, &run, &err) < 0)
		return native_raise(&err);
	if (gap_describe(&gap, &text) < 0)
		return PyErr_NoMemory();
	return PyUnicode_FromStringAndSize(text.buf, (Py_ssize_t)text.len);
}
