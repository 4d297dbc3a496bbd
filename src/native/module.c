/*
 * _comb: the CPython extension, stable ABI of 3.9. Thin: each function
 * translates its arguments, calls the library, and translates the result.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyMethodDef methods[] = {
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "pytest_comb._comb",
	.m_doc = "The native half of pytest-comb.",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit__comb(void);
PyMODINIT_FUNC PyInit__comb(void)
{
	PyObject *m = PyModule_Create(&module);
	if (m && PyModule_AddStringConstant(m, "__version__", COMB_VERSION) < 0) {
		Py_DECREF(m);
		return NULL;
	}
	return m;
}
