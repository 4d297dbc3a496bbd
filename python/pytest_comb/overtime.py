"""--comb-timeout: a test that takes longer is ended with its worker, and told as that."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_comb.controller import Controller

GRACE_S = 2.0  # for the stacks


class Asked(NamedTuple):
    """A test whose process has had a signal for its limit."""

    test: int
    since_ns: int  # when it began
    at_ns: int


class Overtime:
    """Looks at the running tests on the controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.asked: dict[int, Asked] = {}  # by process

    def check(self) -> None:
        """faulthandler writes the stacks of all threads at the first signal; a process that lives on gets another one."""
        limit = self.controller.config.option.comb_timeout
        if not limit:
            return
        now, paused = time.clock_gettime_ns(time.CLOCK_MONOTONIC), self.controller.suspension.paused_ns
        for slot in self.controller.active:
            pid, test, _, since, finished = self.controller.board.look(slot)
            if test < 0 or finished or pid <= 0 or now - since - paused(since) < limit * 1e9:
                continue
            asked = self.asked.get(pid)
            if asked is None or asked[:2] != (test, since):
                self.asked[pid] = Asked(test, since, now)
                _send(pid, signal.SIGKILL if ignores(pid, signal.SIGABRT) else signal.SIGABRT)
            elif now - asked.at_ns > GRACE_S * 1e9:
                _send(pid, signal.SIGKILL)

    def ended(self, pid: int, test: int) -> bool:
        """Whether a process that ended in this test did so for its limit. One may get over it, and end in another test."""
        asked = self.asked.pop(pid, None)
        return asked is not None and asked.test == test


def ignores(pid: int, number: int) -> bool:
    """Whether a signal is lost on the process."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith("SigIgn:")]
    except OSError:
        return False
    return any(mask >> (number - 1) & 1 for mask in masks)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it has just ended
