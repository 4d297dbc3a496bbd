"""A child of the controller that forks workers, as the controller sees it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Callable, Optional

from pytest_comb import _comb
from pytest_comb.protocol import Link

GRACE_S = 5.0  # for what shall end in good order


def describe_status(status: int) -> str:
    """A wait status in words; -1 stands for one that is lost."""
    if status == -1:
        return "how is not known: something in the worker waits for all of its children"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return f"killed by {name}"
    return f"exit code {os.WEXITSTATUS(status)}"


class Branch:
    """The zygote, or the seed."""

    def __init__(self, pid: int, link: Link, outputs: list[int]) -> None:
        self.pid, self.link, self.outputs = pid, link, outputs
        self.status: Optional[int] = None  # once it has ended
        self.groups = {pid}  # its own, and those of children that a signal went to

    def let_go(self) -> None:
        """In another child of the controller: what it holds of this one is not its own."""
        self.link.socket.close()
        for end in self.outputs:
            os.close(end)

    def has_ended(self) -> bool:
        """Without waiting."""
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            self.status = status if pid else None
        return self.status is not None

    def kill(self) -> None:
        """With its workers and what they left behind."""
        self.signal(signal.SIGKILL)
        _send(os.kill, self.pid, signal.SIGKILL)  # it may not have made its group yet

    def signal(self, number: int) -> None:
        """To its group, so that it forks no more, and to those of its children: each worker has one of its own."""
        before = self.groups_of_children()
        _send(os.killpg, self.pid, number)
        children = before | self.groups_of_children()
        self.groups |= children
        for group in children:
            _send(os.killpg, group, number)

    def groups_of_children(self) -> set[int]:
        """None that this process belongs to."""
        groups = set()
        for pid in _comb.children(self.pid):
            with contextlib.suppress(OSError):
                groups.add(os.getpgid(pid))
        return groups - {self.pid, os.getpgrp()}

    def has_hung_up(self) -> bool:
        """Whether it has nothing more to do than to end. Without waiting."""
        poll = select.poll()
        poll.register(self.link.socket.fileno(), 0)
        return bool(poll.poll(0))

    def wait(self, seconds: float, for_its_end: bool) -> None:
        """Not longer than until it ends, or hangs up; without a pidfd, just a moment."""
        try:
            fd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            time.sleep(0.001)
            return
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            if not for_its_end:
                poll.register(self.link.socket.fileno(), 0)
            poll.poll(seconds * 1e3)
        finally:
            os.close(fd)

    def release(self, now: bool) -> None:
        """It is told to end, and has done and said everything that it will. In good order, unless now or when that takes too long."""
        self.link.send({"quit": True})
        self._end(now, False)
        if self.has_ended():
            self._bury()

    def dismiss(self, now: bool) -> None:
        """The same, and nothing of it is left."""
        self.link.send({"quit": True})
        self._end(now, True)
        self._bury()

    def _end(self, now: bool, whole: bool) -> None:
        deadline = time.monotonic() + (0 if now else GRACE_S)
        while not self.has_ended() and (whole or not self.has_hung_up()):
            if time.monotonic() >= deadline:
                self.kill()
            self.wait(0.05, whole)

    def _bury(self) -> None:
        """At once, for its number is free from now on."""
        _send(os.killpg, self.pid, signal.SIGKILL)
        self.link.socket.close()


def _send(how: Callable[[int, int], None], to: int, number: int) -> None:
    with contextlib.suppress(OSError):
        how(to, number)
