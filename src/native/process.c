/* Forks, and what binds a child to its parent. Few lines of Python around a fork: it copies each page that they touch. */
#include "native/native.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/family.h"
#include "base/machine.h"
#include "base/os.h"
#include "base/str.h"

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
static PyObject *adopt_orphans(PyObject *module, PyObject *unused)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	prctl(PR_SET_PDEATHSIG, 0L);
	Py_RETURN_NONE;
}

/*
 * fork(): os.fork() without its warning, in Python 3.12, of other threads: those of who calls it only wait. What is
 * registered with os.register_at_fork() is called.
 */
static PyObject *fork_process(PyObject *module, PyObject *unused)
{
	PyOS_BeforeFork();
	pid_t pid = fork();
	int error = errno;
	if (pid == 0)
		PyOS_AfterFork_Child();
	else
		PyOS_AfterFork_Parent();
	errno = error;
	return pid < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(pid);
}

static PyObject *end_idle_threads(PyObject *module, PyObject *unused)
{
	family_end_idle_threads();
	Py_RETURN_NONE;
}

/* keep_ends(whether): family_keep_ends(), with what was before in this process. */
static PyObject *keep_ends(PyObject *module, PyObject *args)
{
	static struct family_ends before;
	int keep;
	if (!PyArg_ParseTuple(args, "p", &keep))
		return NULL;
	if (keep)
		family_keep_ends(&before);
	else
		family_put_back(&before);
	Py_RETURN_NONE;
}

static PyObject *words_pipe(PyObject *module, PyObject *args)
{
	int ends[2], lowest_fd;
	if (!PyArg_ParseTuple(args, "i", &lowest_fd))
		return NULL;
	return family_words_pipe(ends, lowest_fd) < 0 ? PyErr_SetFromErrno(PyExc_OSError) : Py_BuildValue("ii", ends[0], ends[1]);
}

/* last_words(pid, fd): family_last_words(); signals are handled while it waits, as Python's own calls do. */
static PyObject *last_words(PyObject *module, PyObject *args)
{
	int pid, fd, status = 0, failed;
	if (!PyArg_ParseTuple(args, "ii", &pid, &fd))
		return NULL;
	struct str said = STR_INIT;
	PyObject *result = NULL;
	do {
		Py_BEGIN_ALLOW_THREADS
		failed = family_last_words(pid, fd, &said, &status);
		Py_END_ALLOW_THREADS
	} while (failed && errno == EINTR && PyErr_CheckSignals() == 0);
	if (!failed)
		result = Py_BuildValue("y#i", str_text(&said), (Py_ssize_t)said.len, status);
	else if (!PyErr_Occurred())
		PyErr_SetFromErrno(PyExc_OSError);
	str_release(&said);
	return result;
}

static PyObject *processors(PyObject *module, PyObject *unused)
{
	return PyLong_FromLong(machine_processes());
}

static PyObject *fill_standard(PyObject *module, PyObject *unused)
{
	if (os_fill_standard() < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	Py_RETURN_NONE;
}

/* signal_fd(numbers): readable while one of these signals, which the caller has blocked, waits for this process. */
static PyObject *signal_fd(PyObject *module, PyObject *args)
{
	sigset_t set;
	PyObject *numbers;
	sigemptyset(&set);
	if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &numbers))
		return NULL;
	for (Py_ssize_t i = 0; i < PyTuple_Size(numbers); i++)
		sigaddset(&set, (int)PyLong_AsLong(PyTuple_GetItem(numbers, i)));
	int fd = PyErr_Occurred() ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return PyErr_Occurred() ? NULL : PyErr_SetFromErrno(PyExc_OSError);
	return PyLong_FromLong(fd);
}

/* read_signal(fd): what of signal_fd() came first. */
static PyObject *read_signal(PyObject *module, PyObject *args)
{
	int fd;
	struct signalfd_siginfo info;
	if (!PyArg_ParseTuple(args, "i", &fd))
		return NULL;
	if (os_read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		Py_RETURN_NONE;
	return Py_BuildValue("ii", (int)info.ssi_signo, (int)info.ssi_pid);
}

PyMethodDef process_methods[] = {
	{ "adopt_orphans", adopt_orphans, METH_NOARGS, "adopt_orphans()" },
	{ "fill_standard", fill_standard, METH_NOARGS, "fill_standard(): /dev/null for each closed descriptor of 0, 1 and 2" },
	{ "die_with_parent", die_with_parent, METH_VARARGS, "die_with_parent(pid)" },
	{ "end_idle_threads", end_idle_threads, METH_NOARGS,
	  "end_idle_threads(): those that a library ends before a fork and begins again when it needs them" },
	{ "fork", fork_process, METH_NOARGS, "fork() -> pid, or 0 in the child" },
	{ "keep_ends", keep_ends, METH_VARARGS,
	  "keep_ends(whether): from before a fork until last_words() returned, the end of a child is nobody else's to wait for" },
	{ "last_words", last_words, METH_VARARGS,
	  "last_words(pid, fd) -> (bytes, wait status, -1: lost): what a child says into a pipe before it ends" },
	{ "processors", processors, METH_NOARGS, "processors() of affinity and control groups, at least 1" },
	{ "read_signal", read_signal, METH_VARARGS, "read_signal(fd) -> (number, pid of who sent it); None: there is none" },
	{ "signal_fd", signal_fd, METH_VARARGS, "signal_fd(numbers) -> descriptor for read_signal(), of signals that are blocked" },
	{ "words_pipe", words_pipe, METH_VARARGS, "words_pipe(lowest_fd) -> (reading end, writing end) for last_words()" },
	{ NULL, NULL, 0, NULL },
};
