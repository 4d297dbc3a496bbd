/* The type Modules: engine/module_table.h for Python. */
#include "native/native.h"

#include "engine/board.h"
#include "engine/module_table.h"

#include "base/banned.h"

struct modules_object {
	PyObject_HEAD
	struct module_table *table;
};

static struct module_table *table_of(PyObject *object)
{
	return ((struct modules_object *)object)->table;
}

static PyObject *modules_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	struct err err = ERR_INIT;
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct modules_object *self = (struct modules_object *)allocate(type, 0);
	if (!self)
		return NULL;
	self->table = module_table_open(&err);
	if (self->table)
		return (PyObject *)self;
	Py_DECREF(self);
	return native_raise(&err);
}

static void modules_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	module_table_close(table_of(object));
	((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
	Py_DECREF(type);
}

static PyObject *begin(PyObject *object, PyObject *args)
{
	struct err err = ERR_INIT;
	unsigned modules, workers;
	if (!PyArg_ParseTuple(args, "II", &modules, &workers))
		return NULL;
	if (module_table_begin(table_of(object), modules, workers, &err) < 0)
		return native_raise(&err);
	Py_RETURN_NONE;
}

static PyObject *pull(PyObject *object, PyObject *unused)
{
	uint32_t first, count;
	if (!module_table_pull(table_of(object), &first, &count))
		Py_RETURN_NONE;
	return Py_BuildValue("II", first, count);
}

static PyObject *is_empty(PyObject *object, PyObject *unused)
{
	return PyBool_FromLong(module_table_is_empty(table_of(object)));
}

static int check_worker(unsigned worker)
{
	if (worker < BOARD_MAX_WORKERS)
		return 0;
	PyErr_Format(PyExc_ValueError, "worker %u is out of range", worker);
	return -1;
}

static PyObject *enter(PyObject *object, PyObject *args)
{
	unsigned worker;
	int module;
	if (!PyArg_ParseTuple(args, "Ii", &worker, &module) || check_worker(worker) < 0)
		return NULL;
	module_table_enter(table_of(object), worker, module < 0 ? MODULE_NONE : (uint32_t)module);
	Py_RETURN_NONE;
}

static PyObject *entered(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!PyArg_ParseTuple(args, "I", &worker) || check_worker(worker) < 0)
		return NULL;
	uint32_t module = module_table_entered(table_of(object), worker);
	return PyLong_FromLong(module == MODULE_NONE ? -1 : (long)module);
}

static PyObject *place(PyObject *object, PyObject *args)
{
	unsigned module, first, tests;
	unsigned long long digest;
	if (!PyArg_ParseTuple(args, "IIIK", &module, &first, &tests, &digest))
		return NULL;
	struct module_place *at = module_table_place(table_of(object), module);
	if (!at)
		return PyErr_Format(PyExc_IndexError, "no module %u", module);
	*at = (struct module_place){ .first = first, .tests = tests, .digest = digest };
	Py_RETURN_NONE;
}

static PyObject *places(PyObject *object, PyObject *unused)
{
	PyObject *list = PyList_New(0);
	for (uint32_t m = 0; list && m < module_table_count(table_of(object)); m++) {
		const struct module_place *at = module_table_place(table_of(object), m);
		PyObject *row = Py_BuildValue("IIK", at->first, at->tests, (unsigned long long)at->digest);
		if (!row || PyList_Append(list, row) < 0)
			Py_CLEAR(list);
		Py_XDECREF(row);
	}
	return list;
}

/* FNV-1a (64 bits) over texts, each with a zero byte behind it; never 0. */
static PyObject *digest(PyObject *module, PyObject *args)
{
	PyObject *texts;
	if (!PyArg_ParseTuple(args, "O!", &PyList_Type, &texts))
		return NULL;
	uint64_t hash = 14695981039346656037ull;
	for (Py_ssize_t i = 0; i < PyList_Size(texts); i++) {
		char *bytes;
		Py_ssize_t len;
		if (PyBytes_AsStringAndSize(PyList_GetItem(texts, i), &bytes, &len) < 0)
			return NULL;
		for (Py_ssize_t b = 0; b <= len; b++)
			hash = (hash ^ (unsigned char)bytes[b]) * 1099511628211ull;
	}
	return PyLong_FromUnsignedLongLong(hash ? hash : 1);
}

PyMethodDef digest_methods[] = {
	{ "digest", digest, METH_VARARGS, "digest([bytes]) -> 64 bits that stand for them in their order, never 0" },
	{ NULL, NULL, 0, NULL },
};

static PyMethodDef modules_methods[] = {
	{ "begin", begin, METH_VARARGS, "begin(modules, workers)" },
	{ "pull", pull, METH_NOARGS, "pull() -> (first, count), or None when nothing is left" },
	{ "is_empty", is_empty, METH_NOARGS, "is_empty() -> whether nothing is left to be pulled" },
	{ "enter", enter, METH_VARARGS, "enter(worker, module): it expands this one now; -1 for none" },
	{ "entered", entered, METH_VARARGS, "entered(worker) -> the module it is in, or -1" },
	{ "place", place, METH_VARARGS, "place(module, first, tests, digest): before the plan is made" },
	{ "places", places, METH_NOARGS, "places() -> [(first, tests, digest)]: after the plan was made" },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot modules_slots[] = {
	{ Py_tp_new, modules_new },
	{ Py_tp_dealloc, modules_dealloc },
	{ Py_tp_methods, modules_methods },
	{ Py_tp_doc, (void *)"The test modules that workers expand in parallel." },
	{ 0, NULL },
};

PyType_Spec native_modules_type = {
	.name = "pytest_comb._comb.Modules",
	.basicsize = sizeof(struct modules_object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = modules_slots,
};
