/* Descriptors that comb holds while tests run: a test may close one, and its number be that of another file then. */
#include "native/native.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

struct kept {
	int fd;
	dev_t device;
	ino_t inode;
};

static PyObject *note_files(PyObject *module, PyObject *args)
{
	PyObject *list;
	if (!PyArg_ParseTuple(args, "O!", &PyList_Type, &list))
		return NULL;
	PyObject *noted = PyBytes_FromStringAndSize("", 0);
	for (Py_ssize_t i = 0; noted && i < PyList_Size(list); i++) {
		struct stat st;
		int fd = (int)PyLong_AsLong(PyList_GetItem(list, i));
		if (PyErr_Occurred()) {
			Py_DECREF(noted);
			return NULL;
		}
		if (fstat(fd, &st) < 0)
			continue;
		struct kept kept;
		memset(&kept, 0, sizeof(kept));
		kept = (struct kept){ .fd = fd, .device = st.st_dev, .inode = st.st_ino };
		PyObject *row = PyBytes_FromStringAndSize((const char *)&kept, sizeof(kept));
		PyBytes_ConcatAndDel(&noted, row);
	}
	return noted;
}

static bool is_kept(const char *row)
{
	struct kept kept;
	struct stat st;
	memcpy(&kept, row, sizeof(kept));
	return fstat(kept.fd, &st) == 0 && st.st_dev == kept.device && st.st_ino == kept.inode;
}

static PyObject *are_kept(PyObject *module, PyObject *noted)
{
	char *rows;
	Py_ssize_t bytes;
	if (PyBytes_AsStringAndSize(noted, &rows, &bytes) < 0)
		return NULL;
	bool all = true;
	for (Py_ssize_t at = 0; all && at + (Py_ssize_t)sizeof(struct kept) <= bytes; at += (Py_ssize_t)sizeof(struct kept))
		all = is_kept(rows + at);
	return PyBool_FromLong(all);
}

/* Its offset is at the end then. Faster than os.lseek(), for who asks with every test. */
static PyObject *is_empty(PyObject *module, PyObject *descriptor)
{
	int fd = (int)PyLong_AsLong(descriptor);
	if (PyErr_Occurred())
		return NULL;
	off_t end = lseek(fd, 0, SEEK_END);
	return end < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyBool_FromLong(end == 0);
}

PyMethodDef descriptor_methods[] = {
	{ "note_files", note_files, METH_VARARGS, "note_files([descriptor]) -> bytes: which files those are that are open now" },
	{ "are_kept", are_kept, METH_O, "are_kept(noted) -> whether all of these descriptors are open, and still the same files" },
	{ "is_empty", is_empty, METH_O, "is_empty(descriptor) -> whether the file has no bytes; moves its offset to the end" },
	{ NULL, NULL, 0, NULL },
};
