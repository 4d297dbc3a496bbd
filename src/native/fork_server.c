/* The type ForkServer: base/fork_server.h for Python. */
#include "native/native.h"

#include <errno.h>

#include "base/fork_server.h"

#include "base/banned.h"

struct server_object {
	PyObject_HEAD
	struct fork_server server;
};

static struct fork_server *server_of(PyObject *object)
{
	return &((struct server_object *)object)->server;
}

static PyObject *server_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	PyObject *self = allocate(type, 0);
	if (self)
		*server_of(self) = (struct fork_server)FORK_SERVER_INIT;
	return self;
}

static void server_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	fork_server_end(server_of(object));
	((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
	Py_DECREF(type);
}

/* In the server. What os.register_at_fork() was given for before a fork is called once; what is for a child, in each. */
static int prepare(void *function)
{
	PyOS_AfterFork_Child();
	PyObject *result = PyObject_CallObject(function, NULL);
	if (!result) {
		PyErr_Print();
		return -1;
	}
	Py_DECREF(result);
	PyOS_BeforeFork();
	return 0;
}

static PyObject *begin(PyObject *object, PyObject *args)
{
	struct fork_order order;
	int lowest_fd;
	PyObject *function;
	if (!PyArg_ParseTuple(args, "Oi", &function, &lowest_fd))
		return NULL;
	fork_server_end(server_of(object));
	PyOS_BeforeFork();
	int role = fork_server_begin(server_of(object), prepare, function, lowest_fd, &order);
	int error = errno;
	if (role == FORK_SERVER_CHILD) {
		PyOS_AfterFork_Child();
		return Py_BuildValue("Li", (long long)order.number, order.words_fd);
	}
	PyOS_AfterFork_Parent();
	errno = error;
	if (role < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	Py_RETURN_NONE;
}

/* Signals are handled while it waits, as Python's own calls do. */
static PyObject *run(PyObject *object, PyObject *args)
{
	long long number;
	int failed;
	struct fork_end end = { .pid = -1 };
	PyObject *result = NULL;
	if (!PyArg_ParseTuple(args, "L", &number))
		return NULL;
	if (fork_server_run(server_of(object), number) < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	do {
		Py_BEGIN_ALLOW_THREADS
		failed = fork_server_wait(server_of(object), &end);
		Py_END_ALLOW_THREADS
	} while (failed && errno == EINTR && PyErr_CheckSignals() == 0);
	if (!failed)
		result = Py_BuildValue("iy#i", (int)end.pid, str_text(&end.said), (Py_ssize_t)end.said.len, end.status);
	else if (!PyErr_Occurred())
		PyErr_SetFromErrno(PyExc_OSError);
	fork_end_release(&end);
	return result;
}

static PyObject *end_server(PyObject *object, PyObject *unused)
{
	fork_server_end(server_of(object));
	Py_RETURN_NONE;
}

static PyMethodDef server_methods[] = {
	{ "begin", begin, METH_VARARGS,
	  "begin(prepare, lowest_fd) -> None; in each process that is forked: (number, descriptor for its last words)" },
	{ "run", run, METH_VARARGS, "run(number) -> (pid, last words, wait status); OSError: not forked" },
	{ "end", end_server, METH_NOARGS, "end()" },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot server_slots[] = {
	{ Py_tp_new, server_new },
	{ Py_tp_dealloc, server_dealloc },
	{ Py_tp_methods, server_methods },
	{ Py_tp_doc, (void *)"A process that forks others, which all begin in the moment of begin()." },
	{ 0, NULL },
};

PyType_Spec native_fork_server_type = {
	.name = "pytest_comb._comb.ForkServer",
	.basicsize = sizeof(struct server_object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = server_slots,
};
