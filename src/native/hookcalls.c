/*
 * hookcalls.c: HookCaller.__call__() and _multicall() of pluggy in C. A trivial test means a dozen hook calls with some
 * fifty implementations, and a sixth of its instructions went into the Python around them.
 *
 * The same calls in the same order, the same results and the same errors, but without frames of pluggy in tracebacks.
 * What is rare goes pluggy's own way from the start: historic calls, missing arguments, defaults of a
 * specification, old-style wrappers, implementations with default arguments, many of them. See docs/adr/0024.
 */
#include "native/native.h"

#include "base/banned.h"

#ifndef METH_FASTCALL
#define METH_FASTCALL 0x0080 /* see audit.c */
#endif

enum { MAX_IMPLS = 64 };

/* In the stable ABI from 3.10 on; null under 3.9, where the generator's method is called. */
enum send_result { SEND_RETURN = 0, SEND_ERROR = -1, SEND_NEXT = 1 };
extern enum send_result PyIter_Send(PyObject *generator, PyObject *value, PyObject **result) __attribute__((weak, visibility("default")));

/* What is used of pluggy and left to it. */
static struct {
	PyObject *multicall, *call, *hookexec; /* its own functions */
	PyObject *raise_wrapfail;
	PyObject *fast_multicall; /* ours, in the place of multicall */
} pluggy;

/* Names of attributes, methods and options, made once. */
static PyObject *s_function, *s_argnames, *s_kwargnames, *s_wrapper, *s_hookwrapper, *s_send, *s_throw, *s_close, *s_value,
	*s_name, *s_spec, *s_opts, *s_firstresult, *s_kwargdefaults, *s_call_history, *s_hookimpls, *s_hookexec,
	*s_inner_hookexec, *s_self, *s_func;

static const struct {
	PyObject **name;
	const char *text;
} NAMES[] = {
	{ &s_function, "function" },
	{ &s_argnames, "argnames" },
	{ &s_kwargnames, "kwargnames" },
	{ &s_wrapper, "wrapper" },
	{ &s_hookwrapper, "hookwrapper" },
	{ &s_send, "send" },
	{ &s_throw, "throw" },
	{ &s_close, "close" },
	{ &s_value, "value" },
	{ &s_name, "name" },
	{ &s_spec, "spec" },
	{ &s_opts, "opts" },
	{ &s_firstresult, "firstresult" },
	{ &s_kwargdefaults, "kwargdefaults" },
	{ &s_call_history, "_call_history" },
	{ &s_hookimpls, "_hookimpls" },
	{ &s_hookexec, "_hookexec" },
	{ &s_inner_hookexec, "_inner_hookexec" },
	{ &s_self, "__self__" },
	{ &s_func, "__func__" },
};

/* What has been reached of one hook call. All references are owned. */
struct hook_call {
	PyObject *result;    /* a list, or the first result (NULL: none yet) */
	PyObject *exception; /* NULL: none */
	bool first_only;
	Py_ssize_t wrappers;
	PyObject *wrapper[MAX_IMPLS]; /* generators that stand at their yield */
};

/* 1 if this attribute of impl is true, 0 if not or missing, -1 with an exception. */
static int has(PyObject *impl, PyObject *name)
{
	PyObject *value = PyObject_GetAttr(impl, name);
	if (!value) {
		if (!PyErr_ExceptionMatches(PyExc_AttributeError))
			return -1;
		PyErr_Clear();
		return 0;
	}
	int truth = value == Py_False || value == Py_None ? 0 : value == Py_True ? 1 : PyObject_IsTrue(value);
	Py_DECREF(value);
	return truth;
}

/* 1 if every implementation is of a kind that is called here, 0 if not, -1 with an exception. */
static int all_usual(PyObject *impls)
{
	Py_ssize_t count = PyList_Size(impls);
	if (count > MAX_IMPLS)
		return 0;
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *impl = PyList_GetItem(impls, i);
		int rare = has(impl, s_hookwrapper);
		if (!rare)
			rare = has(impl, s_kwargnames);
		if (rare)
			return rare < 0 ? -1 : 0;
	}
	return 1;
}

/* The exception that is set, taken away; with its traceback. */
static PyObject *take_exception(void)
{
	PyObject *type, *value, *traceback;
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (traceback)
		PyException_SetTraceback(value, traceback);
	Py_XDECREF(type);
	Py_XDECREF(traceback);
	return value;
}

/* pluggy's error about an argument of impl that is not given. */
static void raise_missing(PyObject *impl, PyObject *given)
{
	PyObject *result = PyObject_CallFunction(pluggy.multicall, "s[O]OO", "", impl, given, Py_False);
	Py_XDECREF(result);
}

/* A new tuple of the arguments that impl names. NULL with an exception. */
static PyObject *arguments_of(PyObject *impl, PyObject *given)
{
	PyObject *names = PyObject_GetAttr(impl, s_argnames), *args = NULL;
	if (!names)
		return NULL;
	Py_ssize_t count = PyTuple_Size(names);
	if (count >= 0)
		args = PyTuple_New(count);
	for (Py_ssize_t i = 0; args && i < count; i++) {
		PyObject *name = PyTuple_GetItem(names, i), *value = PyDict_GetItemWithError(given, name);
		if (!value) {
			if (!PyErr_Occurred())
				raise_missing(impl, given);
			Py_CLEAR(args);
			break;
		}
		Py_INCREF(value);
		PyTuple_SetItem(args, i, value);
	}
	Py_DECREF(names);
	return args;
}

/* Raises pluggy's error about a wrapper that does not yield exactly once. */
static void wrapper_failed(PyObject *generator, const char *how)
{
	PyObject *done = PyObject_CallFunction(pluggy.raise_wrapfail, "Os", generator, how);
	Py_XDECREF(done);
}

/* Up to its yield; takes generator over. 0, or -1 with an exception. */
static int begin_wrapper(struct hook_call *call, PyObject *generator)
{
	PyObject *yielded = PyIter_Check(generator) ? PyIter_Next(generator) : NULL;
	if (!yielded) {
		if (!PyErr_Occurred() && PyIter_Check(generator))
			wrapper_failed(generator, "did not yield");
		else if (!PyErr_Occurred())
			PyErr_Format(PyExc_TypeError, "'%R' object is not an iterator", generator);
		Py_DECREF(generator);
		return -1;
	}
	Py_DECREF(yielded);
	call->wrapper[call->wrappers++] = generator;
	return 0;
}

/* Calls one implementation. 1: no further one is wanted, 0: go on, -1: an exception is set. */
static int call_one(struct hook_call *call, PyObject *impl, PyObject *given)
{
	PyObject *args = arguments_of(impl, given);
	if (!args)
		return -1;
	int wraps = has(impl, s_wrapper);
	PyObject *function = wraps < 0 ? NULL : PyObject_GetAttr(impl, s_function);
	PyObject *value = function ? PyObject_Call(function, args, NULL) : NULL;
	Py_XDECREF(function);
	Py_DECREF(args);
	if (!value)
		return -1;
	if (wraps)
		return begin_wrapper(call, value);
	int enough = 0;
	if (value != Py_None && call->first_only) {
		call->result = value;
		return 1;
	}
	if (value != Py_None)
		enough = PyList_Append(call->result, value);
	Py_DECREF(value);
	return enough;
}

/* Puts value (taken over) in the place of what was there. */
static void replace(PyObject **place, PyObject *value)
{
	PyObject *before = *place;
	*place = value;
	Py_XDECREF(before);
}

/* What a generator returned that was called by a method, which gave `yielded` (taken over) or raised StopIteration. */
static PyObject *returned(PyObject *yielded)
{
	Py_XDECREF(yielded);
	if (yielded || !PyErr_ExceptionMatches(PyExc_StopIteration))
		return NULL;
	PyObject *stop = take_exception();
	PyObject *value = PyObject_GetAttr(stop, s_value);
	Py_DECREF(stop);
	return value;
}

/* Sends the result into a wrapper: its own result, or NULL with an exception or, without one, after a second yield. */
static PyObject *send_result(PyObject *generator, PyObject *result)
{
	PyObject *value = NULL;
	if (!PyIter_Send)
		return returned(PyObject_CallMethodObjArgs(generator, s_send, result, NULL));
	if (PyIter_Send(generator, result, &value) == SEND_NEXT)
		Py_CLEAR(value);
	return value;
}

/* The same with the call's exception thrown into it. */
static PyObject *throw_exception(PyObject *generator, PyObject *exception)
{
	return returned(PyObject_CallMethodObjArgs(generator, s_throw, exception, NULL));
}

/* Whether `error` is only Python's word for a StopIteration that came through a generator. */
static bool is_stop_in_disguise(PyObject *error, PyObject *exception)
{
	if (!PyObject_TypeCheck(error, (PyTypeObject *)PyExc_RuntimeError) ||
	    !PyObject_TypeCheck(exception, (PyTypeObject *)PyExc_StopIteration))
		return false;
	PyObject *cause = PyException_GetCause(error);
	Py_XDECREF(cause);
	return cause == exception;
}

/* Ends one wrapper. 0, or -1 with an exception that ends the hook call at once. */
static int end_wrapper(struct hook_call *call, PyObject *generator)
{
	PyObject *value = call->exception ? throw_exception(generator, call->exception) :
					    send_result(generator, call->result ? call->result : Py_None);
	if (value) {
		replace(&call->result, value);
		Py_CLEAR(call->exception);
		return 0;
	}
	bool yielded = !PyErr_Occurred();
	PyObject *error = yielded ? NULL : take_exception();
	if (yielded || (call->exception && is_stop_in_disguise(error, call->exception))) {
		Py_CLEAR(error);
		PyObject *closed = PyObject_CallMethodObjArgs(generator, s_close, NULL);
		Py_XDECREF(closed);
		if (closed && !yielded)
			return 0;
		if (closed) {
			wrapper_failed(generator, "has second yield");
			return -1;
		}
		error = take_exception();
	}
	replace(&call->exception, error);
	return 0;
}

/* All implementations, the last registered first, then what wrappers have after their yield. */
static PyObject *run(struct hook_call *call, PyObject *impls, PyObject *given)
{
	int stopped = 0, aborted = 0;
	for (Py_ssize_t i = PyList_Size(impls); i-- > 0 && !stopped;)
		stopped = call_one(call, PyList_GetItem(impls, i), given);
	if (stopped < 0)
		call->exception = take_exception();
	while (call->wrappers > 0) {
		PyObject *generator = call->wrapper[--call->wrappers];
		if (!aborted)
			aborted = end_wrapper(call, generator);
		Py_DECREF(generator);
	}
	if (aborted)
		return NULL;
	if (call->exception) {
		PyObject *type = (PyObject *)Py_TYPE(call->exception);
		Py_INCREF(type);
		PyErr_Restore(type, call->exception, PyException_GetTraceback(call->exception));
		call->exception = NULL;
		return NULL;
	}
	PyObject *result = call->result ? call->result : Py_None;
	Py_INCREF(result);
	return result;
}

/* Runs implementations that are all usual, or leaves them to pluggy. */
static PyObject *run_or_leave(PyObject *name, PyObject *impls, PyObject *given, bool first_only)
{
	int usual = all_usual(impls);
	if (usual < 0)
		return NULL;
	if (!usual)
		return PyObject_CallFunctionObjArgs(pluggy.multicall, name, impls, given, first_only ? Py_True : Py_False, NULL);
	struct hook_call call;
	call.exception = NULL;
	call.wrappers = 0;
	call.first_only = first_only;
	call.result = first_only ? NULL : PyList_New(0);
	if (!first_only && !call.result)
		return NULL;
	PyObject *result = run(&call, impls, given);
	Py_XDECREF(call.result);
	Py_XDECREF(call.exception);
	return result;
}

/* (hook_name, hook_impls, caller_kwargs, firstresult), as a plugin manager calls it. */
static PyObject *multicall(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
	if (count != 4 || !PyList_Check(args[1]) || !PyDict_Check(args[2])) {
		PyErr_SetString(PyExc_TypeError, "multicall(hook_name, hook_impls, caller_kwargs, firstresult)");
		return NULL;
	}
	int first_only = PyObject_IsTrue(args[3]);
	return first_only < 0 ? NULL : run_or_leave(args[0], args[1], args[2], first_only);
}

/* Whether every argument of the specification is given. -1 with an exception. */
static int all_given(PyObject *spec, PyObject *given)
{
	PyObject *wanted = PyObject_GetAttr(spec, s_argnames);
	if (!wanted)
		return -1;
	int all = PyTuple_Check(wanted);
	for (Py_ssize_t i = 0; all > 0 && i < PyTuple_Size(wanted); i++)
		all = PyDict_Contains(given, PyTuple_GetItem(wanted, i));
	Py_DECREF(wanted);
	return all;
}

/* 1 or 0: what the specification says of first results, if the call is one that is made here; -1 with an exception, -2
 * where it is not. */
static int first_result_of(PyObject *caller, PyObject *given)
{
	int answer = -2;
	PyObject *spec = NULL, *options = NULL, *first = NULL;
	PyObject *history = PyObject_GetAttr(caller, s_call_history);
	if (!history)
		return -1;
	if (history == Py_None && !(spec = PyObject_GetAttr(caller, s_spec)))
		answer = -1;
	int wanted = spec && spec != Py_None ? has(spec, s_kwargdefaults) : 1;
	if (wanted == 0)
		wanted = 1 - all_given(spec, given);
	if (wanted == 0 && (options = PyObject_GetAttr(spec, s_opts)) && PyDict_Check(options)) {
		first = PyDict_GetItemWithError(options, s_firstresult);
		answer = first ? PyObject_IsTrue(first) : 0;
	}
	if (PyErr_Occurred())
		answer = -1;
	Py_XDECREF(options);
	Py_XDECREF(spec);
	Py_DECREF(history);
	return answer;
}

/* Whether the manager behind a hook caller would come to multicall() directly: it was taken, and nobody watches its calls. */
static bool is_unwatched(PyObject *caller)
{
	PyObject *hookexec = PyObject_GetAttr(caller, s_hookexec);
	PyObject *function = hookexec ? PyObject_GetAttr(hookexec, s_func) : NULL;
	PyObject *manager = function == pluggy.hookexec ? PyObject_GetAttr(hookexec, s_self) : NULL;
	PyObject *inner = manager ? PyObject_GetAttr(manager, s_inner_hookexec) : NULL;
	bool unwatched = inner && inner == pluggy.fast_multicall;
	PyErr_Clear();
	Py_XDECREF(hookexec);
	Py_XDECREF(function);
	Py_XDECREF(manager);
	Py_XDECREF(inner);
	return unwatched;
}

/* The call itself, on a copy of the implementations: plugins may register others meanwhile. */
static PyObject *execute(PyObject *caller, PyObject *given, bool first_only)
{
	PyObject *name = PyObject_GetAttr(caller, s_name), *impls = NULL, *copy = NULL, *result = NULL;
	if (name && (impls = PyObject_GetAttr(caller, s_hookimpls)) && (copy = PySequence_List(impls)))
		result = run_or_leave(name, copy, given, first_only);
	Py_XDECREF(copy);
	Py_XDECREF(impls);
	Py_XDECREF(name);
	return result;
}

/* HookCaller.__call__(self, **kwargs). Other managers than pytest's, and one that is watched, find pluggy's own frames below theirs. */
static PyObject *call_hook(PyObject *caller, PyObject *args, PyObject *kwargs)
{
	PyObject *given = kwargs ? kwargs : PyDict_New();
	if (!given)
		return NULL;
	PyObject *result = NULL;
	int first_only = PyTuple_Size(args) || !is_unwatched(caller) ? -2 : first_result_of(caller, given);
	if (first_only >= 0) {
		result = execute(caller, given, first_only);
	} else if (first_only == -2) {
		PyObject *method = PyObject_CallMethod(pluggy.call, "__get__", "O", caller);
		result = method ? PyObject_Call(method, args, kwargs) : NULL;
		Py_XDECREF(method);
	}
	if (!kwargs)
		Py_DECREF(given);
	return result;
}

static PyMethodDef multicall_method = { "multicall", (PyCFunction)(void *)multicall, METH_FASTCALL, "pluggy's _multicall" };
static PyMethodDef call_method = { "__call__", (PyCFunction)(void *)call_hook, METH_VARARGS | METH_KEYWORDS,
				   "Call the hook." };

/*
 * take_hook_calls(HookCaller, _hookexec, _multicall, _raise_wrapfail): from now on hook callers are called
 * by C; the result stands for _multicall in a plugin manager. Only once in a process.
 */
static PyObject *take_hook_calls(PyObject *module, PyObject *args)
{
	PyObject *type;
	if (pluggy.fast_multicall) {
		PyErr_SetString(PyExc_RuntimeError, "take_hook_calls() was called before");
		return NULL;
	}
	if (!PyArg_ParseTuple(args, "O!OOO", &PyType_Type, &type, &pluggy.hookexec, &pluggy.multicall, &pluggy.raise_wrapfail))
		return NULL;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (!*NAMES[i].name && !(*NAMES[i].name = PyUnicode_InternFromString(NAMES[i].text)))
			return NULL;
	PyObject *fast = PyCFunction_New(&multicall_method, NULL);
	PyObject *method = fast ? PyDescr_NewMethod((PyTypeObject *)type, &call_method) : NULL;
	pluggy.call = method ? PyObject_GetAttrString(type, "__call__") : NULL;
	if (!pluggy.call || PyObject_SetAttrString(type, "__call__", method) < 0) {
		Py_CLEAR(pluggy.call);
		Py_XDECREF(method);
		Py_XDECREF(fast);
		return NULL;
	}
	Py_DECREF(method);
	Py_INCREF(pluggy.hookexec);
	Py_INCREF(pluggy.multicall);
	Py_INCREF(pluggy.raise_wrapfail);
	pluggy.fast_multicall = fast;
	Py_INCREF(fast);
	return fast;
}

PyMethodDef hookcall_methods[] = {
	{ "take_hook_calls", take_hook_calls, METH_VARARGS,
	  "take_hook_calls(HookCaller, _hookexec, _multicall, _raise_wrapfail) -> what stands for _multicall" },
	{ NULL, NULL, 0, NULL },
};
