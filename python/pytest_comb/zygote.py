"""A process that takes the role of a worker before any plugin has one, and collects.

The zygote forks the workers then; a worker that was forked from the seed collects for itself and goes on alone.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import sys
import traceback
from functools import partial
from typing import Any, Generator, Optional

import pytest

from pytest_comb import basetemp, frozen, history, hygiene, plan, protocol, reports, seeds, session_hooks, terminal, trace, unforkable
from pytest_comb.identity import Watch, WorkerInput
from pytest_comb.nextitem import Lookers
from pytest_comb.nursery import Nursery
from pytest_comb.outlet import Outlet
from pytest_comb.shard import Shard, digest
from pytest_comb.worker import Worker


class Zygote:
    """The plugin in every process that collects; with a nursery the zygote, without one a worker of its own."""

    def __init__(self, config: pytest.Config, board: Any, nursery: Optional[Nursery], outlet: Outlet,
                 late: basetemp.Basetemp, watched: bool = False, slot: int = -1, crash_fd: int = -1,
                 message: Optional[dict[str, Any]] = None, modules: Any = None) -> None:
        self.config, self.board, self.nursery, self.outlet = config, board, nursery, outlet
        self.slot, self.crash_fd, self.message, self.late = slot, crash_fd, message, late
        # Frames that wait for the end of the collection, each with its place among those of the walk and of modules.
        self.held: list[tuple[tuple[int, int], int, dict[str, Any]]] = []
        self.position = (0, 0)
        self.shard = Shard(self, modules) if modules is not None else None
        self.deselected: list[str] = []
        self.announced = False
        self.worker: Optional[Worker] = None  # in a process that runs tests
        self.prepared: Optional[Worker] = None  # registered, for the processes that are forked from here
        self.watch = Watch()
        self.watched = watched
        if message is not None:
            hygiene.set_environment(message["input"])
            seeds.after_fork({})
        elif watched:
            self.known = unforkable.all_of_now()  # the engine's, and what was inherited
            self.watch.start()
        self.seeds = seeds.Seeds()
        self.has_terminal = config.pluginmanager.hasplugin("terminal")
        for name in ("terminal", "pytest_terminal"):
            config.pluginmanager.set_blocked(name)
        config.add_cleanup(self.finish)

    def send(self, kind: int, **content: Any) -> None:
        """A frame to the controller, now."""
        self.board.send(1 + self.slot, kind, protocol.encode(content), True)

    def hold(self, kind: int, **content: Any) -> None:
        """A frame of the collection; of workers that all collect, the first one tells."""
        if self.slot <= 0 or self.in_shard():
            self.held.append((self.position, kind, content))

    def in_shard(self) -> bool:
        """A worker that expands modules which no other expands."""
        return self.shard is not None and self.shard.is_worker

    def conftests_loaded(self, outcome: Any) -> None:
        """A failure is told by finish(), which the end of a broken start calls."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Waits for what the controller's plugins have to say, then is configured as an xdist worker is."""
        if self.message is None:
            assert self.nursery is not None
            self.message = self.nursery.link.receive()
            if self.message is None or "quit" in self.message:
                os._exit(1)
        given = self.message.get("input") or self.message["inputs"][0]
        option = config.option
        option.loadgroup = self.message["dist"] == "loadgroup"
        option.usepdb = option.distload = option.looponfail = False
        option.dist, option.numprocesses, option.maxprocesses = "no", None, None
        option.tx = []
        if self.message["basetemp"]:
            option.basetemp = basetemp.of_worker(self.message["basetemp"], given["workerid"])
        config.workerinput = WorkerInput(given)  # type: ignore[attr-defined]
        config.workerinput.watch = self.watch if self.watched else None  # type: ignore[attr-defined]
        config.workeroutput = {}  # type: ignore[attr-defined]
        self.watch.settle(hygiene.environment_of(given))
        hygiene.set_environment(given)
        self.end_where_hooks_unmake()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Before any plugin asks for a terminal."""
        if self.has_terminal:
            terminal.take_place(config, self.outlet.color)

    def own_temporary_folder(self, given: dict[str, Any]) -> None:
        """That of this worker, or of the first one."""
        assert self.message is not None
        worker_id = dict.__getitem__(given, "workerid")  # nobody's question
        self.late.own(self.config, worker_id, self.message["basetemp"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """After plugins that bring a reporter of their own, and after pytest has made a factory of temporary folders."""
        self.end_where_hooks_unmake()
        self.own_temporary_folder(session.config.workerinput)  # type: ignore[attr-defined]
        if self.has_terminal:
            terminal.take_place(session.config, self.outlet.color)

    # -- collection -----------------------------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, Any, None]:
        """A collection that cannot be done ends this process; the controller raises the same."""
        if self.shard is not None:
            self.shard.begin(session)
        outcome = yield
        if outcome.excinfo is not None:
            self.fail(outcome.excinfo[1])
            os._exit(1)
        if self.shard is not None and self.shard.is_worker:
            self.shard.finish_collection(session)

    def pytest_collectreport(self, report: Any) -> None:
        """What passed is of no interest to anybody."""
        if self.shard is not None:
            self.shard.saw_report(report)
        if not report.passed:
            self.hold(protocol.COLLECT_REPORT, report=reports.to_plain(self.config, report))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Told with the collection."""
        self.deselected += [item.nodeid for item in items]

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str, location: Any) -> None:
        """From the worker too (the hook is historic: a second plugin would get everything again)."""
        if when == "config" or (self.shard is not None and self.shard.silent):
            return
        tell = self.worker.send if self.worker is not None else self.hold
        if when == "collect" and self.in_shard() and self.shard.is_told:  # type: ignore[union-attr]
            tell = self.send
        tell(protocol.WARNING, warning=reports.warning_to_plain(warning_message), when=when, nodeid=nodeid,
             location=location)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Told to the controller, which ends the run."""
        if self.worker is None:
            self.send(protocol.INTERNAL_ERROR, text=str(excrepr))
            self.announced = True

    def may_fork(self) -> bool:
        """False, and the controller told why, where each worker has to import and collect for itself."""
        self.watch.stop()
        self.config.workerinput.watch = None  # type: ignore[attr-defined]
        if not self.watched:
            return True
        reason = self.watch.reader or session_hooks.undone(self.config)
        return not self.refuse_to_fork(reason or unforkable.found(self.config, self.known, ()))

    def end_where_hooks_unmake(self) -> None:
        """Before they have made anything here."""
        if self.watched and self.refuse_to_fork(session_hooks.undone(self.config)):
            os._exit(0)

    def refuse_to_fork(self, reason: str) -> bool:
        """Whether there is a reason; it is told to the controller."""
        if reason:
            self.send(protocol.NEEDS_IMPORT, reason=reason)
        return bool(reason)

    def send_held(self) -> None:
        """In the order of the suite."""
        for _, kind, content in sorted(self.held, key=lambda entry: entry[0]):
            self.send(kind, **content)

    def watch_again(self) -> None:
        """After a collection in parallel, before one here."""
        if self.watched:
            self.watch.start()
            self.config.workerinput.watch = self.watch  # type: ignore[attr-defined]

    def announce(self, session: pytest.Session) -> int:
        """Says what was collected and makes the plan; the number of workers that have something to do."""
        assert self.message is not None
        self.send_held()
        broken = session.testsfailed and not self.config.option.continue_on_collection_errors
        items = [] if broken or session.shouldfail or session.shouldstop else session.items
        inputs = len(self.message["inputs"])
        all_of_them = items and (self.nursery is None or self.message["dist"] == "each")
        workers = inputs if all_of_them else min(inputs, len(items))
        dist = self.message["dist"]
        known = history.known(self.config, [item.nodeid for item in items])
        hook = self.config.hook.pytest_report_collectionfinish
        lines = hook(config=self.config, start_path=self.config.rootpath, startdir=None, items=session.items)
        tell = partial(self.send, protocol.COLLECTED, ids=[item.nodeid for item in session.items],
                       deselected=self.deselected, workers=workers, lines=lines, failed=session.shouldfail,
                       stopped=session.shouldstop, omitted=self.omitted_by_record(items, inputs if dist == "each" else 1))
        alone = self.nursery is None
        if alone:
            tell()  # before the plan, which lets the other workers go: what they say rests on this
        with self.refusals():
            plan.make(self.board, [plan.describe(item, dist) for item in items], inputs, dist, digest(items), known)
            trace.demand(self.board, self.config, [item.nodeid for item in items])
        if not alone:
            tell()
        self.announced = True
        return workers

    def omitted_by_record(self, items: list[pytest.Item], copies: int) -> list[int]:
        """Tests that the record of --comb-replay does not hold."""
        with self.refusals():
            return trace.omitted(self.config, [item.nodeid for item in items], copies) if items else []

    @contextlib.contextmanager
    def refusals(self) -> Generator[None, None, None]:
        """A mark that cannot be obeyed, a record that does not fit: the controller says so, and no test runs."""
        try:
            yield
        except pytest.UsageError as error:
            self.fail(error)
            os._exit(1)

    # -- tests ----------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Returns in a worker, when its tests are done."""
        if self.in_shard():
            return self.run_tests(session)
        if self.nursery is None:
            return self.run_alone(session)
        if not self.may_fork():
            os._exit(0)
        assert self.message is not None
        inputs = self.message["inputs"]
        self.serve(list(enumerate(inputs[:self.announce(session)])))
        return self.run_tests(session)

    def serve(self, wanted: list[tuple[int, dict[str, Any]]]) -> bool:
        """Forks workers; True in each of them, False here when the controller wants this process to collect."""
        assert self.nursery is not None
        self.prepare_worker()
        chosen = self.seeds.chosen()
        gc.collect()
        frozen.freeze()
        while True:
            while wanted and not self.is_held():
                slot, given = wanted.pop(0)
                if self.nothing_waits():
                    self.send(protocol.NOT_NEEDED, slot=slot)
                    continue
                crash_fd = self.nursery.fork(slot)
                if crash_fd >= 0:
                    self.become_worker(slot, given, crash_fd)
                    seeds.after_fork(chosen)
                    self.seeds.begin_anew(chosen)
                    return True
            command = self.nursery.glance() if wanted else self.nursery.command()
            if command is None:
                continue
            if "quit" in command:
                self.nursery.end_leftovers()
                hygiene.leave(0, self.nursery.link.socket)
            if "regroup" in command:
                self.nursery.end_all()
                self.withdraw_worker()
                self.send(protocol.REGROUPED)
                if "collect" in self.nursery.command():
                    self.watch_again()
                    return False
                hygiene.leave(0)
            wanted.append((command["fork"], command["input"]))

    def is_held(self) -> bool:
        """While as many workers compute as there are processors, another one would only take turns with them."""
        assert self.nursery is not None and self.message is not None
        option = self.config.option
        if option.comb_all_workers or option.comb_replay or self.message["dist"] == "each" or self.nothing_waits():
            return False
        is_expanded = self.shard is not None and self.shard.is_expanded()
        return is_expanded or not self.nursery.has_processor()

    def nothing_waits(self) -> bool:
        """The workers that were forked so far have taken every test: another one would only start and end."""
        return self.board.wait_plan(0) is not None and (self.board.is_stopped() or self.board.waiting() == 0)

    def become_worker(self, slot: int, given: dict[str, Any], crash_fd: int) -> None:
        """After the fork: a process that shares nothing by accident."""
        self.slot, self.crash_fd = slot, crash_fd
        hygiene.forget_exit_handlers()
        hygiene.set_environment(given)
        self.config.workerinput.clear()  # type: ignore[attr-defined]
        self.config.workerinput.update(given)  # type: ignore[attr-defined]
        hygiene.own_connections(self.config, given)
        hygiene.own_capture_files(self.config)
        self.own_temporary_folder(given)
        hygiene.default_interrupt()
        faulthandler.enable(file=crash_fd, all_threads=True)

    def run_alone(self, session: pytest.Session) -> bool:
        """A worker that collected for itself: the first one plans, the others have the same tests or say so."""
        assert self.message is not None
        if self.slot == 0 and self.board.wait_plan(0) is None:
            if self.announce(session) == 0:
                self.send(protocol.NOT_NEEDED, slot=self.slot)
                os._exit(0)
            return self.run_tests(session)
        planned = None
        while planned is None:
            planned = self.board.wait_plan(0.2)
        if planned == 0:
            self.send(protocol.NOT_NEEDED, slot=self.slot)
            os._exit(0)
        if planned != digest(session.items):
            self.send(protocol.DIFFERENT, ids=[item.nodeid for item in session.items])
            os._exit(0)
        return self.run_tests(session)

    def run_tests(self, session: pytest.Session) -> bool:
        """In a worker, and only there."""
        faulthandler.enable(file=self.crash_fd, all_threads=True)
        self.announced = True
        if self.prepared is None:
            self.prepare_worker()
        self.worker = self.prepared
        assert self.worker is not None
        self.worker.seeds = self.seeds
        self.worker.shard = self.shard if self.in_shard() else None
        given = self.config.workerinput  # type: ignore[attr-defined]
        self.worker.run(session, self.slot, given["workerid"], self.crash_fd)
        return True

    def prepare_worker(self) -> None:
        """Registers the plugin of workers: that takes 2 ms, so it is done before the fork, where there is one."""
        manager = self.config.pluginmanager
        self.prepared = Worker(self.config, self.board, self.outlet)
        manager.register(self.prepared, "comb-worker")
        manager.register(Lookers(self.config), "comb-lookers")
        if history.wants_setups(self.config):
            manager.register(history.Setups(self.prepared), "comb-setups")

    def withdraw_worker(self) -> None:
        """Plugins that come with what is collected now stand before it again."""
        for name in ("comb-worker", "comb-lookers", "comb-setups"):
            plugin = self.config.pluginmanager.get_plugin(name)
            if plugin is not None:
                self.config.pluginmanager.unregister(plugin)

    # -- the end --------------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Tells why there will be no tests."""
        self.send_held()
        message = getattr(error, "msg", None) or "\n".join(str(arg) for arg in error.args) or str(error)
        details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.send(protocol.FAILED_START, error=type(error).__name__, message=message, details=details,
                  code=getattr(error, "returncode", None))
        self.announced = True

    def finish(self) -> None:
        """The last thing pytest does in this process: it must not return to who called pytest."""
        error = sys.exc_info()[1]
        if not self.announced and error is not None:
            self.fail(error)
        hygiene.leave(0 if self.worker is not None and self.worker.said_goodbye else 1)

