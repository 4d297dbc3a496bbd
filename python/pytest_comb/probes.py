"""Serves order probes: collects once, then forks a process for each sequence of tests that comb asks for.

The other side, and what a sequence may expect, is described in src/engine/probe_server.h.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
from typing import Any, Generator, Optional

import pytest

from pytest_comb import _comb, hygiene, observe, order, protocol, seeds, unforkable

LINK = "COMB_PROBES"
SEEDS = seeds.Seeds()  # before a conftest is read


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Takes the descriptor of comb's socket out of the environment."""
    number = os.environ.pop(LINK, "")
    if number:
        link = socket.socket(fileno=int(number))
        link.set_inheritable(False)
        session.config.pluginmanager.register(Server(session.config, protocol.Link(link)), "comb-probes")


class Server:
    """The plugin in the process that collects, and in each process forked from it."""

    def __init__(self, config: pytest.Config, link: protocol.Link) -> None:
        self.config, self.link = config, link
        self.folder = os.path.dirname(observe.record_folder())
        self.probes: dict[int, int] = {}  # by pid: what comb calls them
        self.ends: dict[int, int] = {}  # by pid: readable when it has ended
        self.older, self.known = set(children()), unforkable.all_of_now()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, None]:
        """Around everybody else's: returns to it once in each process, with the tests that this one has to run."""
        request = self.serve(session)
        if request is None:
            session.items = []
            yield
            return
        status = 1
        try:
            become_probe(session, request["tests"], os.path.join(self.folder, f"p{request['run']}"))
            seeds.after_fork(self.chosen)
            yield
            observe.end(0)
            status = 0
        finally:
            hygiene.flush_output()
            os._exit(status)

    def serve(self, session: pytest.Session) -> Optional[dict[str, Any]]:
        """A request in the process that has to do it; None when comb wants no more."""
        reason = why_not(session, self.known, self.older)
        if reason:
            self.link.send({"refused": reason})
            return None
        _comb.adopt_orphans()
        self.chosen = SEEDS.chosen()
        self.link.send({"ready": len(order.collected or session.items)})
        while True:
            request = self.next_request()
            if request is None or "quit" in request:
                self.clear(everything=request is None)
                return None
            if "stop" in request:
                self.stop(request["stop"])
            elif self.fork(request):
                return request

    def next_request(self) -> Optional[dict[str, Any]]:
        """From comb; the end of probes is told while waiting for it."""
        link = self.link.socket.fileno()
        while True:
            poll = select.poll()
            poll.register(link, select.POLLIN)
            for fd in self.ends.values():
                poll.register(fd, select.POLLIN)
            blind = len(self.ends) < len(self.probes)
            ready = {fd for fd, _ in poll.poll(20 if blind else None)}
            self.reap()
            if link in ready:
                return self.link.receive()

    def fork(self, request: dict[str, Any]) -> bool:
        """True in the new process."""
        hygiene.flush_output()
        parent, pid = os.getpid(), _comb.fork()
        if pid == 0:
            os.setpgid(0, 0)
            _comb.die_with_parent(parent)
            self.link.socket.close()
            for fd in self.ends.values():
                os.close(fd)
            return True
        try:
            os.setpgid(pid, pid)
        except OSError:  # it was first, or is gone already
            pass
        self.probes[pid] = request["run"]
        try:
            self.ends[pid] = os.pidfd_open(pid)
        except (AttributeError, OSError):
            pass
        self.link.send({"started": request["run"], "pid": pid})
        return False

    def stop(self, number: int) -> None:
        """Kills a probe and what belongs to its group."""
        for pid, known in self.probes.items():
            if known == number:
                kill_group(pid)

    def reap(self) -> None:
        """Tells which probes ended. What they left running goes with the last one."""
        for pid in list(self.probes):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            kill_group(pid)
            if pid in self.ends:
                os.close(self.ends.pop(pid))
            number = self.probes.pop(pid)
            if not self.probes:
                self.end_orphans()
            self.link.send({"ended": number, "status": status})

    def end_orphans(self) -> None:
        """Processes that a probe left, in whatever group: they are ours now."""
        for _ in range(100):
            left = [pid for pid in children() if pid not in self.older]
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except OSError:
                    pass
            if not left:
                return

    def clear(self, everything: bool) -> None:
        """Nothing is left behind; everything: comb is gone and cannot remove its folder."""
        for pid in self.probes:
            kill_group(pid)
            os.waitpid(pid, 0)
        self.probes = {}
        self.end_orphans()
        if everything:
            shutil.rmtree(self.folder, ignore_errors=True)
            os._exit(1)


def become_probe(session: pytest.Session, tests: list[int], folder: str) -> None:
    """After the fork: a process as if it had collected by itself and selected these tests."""
    items = order.collected or session.items
    session.items = [items[index] for index in tests]
    observe.begin_anew(os.path.join(folder, "r"))
    hygiene.forget_exit_handlers()
    hygiene.own_capture_files(session.config)
    hygiene.own_temporary_folder(session.config, os.path.join(folder, "t"))


def why_not(session: pytest.Session, known: set[unforkable.Inode], older: set[int]) -> str:
    """Why processes forked from this one would not be like fresh ones; '' where they are."""
    if session.testsfailed:
        return "the collection has errors"
    return unforkable.found(session.config, known, older)


def children() -> list[int]:
    """Processes that this one has to wait for; none where the system does not tell."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def kill_group(pid: int) -> None:
    """Its group and the process itself, which may not have made one yet."""
    for end in (os.killpg, os.kill):
        try:
            end(pid, signal.SIGKILL)
        except OSError:
            pass
