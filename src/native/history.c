/* What runs of the engine read from the history and write to it: history/durations.h for Python. */
#include "native/native.h"

#include <stdlib.h>

#include "base/family.h"
#include "base/machine.h"
#include "base/os.h"
#include "history/durations.h"
#include "tune/automatic.h"

#include "base/banned.h"

/* Bytes objects that texts point into. */
struct texts {
	PyObject *list;
};

static void texts_release(struct texts *texts)
{
	Py_CLEAR(texts->list);
}
#define cleanup_texts __attribute__((cleanup(texts_release)))

/* NULL with an exception set. */
static const char *text_of(struct texts *texts, PyObject *text)
{
	PyObject *bytes = native_text_bytes(text);
	if (!bytes)
		return NULL;
	int failed = PyList_Append(texts->list, bytes);
	Py_DECREF(bytes);
	return failed < 0 ? NULL : PyBytes_AsString(bytes);
}

static int texts_begin(struct texts *texts)
{
	texts->list = PyList_New(0);
	return texts->list ? 0 : -1;
}

static PyObject *setups_of(struct history *history, struct err *err)
{
	cleanup_module_costs struct module_costs costs = { .list = VEC_INIT };
	if (durations_setups(history, &costs, err) < 0)
		return native_raise(err);
	PyObject *setups = PyDict_New();
	for (size_t i = 0; setups && i < costs.list.len; i++) {
		PyObject *path = PyUnicode_DecodeFSDefault(costs.list.at[i].path);
		PyObject *seconds = PyFloat_FromDouble(costs.list.at[i].seconds);
		if (!path || !seconds || PyDict_SetItem(setups, path, seconds) < 0)
			Py_CLEAR(setups);
		Py_XDECREF(path);
		Py_XDECREF(seconds);
	}
	return setups;
}

static PyObject *floats(const float *values, size_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		PyObject *value = PyFloat_FromDouble((double)values[i]);
		if (!value || PyList_SetItem(list, (Py_ssize_t)i, value) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *expect(struct history *history, PyObject *ids)
{
	cleanup_texts struct texts texts = { NULL };
	size_t count = (size_t)PyList_Size(ids), known = 0;
	cleanup_free const char **names = os_malloc(sizeof(*names) * count + 1);
	cleanup_free float *costs = os_calloc(count + 1, sizeof(*costs));
	struct err err = ERR_INIT;
	if (!names || !costs || texts_begin(&texts) < 0)
		return PyErr_NoMemory();
	for (size_t i = 0; i < count; i++) {
		names[i] = text_of(&texts, PyList_GetItem(ids, (Py_ssize_t)i));
		if (!names[i])
			return NULL;
	}
	if (durations_expect(history, names, count, costs, &known, &err) < 0)
		return native_raise(&err);
	PyObject *setups = setups_of(history, &err), *list = setups ? floats(costs, known ? count : 0) : NULL;
	PyObject *answer = list ? PyTuple_Pack(2, list, setups) : NULL;
	Py_XDECREF(list);
	Py_XDECREF(setups);
	return answer;
}

static PyObject *history_expect(PyObject *module, PyObject *args)
{
	cleanup_history struct history *history = NULL;
	const char *folder;
	PyObject *ids;
	struct err err = ERR_INIT;
	if (!PyArg_ParseTuple(args, "yO!", &folder, &PyList_Type, &ids))
		return NULL;
	if (history_open_quickly(&history, folder, true, &err) != 0)
		return native_raise(&err);
	return history ? expect(history, ids) : Py_BuildValue("([]{})");
}

/* fitting_workers(folder or None, workers): how many of them the memory has room for, by what earlier runs of folder took. */
static PyObject *fitting_workers(PyObject *module, PyObject *args)
{
	cleanup_history struct history *history = NULL;
	PyObject *where;
	int workers;
	int64_t bytes = 0, least_bytes = family_resident_bytes(); /* a worker becomes no smaller than this process is */
	struct err ignored = ERR_INIT; /* who writes the history at the end tells */
	if (!PyArg_ParseTuple(args, "Oi", &where, &workers))
		return NULL;
	const char *folder = where == Py_None ? NULL : PyBytes_AsString(where);
	if (PyErr_Occurred())
		return NULL;
	if (folder && history_open_quickly(&history, folder, true, &ignored) == 0 && history &&
	    durations_process_bytes(history, &bytes, &ignored) < 0)
		bytes = 0;
	bytes = bytes > least_bytes ? bytes : least_bytes;
	return PyLong_FromLong(automatic_fitting(workers, bytes, machine_available_bytes()));
}

static void durations_release(struct durations *durations)
{
	vec_release(&durations->tests);
	vec_release(&durations->setups);
}
#define cleanup_durations __attribute__((cleanup(durations_release)))

/* A test that sets pytest's clock is told to last years, or less than nothing: how long it lasted is not known then. */
static double plausible(double seconds, double wall_s)
{
	return seconds >= 0 && seconds <= wall_s ? seconds : 0;
}

static int read_test(struct durations *durations, struct texts *texts, double wall_s, PyObject *row)
{
	PyObject *id;
	int outcome;
	struct duration test;
	if (!PyArg_ParseTuple(row, "Oiddd", &id, &outcome, &test.setup_s, &test.call_s, &test.teardown_s))
		return -1;
	test.outcome = (enum outcome)outcome;
	test.setup_s = plausible(test.setup_s, wall_s);
	test.call_s = plausible(test.call_s, wall_s);
	test.teardown_s = plausible(test.teardown_s, wall_s);
	test.id = text_of(texts, id);
	if (!test.id)
		return -1;
	if (vec_push(&durations->tests, test) == 0)
		return 0;
	PyErr_NoMemory();
	return -1;
}

static int read_setup(struct durations *durations, struct texts *texts, PyObject *row)
{
	PyObject *path, *fixture;
	struct module_setup setup;
	if (!PyArg_ParseTuple(row, "OOd", &path, &fixture, &setup.seconds))
		return -1;
	setup.path = text_of(texts, path);
	setup.fixture = setup.path ? text_of(texts, fixture) : NULL;
	if (!setup.fixture)
		return -1;
	if (vec_push(&durations->setups, setup) == 0)
		return 0;
	PyErr_NoMemory();
	return -1;
}

static PyObject *history_write(PyObject *module, PyObject *args)
{
	cleanup_texts struct texts texts = { NULL };
	cleanup_durations struct durations durations = { .tests = VEC_INIT, .setups = VEC_INIT };
	cleanup_str struct str note = STR_INIT;
	struct durations_run run = { .what = { .purpose = "run", .engine = ENGINE_COMB } };
	const char *folder;
	PyObject *tests, *setups;
	struct err err = ERR_INIT;
	Py_ssize_t collected, failed;
	int written;
	long long process_bytes;
	if (!PyArg_ParseTuple(args, "yissidnnLO!O!", &folder, &run.what.workers, &run.what.dist, &run.what.markers,
			      &run.exit_code, &run.wall_s, &collected, &failed, &process_bytes, &PyList_Type, &tests, &PyList_Type,
			      &setups) ||
	    texts_begin(&texts) < 0)
		return NULL;
	run.green = run.exit_code == 0;
	run.collected = (size_t)collected;
	run.failed = (size_t)failed;
	run.process_bytes = process_bytes;
	for (Py_ssize_t i = 0; i < PyList_Size(tests); i++)
		if (read_test(&durations, &texts, run.wall_s, PyList_GetItem(tests, i)) < 0)
			return NULL;
	for (Py_ssize_t i = 0; i < PyList_Size(setups); i++)
		if (read_setup(&durations, &texts, PyList_GetItem(setups, i)) < 0)
			return NULL;
	Py_BEGIN_ALLOW_THREADS
	written = durations_write(folder, &run, &durations, &note, &err);
	Py_END_ALLOW_THREADS
	if (written < 0)
		return native_raise(&err);
	return PyUnicode_DecodeFSDefaultAndSize(note.len ? note.buf : "", (Py_ssize_t)note.len);
}

PyMethodDef history_methods[] = {
	{ "fitting_workers", fitting_workers, METH_VARARGS,
	  "fitting_workers(folder or None, workers) -> how many of them the memory has room for, at least 1" },
	{ "history_expect", history_expect, METH_VARARGS,
	  "history_expect(folder, ids) -> (seconds for each test, or [] where nothing is known; {module path: seconds})" },
	{ "history_write", history_write, METH_VARARGS,
	  "history_write(folder, workers, dist, markers, exit_code, wall_s, collected, failed, process_bytes, [(id, outcome, setup_s, "
	  "call_s, teardown_s)], [(module path, fixture, seconds)]) -> a note for the user, or ''" },
	{ NULL, NULL, 0, NULL },
};
