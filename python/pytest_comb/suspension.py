"""Ctrl-Z stops the whole run, fg goes on with it; time limits stand still meanwhile."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_comb.controller import Controller


def _now() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Suspension:
    """Zygote and workers have process groups of their own, which the terminal does not stop."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.pauses: list[tuple[int, int]] = []  # from, to
        self.held: dict[int, float] = {}  # by test that was under way: seconds of its longest pause
        self.installed = False

    def start(self) -> None:
        """Where nobody else has an opinion on the signal."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self.stop)
            self.installed = True

    def finish(self) -> None:
        """As it was."""
        if self.installed:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            self.installed = False

    def stop(self, number: int, frame: Any) -> None:
        """Stops the others, then this process; goes on behind that when the shell says so."""
        self.controller.live.erase()
        begin = _now()
        self.send(signal.SIGSTOP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self.stop)
        self.pauses.append((begin, _now()))
        self.note_tests((_now() - begin) / 1e9)
        self.send(signal.SIGCONT)

    def note_tests(self, seconds: float) -> None:
        """Those that are under way: nobody has gone on yet."""
        for slot in self.controller.active:
            test = self.controller.board.look(slot)[1]
            if test >= 0:
                self.held[test] = max(seconds, self.held.get(test, 0.0))

    def may_be_in(self, test: int, seconds: float) -> bool:
        """Whether so long a time of this test can hold a pause."""
        return test in self.held and seconds >= self.held[test]

    def send(self, number: int) -> None:
        """To zygote, seed and workers."""
        for branch in self.controller.branches.values():
            branch.signal(number)

    def paused_ns(self, since_ns: int) -> int:
        """How long the run stood still since then."""
        return sum(max(0, end - max(begin, since_ns)) for begin, end in self.pauses)
