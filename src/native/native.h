/* native.h: what the files of the extension offer each other. Stable ABI of CPython 3.9. */
#ifndef COMB_NATIVE_NATIVE_H
#define COMB_NATIVE_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/err.h"
#include "project/record_line.h"

/* The one place where an err becomes a Python exception. Always returns NULL. */
PyObject *native_raise(const struct err *err);

/* Functions of these files, added to the module; each ends with a zero row. */
extern PyMethodDef recorder_methods[];
extern PyMethodDef audit_methods[];
extern PyMethodDef family_methods[];
extern PyMethodDef history_methods[];
extern PyMethodDef live_methods[];   /* lines.c */
extern PyMethodDef digest_methods[]; /* modules.c */
extern PyMethodDef hookcall_methods[]; /* hookcalls.c */
extern PyMethodDef process_methods[];
extern PyMethodDef descriptor_methods[];
extern PyMethodDef frozen_methods[];

/* Once: so that a Board knows a process that a test has forked (board.c). */
void native_count_forks(void);

/* Methods of Board, and functions of the module, for traces and records (trace.c). */
struct board;
PyObject *native_name_resources(struct board *board, PyObject *args);
PyObject *native_replay(struct board *board, PyObject *args);
PyObject *native_write_trace(struct board *board, PyObject *args);
extern PyMethodDef trace_methods[];

/* The types of the module, each in the file of its name. */
extern PyType_Spec native_board_type, native_fork_server_type, native_late_folder_type, native_lines_type,
	native_modules_type;

/*
 * A new bytes object with text as UTF-8: undecodable bytes of the file system
 * (surrogateescape) are those bytes again, other lone surrogates their
 * three-byte form. NULL with an exception set.
 */
PyObject *native_text_bytes(PyObject *text);
/*
 * Descriptor of the record of this process, opened again if a test closed it;
 * -1 while there is none.
 */
int recorder_fd(void);

#endif
