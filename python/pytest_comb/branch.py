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

    def wait(self, seconds: float) -> None:
        """Not longer than until it ends; without a pidfd, just a moment."""
        try:
            fd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            time.sleep(0.001)
            return
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll(seconds * 1e3)
        finally:
            os.close(fd)

    def dismiss(self, now: bool) -> None:
        """It ends in good order, unless now or when that takes too long; nothing of it is left."""
        self.link.send({"quit": True})
        deadline = time.monotonic() + (0 if now else GRACE_S)
        while not self.has_ended():
            if time.monotonic() >= deadline:
                self.kill()
            self.wait(0.05)
        _send(os.killpg, self.pid, signal.SIGKILL)
        self.link.socket.close()


def _send(how: Callable[[int, int], None], to: int, number: int) -> None:
    with contextlib.suppress(OSError):
        how(to, number)
