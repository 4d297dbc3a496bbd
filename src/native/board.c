/* The type Board: engine/board.h for Python. */
#include "native/gap.h"
#include "native/native.h"
#include "native/plan.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "engine/board.h"

#include "base/banned.h"

/* Frame types that this file makes or reads itself; what others mean is said in protocol.py. */
#define FRAME_PASSED 1

/* A test that passed with no output and nothing else to tell: three phases with start, stop and duration in seconds. */
struct passed {
	uint32_t test;
	uint32_t family; /* which keywords: see worker.py */
	int32_t line;    /* 0-based; -1 for none */
	uint32_t reserved;
	double times[9];
};

struct board_object {
	PyObject_HEAD
	struct board *board;
	uint32_t workers; /* rings to look at, beside the zygote's */
	uint64_t place;   /* where this process is a worker, or stands in for one: 1 + forks at that time; else 0 */
	uint32_t test;    /* and which test it runs, or ran last */
};

/* Forks between the first process with this extension and this one. */
static uint64_t forks;

/* Runs in each forked child: no system calls, no locks. */
static void count_fork(void)
{
	forks++;
}

void native_count_forks(void)
{
	static bool counting;
	if (!counting)
		counting = pthread_atfork(NULL, NULL, count_fork) == 0;
}

static PyObject *board_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	struct err err = ERR_INIT;
	int kind = BOARD_PLAIN;
	if (!PyArg_ParseTuple(args, "|i", &kind))
		return NULL;
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct board_object *self = (struct board_object *)allocate(type, 0);
	if (!self)
		return NULL;
	self->board = board_open((enum board_kind)kind, &err);
	if (!self->board) {
		Py_DECREF(self);
		return native_raise(&err);
	}
	return (PyObject *)self;
}

static void board_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	board_close(((struct board_object *)object)->board);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
	Py_DECREF(type);
}

static struct board *board_of(PyObject *object)
{
	return ((struct board_object *)object)->board;
}

/* From here on this process acts for the worker, and no copy of it does. */
static void take_place(struct board_object *self, uint32_t worker)
{
	self->place = 1 + forks;
	self->test = atomic_load(&board_slot(self->board, worker)->test);
}

/* Whether a test has forked this process, which has come back out of it: the worker goes on elsewhere. */
static bool is_copy(PyObject *object)
{
	const struct board_object *self = (struct board_object *)object;
	return self->place != 0 && self->place != 1 + forks;
}

/* Ends a copy before it acts for the worker, and without what it would do at its end: its output is the worker's too. */
static void end_copy(PyObject *object, int status)
{
	if (!is_copy(object))
		return;
	board_tell_returned(board_of(object), ((struct board_object *)object)->test);
	_exit(status);
}

/* A worker's number from args, checked against the rings there are. -1 with an exception. */
static int check_worker(unsigned worker)
{
	if (worker < BOARD_MAX_WORKERS)
		return 0;
	PyErr_Format(PyExc_ValueError, "worker %u is out of range", worker);
	return -1;
}

/* The only argument. False with an exception. */
static bool read_worker(PyObject *args, unsigned *worker)
{
	return PyArg_ParseTuple(args, "I", worker) && check_worker(*worker) == 0;
}

static PyObject *plan(PyObject *object, PyObject *args)
{
	struct board_object *self = (struct board_object *)object;
	cleanup_plan struct native_plan plan = { .tests = NULL };
	struct err err = ERR_INIT;
	if (native_plan_read(&plan, args) < 0)
		return NULL;
	if (board_plan(self->board, plan.tests, plan.count, &plan.options, plan.digest, &err) < 0)
		return native_raise(&err);
	Py_RETURN_NONE;
}

static PyObject *make_rings(PyObject *object, PyObject *args)
{
	struct board_object *self = (struct board_object *)object;
	struct err err = ERR_INIT;
	unsigned workers;
	if (!PyArg_ParseTuple(args, "I", &workers))
		return NULL;
	if (board_make_rings(self->board, workers, &err) < 0)
		return native_raise(&err);
	self->workers = workers;
	Py_RETURN_NONE;
}

/* The digest of the plan; None when there is none after the time. */
static PyObject *wait_plan(PyObject *object, PyObject *args)
{
	double seconds;
	bool there;
	if (!PyArg_ParseTuple(args, "d", &seconds))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	there = board_wait_plan(board_of(object), (int64_t)(seconds * 1e9));
	Py_END_ALLOW_THREADS
	if (PyErr_CheckSignals() < 0)
		return NULL;
	if (!there)
		Py_RETURN_NONE;
	return PyLong_FromUnsignedLongLong(board_digest(board_of(object)));
}

static PyObject *name_resources(PyObject *object, PyObject *args)
{
	return native_name_resources(board_of(object), args);
}

static PyObject *replay(PyObject *object, PyObject *args)
{
	return native_replay(board_of(object), args);
}

static PyObject *write_trace(PyObject *object, PyObject *args)
{
	return native_write_trace(board_of(object), args);
}

static PyObject *take(PyObject *object, PyObject *args)
{
	unsigned worker;
	int wait;
	int64_t answer;
	if (!PyArg_ParseTuple(args, "Ip", &worker, &wait) || check_worker(worker) < 0)
		return NULL;
	if (wait)
		end_copy(object, 1);
	else if (is_copy(object))
		return PyLong_FromLong(SCHED_WAIT);
	Py_BEGIN_ALLOW_THREADS
	answer = board_take(board_of(object), worker, wait);
	Py_END_ALLOW_THREADS
	return PyLong_FromLongLong(answer);
}

/* (index or -1, whether the running test is one that others must not be beside) */
static PyObject *guess(PyObject *object, PyObject *args)
{
	unsigned worker;
	bool alone;
	if (!read_worker(args, &worker))
		return NULL;
	uint32_t test = board_guess(board_of(object), worker, &alone);
	return Py_BuildValue("LO", test == SCHED_NONE ? -1LL : (long long)test, alone ? Py_True : Py_False);
}

static PyObject *return_to(PyObject *object, PyObject *args)
{
	unsigned worker;
	int test;
	if (!PyArg_ParseTuple(args, "Ii", &worker, &test) || check_worker(worker) < 0)
		return NULL;
	end_copy(object, 1);
	board_return_to(board_of(object), worker, test < 0 ? SCHED_NONE : (uint32_t)test);
	Py_RETURN_NONE;
}

static PyObject *begin(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	end_copy(object, 1);
	board_begin(board_of(object), worker);
	take_place((struct board_object *)object, worker);
	Py_RETURN_NONE;
}

static PyObject *end(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	end_copy(object, 1);
	board_end(board_of(object), worker);
	Py_RETURN_NONE;
}

static PyObject *leave(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	uint32_t lost = board_leave(board_of(object), worker);
	return PyLong_FromLong(lost == SCHED_NONE ? -1 : (long)lost);
}

static PyObject *lose(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	end_copy(object, 1);
	board_lose(board_of(object), worker);
	Py_RETURN_NONE;
}

static PyObject *stop(PyObject *object, PyObject *unused)
{
	end_copy(object, 1);
	board_stop(board_of(object));
	Py_RETURN_NONE;
}

static PyObject *hand_over(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	end_copy(object, 1);
	uint32_t holder = board_hand_over(board_of(object), worker);
	return PyLong_FromLong(holder == SCHED_NONE ? -1 : (long)holder);
}

static PyObject *revive(PyObject *object, PyObject *args)
{
	unsigned test;
	if (!PyArg_ParseTuple(args, "I", &test))
		return NULL;
	return PyBool_FromLong(board_revive(board_of(object), test));
}

static PyObject *state(PyObject *object, PyObject *args)
{
	unsigned test;
	if (!PyArg_ParseTuple(args, "I", &test))
		return NULL;
	return PyLong_FromLong(board_state(board_of(object), test));
}

static PyObject *is_stopped(PyObject *object, PyObject *unused)
{
	return PyBool_FromLong(board_is_stopped(board_of(object)));
}

static PyObject *waiting(PyObject *object, PyObject *unused)
{
	return PyLong_FromUnsignedLong(board_waiting(board_of(object)));
}

static PyObject *gap(PyObject *object, PyObject *args)
{
	return native_gap(board_of(object), ((struct board_object *)object)->workers, args);
}

static PyObject *left_s(PyObject *object, PyObject *unused)
{
	return PyFloat_FromDouble(board_left_s(board_of(object)));
}

/* True, and nothing done, in a copy. */
static PyObject *set_phase(PyObject *object, PyObject *args)
{
	unsigned worker, phase;
	if (!PyArg_ParseTuple(args, "II", &worker, &phase) || check_worker(worker) < 0)
		return NULL;
	if (is_copy(object))
		Py_RETURN_TRUE;
	board_set_phase(board_of(object), worker, (enum board_phase)phase);
	Py_RETURN_FALSE;
}

static PyObject *leave_as_copy(PyObject *object, PyObject *args)
{
	int failed;
	if (!PyArg_ParseTuple(args, "p", &failed))
		return NULL;
	end_copy(object, failed);
	Py_RETURN_NONE;
}

static PyObject *returned(PyObject *object, PyObject *unused)
{
	uint32_t tests[BOARD_MAX_RETURNED], count = board_returned(board_of(object), tests);
	PyObject *list = PyList_New(0);
	for (uint32_t i = 0; list && i < count; i++) {
		PyObject *test = PyLong_FromUnsignedLong(tests[i]);
		int failed = !test || PyList_Append(list, test) < 0;
		Py_XDECREF(test);
		if (failed) {
			Py_DECREF(list);
			return NULL;
		}
	}
	return list;
}

static PyObject *start_slot(PyObject *object, PyObject *args)
{
	unsigned worker, number;
	int pid;
	if (!PyArg_ParseTuple(args, "IiI", &worker, &pid, &number) || check_worker(worker) < 0)
		return NULL;
	board_start_slot(board_of(object), worker, pid, number);
	take_place((struct board_object *)object, worker);
	Py_RETURN_NONE;
}

static PyObject *stand_in(PyObject *object, PyObject *args)
{
	unsigned worker;
	int pid;
	if (!PyArg_ParseTuple(args, "Ii", &worker, &pid) || check_worker(worker) < 0)
		return NULL;
	struct board_slot *slot = board_slot(board_of(object), worker);
	atomic_store(&slot->pid, pid);
	take_place((struct board_object *)object, worker);
	return PyBool_FromLong(atomic_exchange(&slot->said_all, false));
}

static PyObject *say_all(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	end_copy(object, 1);
	atomic_store(&board_slot(board_of(object), worker)->said_all, true);
	Py_RETURN_NONE;
}

static PyObject *finish_slot(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	end_copy(object, 1);
	atomic_store(&board_slot(board_of(object), worker)->finished, true);
	Py_RETURN_NONE;
}

/* (pid, test or -1, phase, ns since an arbitrary start, finished) */
static PyObject *look(PyObject *object, PyObject *args)
{
	unsigned worker;
	if (!read_worker(args, &worker))
		return NULL;
	struct board_slot *slot = board_slot(board_of(object), worker);
	uint32_t test = atomic_load(&slot->test);
	return Py_BuildValue("iliLO", (int)atomic_load(&slot->pid), test == SCHED_NONE ? -1L : (long)test,
			     (int)atomic_load(&slot->phase), (long long)atomic_load(&slot->since_ns),
			     atomic_load(&slot->finished) ? Py_True : Py_False);
}

static PyObject *send_frame(PyObject *object, PyObject *args)
{
	unsigned ring, type;
	const char *bytes;
	Py_ssize_t len;
	int urgent;
	if (!PyArg_ParseTuple(args, "IIy#p", &ring, &type, &bytes, &len, &urgent) ||
	    (ring > 0 && check_worker(ring - 1) < 0))
		return NULL;
	if (is_copy(object))
		Py_RETURN_NONE;
	Py_BEGIN_ALLOW_THREADS
	board_send(board_of(object), ring, (uint16_t)type, bytes, (size_t)len, urgent);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *send_passed(PyObject *object, PyObject *args)
{
	unsigned worker;
	struct passed record = { .reserved = 0 };
	double *t = record.times;
	if (!PyArg_ParseTuple(args, "IIIiddddddddd", &worker, &record.test, &record.family, &record.line, &t[0], &t[1],
			      &t[2], &t[3], &t[4], &t[5], &t[6], &t[7], &t[8]) ||
	    check_worker(worker) < 0)
		return NULL;
	end_copy(object, 1);
	board_send(board_of(object), 1 + worker, FRAME_PASSED, &record, sizeof(record), false);
	Py_RETURN_NONE;
}

/* (test, family, line, nine times) or the bytes of the frame */
static PyObject *payload_of(const struct ring_frame *frame)
{
	if (frame->type != FRAME_PASSED || frame->payload.len != sizeof(struct passed))
		return PyBytes_FromStringAndSize(frame->payload.ptr, (Py_ssize_t)frame->payload.len);
	struct passed record;
	memcpy(&record, frame->payload.ptr, sizeof(record));
	const double *t = record.times;
	return Py_BuildValue("IIi(ddddddddd)", record.test, record.family, record.line, t[0], t[1], t[2], t[3], t[4],
			     t[5], t[6], t[7], t[8]);
}

static int add_frame(PyObject *list, uint32_t ring, const struct ring_frame *frame)
{
	PyObject *payload = payload_of(frame);
	if (!payload)
		return -1;
	PyObject *row = Py_BuildValue("IIN", ring, (unsigned)frame->type, payload);
	int failed = !row || PyList_Append(list, row) < 0;
	Py_XDECREF(row);
	return failed ? -1 : 0;
}

static int drain_ring(struct board *board, uint32_t ring, PyObject *list)
{
	struct ring_frame frame;
	int got;
	while ((got = board_receive(board, ring, &frame)) > 0)
		if (add_frame(list, ring, &frame) < 0)
			return -1;
	if (got == 0)
		return 0;
	PyErr_Format(PyExc_RuntimeError, "the shared memory of ring %u is damaged", ring);
	return -1;
}

static PyObject *drain(PyObject *object, PyObject *unused)
{
	struct board_object *self = (struct board_object *)object;
	PyObject *list = PyList_New(0);
	for (uint32_t ring = 0; list && ring <= self->workers; ring++)
		if (drain_ring(self->board, ring, list) < 0) {
			Py_DECREF(list);
			return NULL;
		}
	return list;
}

/* Waits until the bell rings, a signal comes or the time is over; signal handlers run. */
static PyObject *wait_bell(PyObject *object, PyObject *args)
{
	double seconds;
	int rang;
	if (!PyArg_ParseTuple(args, "d", &seconds))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	rang = board_wait_bell(board_of(object), (int64_t)(seconds * 1e9));
	Py_END_ALLOW_THREADS
	if (PyErr_CheckSignals() < 0)
		return NULL;
	return PyBool_FromLong(rang);
}

static PyObject *ring_bell(PyObject *object, PyObject *unused)
{
	board_ring_bell(board_of(object));
	Py_RETURN_NONE;
}

static PyObject *reset_ring(PyObject *object, PyObject *args)
{
	unsigned ring;
	if (!PyArg_ParseTuple(args, "I", &ring) || (ring > 0 && check_worker(ring - 1) < 0))
		return NULL;
	board_reset_ring(board_of(object), ring);
	Py_RETURN_NONE;
}

static PyMethodDef board_methods[] = {
	{ "plan", plan, METH_VARARGS, "plan(rows, workers, each, longest_first, digest, setups, caps, holders): see plan.h" },
	{ "make_rings", make_rings, METH_VARARGS, "make_rings(workers): before the first worker starts; drain() reads them" },
	{ "wait_plan", wait_plan, METH_VARARGS, "wait_plan(seconds) -> digest of the plan, or None" },
	{ "name_resources", name_resources, METH_VARARGS, "name_resources(lines): for the trace" },
	{ "replay", replay, METH_VARARGS, "replay(path, ids): everything runs as in that record" },
	{ "write_trace", write_trace, METH_VARARGS, "write_trace(path, ids)" },
	{ "take", take, METH_VARARGS, "take(worker, wait) -> index, -1 for nothing left, -2 for not now" },
	{ "guess", guess, METH_VARARGS, "guess(worker) -> (index or -1, alone): what -2 of take() is about to become; see board.h" },
	{ "return_to", return_to, METH_VARARGS, "return_to(worker, test or -1): tears down late what this test used" },
	{ "begin", begin, METH_VARARGS, "begin(worker): the test taken starts" },
	{ "end", end, METH_VARARGS, "end(worker): the running test ended" },
	{ "lose", lose, METH_VARARGS, "lose(worker): the test it runs has no outcome; the worker goes on" },
	{ "leave", leave, METH_VARARGS, "leave(worker) -> index of the test it was running, or -1" },
	{ "hand_over", hand_over, METH_VARARGS, "hand_over(worker) -> the worker that has the scope of its claimed test; -1: nobody, it is left out" },
	{ "revive", revive, METH_VARARGS, "revive(test) -> whether it was lost, and waits again now" },
	{ "stop", stop, METH_NOARGS, "stop(): no test is handed out any more" },
	{ "state", state, METH_VARARGS, "state(test) -> 0 waiting, 1 claimed, 2 running, 3 done, 4 lost, 5 omitted" },
	{ "is_stopped", is_stopped, METH_NOARGS, "is_stopped() -> whether no test begins any more" },
	{ "waiting", waiting, METH_NOARGS, "waiting() -> number of tests nobody holds" },
	{ "gap", gap, METH_VARARGS, "gap([(test, seconds)], [(test, of_module, fixture, seconds)]) -> several lines; see gap.h" },
	{ "left_s", left_s, METH_NOARGS, "left_s() -> seconds until all tests are done, below 0: unknown" },
	{ "set_phase", set_phase, METH_VARARGS, "set_phase(worker, phase): 1 setup, 2 call, 3 teardown -> true in a copy: a process that a test has forked" },
	{ "leave_as_copy", leave_as_copy, METH_VARARGS, "leave_as_copy(failed): ends a copy, and its test is told; else nothing" },
	{ "returned", returned, METH_NOARGS, "returned() -> tests that copies came back out of" },
	{ "start_slot", start_slot, METH_VARARGS, "start_slot(worker, pid, number of the worker)" },
	{ "stand_in", stand_in, METH_VARARGS, "stand_in(worker, pid): this process runs the worker's test -> whether the one before it has called say_all()" },
	{ "say_all", say_all, METH_VARARGS, "say_all(worker): nothing is to be added to what this process has sent" },
	{ "finish_slot", finish_slot, METH_VARARGS, "finish_slot(worker): what follows is an orderly end" },
	{ "look", look, METH_VARARGS, "look(worker) -> (pid, test, phase, since_ns, finished)" },
	{ "send", send_frame, METH_VARARGS, "send(ring, type, bytes, urgent); a copy sends nothing" },
	{ "send_passed", send_passed, METH_VARARGS, "send_passed(worker, test, family, line, nine times)" },
	{ "drain", drain, METH_NOARGS, "drain() -> [(ring, type, payload)]" },
	{ "wait_bell", wait_bell, METH_VARARGS, "wait_bell(seconds) -> whether it rang" },
	{ "ring_bell", ring_bell, METH_NOARGS, "ring_bell(): the controller looks at everything now" },
	{ "reset_ring", reset_ring, METH_VARARGS, "reset_ring(ring): after its writer died" },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot board_slots[] = {
	{ Py_tp_new, board_new },
	{ Py_tp_dealloc, board_dealloc },
	{ Py_tp_methods, board_methods },
	{ Py_tp_doc, (void *)"Board(0, 1: traced, 2: replays a record): the memory that the processes of a run share." },
	{ 0, NULL },
};

PyType_Spec native_board_type = {
	.name = "pytest_comb._comb.Board",
	.basicsize = sizeof(struct board_object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = board_slots,
};
