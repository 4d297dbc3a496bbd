/*
 * audit.c: what a test reaches outside itself, from Python's audit events.
 *
 * The hook sees every event of the interpreter, most of them of no interest:
 * a test of the first letter comes before the table. It never raises, and runs
 * no Python code but a socket's properties. Files that extension modules or child
 * processes open are not seen; a tracer of system calls sees those.
 *
 * METH_FASTCALL stands in the stable ABI from 3.10 on; its value and the
 * function's signature are those of 3.9 and 3.7 as well.
 */
#include "native/native.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"
#include "project/touch.h"

#include "base/banned.h"

#ifndef METH_FASTCALL
#define METH_FASTCALL 0x0080
#endif

struct event;
typedef void event_reader(const struct event *event, PyObject *args);

/* An audit event and where its arguments stand; -1: it has none. */
struct event {
	const char *name;
	event_reader *read;
	enum touch_kind kind;
	int path, dir_fd;
	int second_path, second_dir_fd;
	bool follow; /* the event acts on what a symlink points to */
};

static event_reader read_paths, read_open, read_socket, read_program, read_fork, read_database, read_private;

static const struct event events[] = {
	{ "open", read_open, TOUCH_WRITE, 0, -1, -1, -1, true },
	{ "os.mkdir", read_paths, TOUCH_WRITE, 0, 2, -1, -1, false },
	{ "os.rmdir", read_paths, TOUCH_WRITE, 0, 1, -1, -1, false },
	{ "os.remove", read_paths, TOUCH_WRITE, 0, 1, -1, -1, false },
	{ "os.rename", read_paths, TOUCH_WRITE, 0, 2, 1, 3, false },
	{ "os.link", read_paths, TOUCH_WRITE, 1, 3, -1, -1, false },
	{ "os.symlink", read_paths, TOUCH_WRITE, 1, 2, -1, -1, false },
	{ "os.truncate", read_paths, TOUCH_WRITE, 0, -1, -1, -1, true },
	{ "os.chmod", read_paths, TOUCH_WRITE, 0, 2, -1, -1, true },
	{ "os.chown", read_paths, TOUCH_WRITE, 0, 3, -1, -1, true },
	{ "os.utime", read_paths, TOUCH_WRITE, 0, 3, -1, -1, true },
	{ "os.setxattr", read_paths, TOUCH_WRITE, 0, -1, -1, -1, true },
	{ "os.removexattr", read_paths, TOUCH_WRITE, 0, -1, -1, -1, true },
	{ "os.listdir", read_paths, TOUCH_READ, 0, -1, -1, -1, true },
	{ "os.scandir", read_paths, TOUCH_READ, 0, -1, -1, -1, true },
	{ "sqlite3.connect", read_database, TOUCH_WRITE, 0, -1, -1, -1, true },
	{ "socket.bind", read_socket, TOUCH_BIND, 1, -1, -1, -1, false },
	{ "socket.connect", read_socket, TOUCH_CONNECT, 1, -1, -1, -1, false },
	{ "socket.sendto", read_socket, TOUCH_CONNECT, 1, -1, -1, -1, false },
	{ "socket.sendmsg", read_socket, TOUCH_CONNECT, 1, -1, -1, -1, false },
	{ "subprocess.Popen", read_program, TOUCH_SPAWN, 0, -1, -1, -1, false },
	{ "os.system", read_program, TOUCH_SPAWN, 0, -1, -1, -1, false },
	{ "os.exec", read_program, TOUCH_SPAWN, 0, -1, -1, -1, false },
	{ "os.posix_spawn", read_program, TOUCH_SPAWN, 0, -1, -1, -1, false },
	{ "os.fork", read_fork, TOUCH_SPAWN, -1, -1, -1, -1, false },
	{ "os.forkpty", read_fork, TOUCH_SPAWN, -1, -1, -1, -1, false },
	{ "tempfile.mkdtemp", read_private, TOUCH_WRITE, 0, -1, -1, -1, false },
	{ "tempfile.mkstemp", read_private, TOUCH_WRITE, 0, -1, -1, -1, false },
};

static struct touch_log touches = TOUCH_LOG_INIT;
static struct record_line line = RECORD_LINE_INIT;
static char *project_root; /* with a '/' at its end */
static char *current_fixture; /* that is being set up; NULL for none */
static bool hooked;

static PyObject *argument(PyObject *args, int index)
{
	return index >= 0 && index < PyTuple_Size(args) ? PyTuple_GetItem(args, index) : NULL;
}

/* The bytes of a str, bytes or path-like argument, as a new bytes object; NULL (and no exception) for others. */
static PyObject *path_bytes(PyObject *value)
{
	PyObject *bytes = NULL;
	if (!value || value == Py_None || PyLong_Check(value))
		return NULL;
	PyObject *plain = PyOS_FSPath(value);
	if (plain && PyUnicode_Check(plain))
		bytes = native_text_bytes(plain);
	else if (plain && PyBytes_Check(plain)) {
		Py_INCREF(plain);
		bytes = plain;
	}
	Py_XDECREF(plain);
	PyErr_Clear();
	return bytes;
}

/* The attribute as a C long; otherwise if it is none. */
static long attribute_long(PyObject *object, const char *name, long otherwise)
{
	PyObject *value = PyObject_GetAttrString(object, name);
	long number = value && PyLong_Check(value) ? PyLong_AsLong(value) : otherwise;
	Py_XDECREF(value);
	PyErr_Clear();
	return number;
}

/* The file name of a frame's code, a new bytes object or NULL. */
static PyObject *frame_file(PyObject *frame)
{
	PyObject *code = PyObject_GetAttrString(frame, "f_code");
	PyObject *name = code ? PyObject_GetAttrString(code, "co_filename") : NULL;
	PyObject *bytes = name && PyUnicode_Check(name) ? native_text_bytes(name) : NULL;
	Py_XDECREF(name);
	Py_XDECREF(code);
	PyErr_Clear();
	return bytes;
}

/* Installed packages may stand inside the root (a virtual environment); they are not the project's own lines. */
static bool is_project_file(const char *file)
{
	return text_starts_with(file, project_root) && !strstr(file, "/site-packages/");
}

/* Adds file and line of the nearest frame that runs code of the project; false when there is none. */
static bool add_place(struct record_line *into)
{
	PyObject *frame = (PyObject *)PyEval_GetFrame();
	bool found = false;
	Py_XINCREF(frame);
	while (frame && frame != Py_None) {
		PyObject *file = frame_file(frame);
		const char *name = file ? PyBytes_AsString(file) : "";
		found = is_project_file(name);
		if (found) {
			const char *relative = name + strlen(project_root);
			record_line_text(into, "file", relative, strlen(relative));
			record_line_integer(into, "line", attribute_long(frame, "f_lineno", 0));
		}
		Py_XDECREF(file);
		PyObject *back = found ? NULL : PyObject_GetAttrString(frame, "f_back");
		PyErr_Clear();
		Py_DECREF(frame);
		frame = back;
	}
	Py_XDECREF(frame);
	return found;
}

static void write_touch(enum touch_kind kind, const char *what, size_t len)
{
	char phase[] = { touches.phase, '\0' };
	bool collecting = touches.test == SIZE_MAX;
	record_line_begin(&line, "touch");
	record_line_integer(&line, "test", collecting ? -1 : (long long)touches.test);
	record_line_text(&line, "phase", phase, 1);
	record_line_text(&line, "kind", touch_kind_name(kind), strlen(touch_kind_name(kind)));
	record_line_text(&line, "what", what, len);
	if (current_fixture)
		record_line_text(&line, "fixture", current_fixture, strlen(current_fixture));
	/* What no line of the project asks for while it is collected, pytest does for itself. */
	if (add_place(&line) || !collecting)
		record_line_write(&line, recorder_fd());
}

/* The folder that relative paths start from. */
static bool base_folder(PyObject *dir_fd, char base[PATH_MAX])
{
	long fd = dir_fd && PyLong_Check(dir_fd) ? PyLong_AsLong(dir_fd) : -1;
	PyErr_Clear();
	if (fd < 0)
		return getcwd(base, PATH_MAX) != NULL;
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%ld", fd);
	ssize_t len = os_readlink(link, base, PATH_MAX - 1);
	if (len < 0)
		return false;
	base[len] = '\0';
	return base[0] == '/';
}

static void touch_path(enum touch_kind kind, const char *path, PyObject *dir_fd, bool follow)
{
	char base[PATH_MAX] = "/";
	cleanup_str struct str canonical = STR_INIT;
	if (path[0] != '/' && !base_folder(dir_fd, base))
		return;
	if (touch_log_path(&touches, kind, base, path, follow, &canonical))
		write_touch(kind, canonical.buf, canonical.len);
}

static void touch_argument(const struct event *event, enum touch_kind kind, PyObject *args, int path, int dir_fd)
{
	PyObject *bytes = path_bytes(argument(args, path));
	if (bytes)
		touch_path(kind, PyBytes_AsString(bytes), argument(args, dir_fd), event->follow);
	Py_XDECREF(bytes);
}

static void read_paths(const struct event *event, PyObject *args)
{
	touch_argument(event, event->kind, args, event->path, event->dir_fd);
	if (event->second_path >= 0)
		touch_argument(event, event->kind, args, event->second_path, event->second_dir_fd);
}

/* What a path names now; 0: nothing. */
static mode_t file_type(PyObject *path)
{
	struct stat st;
	PyObject *bytes = path_bytes(path);
	bool found = bytes && os_stat(PyBytes_AsString(bytes), &st) == 0;
	Py_XDECREF(bytes);
	return found ? st.st_mode & S_IFMT : 0;
}

/*
 * open(path, mode, flags): flags tell reading from writing, for the built-in
 * open() too. A folder "opened for writing" is tempfile.TemporaryFile() making
 * a file without a name. The event does not tell dir_fd: reading through one
 * (shutil.rmtree) would be charged to a path that does not exist.
 */
static void read_open(const struct event *event, PyObject *args)
{
	PyObject *value = argument(args, 2), *path = argument(args, event->path);
	long flags = value && PyLong_Check(value) ? PyLong_AsLong(value) : 0;
	PyErr_Clear();
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
	mode_t type = path ? file_type(path) : 0;
	if (writes ? type != S_IFDIR : type == S_IFREG)
		touch_argument(event, writes ? TOUCH_WRITE : TOUCH_READ, args, event->path, -1);
}

/* The database argument may be ":memory:", "" (temporary) or a file: URI. */
static void read_database(const struct event *event, PyObject *args)
{
	PyObject *bytes = path_bytes(argument(args, event->path));
	const char *name = bytes ? PyBytes_AsString(bytes) : "";
	cleanup_free char *copy = os_strdup(name);
	Py_XDECREF(bytes);
	if (!copy || !copy[0] || strcmp(copy, ":memory:") == 0)
		return;
	char *path = copy;
	if (text_starts_with(path, "file:")) {
		if (strstr(path, "mode=memory") || strstr(path, ":memory:"))
			return;
		path += text_starts_with(path, "file://") ? 7 : 5;
		path[strcspn(path, "?#")] = '\0';
	}
	touch_path(event->kind, path, NULL, true);
}

static void touch_name(enum touch_kind kind, const char *name, size_t len)
{
	if (touch_log_name(&touches, kind, name))
		write_touch(kind, name, len);
}

/* A Unix socket's address: a path, or, behind a NUL, a name of the kernel's. */
static void touch_unix_socket(enum touch_kind kind, PyObject *address)
{
	cleanup_str struct str name = STR_INIT;
	char *at;
	Py_ssize_t len;
	PyObject *bytes = path_bytes(address);
	if (bytes && PyBytes_AsStringAndSize(bytes, &at, &len) == 0 && len > 0) {
		bool abstract = at[0] == '\0';
		char base[PATH_MAX] = "/";
		if (!abstract && at[0] != '/')
			base_folder(NULL, base);
		int failed = abstract ? str_adds(&name, "unix:@") < 0 || str_add(&name, at + 1, (size_t)len - 1) < 0 :
					str_addf(&name, "unix:%s%s%s", at[0] == '/' ? "" : base, at[0] == '/' ? "" : "/", at) < 0;
		if (!failed && (abstract || !touch_log_is_private(&touches, name.buf + 5)))
			touch_name(kind, name.buf, name.len);
	}
	PyErr_Clear();
	Py_XDECREF(bytes);
}

static const char *plain_host(const char *host)
{
	return strcmp(host, "localhost") == 0 ? "127.0.0.1" : host[0] ? host : "0.0.0.0";
}

/* (host, port) or (host, port, flow, scope) of an internet socket. */
static void touch_internet_socket(enum touch_kind kind, PyObject *socket, PyObject *address)
{
	const long datagram = 2; /* SOCK_DGRAM */
	cleanup_str struct str name = STR_INIT;
	PyObject *host = path_bytes(argument(address, 0));
	PyObject *port = argument(address, 1);
	long number = port && PyLong_Check(port) ? PyLong_AsLong(port) : -1;
	PyErr_Clear();
	const char *protocol = (attribute_long(socket, "type", 1) & 0xf) == datagram ? "udp" : "tcp";
	if (host && number >= 0) {
		const char *text = plain_host(PyBytes_AsString(host));
		bool six = strchr(text, ':') != NULL;
		if (str_addf(&name, "%s:%s%s%s:%ld", protocol, six ? "[" : "", text, six ? "]" : "", number) == 0)
			touch_name(kind, name.buf, name.len);
	}
	Py_XDECREF(host);
}

static void read_socket(const struct event *event, PyObject *args)
{
	PyObject *socket = argument(args, 0), *address = argument(args, event->path);
	if (!address || address == Py_None)
		return;
	if (PyTuple_Check(address))
		touch_internet_socket(event->kind, socket, address);
	else
		touch_unix_socket(event->kind, address);
}

static void read_program(const struct event *event, PyObject *args)
{
	PyObject *bytes = path_bytes(argument(args, event->path));
	if (bytes)
		touch_name(event->kind, PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
	Py_XDECREF(bytes);
}

static void read_fork(const struct event *event, PyObject *args)
{
	(void)args;
	touch_name(event->kind, "fork", 4);
}

/* tempfile announces each name that it has made up: nobody else knows it. */
static void read_private(const struct event *event, PyObject *args)
{
	PyObject *bytes = path_bytes(argument(args, event->path));
	if (bytes)
		touch_log_private(&touches, PyBytes_AsString(bytes));
	Py_XDECREF(bytes);
}

static const struct event *find_event(PyObject *name)
{
	Py_UCS4 first = PyUnicode_GetLength(name) > 0 ? PyUnicode_ReadChar(name, 0) : 0;
	if (first != 'o' && first != 's' && first != 't')
		return NULL;
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (PyUnicode_CompareWithASCIIString(name, events[i].name) == 0)
			return &events[i];
	return NULL;
}

static PyObject *audit_hook(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	(void)self;
	if (count == 2 && PyUnicode_Check(args[0]) && PyTuple_Check(args[1])) {
		int saved_errno = errno;
		const struct event *event = find_event(args[0]);
		if (event)
			event->read(event, args[1]);
		PyErr_Clear();
		errno = saved_errno;
	}
	Py_RETURN_NONE;
}

static PyMethodDef hook_method = { "audit_hook", (PyCFunction)(void (*)(void))audit_hook, METH_FASTCALL, NULL };

static int install_hook(void)
{
	PyObject *hook = PyCFunction_New(&hook_method, NULL);
	PyObject *add = PySys_GetObject("addaudithook"); /* borrowed */
	PyObject *done = hook && add ? PyObject_CallFunctionObjArgs(add, hook, NULL) : NULL;
	Py_XDECREF(hook);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

/* audit_start(root: bytes): watch from here on; lines are told relative to root. Once a process. */
static PyObject *audit_start(PyObject *self, PyObject *args)
{
	(void)self;
	const char *root;
	Py_ssize_t len;
	cleanup_str struct str folder = STR_INIT;
	if (!PyArg_ParseTuple(args, "y#:audit_start", &root, &len))
		return NULL;
	if (str_adds(&folder, root) < 0 || str_adds(&folder, text_ends_with(root, "/") ? "" : "/") < 0)
		return PyErr_NoMemory();
	free(project_root);
	project_root = str_steal(&folder);
	if (!hooked && install_hook() < 0)
		return NULL;
	hooked = true;
	Py_RETURN_NONE;
}

/* audit_private(path: bytes): path and what is below it concern nobody. */
static PyObject *audit_private(PyObject *self, PyObject *args)
{
	(void)self;
	const char *path;
	Py_ssize_t len;
	if (!PyArg_ParseTuple(args, "y#:audit_private", &path, &len))
		return NULL;
	if (touch_log_private(&touches, path) < 0)
		return PyErr_NoMemory();
	Py_RETURN_NONE;
}

/* audit_turn(test: int, phase: str): whose turn it is; test -1 for collection. */
static PyObject *audit_turn(PyObject *self, PyObject *args)
{
	(void)self;
	long test;
	int phase;
	if (!PyArg_ParseTuple(args, "lC:audit_turn", &test, &phase))
		return NULL;
	touch_log_turn(&touches, test < 0 ? SIZE_MAX : (size_t)test, (char)phase);
	Py_RETURN_NONE;
}

/* audit_fixture(name: str | None): what follows is done by this fixture. */
static PyObject *audit_fixture(PyObject *self, PyObject *args)
{
	(void)self;
	PyObject *name;
	if (!PyArg_ParseTuple(args, "O:audit_fixture", &name))
		return NULL;
	free(current_fixture);
	current_fixture = NULL;
	if (PyUnicode_Check(name)) {
		PyObject *bytes = native_text_bytes(name);
		if (!bytes)
			return NULL;
		current_fixture = os_strdup(PyBytes_AsString(bytes));
		Py_DECREF(bytes);
	}
	Py_RETURN_NONE;
}

PyMethodDef audit_methods[] = {
	{ "audit_start", audit_start, METH_VARARGS, "audit_start(root: bytes): record what tests reach outside." },
	{ "audit_private", audit_private, METH_VARARGS, "audit_private(path: bytes): leave this path out." },
	{ "audit_turn", audit_turn, METH_VARARGS, "audit_turn(test, phase): charge what follows to this test." },
	{ "audit_fixture", audit_fixture, METH_VARARGS, "audit_fixture(name): charge what follows to this fixture." },
	{ NULL, NULL, 0, NULL },
};
