/* Children, memory and their ends (base/family.h) for Python. */
#include "native/native.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "base/family.h"

#include "base/banned.h"

enum { MAX_CHILDREN = 4096 };

static PyObject *has_children(PyObject *module, PyObject *unused)
{
	return PyBool_FromLong(family_has_children());
}

/* children(pid=this process) */
static PyObject *children(PyObject *module, PyObject *args)
{
	pid_t pids[MAX_CHILDREN];
	int parent = getpid();
	if (!PyArg_ParseTuple(args, "|i", &parent))
		return NULL;
	size_t count = family_children(parent, pids, MAX_CHILDREN);
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < count && i < MAX_CHILDREN; i++) {
		PyObject *pid = PyLong_FromLong(pids[i]);
		int failed = !pid || PyList_Append(list, pid) < 0;
		Py_XDECREF(pid);
		if (failed) {
			Py_DECREF(list);
			return NULL;
		}
	}
	return list;
}

/* count_running(pids, enough) */
static PyObject *count_running(PyObject *module, PyObject *args)
{
	pid_t pids[MAX_CHILDREN];
	PyObject *list;
	Py_ssize_t enough;
	size_t count = 0;
	if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &list, &enough))
		return NULL;
	for (; count < MAX_CHILDREN && (Py_ssize_t)count < PyList_Size(list); count++) {
		pids[count] = (pid_t)PyLong_AsLong(PyList_GetItem(list, (Py_ssize_t)count));
		if (PyErr_Occurred())
			return NULL;
	}
	return PyLong_FromSize_t(family_count_running(pids, count, (size_t)enough));
}

static PyObject *resident_bytes(PyObject *module, PyObject *unused)
{
	return PyLong_FromLongLong(family_resident_bytes());
}

static PyObject *oom_kills(PyObject *module, PyObject *unused)
{
	return PyLong_FromLongLong(family_oom_kills());
}

/* keep_orphans(whether): descendants whose parent ends become children of this process. */
static PyObject *keep_orphans(PyObject *module, PyObject *args)
{
	int keep;
	if (!PyArg_ParseTuple(args, "p", &keep))
		return NULL;
	prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)keep, 0, 0, 0);
	Py_RETURN_NONE;
}

PyMethodDef family_methods[] = {
	{ "has_children", has_children, METH_NOARGS, "has_children() -> whether this process has any, ended or not" },
	{ "children", children, METH_VARARGS, "children([pid]) -> pids of its children, or of this process's, that have not ended" },
	{ "count_running", count_running, METH_VARARGS,
	  "count_running(pids, enough) -> how many of them run or want to, counted up to enough" },
	{ "resident_bytes", resident_bytes, METH_NOARGS, "resident_bytes() of this process; 0: unknown" },
	{ "oom_kills", oom_kills, METH_NOARGS, "oom_kills() -> processes killed for want of memory so far; -1: unknown" },
	{ "keep_orphans", keep_orphans, METH_VARARGS, "keep_orphans(whether)" },
	{ NULL, NULL, 0, NULL },
};
