/* Traces and records of who ran what (engine/trace_file.h, engine/record.h) for Python. */
#include "native/native.h"

#include <stdlib.h>

#include "base/os.h"
#include "engine/board.h"

#include "base/banned.h"

/* Slices of the bytes objects in a list, valid as long as these. NULL with an exception. */
static struct slice *slices_of(PyObject *list)
{
	Py_ssize_t count = PyList_Size(list);
	struct slice *slices = os_malloc(sizeof(*slices) * ((size_t)count + 1));
	if (!slices)
		return (struct slice *)PyErr_NoMemory();
	for (Py_ssize_t i = 0; i < count; i++) {
		char *bytes;
		Py_ssize_t len;
		if (PyBytes_AsStringAndSize(PyList_GetItem(list, i), &bytes, &len) < 0) {
			free(slices);
			return NULL;
		}
		slices[i] = (struct slice){ bytes, (size_t)len };
	}
	return slices;
}

/* (path, ids): ids as slices_of() gives them. */
static struct slice *read_path_and_ids(PyObject *args, const char **path, uint32_t *count)
{
	PyObject *list;
	if (!PyArg_ParseTuple(args, "yO!", path, &PyList_Type, &list))
		return NULL;
	*count = (uint32_t)PyList_Size(list);
	return slices_of(list);
}

PyObject *native_name_resources(struct board *board, PyObject *args)
{
	struct slice names;
	Py_ssize_t len;
	if (!PyArg_ParseTuple(args, "y#", &names.ptr, &len))
		return NULL;
	names.len = (size_t)len;
	board_name_resources(board, names);
	Py_RETURN_NONE;
}

PyObject *native_replay(struct board *board, PyObject *args)
{
	struct err err = ERR_INIT;
	struct record *record;
	const char *path;
	uint32_t count;
	cleanup_free struct slice *ids = read_path_and_ids(args, &path, &count);
	if (!ids)
		return NULL;
	if (record_open(&record, path, &err) < 0)
		return native_raise(&err);
	int failed = board_replay(board, record, ids, count, &err);
	record_close(record);
	if (failed < 0)
		return native_raise(&err);
	Py_RETURN_NONE;
}

PyObject *native_write_trace(struct board *board, PyObject *args)
{
	struct err err = ERR_INIT;
	const char *path;
	uint32_t count;
	cleanup_free struct slice *ids = read_path_and_ids(args, &path, &count);
	if (!ids)
		return NULL;
	if (board_write_trace(board, path, ids, count, &err) < 0)
		return native_raise(&err);
	Py_RETURN_NONE;
}

static PyObject *record_workers_of(PyObject *module, PyObject *args)
{
	struct err err = ERR_INIT;
	struct record *record;
	const char *path;
	if (!PyArg_ParseTuple(args, "y", &path))
		return NULL;
	if (record_open(&record, path, &err) < 0)
		return native_raise(&err);
	uint32_t workers = record_workers(record);
	record_close(record);
	return PyLong_FromUnsignedLong(workers);
}

static PyObject *list_of(const uint32_t *numbers, uint32_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (uint32_t i = 0; list && i < count; i++) {
		PyObject *number = PyLong_FromUnsignedLong(numbers[i]);
		if (!number || PyList_SetItem(list, (Py_ssize_t)i, number) < 0) {
			Py_DECREF(list);
			return NULL;
		}
	}
	return list;
}

static PyObject *record_omits_of(PyObject *module, PyObject *args)
{
	struct err err = ERR_INIT;
	struct record *record;
	const char *path;
	PyObject *names;
	unsigned copies;
	if (!PyArg_ParseTuple(args, "yO!I", &path, &PyList_Type, &names, &copies))
		return NULL;
	uint32_t count = (uint32_t)PyList_Size(names), made;
	cleanup_free struct slice *ids = slices_of(names);
	cleanup_free uint32_t *omitted = os_malloc(sizeof(*omitted) * ((size_t)count * copies + 1));
	if (!ids || !omitted)
		return ids ? PyErr_NoMemory() : NULL;
	if (record_open(&record, path, &err) < 0)
		return native_raise(&err);
	int failed = record_omits(record, ids, count, count * copies, omitted, &made, &err);
	record_close(record);
	return failed < 0 ? native_raise(&err) : list_of(omitted, made);
}

PyMethodDef trace_methods[] = {
	{ "record_workers", record_workers_of, METH_VARARGS, "record_workers(path) -> how many workers that run had" },
	{ "record_omits", record_omits_of, METH_VARARGS,
	  "record_omits(path, ids, copies) -> indices of tests that did not run in it; copies: how often each is to run" },
	{ NULL, NULL, 0, NULL },
};
