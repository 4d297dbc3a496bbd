/* The type LateFolder: engine/late_folder.h for Python. */
#include "native/native.h"

#include "engine/late_folder.h"

#include "base/banned.h"

struct folder_object {
	PyObject_HEAD
	struct late_folder *folder;
};

static struct late_folder *folder_of(PyObject *object)
{
	return ((struct folder_object *)object)->folder;
}

static PyObject *folder_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	struct err err = ERR_INIT;
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct folder_object *self = (struct folder_object *)allocate(type, 0);
	if (!self)
		return NULL;
	self->folder = late_folder_open(&err);
	if (self->folder)
		return (PyObject *)self;
	Py_DECREF(self);
	return native_raise(&err);
}

static void folder_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	late_folder_close(folder_of(object));
	((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
	Py_DECREF(type);
}

static PyObject *want(PyObject *object, PyObject *unused)
{
	late_folder_want(folder_of(object));
	Py_RETURN_NONE;
}

static PyObject *is_wanted(PyObject *object, PyObject *unused)
{
	return PyBool_FromLong(late_folder_is_wanted(folder_of(object)));
}

static PyObject *give(PyObject *object, PyObject *args)
{
	struct err err = ERR_INIT;
	const char *bytes;
	Py_ssize_t len;
	if (!PyArg_ParseTuple(args, "y#", &bytes, &len))
		return NULL;
	if (late_folder_give(folder_of(object), bytes, (size_t)len, &err) < 0)
		return native_raise(&err);
	Py_RETURN_NONE;
}

static PyObject *given(PyObject *object, PyObject *unused)
{
	size_t len;
	const char *bytes = late_folder_given(folder_of(object), &len);
	if (!bytes)
		Py_RETURN_NONE;
	return PyBytes_FromStringAndSize(bytes, (Py_ssize_t)len);
}

static PyMethodDef folder_methods[] = {
	{ "want", want, METH_NOARGS, "want(): somebody needs the path" },
	{ "is_wanted", is_wanted, METH_NOARGS, "is_wanted() -> whether it is, and was not given yet" },
	{ "give", give, METH_VARARGS, "give(bytes): once" },
	{ "given", given, METH_NOARGS, "given() -> bytes, or None" },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot folder_slots[] = {
	{ Py_tp_new, folder_new },
	{ Py_tp_dealloc, folder_dealloc },
	{ Py_tp_methods, folder_methods },
	{ Py_tp_doc, (void *)"A path that is made when the first process needs it." },
	{ 0, NULL },
};

PyType_Spec native_late_folder_type = {
	.name = "pytest_comb._comb.LateFolder",
	.basicsize = sizeof(struct folder_object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = folder_slots,
};
