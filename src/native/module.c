/*
 * _comb: the CPython extension, stable ABI of 3.9. Thin: each function
 * translates its arguments, calls the library, and translates the result.
 */
#include "native/native.h"

#include <string.h>

#include "base/clock.h"
#include "engine/board.h"

#include "base/banned.h"

/* now_ns(): the monotonic clock, whatever a test has made of Python's. */
static PyObject *now_ns(PyObject *module, PyObject *args)
{
	(void)module;
	(void)args;
	return PyLong_FromLongLong(clock_now_ns());
}

static PyMethodDef clock_methods[] = {
	{ "now_ns", now_ns, METH_NOARGS, "now_ns() of a clock that no test can set" },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "pytest_comb._comb",
	.m_doc = "The native half of pytest-comb.",
	.m_size = -1,
};

static PyMethodDef *const method_tables[] = {
	recorder_methods, audit_methods, family_methods, history_methods, live_methods, digest_methods, trace_methods, clock_methods,
	process_methods, hookcall_methods, descriptor_methods, frozen_methods,
};

static PyType_Spec *const types[] = {
	&native_board_type, &native_fork_server_type, &native_late_folder_type, &native_lines_type, &native_modules_type,
};

static int add_type(PyObject *m, PyType_Spec *spec)
{
	PyObject *type = PyType_FromSpec(spec);
	if (!type)
		return -1;
	if (PyModule_AddObject(m, strrchr(spec->name, '.') + 1, type) == 0)
		return 0;
	Py_DECREF(type);
	return -1;
}

PyObject *native_raise(const struct err *err)
{
	PyErr_Format(err->kind == ERR_INTERNAL ? PyExc_RuntimeError : PyExc_OSError, "comb: %s%s%s", err->text,
		     err->hint[0] ? "; " : "", err->hint);
	return NULL;
}

static int add_everything(PyObject *m)
{
	for (size_t i = 0; i < sizeof(method_tables) / sizeof(*method_tables); i++)
		if (PyModule_AddFunctions(m, method_tables[i]) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (add_type(m, types[i]) < 0)
			return -1;
	if (PyModule_AddIntConstant(m, "MAX_WORKERS", BOARD_MAX_WORKERS) < 0)
		return -1;
	return PyModule_AddStringConstant(m, "__version__", COMB_VERSION);
}

PyMODINIT_FUNC PyInit__comb(void);
PyMODINIT_FUNC PyInit__comb(void)
{
	PyObject *m = PyModule_Create(&module);
	native_count_forks();
	if (m && add_everything(m) < 0) {
		Py_DECREF(m);
		return NULL;
	}
	return m;
}
