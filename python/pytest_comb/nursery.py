"""Forks workers, watches them, and takes the controller's commands. Of zygote and seed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import Any, Optional

import pytest

from pytest_comb import _comb, leftovers, protocol, senders
from pytest_comb.descriptors import out_of_the_way
from pytest_comb.outlet import Outlet, Pipes


WHEN_REFUSED = "raise the limit (ulimit -u, the control group's pids.max), or run without --comb"
REAP_MS = 1000  # orphans that have come to this process and ended
LAST_GLANCE_MS = 32  # at most between two looks at what workers do; less soon after a fork
SHORT_WAIT_S = 0.0002  # for a lock, for a full pipe

# Signals that a test sends to its parent; those that a fault raises, and SIGCHLD and the terminal's, are none of them.
PASSED_OVER = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def _lead_group(pid: int) -> None:
    """So that a signal to a test's group reaches no other worker. Parent and child say it: whoever comes first."""
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


class Child:
    """A forked worker: its slot, its process, and the file its last stack goes to."""

    def __init__(self, slot: int, pid: int, crash_fd: int) -> None:
        self.slot, self.pid, self.crash_fd = slot, pid, crash_fd
        try:
            self.fd = os.pidfd_open(pid)
        except (AttributeError, OSError):
            self.fd = -1

    def stack(self) -> str:
        """What faulthandler wrote."""
        return os.pread(self.crash_fd, 1 << 20, 0).decode("utf-8", "replace")

    def close(self) -> None:
        """Gives both descriptors back."""
        os.close(self.crash_fd)
        if self.fd >= 0:
            os.close(self.fd)


class Nursery:
    """Stays single-threaded, so that a fork is safe at any time."""

    def __init__(self, config: pytest.Config, board: Any, link: protocol.Link, outlet: Outlet) -> None:
        self.config, self.board, self.link, self.outlet = config, board, link, outlet
        self.children: dict[int, Child] = {}
        self.processors = _comb.processors()
        self.forked_at = time.monotonic()
        self.keeps_ends = False  # what a conftest has done with SIGCHLD is put aside; in the workers it is not
        self.signals = -1  # readable when one of those waits that are blocked
        self.blocked: set[Any] = set()  # those of PASSED_OVER that only this process blocks

    def has_processor(self) -> bool:
        """Whether another worker would do more than take turns with those there are: fewer compute than there are processors."""
        pids = [child.pid for child in reversed(self.children.values())]  # the last ones are about to start
        if len(pids) < self.processors:
            return True
        running = _comb.count_running(pids, self.processors)
        if running < self.processors and len(pids) - running <= self.processors:  # few wait, perhaps only for a lock
            time.sleep(SHORT_WAIT_S)
            running = _comb.count_running(pids, self.processors)
        return running < self.processors  # type: ignore[no-any-return]

    def fork(self, slot: int) -> int:
        """-1 here; in the worker the descriptor for its last stack. What the system refuses is told to the controller."""
        try:
            return self.try_to_fork(slot)
        except OSError as error:
            refusal = {"slot": slot, "reason": error.strerror or str(error)}
            self.board.send(0, protocol.NOT_FORKED, protocol.encode(refusal), True)
            return -1

    def try_to_fork(self, slot: int) -> int:
        """fork(), or OSError with nothing left open."""
        parent = os.getpid()
        if not self.keeps_ends:
            _comb.keep_ends(True)
            self.keeps_ends = True
        self.block_signals()
        pipes = self.pipes(slot)
        ends = [end for pair in pipes for end in pair]
        crash_fd = -1
        try:
            crash_fd = os.memfd_create("comb-crash")
            pid = os.fork()
        except OSError:
            for end in [*ends, crash_fd]:
                if end >= 0:
                    os.close(end)
            raise
        if pid:
            for end in ends:
                os.close(end)
            _lead_group(pid)
            self.children[slot] = Child(slot, pid, crash_fd)
            self.forked_at = time.monotonic()
            return -1
        _comb.keep_ends(False)
        _lead_group(0)
        os.close(self.signals)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.blocked)
        if pipes:
            self.outlet.enter(self.config, pipes)
        _comb.die_with_parent(parent)
        self.link.socket.close()
        for child in self.children.values():
            child.close()
        return out_of_the_way(crash_fd)

    def block_signals(self) -> None:
        """From the first worker on: a test may mean its parent, or all processes of its kind, and every worker needs this one."""
        if self.signals < 0:
            self.blocked = set(PASSED_OVER) - signal.pthread_sigmask(signal.SIG_BLOCK, ())
            self.signals = _comb.signal_fd(tuple(self.blocked))  # the system may refuse it: nothing is blocked then
            signal.pthread_sigmask(signal.SIG_BLOCK, self.blocked)

    def heed_signals(self) -> None:
        """One from a test is told and passed over; from elsewhere it does what it would have done."""
        while True:
            found = _comb.read_signal(self.signals)
            if found is None:
                return
            number, sender = found
            family = senders.lineage(sender)
            if senders.is_foreign(sender, family):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, self.blocked)
                os.kill(os.getpid(), number)
                signal.pthread_sigmask(signal.SIG_BLOCK, self.blocked)
                continue
            slot = self.slot_of(sender, family)
            content = {"slot": slot, "test": self.board.look(slot)[1] if slot >= 0 else -1, "number": number}
            self.board.send(0, protocol.SIGNALLED, protocol.encode(content), True)

    def slot_of(self, pid: int, family: list[int]) -> int:
        """Of the worker that a process stems from, or to whose group it belongs; -1: of none that is known."""
        leaders = set(family)
        with contextlib.suppress(OSError):
            leaders.add(os.getpgid(pid))
        return next((slot for slot, child in self.children.items() if child.pid in leaders), -1)

    def pipes(self, slot: int) -> Pipes:
        """For what a worker writes; the controller has the other ends. Without them it writes where this process does."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        pipes = self.outlet.pipes()
        if self.link.send_descriptors(slot, [end for end, _ in pipes]):
            return pipes
        for end in [end for pair in pipes for end in pair]:
            os.close(end)
        return []

    def command(self) -> dict[str, Any]:
        """The controller's next command; deaths of workers are told while waiting for it."""
        while True:
            command = self.look(REAP_MS)
            if command is not None:
                return command

    def glance(self) -> Optional[dict[str, Any]]:
        """The same, but None soon when there is none: where workers wait until there is a processor for them."""
        return self.look(min(LAST_GLANCE_MS, 1 + int((time.monotonic() - self.forked_at) * 100)))

    def look(self, most_ms: int) -> Optional[dict[str, Any]]:
        """None when a worker has ended, or nothing has happened in this time."""
        poll = select.poll()
        poll.register(self.link.socket.fileno(), select.POLLIN)
        for child in self.children.values():
            if child.fd >= 0:
                poll.register(child.fd, select.POLLIN)
        if self.signals >= 0:
            poll.register(self.signals, select.POLLIN)
        blind = any(child.fd < 0 for child in self.children.values())
        ready = {fd for fd, _ in poll.poll(min(50, most_ms) if blind else most_ms)}
        if self.signals in ready:
            self.heed_signals()
        self.reap()
        if self.link.socket.fileno() not in ready:
            return None
        command = self.link.receive()
        if command is None:
            for child in self.children.values():
                with contextlib.suppress(OSError):
                    os.killpg(child.pid, signal.SIGKILL)
            os.killpg(0, signal.SIGKILL)
        return command or {"quit": True}

    def end_all(self) -> None:
        """No worker is left and nothing that one started, and nobody is told."""
        for child in self.children.values():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            child.close()
        leftovers.end_adopted()
        if self.signals >= 0:
            self.heed_signals()  # of those that have just ended
            os.close(self.signals)
            self.signals = -1
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self.blocked)
        self.children.clear()
        if self.keeps_ends:
            _comb.keep_ends(False)
            self.keeps_ends = False

    def end_leftovers(self) -> None:
        """All workers have ended: what they left running has come to this process."""
        processes = leftovers.end_all()
        if processes:
            self.board.send(0, protocol.LEFTOVERS, protocol.encode({"processes": processes}), True)

    def reap(self) -> None:
        """Tells the controller which workers ended, and how."""
        slots = {child.pid: slot for slot, child in self.children.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                for child in list(self.children.values()):
                    self.tell_end(child, -1)
                return
            if pid == 0:
                return
            if pid in slots:  # else an orphan of a test
                self.tell_end(self.children[slots[pid]], status)

    def tell_end(self, child: Child, status: int) -> None:
        """Of a worker; -1: somebody else has waited for it."""
        death = {"worker": child.slot, "pid": child.pid, "status": status, "stack": child.stack()}
        self.board.send(0, protocol.DIED, protocol.encode(death), True)
        child.close()
        del self.children[child.slot]
