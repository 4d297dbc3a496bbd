"""Processes that outlive the test that started them: found, told with their test, and ended."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from pytest_comb import _comb

HELPERS = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver", b"multiprocessing.semaphore_tracker")
GRACE_S = 0.2  # a process may be about to end by itself
PATIENCE_S = 3.0


def read(pid: int, name: str) -> bytes:
    """A file of /proc about this process; nothing where it is gone."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read(65536)
    except OSError:
        return b""


class Witness:
    """In a worker: knows after which test a child was first seen."""

    def __init__(self) -> None:
        self.known = set(_comb.children()) if _comb.has_children() else set()

    def new_children(self) -> list[int]:
        """Since the last call. Costs a system call where there is none."""
        if not _comb.has_children():
            self.known.clear()
            return []
        present = set(_comb.children())
        new = sorted(present - self.known)
        self.known = present
        return new


def describe(pid: int) -> dict[str, Any]:
    """What it is, and the test whose environment it has (pytest names it there)."""
    command = read(pid, "cmdline").replace(b"\0", b" ").strip() or read(pid, "comm").strip()
    test = ""
    for variable in read(pid, "environ").split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == b"PYTEST_CURRENT_TEST":
            test = value.decode("utf-8", "surrogateescape").rsplit(" (", 1)[0]
    return {"pid": pid, "command": command.decode("utf-8", "surrogateescape"), "test": test}


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except OSError:
        pass


def end_all() -> list[dict[str, Any]]:
    """Ends every child of this process, with what becomes its child by that; tells which there were."""
    found: list[dict[str, Any]] = []
    grace, patience = time.monotonic() + GRACE_S, time.monotonic() + PATIENCE_S
    while _comb.children() and time.monotonic() < grace:
        time.sleep(0.005)
    while time.monotonic() < patience:
        pids = _comb.children()
        if not pids:
            break
        told = [describe(pid) for pid in pids]
        found += [one for one in told if not is_helper(one["command"])]
        for pid in pids:
            _end(pid)
    return found


def is_helper(command: str) -> bool:
    """Of multiprocessing; it ends by itself when it is needed no more, and cleans up then."""
    return any(name.decode() in command for name in HELPERS)


def end_adopted() -> None:
    """Ends every child but helpers, at once: where this process has started nothing else itself."""
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        pids = [pid for pid in _comb.children() if not is_helper(describe(pid)["command"])]
        if not pids:
            return
        for pid in pids:
            _end(pid)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


def is_of_run(pid: int, testrunuid: str) -> bool:
    """Whether it was started with the environment of this run's workers."""
    return b"PYTEST_XDIST_TESTRUNUID=" + os.fsencode(testrunuid) in read(pid, "environ").split(b"\0")


def end_of_run(testrunuid: str, groups: set[int]) -> None:
    """In the controller, after a branch has ended: children that have come to it, with the environment or of a group of
    its workers."""
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        pids = [pid for pid in _comb.children() if _group(pid) in groups or is_of_run(pid, testrunuid)]
        if not pids:
            return
        for pid in pids:
            _end(pid)
