/* The type Lines (report/lines.h) and the live line (report/live.h) for Python. */
#include "native/native.h"

#include "base/os.h"
#include "report/lines.h"
#include "report/live.h"
#include "report/terminal.h"

#include "base/banned.h"

struct lines_object {
	PyObject_HEAD
	struct lines lines;
};

static PyObject *lines_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	struct err err = ERR_INIT;
	const char *label, *token;
	int fd, terminal;
	if (!PyArg_ParseTuple(args, "issp", &fd, &label, &token, &terminal))
		return NULL;
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct lines_object *self = (struct lines_object *)allocate(type, 0);
	if (!self)
		return NULL;
	self->lines.fd = -1;
	if (lines_open(&self->lines, fd, label, token, terminal, &err) < 0) {
		Py_DECREF(self);
		return native_raise(&err);
	}
	return (PyObject *)self;
}

static void lines_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	lines_release(&((struct lines_object *)object)->lines);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
	Py_DECREF(type);
}

static PyObject *bytes_of(const struct str *text)
{
	return PyBytes_FromStringAndSize(str_text(text), (Py_ssize_t)text->len);
}

static PyObject *lines_read_method(PyObject *object, PyObject *unused)
{
	cleanup_str struct str out = STR_INIT;
	uint32_t marker = 0;
	enum lines_state state = lines_read(&((struct lines_object *)object)->lines, &out, &marker);
	if (state == LINES_FAILED)
		return PyErr_NoMemory();
	return Py_BuildValue("NLO", bytes_of(&out), state == LINES_MARKER ? (long long)marker : -1LL,
			     state == LINES_EMPTY ? Py_False : Py_True);
}

static PyObject *lines_flush_method(PyObject *object, PyObject *unused)
{
	cleanup_str struct str out = STR_INIT;
	if (lines_flush(&((struct lines_object *)object)->lines, &out) < 0)
		return PyErr_NoMemory();
	return bytes_of(&out);
}

static PyObject *lines_close_method(PyObject *object, PyObject *unused)
{
	lines_release(&((struct lines_object *)object)->lines);
	Py_RETURN_NONE;
}

static PyMethodDef lines_methods[] = {
	{ "read", lines_read_method, METH_NOARGS, "read() -> (whole lines, test that ended behind them or -1, more?)" },
	{ "flush", lines_flush_method, METH_NOARGS, "flush() -> the unfinished line, finished" },
	{ "close", lines_close_method, METH_NOARGS, "close()" },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot lines_slots[] = {
	{ Py_tp_new, lines_new },
	{ Py_tp_dealloc, lines_dealloc },
	{ Py_tp_methods, lines_methods },
	{ Py_tp_doc, (void *)"Lines(fd, label, token, terminal): what another process writes, as whole lines." },
	{ 0, NULL },
};

PyType_Spec native_lines_type = {
	.name = "pytest_comb._comb.Lines",
	.basicsize = sizeof(struct lines_object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = lines_slots,
};

/* One row: (id, node id as bytes or None, seconds). What it points to lives as long as the row. */
static int read_worker(PyObject *row, struct live_worker *worker)
{
	Py_ssize_t len;
	if (!PyArg_ParseTuple(row, "sz#d", &worker->id, &worker->test, &len, &worker->seconds))
		return -1;
	worker->test_len = (size_t)len;
	return 0;
}

static PyObject *live_line(PyObject *module, PyObject *args)
{
	struct live_view view = { .left_s = -1 };
	cleanup_str struct str out = STR_INIT;
	PyObject *rows;
	unsigned long done, total, failed, columns;
	int color;
	if (!PyArg_ParseTuple(args, "kkkdO!kp", &done, &total, &failed, &view.left_s, &PyList_Type, &rows, &columns, &color))
		return NULL;
	view.done = done;
	view.total = total;
	view.failed = failed;
	view.color = color;
	view.unicode = locale_is_utf8();
	view.worker_count = (size_t)PyList_Size(rows);
	cleanup_free struct live_worker *workers = os_calloc(view.worker_count + 1, sizeof(*workers));
	view.workers = workers;
	if (!workers)
		return PyErr_NoMemory();
	for (size_t i = 0; i < view.worker_count; i++)
		if (read_worker(PyList_GetItem(rows, (Py_ssize_t)i), &workers[i]) < 0)
			return NULL;
	if (live_compose(&view, columns, &out) < 0)
		return PyErr_NoMemory();
	return PyUnicode_DecodeUTF8(str_text(&out), (Py_ssize_t)out.len, "replace");
}

static PyObject *column_after(PyObject *module, PyObject *args)
{
	unsigned long column;
	PyObject *text;
	if (!PyArg_ParseTuple(args, "kU", &column, &text))
		return NULL;
	PyObject *bytes = native_text_bytes(text);
	if (!bytes)
		return NULL;
	size_t after = live_column_after(column, PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
	Py_DECREF(bytes);
	return PyLong_FromSize_t(after);
}

static PyObject *printable(PyObject *module, PyObject *args)
{
	cleanup_str struct str out = STR_INIT;
	PyObject *text;
	if (!PyArg_ParseTuple(args, "U", &text))
		return NULL;
	PyObject *bytes = native_text_bytes(text);
	if (!bytes)
		return NULL;
	int failed = str_add_printable(&out, PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
	Py_DECREF(bytes);
	return failed < 0 ? PyErr_NoMemory() : PyUnicode_DecodeUTF8(str_text(&out), (Py_ssize_t)out.len, "replace");
}

PyMethodDef live_methods[] = {
	{ "printable", printable, METH_VARARGS, "printable(text) -> text without what a terminal would obey" },
	{ "live_line", live_line, METH_VARARGS,
	  "live_line(done, total, failed, left_s, [(id, test or None, seconds)], columns, color) -> text" },
	{ "column_after", column_after, METH_VARARGS, "column_after(column, text) -> where the cursor stands then" },
	{ NULL, NULL, 0, NULL },
};
