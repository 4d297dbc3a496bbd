"""The forks that make controller, zygote and seed out of one process."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING, Any, Union

import pytest

from pytest_comb import (_comb, frozen, history, hookcalls, hygiene, identity, nextitem, own_files, reports, seeds, session_hooks,
                         terminal, trace, unforkable, worker_count)
from pytest_comb.basetemp import Basetemp
from pytest_comb.branch import Branch
from pytest_comb.nursery import WHEN_REFUSED, Nursery
from pytest_comb.outlet import Outlet
from pytest_comb.protocol import Link

if TYPE_CHECKING:
    from pytest_comb.controller import Controller
    from pytest_comb.zygote import Zygote

BEFORE_FORKS = (history, reports, identity, nextitem, seeds, session_hooks, terminal, unforkable)
"""Both roles need the first two, only the zygote the others. A module costs half as much before a fork, where no page has to be copied
for it, but then both wait for it. With these, zygote and controller are ready for each other at the same time."""
MANY_WORKERS = 100
DESCRIPTORS_OF_A_WORKER = 8


class XdistStandIn:
    """What plugins find that ask for xdist by name, and then implement its hooks."""


def stand_in_for_xdist(pluginmanager: Any) -> None:
    """Where xdist is not installed."""
    if pluginmanager.hasplugin("xdist") or pluginmanager.is_blocked("xdist"):
        return
    pluginmanager.register(XdistStandIn(), "xdist")
    reruns: Any = sys.modules.get("pytest_rerunfailures")
    if reruns is not None:  # it asks for the package, not for the plugin
        reruns.HAS_PYTEST_HANDLECRASHITEM = True
        reruns.works_with_current_xdist = lambda: True


Role = Union["Controller", "Zygote"]
# The processes that are forked for each --comb-start: the zygote collects, the seed waits for workers that collect.
# The zygote comes first: it is the one that has work.
NEEDED_BY = {"once": ("auto", "once", "shard"), "import": ("auto", "import", "shard")}


def split(config: pytest.Config) -> Role:
    """Returns in each of the processes of this run, with the role it has."""
    hygiene.standard_streams()
    stand_in_for_xdist(config.pluginmanager)
    hookcalls.take(config.pluginmanager)
    mode = config.known_args_namespace.comb_start or config.getini("comb_start")
    try:
        board = _comb.Board(trace.board_kind(config.known_args_namespace))
        late = Basetemp(board)
    except OSError as error:
        raise pytest.UsageError(str(error)) from None
    sys.stdout.flush()
    sys.stderr.flush()
    frozen.freeze()  # what has been imported so far is not looked at again, in any of the processes
    parent = os.getpid()
    told = first_identity(config)
    outlet = Outlet(config)
    modules = _comb.Modules() if mode in ("auto", "shard") else None
    branches: dict[str, Branch] = {}
    many_descriptors(config)
    _comb.keep_orphans(True)
    for name, modes in NEEDED_BY.items():
        if mode not in modes:
            continue
        here, there = socket.socketpair()
        pipes = outlet.pipes()
        pid = _fork(branches)
        if pid == 0:
            here.close()
            for branch in branches.values():
                branch.let_go()
            outlet.enter(config, pipes)
            hygiene.set_environment(told)
            return _be(name, config, board, Nursery(config, board, Link(there), outlet), late, parent, mode, modules)
        there.close()
        for _, end in pipes:
            os.close(end)
        branches[name] = Branch(pid, Link(here), [end for end, _ in pipes])
    # Each process imports the rest of what its role needs after the fork: on two processors side by side.
    from pytest_comb.controller import Controller

    return Controller(config, board, branches, mode, outlet, modules, late, told)


def first_identity(config: pytest.Config) -> dict[str, Any]:
    """What conftest files find in the environment: that of the first worker, as far as it is known before they are imported."""
    known = config.known_args_namespace
    workers = 0
    with contextlib.suppress(pytest.UsageError):  # raised again when it is needed
        workers = trace.workers_of_record(known)
    return {"workerid": "gw0", "workercount": workers or worker_count.expected(known),
            "testrunuid": getattr(known, "testrunuid", None) or os.urandom(16).hex()}


def _fork(before: dict[str, Branch]) -> int:
    try:
        return os.fork()
    except OSError as error:
        for branch in before.values():
            branch.dismiss(now=True)
        raise pytest.UsageError(f"comb: no process to collect in: {error.strerror}; {WHEN_REFUSED}") from None


def many_descriptors(config: pytest.Config) -> None:
    """Each worker takes a few in this process and in the zygote."""
    asked = getattr(config.known_args_namespace, "numprocesses", None)
    asked = worker_count.limited(asked, config.known_args_namespace) if isinstance(asked, int) else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if asked > MANY_WORKERS:
        wanted = soft + asked * DESCRIPTORS_OF_A_WORKER
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(hard, wanted), hard))


def _be(name: str, config: pytest.Config, board: Any, nursery: Nursery, late: Basetemp, parent: int, mode: str,
        modules: Any) -> Role:
    """In a child of the controller."""
    os.setpgid(0, 0)
    _comb.die_with_parent(parent)
    _comb.keep_orphans(True)
    hygiene.no_terminal_input()
    hygiene.forget_exit_handlers()
    own_files.watch()
    if name == "once":
        from pytest_comb.zygote import Zygote

        zygote = Zygote(config, board, nursery, nursery.outlet, late, watched=mode != "once", modules=modules)
        if zygote.shard is not None:
            zygote.shard.forced = mode == "shard"
        return zygote
    return _be_seed(config, board, nursery, late)


def _be_seed(config: pytest.Config, board: Any, nursery: Nursery, late: Basetemp) -> Role:
    """Does nothing until workers are wanted that import and collect for themselves; returns in each of those."""
    message = nursery.link.receive()
    if message is None or "quit" in message:
        os._exit(0)
    from pytest_comb.zygote import Zygote

    wanted = list(enumerate(message["inputs"]))[:message["first"]]
    while True:
        for slot, given in wanted:
            crash_fd = nursery.fork(slot)
            if crash_fd >= 0:
                return Zygote(config, board, None, nursery.outlet, late, slot=slot, crash_fd=crash_fd,
                              message={**message, "input": given})
        command = nursery.command()
        if "quit" in command:
            nursery.end_leftovers()
            os._exit(0)
        wanted = [(command["fork"], command["input"])]
