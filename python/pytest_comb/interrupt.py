"""Ctrl-C on the controller: tests end, what they have set up is torn down, and the user knows whom the run waits for."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from pytest_comb import protocol

if TYPE_CHECKING:
    from pytest_comb.controller import Controller

TELL_S = 3.0
HEED_S = 5.0  # for a test to end, its fixtures apart


class Interrupt:
    """Of one run; nothing happens before begin()."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.since = 0.0  # 0: there was none
        self.asked: dict[int, float] = {}  # by slot: when its test was sent the signal
        self.unheeding: set[int] = set()  # processes that had to be killed
        self.told = False

    def begin(self) -> None:
        """The first one."""
        self.since = time.monotonic()
        self.go_on()

    def go_on(self) -> None:
        """Also for tests that were about to begin. Nobody is disturbed who tears down; a test that does not heed the signal is
        killed after a while."""
        now = time.monotonic()
        for slot in self.controller.active:
            pid, test, phase, _, _ = self.controller.board.look(slot)
            if test < 0 or pid <= 0 or phase not in (protocol.PHASES["setup"], protocol.PHASES["call"]):
                continue
            if slot not in self.asked:
                self.asked[slot] = now
                _signal(pid, signal.SIGINT)
            elif now - self.asked[slot] > HEED_S:
                self.unheeding.add(pid)
                _signal(pid, signal.SIGKILL)
        if not self.told and now - self.since > TELL_S:
            self.told = True
            self.controller.crashes.tell_of_waiting()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it has just ended
