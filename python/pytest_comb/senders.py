"""Who sends a signal to the process that forks workers: a test, or somebody else."""

from __future__ import annotations

import os

from pytest_comb import leftovers

FIRST = 1  # of all processes
KERNEL = 0  # the terminal, a timer, or who is outside of this namespace


def lineage(pid: int) -> list[int]:
    """It, its parent, and so on up to this process or the first of all; [] where one of them has ended meanwhile: the kernel
    gives such a process the parent 0, or it is not found."""
    family: list[int] = []
    while pid > 0:
        family.append(pid)
        if pid == os.getpid():
            break
        fields = leftovers.read(pid, "stat").rpartition(b")")[2].split()
        if len(fields) < 2:
            return []
        pid = int(fields[1])
    return family if family[-1:] in ([FIRST], [os.getpid()]) else []


def is_foreign(pid: int, family: list[int]) -> bool:
    """
    Known to be no process of a test. What a test starts, such as kill(1), has often ended before it can be asked about:
    who is gone counts as a test's. A user or a supervisor means the controller.
    """
    if pid in (KERNEL, os.getpid(), os.getppid()):
        return True
    uid = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    return bool(family) and os.getpid() not in family and not leftovers.is_of_run(pid, uid)
