/*
 * _comb: the CPython extension, stable ABI of 3.9. Thin: each function
 * translates its arguments, calls the library, and translates the result.
 */
#include "native/native.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

/* die_with_parent(pid): SIGKILL for this process when its parent ends; now, where that has happened already. */
static PyObject *die_with_parent(PyObject *module, PyObject *args)
{
	int parent;
	if (!PyArg_ParseTuple(args, "i", &parent))
		return NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	Py_RETURN_NONE;
}

/*
 * adopt_orphans(): processes whose parent ends become children of this one, and it lives on when its own parent ends:
 * for who sees that by the end of a socket, and has to clear up then.
 */
static PyObject *adopt_orphans(PyObject *module, PyObject *args)
{
	(void)module;
	(void)args;
	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	prctl(PR_SET_PDEATHSIG, 0L);
	Py_RETURN_NONE;
}

/* now_ns(): the monotonic clock, whatever a test has made of Python's. */
static PyObject *now_ns(PyObject *module, PyObject *args)
{
	(void)module;
	(void)args;
	return PyLong_FromLongLong(clock_now_ns());
}

static PyMethodDef process_methods[] = {
	{ "adopt_orphans", adopt_orphans, METH_NOARGS, "adopt_orphans()" },
	{ "die_with_parent", die_with_parent, METH_VARARGS, "die_with_parent(pid)" },
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
	recorder_methods, audit_methods, family_methods, history_methods, live_methods, digest_methods, trace_methods, process_methods,
	hookcall_methods,
};

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
	if (native_add_board(m) < 0 || native_add_lines(m) < 0 || native_add_modules(m) < 0 ||
	    native_add_late_folder(m) < 0)
		return -1;
	return PyModule_AddStringConstant(m, "__version__", COMB_VERSION);
}

PyMODINIT_FUNC PyInit__comb(void);
PyMODINIT_FUNC PyInit__comb(void)
{
	PyObject *m = PyModule_Create(&module);
	if (m && add_everything(m) < 0) {
		Py_DECREF(m);
		return NULL;
	}
	return m;
}
