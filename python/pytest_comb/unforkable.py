"""What a process holds that the processes forked from it could not share: threads, processes, sockets, pipes, what waits for events,
SQLite databases, and memory that stays the same in all of them."""

from __future__ import annotations

import ast
import fcntl
import inspect
import os
import select
import socket
import stat
import sys
import threading
import time
from typing import Any, Callable, Iterable, Iterator

import pytest

from pytest_comb import _comb, leftovers, per_item, session_hooks

SQLITE = b"SQLite format 3\0"
DEPTH = 3  # of what a global holds: a client, its pool, the connection, ...
SHOWN = 3  # threads
WAITS_S = (0, .001, .002, .004, .008)  # until the kernel has forgotten threads that ended
# What /proc/self/fd says of descriptors through which a process would get the events of another one. (A pidfd or memfd is no reason.)
WAITING = {"anon_inode:[eventpoll]": "an epoll instance", "anon_inode:[eventfd]": "an eventfd", "anon_inode:[timerfd]": "a timer",
           "anon_inode:inotify": "an inotify instance"}
SHARED = " rw-s "  # in /proc/self/maps
Same = Callable[[Any], bool]
Inode = tuple[int, int]  # with its device, of what may be open or mapped


def found(config: pytest.Config, known: set[Inode], older: Iterable[int]) -> str:
    """What is there, and where; '' for nothing. known: what all_of_now() said before, older: processes that are nobody's mistake."""
    return (_threads() or _processes(set(older)) or _descriptors(config, known) or _pipes(config, known)
            or _memory(config, known))


def all_of_now() -> set[Inode]:
    """The sockets, pipes, descriptors of events and shared mappings there are: what came before a suite was loaded is no suite's."""
    channels = {_inode(fd, status) for fd, status in _open_files() if not stat.S_ISREG(status.st_mode)}
    return channels.union(_mapped())


def _inode(fd: int, status: os.stat_result) -> Inode:
    """Descriptors of events have one inode for all of them, and no type of file; they are known by their numbers."""
    return status.st_dev, status.st_ino if stat.S_IFMT(status.st_mode) else -fd


def _open_files() -> Iterator[tuple[int, os.stat_result]]:
    for name in os.listdir("/proc/self/fd"):
        try:
            yield int(name), os.fstat(int(name))
        except OSError:  # closed meanwhile
            pass


def _link(fd: int) -> str:
    """What a descriptor stands for; '' where it was closed meanwhile."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


# -- threads --------------------------------------------------------------------------------------


def _threads() -> str:
    if not _tasks():
        return ""
    here = threading.current_thread()
    python = [thread for thread in threading.enumerate() if thread is not here]
    others = [thread for thread in python if not _copes(thread)]
    unknown = of_libraries(len(python))
    if not others and not unknown:
        return ""
    told = [_describe_thread(thread) for thread in others[:SHOWN]]
    told += [f"{len(others) - SHOWN} more"] if len(others) > SHOWN else []
    told += [f"{unknown} that Python did not start"] if unknown else []
    return f"other threads run after the collection: {', '.join(told)}"


def _tasks() -> int:
    """Threads beside this one."""
    return len(os.listdir("/proc/self/task")) - 1


def of_libraries(python: int) -> int:
    """Threads beside so many of Python's, but for those that their library ends before a fork, which are ended now."""
    for wait_s in WAITS_S:
        if _tasks() <= python:
            return 0
        if wait_s:
            time.sleep(wait_s)
        else:
            _comb.end_idle_threads()
    return max(0, _tasks() - python)


def _copes(thread: threading.Thread) -> bool:
    """pytest-rerunfailures: waits for workers that a serial run has not, and forked processes need it no more."""
    target = getattr(thread, "_target", None)
    return getattr(target, "__module__", "") == "pytest_rerunfailures"


def _describe_thread(thread: threading.Thread) -> str:
    """Its name, and where the function stands that it runs."""
    kind: Any = type(thread)
    run = getattr(thread, "_target", None) or getattr(thread, "function", None) or kind.run
    code = getattr(inspect.unwrap(run), "__code__", None)
    standard = getattr(run, "__module__", "") == "threading"
    return thread.name if code is None or standard else f"{thread.name} in {per_item.place(code.co_filename, code.co_firstlineno)}"


# -- processes ------------------------------------------------------------------------------------


def _processes(older: set[int]) -> str:
    for pid in _comb.children():
        command = leftovers.describe(pid)["command"]
        if pid not in older and not leftovers.is_helper(command):
            return f"a process that the collection started runs: {command}"
    return ""


# -- descriptors ----------------------------------------------------------------------------------


def _descriptors(config: pytest.Config, known: set[Inode]) -> str:
    reruns = getattr(getattr(config, "failures_db", None), "sock", None)  # each worker gets its own
    handled = reruns.fileno() if reruns is not None else -1
    for fd, status in _open_files():
        if _inode(fd, status) in known:
            continue
        if stat.S_ISSOCK(status.st_mode) and fd > 2 and fd != handled and not _only_sends(fd):
            return f"{_holder(config, lambda value, fd=fd: _is_socket(value, fd))}{_describe_socket(fd)} is open after the collection"
        waiting = "" if stat.S_IFMT(status.st_mode) else WAITING.get(_link(fd), "")
        if waiting:
            return f"{_holder(config, lambda value, fd=fd: _is_epoll(value, fd))}{waiting} is open after the collection"
        if stat.S_ISREG(status.st_mode) and _is_database(fd):
            return f"{_holder(config, _is_connection)}the SQLite database {_link(fd)} is open after the collection"
    return ""


def _pipes(config: pytest.Config, known: set[Inode]) -> str:
    """Of which both ends are here: what one process writes another one would read. One end alone is for a helper."""
    ends: dict[Inode, dict[int, int]] = {}  # a descriptor for each way of opening
    for fd, status in _open_files():
        if stat.S_ISFIFO(status.st_mode) and _inode(fd, status) not in known:
            ends.setdefault(_inode(fd, status), {})[fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE] = fd
    for ways in ends.values():
        if len(ways) > 1 or os.O_RDWR in ways:
            return f"{_holder(config, lambda value, fds=ways.values(): _is_end(value, fds))}a pipe is open after the collection"
    return ""


def _memory(config: pytest.Config, known: set[Inode]) -> str:
    if all(each in known for each in _mapped()):
        return ""
    return f"{_holder(config, _is_shared)}memory that forked processes would share is held after the collection"


def _mapped() -> Iterator[Inode]:
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            if SHARED not in line:
                continue
            _, _, _, device, inode, *path = line.rstrip("\n").split(None, 5)
            if path and _is_shared_memory(path[0]):
                major, minor = device.split(":")
                yield os.makedev(int(major, 16), int(minor, 16)), int(inode)


def _is_shared_memory(path: str) -> bool:
    """A mapping without a file of the user's: mmap.mmap(-1, n); multiprocessing's Value and Array, and shared_memory. Its locks are
    no reason: processes that take turns with one are none the worse."""
    folder, name = os.path.split(path)
    is_arena = name.startswith("pym-") and name[4:5].isdigit()
    return path == "/dev/zero (deleted)" or is_arena or (folder == "/dev/shm" and name.startswith("psm_"))


def _is_database(fd: int) -> bool:
    try:
        return os.pread(fd, len(SQLITE), 0) == SQLITE
    except OSError:  # for writing only
        return False


def _only_sends(fd: int) -> bool:
    """A datagram socket without an address of its own: statsd, syslog. Nothing can be sent to it, so no process would read
    what is another's. One of a pair, or one that connect() gave a port, can be answered."""
    with socket.socket(fileno=os.dup(fd)) as copy:
        if copy.type != socket.SOCK_DGRAM or copy.family not in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
            return False
        own = copy.getsockname()
        try:
            peer = copy.getpeername()
        except OSError:  # not connected
            return not own if copy.family == socket.AF_UNIX else own[1] == 0
        return copy.family == socket.AF_UNIX and bool(peer) and not own


def _describe_socket(fd: int) -> str:
    with socket.socket(fileno=os.dup(fd)) as copy:
        for how, ask in (("connected to", copy.getpeername), ("bound to", copy.getsockname)):
            try:
                address = ask()
            except OSError:
                continue
            if isinstance(address, tuple):  # a port of 0: not bound yet
                address = ":".join(map(str, address[:2])) if address[1] else ""
            if address:
                return f"a socket {how} {address if isinstance(address, str) else os.fsdecode(address)}"
    return "a socket"


def _is_socket(value: Any, fd: int) -> bool:
    return isinstance(value, socket.socket) and value.fileno() == fd


def _is_epoll(value: Any, fd: int) -> bool:
    return isinstance(value, select.epoll) and value.fileno() == fd


def _is_end(value: Any, fds: Iterable[int]) -> bool:
    module = sys.modules.get("multiprocessing.connection")
    return module is not None and isinstance(value, module.Connection) and value._handle in fds


def _is_shared(value: Any) -> bool:
    return any(kind.__module__ in ("mmap", "multiprocessing.sharedctypes") for kind in type(value).__mro__)


def _is_connection(value: Any) -> bool:
    module = sys.modules.get("sqlite3")
    return module is not None and isinstance(value, module.Connection)


def _holder(config: pytest.Config, same: Same) -> str:
    """"conftest.py:3, CLIENT: " where a global of the project's own modules holds it; else ''."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not session_hooks.is_of_project(path, str(config.rootpath)):
            continue
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and _holds(value, same, DEPTH):
                return f"{per_item.place(path, _line_of(path, name))}, {name}: "
    return ""


def _holds(value: Any, same: Same, depth: int) -> bool:
    if same(value):
        return True
    if depth == 0 or isinstance(value, (type, type(sys))):
        return False
    inner = getattr(value, "__dict__", None) if not isinstance(value, dict) else value
    parts = list(inner.values()) if isinstance(inner, dict) else list(value) if isinstance(value, (list, tuple)) else []
    return any(_holds(part, same, depth - 1) for part in parts)


def _line_of(path: str, name: str) -> int:
    """Where a module gives itself this global first; 1 where that cannot be seen."""
    from pytest_comb import sourcetree

    tree = sourcetree.of_file(path) or ast.Module([], [])
    stores = [node.lineno for node in ast.walk(tree)
              if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)]
    return min(stores, default=1)
