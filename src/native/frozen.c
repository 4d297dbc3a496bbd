/*
 * frozen.c: a call before a call, made from C.
 *
 * gc.get_referrers() finds the frame or the coroutine of a function that calls
 * another one of Python's while that runs (3.11), not that of one which calls C.
 */
#include "native/native.h"

#include "base/banned.h"

/* The list without this very object; NULL with an exception set. */
static PyObject *without(PyObject *list, PyObject *object)
{
	Py_ssize_t count = PyList_Check(list) ? PyList_Size(list) : 0;
	while (count-- > 0)
		if (PyList_GetItem(list, count) == object && PySequence_DelItem(list, count) < 0)
			return NULL;
	return list;
}

/* pair: what is called first, without arguments, and what is called then. */
static PyObject *call_both(PyObject *pair, PyObject *args, PyObject *keywords)
{
	PyObject *done = PyObject_CallFunctionObjArgs(PyTuple_GetItem(pair, 0), NULL);
	if (!done)
		return NULL;
	Py_DECREF(done);
	PyObject *found = PyObject_Call(PyTuple_GetItem(pair, 1), args, keywords);
	if (found && !without(found, args)) {
		Py_DECREF(found);
		return NULL;
	}
	return found;
}

static PyMethodDef both = { "first_then", (PyCFunction)(void (*)(void))call_both, METH_VARARGS | METH_KEYWORDS, NULL };

static PyObject *first_then(PyObject *module, PyObject *args)
{
	(void)module;
	PyObject *first, *then;
	if (!PyArg_ParseTuple(args, "OO", &first, &then))
		return NULL;
	return PyCFunction_New(&both, args);
}

PyMethodDef frozen_methods[] = {
	{ "first_then", first_then, METH_VARARGS,
	  "first_then(first, then): a function that calls first(), then then(...); a list that this finds is without the tuple of the "
	  "arguments" },
	{ NULL, NULL, 0, NULL },
};
