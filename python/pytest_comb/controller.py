"""The controller: an ordinary pytest process whose tests run elsewhere. Reporting plugins live here."""

from __future__ import annotations

import contextlib
import gc
import os
from typing import TYPE_CHECKING, Any, Callable, Generator, Optional

import pytest

from pytest_comb import _comb, frozen, gap, history, leftovers, protocol, trace, unanswered, worker_count
from pytest_comb.basetemp import Basetemp
from pytest_comb.branch import Branch, describe_status
from pytest_comb.live import LiveLine
from pytest_comb.node import NodeManager, WorkerNode
from pytest_comb.outlet import Outlet

if TYPE_CHECKING:
    from pytest_comb.crash import Crashes
    from pytest_comb.interrupt import Interrupt
    from pytest_comb.merge import Merge
    from pytest_comb.relay import Relay
    from pytest_comb.replay import Replay
    from pytest_comb.slow_end import SlowEnd
    from pytest_comb.suspension import Suspension

GARBAGE_THRESHOLD = 50_000  # objects between two collections: here reports are made, and no tests run
TICK_S = 0.05
TICK_BUSY_S = 0.001
OF_WORKERS = (protocol.DIED, protocol.SIGNALLED, protocol.LEFTOVERS)  # words of the zygote that rest on those of workers
FIRST_IMPORTS = 8  # so many workers import for themselves before it is known how many are needed


class Controller:
    """The plugin in the controller."""

    interrupt: Interrupt  # made by take_up(), as those below
    merge: Merge
    replay: Replay
    crashes: Crashes
    relay: Relay
    suspension: Suspension
    slow_end: SlowEnd

    def __init__(self, config: pytest.Config, board: Any, branches: dict[str, Branch], start_mode: str,
                 outlet: Outlet, modules: Any, late: Basetemp, told: dict[str, Any]) -> None:
        self.late, self.told, self.outlet, self.modules = late, told, outlet, modules
        self.config, self.board, self.branches = config, board, branches
        self.start_mode = start_mode
        self.collected_by = ""  # the start mode that the tests came by, once they are known
        self.current = branches.get("once") or branches["import"]
        self.parent = os.getpid()
        self.workers = 0
        self.why = ""  # that many
        self.nodes: dict[int, WorkerNode] = {}  # by slot
        self.groups: set[int] = set()  # of processes: each worker leads one
        self.active: set[int] = set()  # slots whose process has not ended
        self.ids: Optional[list[str]] = None
        self.omitted: set[int] = set()  # indices of tests that are not to run: a record of --comb-replay ends before them
        self.error: Optional[BaseException] = None  # to be raised when all is quiet
        self.stopping = False
        self.gone = False
        self.later: list[Any] = []  # frames to be looked at next time
        self.on_step: Optional[Callable[[], None]] = None
        self.durations = history.Durations(self)
        self.live = LiveLine(self)
        self.has_taken_up = False
        config.add_cleanup(self.dismiss)

    # -- start ----------------------------------------------------------------------------------

    def conftests_loaded(self, outcome: Any) -> None:
        """A broken conftest ends this process too, by itself."""

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, Any, None]:
        """-n as a number; then pytest's own main, at whose end no other process is left."""
        trace.check_path(config.option)
        recorded = trace.workers_of_record(config.option)
        self.workers, self.why = (recorded, "") if recorded else worker_count.count(config)
        if self.workers == 0:
            trace.need_workers(config.option, ", and their number is 0 here")
            self.dismiss()
            frozen.thaw()
            config.pluginmanager.unregister(self)
            config.option.numprocesses, config.option.dist = 0, "no"
        else:
            config.option.numprocesses = self.workers
            gc.set_threshold(GARBAGE_THRESHOLD, 50, 100)
        yield
        self.dismiss()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Looks like a distributed run to other plugins, and keeps pytest-xdist out of it."""
        history.integration_workers(config)
        self.put_off_fixtures()
        asked = getattr(config.option, "dist", "no")
        config.option.dist = "load" if asked == "no" or getattr(config.option, "distload", False) else asked
        config.option.tx = []

    def put_off_fixtures(self) -> None:
        """pytest looks at every name of every plugin for fixtures. No test is set up here: the zygote need not wait for it."""
        impls = getattr(self.config.hook.pytest_sessionstart, "_hookimpls", [])  # the last comes first; pluggy 1.0 has none
        place = [impl.plugin for impl in impls].index(self) if impls else 0
        for impl in impls[place:]:
            if impl.plugin_name == "fixtures":
                impls.remove(impl)
                impls.insert(place, impl)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Lets plugins configure the workers, then lets the zygote go on."""
        self.session = session
        config = self.config
        terminal = config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.showfspath = False
        uid = getattr(config.option, "testrunuid", None) or self.told["testrunuid"]
        self.manager = NodeManager(config, self.workers, uid)
        config.hook.pytest_xdist_setupnodes(config=config, specs=self.manager.specs)
        for slot in range(self.workers):
            self.nodes[slot] = self.new_node(slot, f"gw{slot}")
        self.next_id = self.workers
        named = config.option.basetemp  # else it is made when somebody asks for it
        basetemp = config._tmp_path_factory.getbasetemp() if named else ""  # type: ignore[attr-defined]
        try:
            self.board.make_rings(self.workers)
        except OSError as error:
            raise pytest.UsageError(str(error)) from None
        self.first = min(self.workers, max(FIRST_IMPORTS, 2 * _comb.processors()))
        self.message = {"inputs": [self.nodes[n].workerinput for n in range(self.workers)], "basetemp": str(basetemp),
                        "dist": config.option.dist, "first": self.first}
        if self.start_mode == "import":
            self.active = set(range(self.first))
        self.current.link.send(self.message)
        self.take_up()
        self.suspension.start()
        self.crashes.notes += unanswered.warn(config)
        config.pluginmanager.register(self.crashes, "comb-crashes")
        config.pluginmanager.register(self.durations, "comb-durations")
        if config.option.comb_gap:
            config.pluginmanager.register(gap.Gap(self), "comb-gap")

    def take_up(self) -> None:
        """The parts that heed zygote and workers. They are imported while the zygote goes on, which would wait for it (5 ms)."""
        from pytest_comb.crash import Crashes
        from pytest_comb.interrupt import Interrupt
        from pytest_comb.merge import Merge
        from pytest_comb.relay import Relay
        from pytest_comb.replay import Replay
        from pytest_comb.slow_end import SlowEnd
        from pytest_comb.suspension import Suspension

        self.interrupt = Interrupt(self)
        self.merge = Merge(self, self.modules)
        self.replay = Replay(self)
        self.crashes = Crashes(self)
        self.suspension = Suspension(self)
        self.slow_end = SlowEnd(self)
        self.relay = Relay(self, self.outlet)
        for number, branch in enumerate(self.branches.values()):
            self.relay.open(-1 - number, branch.outputs, "")
        self.has_taken_up = True

    def new_node(self, slot: int, worker_id: str) -> WorkerNode:
        """A node that plugins have configured."""
        node = WorkerNode(self.manager, slot, worker_id)
        self.config.hook.pytest_xdist_newgateway(gateway=node.gateway)
        self.config.hook.pytest_configure_node(node=node)
        return node

    def pytest_report_header(self) -> str:
        """One line: how this run is done."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"comb: {workers}{f' ({self.why})' if self.why else ''}, dist={self.config.option.dist}, start={self.start_mode}"

    def start_by_import(self, reason: str) -> None:
        """The zygote found out that workers cannot be forked from it."""
        self.crashes.say(f"comb: start=import, each worker collects for itself: {reason}")
        self.current.dismiss(now=False)
        self.start_mode = "import"
        self.current = self.branches["import"]
        self.active = set(range(self.first))
        self.current.link.send(self.message)

    def release_seed(self) -> None:
        """Workers are forked from the zygote: nobody will import for himself any more. It is reaped at the end."""
        for branch in self.branches.values():
            if branch is not self.current:
                branch.link.send({"quit": True})

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> bool:
        """The zygote collects."""
        return True

    # -- the loop -------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Replays what zygote and workers tell until all of them are done."""
        self.live.start()
        try:
            self.run_to_the_end()
        finally:
            self.live.close()
        self.crashes.name_tests_that_did_not_run()
        if self.error is not None:
            raise self.error
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def run_to_the_end(self) -> None:
        """Steps, in spite of interrupts."""
        while not self.is_done():
            try:
                self.step()
            except KeyboardInterrupt:
                self.interrupted()

    def count_tests(self) -> int:
        """How many reports are expected to finish."""
        return len(self.ids or []) * (self.workers if self.config.option.dist == "each" else 1) - len(self.omitted)

    def is_done(self) -> bool:
        """Nothing more can come."""
        return self.gone or (self.ids is not None and not self.active)

    def step(self) -> None:
        """One look at everything."""
        self.board.wait_bell(0 if self.later else TICK_BUSY_S if self.relay.busy else TICK_S)
        self.late.answer(self.config)
        self.read_frames()
        self.relay.pump()
        self.heed_stop()
        self.crashes.overtime.check()
        self.slow_end.check()
        if self.interrupt.since:
            self.interrupt.go_on()
        self.check_zygote()
        self.live.tick()
        if self.on_step is not None:
            self.on_step()

    def read_frames(self) -> bool:
        """What the zygote says, then what workers say, then what it says of them; whether there was anything.

        A worker may speak between one look at the zygote's ring and the next: what the second look finds is put off, but
        for the words of the zygote, or of the first worker where each collects: those of the others rest on them. Once the
        zygote says that no worker is left of a collection in parallel, what these said and how they ended is of no
        interest."""
        frames, self.later = self.later + self.board.drain(), self.board.drain()
        tellers = (0, 1) if self.start_mode == "import" and self.ids is None else (0,)  # rings
        said = [frame for frame in frames + self.later if frame[0] in tellers and frame[1] not in OF_WORKERS]
        self.later = [frame for frame in self.later if frame[0] not in tellers or frame[1] in OF_WORKERS]
        workers = [frame for frame in frames if frame[0] not in tellers]
        of_workers = [frame for frame in frames if not frame[0] and frame[1] in OF_WORKERS]
        regroups = self.merge.regroups
        with self.relay.one_flush() if frames else contextlib.nullcontext():
            for ring, kind, payload in said + workers + of_workers:
                if regroups == self.merge.regroups or (not ring and kind not in OF_WORKERS):
                    self.replay.frame(ring, kind, payload)
        return bool(frames)

    def check_zygote(self) -> None:
        """A zygote that died takes its workers with it."""
        if self.gone or not self.current.has_ended():
            return
        branch = self.current
        while self.read_frames():
            pass
        if branch is not self.current:
            return  # its last words were that it is not the one
        self.gone = True
        cause = describe_status(branch.status or 0)
        if self.error is None and self.ids is None:
            self.error = RuntimeError(f"comb: the process that collects tests ended ({cause})")
        elif self.error is None and self.active:
            self.crashes.zygote_ended(cause)

    def heed_stop(self) -> None:
        """What pytest or a plugin has made of what was told so far: -x, --maxfail, an error of the run."""
        session = self.session
        if (session.shouldfail or session.shouldstop or self.error) and not self.stopping:
            self.stop()

    def stop(self) -> None:
        """No test begins any more."""
        self.stopping = True
        self.board.stop()

    def interrupted(self) -> None:
        """Ctrl-C: once ends the tests that run, waits for what they set up to be torn down, and reports; twice ends
        everything now."""
        if self.interrupt.since:
            self.kill()
            return
        self.error = KeyboardInterrupt()
        self.stop()
        if self.ids is None:
            self.kill()
        self.interrupt.begin()

    def kill(self) -> None:
        """Zygote, workers and what they left behind."""
        self.current.kill()

    # -- the end --------------------------------------------------------------------------------

    def pytest_sessionfinish(self) -> None:
        """Workers have said goodbye; here the zygote does too. The kernel clears it away during the summary."""
        self.release()
        trace.write(self)

    def release(self) -> None:
        """Every process has done and said what it had to. Safe to call again."""
        if os.getpid() != self.parent:
            return
        if not self.has_taken_up:  # an early end; zygote or seed may have written something
            self.take_up()
        self.suspension.finish()
        present = [branch for branch in self.branches.values() if branch.link.socket.fileno() >= 0]
        for branch in present:
            branch.link.send({"quit": True})
        for branch in present:
            branch.release(now=branch is self.current and bool(self.active or self.ids is None))
        for ring, kind, payload in self.board.drain() if self.branches else ():
            if not ring and kind == protocol.LEFTOVERS:  # what branches found running, and had to end
                self.replay.frame(ring, kind, payload)
        self.relay.finish()

    def dismiss(self) -> None:
        """Leaves no process behind. Safe to call again."""
        self.release()
        if os.getpid() != self.parent or not self.branches:
            return
        for branch in self.branches.values():
            if branch.link.socket.fileno() >= 0:
                branch.dismiss(now=False)
        if hasattr(self, "manager"):  # what they left has come here
            # A worker that has just been killed has no environment any more, and may not have said yet which group it leads.
            groups = self.groups.union(*(branch.groups for branch in self.branches.values()))
            leftovers.end_of_run(self.manager.testrunuid, groups)
        self.branches = {}
        _comb.keep_orphans(False)
