/* recorder.c: record lines written from Python. One record a process; a forked child must open its own. */
#include "native/native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"

#include "base/banned.h"

/* The descriptor is kept high, out of the way of tests that count or close low ones. */
#define LOWEST_DESCRIPTOR 200

static struct {
	char *path;
	int fd;
	dev_t device;
	ino_t inode;
	pid_t owner;
} record_file = { .fd = -1 };
static struct record_line line = RECORD_LINE_INIT;

static int open_high(const char *path)
{
	int fd = os_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0)
		return -1;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
	if (high >= 0) {
		os_close(fd);
		fd = high;
	}
	struct stat st;
	if (fstat(fd, &st) < 0) {
		cleanup_close(&fd);
		return -1;
	}
	record_file.device = st.st_dev;
	record_file.inode = st.st_ino;
	return fd;
}

int recorder_fd(void)
{
	struct stat st;
	if (!record_file.path)
		return -1;
	if (record_file.fd >= 0 && fstat(record_file.fd, &st) == 0 && st.st_dev == record_file.device &&
	    st.st_ino == record_file.inode)
		return record_file.fd;
	/* A test closed it; the number may be somebody else's file by now, so it is not closed here. */
	record_file.fd = open_high(record_file.path);
	return record_file.fd;
}

PyObject *native_text_bytes(PyObject *text)
{
	PyObject *bytes = PyUnicode_AsUTF8String(text);
	static const char *const handlers[] = { "surrogateescape", "surrogatepass" };
	for (size_t i = 0; !bytes && i < 2; i++) {
		if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
			return NULL;
		PyErr_Clear();
		bytes = PyUnicode_AsEncodedString(text, "utf-8", handlers[i]);
	}
	return bytes;
}

/* Calls put with the bytes of a str. 0, or -1 with an exception set. */
static int with_text(PyObject *text, const char *key, void (*put)(const char *key, const char *bytes, size_t len))
{
	PyObject *bytes = native_text_bytes(text);
	char *at;
	Py_ssize_t len;
	if (!bytes || PyBytes_AsStringAndSize(bytes, &at, &len) < 0) {
		Py_XDECREF(bytes);
		return -1;
	}
	put(key, at, (size_t)len);
	Py_DECREF(bytes);
	return 0;
}

static void put_text(const char *key, const char *bytes, size_t len)
{
	record_line_text(&line, key, bytes, len);
}

static void put_element(const char *key, const char *bytes, size_t len)
{
	(void)key;
	record_line_list_add(&line, bytes, len);
}

static int put_list(const char *key, PyObject *list)
{
	Py_ssize_t count = PyList_Size(list);
	record_line_list(&line, key);
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *element = PyList_GetItem(list, i);
		if (!element || !PyUnicode_Check(element)) {
			PyErr_SetString(PyExc_TypeError, "comb: a list in a record holds str only");
			return -1;
		}
		if (with_text(element, NULL, put_element) < 0)
			return -1;
	}
	record_line_list_end(&line);
	return 0;
}

static int put_value(const char *key, PyObject *value)
{
	if (value == Py_None) {
		record_line_null(&line, key);
	} else if (PyBool_Check(value)) {
		record_line_flag(&line, key, value == Py_True);
	} else if (PyLong_Check(value)) {
		long long number = PyLong_AsLongLong(value);
		if (number == -1 && PyErr_Occurred())
			return -1;
		record_line_integer(&line, key, number);
	} else if (PyUnicode_Check(value)) {
		return with_text(value, key, put_text);
	} else if (PyList_Check(value)) {
		return put_list(key, value);
	} else {
		PyErr_Format(PyExc_TypeError, "comb: %s of a record is of an unknown type", key);
		return -1;
	}
	return 0;
}

static int put_fields(PyObject *fields)
{
	Py_ssize_t at = 0;
	PyObject *key, *value;
	while (fields && PyDict_Next(fields, &at, &key, &value)) {
		PyObject *name = PyUnicode_AsASCIIString(key);
		int failed = !name || put_value(PyBytes_AsString(name), value) < 0;
		Py_XDECREF(name);
		if (failed)
			return -1;
	}
	return 0;
}

/* record_open(path: bytes): the record of this process from here on. */
static PyObject *record_open(PyObject *self, PyObject *args)
{
	(void)self;
	const char *path;
	Py_ssize_t len;
	if (!PyArg_ParseTuple(args, "y#:record_open", &path, &len))
		return NULL;
	cleanup_close(&record_file.fd);
	free(record_file.path);
	record_file.path = os_strdup(path);
	record_file.owner = getpid();
	if (recorder_fd() < 0) {
		struct err err = ERR_INIT;
		err_set(&err, ERR_INPUT, "cannot write the record %s:", path);
		return native_raise(&err);
	}
	Py_RETURN_NONE;
}

/* record(event, **fields): one line, at once; nothing in a process that opened no record. */
static PyObject *record(PyObject *self, PyObject *args, PyObject *fields)
{
	(void)self;
	const char *event;
	if (!PyArg_ParseTuple(args, "s:record", &event))
		return NULL;
	if (!record_file.path || record_file.owner != getpid())
		Py_RETURN_NONE;
	record_line_begin(&line, event);
	if (put_fields(fields) < 0)
		return NULL;
	if (record_line_write(&line, recorder_fd()) < 0) {
		struct err err = ERR_INIT;
		err_set(&err, ERR_ENVIRONMENT, "cannot write the record:");
		return native_raise(&err);
	}
	Py_RETURN_NONE;
}

PyMethodDef recorder_methods[] = {
	{ "record_open", record_open, METH_VARARGS, "record_open(path: bytes): start the record of this process." },
	{ "record", (PyCFunction)(void (*)(void))record, METH_VARARGS | METH_KEYWORDS,
	  "record(event, **fields): write one line of str, int, bool, None and list[str]." },
	{ NULL, NULL, 0, NULL },
};
