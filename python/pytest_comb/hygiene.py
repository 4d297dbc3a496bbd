"""What a process has to put right after a fork, before it runs tests of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import tempfile
import threading
import traceback
import weakref
from typing import Any

import pytest

from pytest_comb import _comb, own_files


def set_environment(workerinput: dict[str, Any]) -> None:
    """The environment of an xdist worker."""
    os.environ.update(environment_of(workerinput))


def environment_of(workerinput: dict[str, Any]) -> dict[str, str]:
    """The variables of an xdist worker. Nobody's question."""
    given = {name: dict.__getitem__(workerinput, name) for name in ("workerid", "workercount", "testrunuid")}
    return {"PYTEST_XDIST_WORKER": given["workerid"], "PYTEST_XDIST_WORKER_COUNT": str(given["workercount"]),
            "PYTEST_XDIST_TESTRUNUID": given["testrunuid"]}


def own_connections(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """pytest-rerunfailures: its connection to the controller cannot be shared by workers."""
    shared = getattr(config, "failures_db", None)
    if hasattr(shared, "sock") and "sock_port" in workerinput:
        access = [workerinput[name] for name in ("sock_port", "statusdb_token") if name in workerinput]
        config.failures_db = type(shared)(*access)  # type: ignore[attr-defined]


def own_capture_files(config: pytest.Config) -> None:
    """A capture file of this process under the objects that everybody holds already: offsets are not shared then."""
    manager = config.pluginmanager.getplugin("capturemanager")
    capturing = getattr(manager, "_global_capturing", None)
    for stream in (getattr(capturing, "out", None), getattr(capturing, "err", None)):
        file = getattr(stream, "tmpfile", None)
        target = getattr(stream, "targetfd", None)
        if target is None or file is None:
            continue
        own = _memory_file()
        os.dup2(own, file.fileno(), inheritable=False)
        if getattr(stream, "_state", "") == "started":
            os.dup2(own, target)
        os.close(own)


def _memory_file() -> int:
    """A descriptor: pytest empties the file six times a test, which costs a file system 4 % of a test that does nothing."""
    try:
        return os.memfd_create("comb-capture")
    except (AttributeError, OSError):
        fd, path = tempfile.mkstemp(prefix="comb-capture-")
        os.unlink(path)
        return fd


def own_temporary_folder(config: pytest.Config, basetemp: str) -> None:
    """tmp_path below basetemp."""
    from pathlib import Path

    config.option.basetemp = basetemp
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        factory._given_basetemp = Path(basetemp)
        factory._basetemp = None


def forget_exit_handlers() -> None:
    """What the parent registered is the parent's to clean up; multiprocessing's own is per process."""
    own_files.begin_anew()
    atexit._clear()
    for info in list(getattr(weakref.finalize, "_registry", {}).values()):
        info.atexit = False
    if weakref.finalize._registered_with_atexit:  # type: ignore[attr-defined]
        atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        atexit.register(util._exit_function)
    logging = sys.modules.get("logging")
    if logging is not None:
        atexit.register(_shut_down, logging, _unbuffered(logging))


def _unbuffered(logging: Any) -> list[Any]:
    """All handlers, if each has written what it was given; else none."""
    found = list(logging._handlerList)
    alive = [handler for handler in (reference() for reference in found) if handler is not None]
    return found if all(type(handler).__module__ in ("logging", "_pytest.logging") for handler in alive) else []


def _shut_down(logging: Any, unbuffered: list[Any]) -> None:
    """logging.shutdown() where that may write: it copies 40 pages, which is 5 % of what a fresh test takes."""
    if logging._handlerList != unbuffered:
        logging.shutdown()


def standard_streams() -> None:
    """Before anything is opened: what would get descriptor 0, 1 or 2, where the caller closed it, is written over later."""
    _comb.fill_standard()
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, mode, closefd=False))


def no_terminal_input() -> None:
    """Standard input is empty, as in an xdist worker."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def fill_standard_descriptors() -> None:
    """Where a test closed them: whoever prints would fail, and whoever opens a file would get one of these numbers."""
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def default_interrupt() -> None:
    """Ctrl-C ends the test that runs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def flush_output() -> None:
    """Before a fork, so that nothing is written twice, and before an end."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except Exception:
            pass


def leave(status: int, link: Any = None) -> None:
    """Ends the process here and now, with its own exit handlers, and never returns to who called pytest. link: a socket whose other
    end hears that only the kernel has something left to do, which takes it 2 ms and more."""
    try:
        shut_pools_down()
        atexit._run_exitfuncs()
        own_files.close()
    finally:
        flush_output()
        with contextlib.suppress(OSError):  # a project has closed it already
            if link is not None:
                link.close()
        os._exit(status)


def shut_pools_down() -> None:
    """What Python does before it calls exit handlers. The processes of a pool that a test has left end when they are told to, and
    the handler of multiprocessing waits for them. Threads are not waited for: they end with this process."""
    threads = getattr(sys.modules.get("concurrent.futures.thread"), "_threads_queues", None)
    if threads is not None:
        threads.clear()
    for call in reversed(getattr(threading, "_threading_atexits", [])):
        try:
            call()
        except BaseException:
            traceback.print_exc()
