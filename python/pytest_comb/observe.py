"""Watches one pytest process: writes what its tests are, do and touch to a record (src/project/recording.h)."""
from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Generator
from typing import Any, Optional

import pytest

from pytest_comb import describe, order, surroundings

try:
    from pytest_comb import _comb
except ImportError as error:
    raise pytest.UsageError(f"comb's extension cannot be loaded by this interpreter: {error}") from error

RECORD = "COMB_RECORD"
FOOTPRINT = "COMB_FOOTPRINT"
WHOLE = "COMB_WHOLE"
OUTCOMES = "COMB_OUTCOMES"

_record_dir = os.environ.get(RECORD, "")
_footprint = bool(os.environ.get(FOOTPRINT))


_record_pid = 0


def _own_record(worker: Optional[str]) -> None:
    """Opens this process's file; a process forked by comb's engine needs one of its own."""
    global _record_pid
    if _record_pid == os.getpid():
        return
    _record_pid = os.getpid()
    _comb.record_open(os.fsencode(os.path.join(_record_dir, f"{_record_pid}.jsonl")))
    _comb.record("begin", format=1, pid=_record_pid, worker=worker)


def record_folder() -> str:
    """Where the processes of this run write."""
    return _record_dir


def begin_anew(folder: str) -> None:
    """In a forked process that is a run of its own: its record is in this folder."""
    global _record_dir
    _record_dir = folder
    _own_record(None)


def _start_footprint(root: str) -> None:
    """Installs the audit hook; what the machinery itself writes is left out."""
    tempfile.gettempdir()  # tries to write when it is asked first
    _comb.audit_private(os.fsencode(os.path.dirname(_record_dir)))
    _comb.audit_start(os.fsencode(root))


if _record_dir:
    _own_record(os.environ.get("PYTEST_XDIST_WORKER"))


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Footprints include what importing the conftests does."""
    if _record_dir and _footprint:
        _start_footprint(str(early_config.rootpath))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Registers the observer; a process that runs tests gets the user's own environment back."""
    config = session.config
    if not _record_dir:
        return
    _comb.record("session")
    role = config.pluginmanager.getplugin("comb-role")
    told = role is not None and OUTCOMES in os.environ  # by the controller of comb's engine
    if _is_controller(config):
        config.pluginmanager.register(OutcomeObserver(role) if told else ControllerObserver(), "comb-observer")
        return
    if not told:
        config.pluginmanager.register(Observer(config), "comb-observer")
    _restore_environment()


def _is_controller(config: pytest.Config) -> bool:
    """True in the process that hands out tests, xdist's or comb's, and runs none."""
    role = config.pluginmanager.getplugin("comb-role")
    return config.pluginmanager.hasplugin("dsession") or type(role).__name__ == "Controller"


def _worker_id(config: pytest.Config) -> Optional[str]:
    """gw0, gw1, …; None in a serial run."""
    return dict.get(getattr(config, "workerinput", {}), "workerid")  # unasked: see identity.WorkerInput


def _restore_environment() -> None:
    """What comb set to get here is not for tests to see."""
    surroundings.restore_path()
    for name in (RECORD, FOOTPRINT, WHOLE, OUTCOMES, order.KEEP):
        os.environ.pop(name, None)


def end(exitstatus: object) -> None:
    """The last line: this process came to its end."""
    _comb.record("end", exit=int(exitstatus))  # type: ignore[call-overload]


class ControllerObserver:
    """In xdist's controller only lost workers are of interest: workers write their own records."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Optional[object]) -> None:
        """A worker ended; error tells that it should not have."""
        if error:
            _comb.record("lost", worker=node.gateway.id, text=str(error))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """The last hook of this process."""
        end(exitstatus)


class OutcomeObserver:
    """In the controller of comb's engine: what each test did, as the controller itself remembers it."""

    TELL_S = 0.5  # should this process be killed, what happened longer ago is known

    def __init__(self, controller: Any) -> None:
        """Nothing has run yet."""
        self.controller = controller
        self.collected = False
        self.read = 0  # of the controller's list of passed tests
        self.told: set[int] = set()
        self.next = 0.0
        controller.on_step = self.tell_now_and_then

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Of all workers alike."""
        if not self.collected:
            self.collected = True
            _comb.record("collected", count=len(ids), duration_ns=0, markers=[], ids=list(ids))

    def tell_now_and_then(self) -> None:
        """Tests that have passed; of the others the last word may not have been said."""
        now = time.monotonic()
        if now < self.next or not self.collected or self.controller.config.option.dist == "each":
            return
        self.next = now + self.TELL_S
        durations = self.controller.durations
        for record in durations.passed[self.read:]:
            if record[0] not in durations.others:
                self.tell(record[0], durations.row_of_passed(record))
                self.told.add(record[0])
        self.read = len(durations.passed)

    def tell(self, test: int, row: tuple[Any, ...]) -> None:
        """Its line."""
        nodeid, outcome, *spent = row
        setup, call, teardown = (int(seconds * 1e9) for seconds in spent)
        _comb.record("result", test=test, id=nodeid, outcome=outcome, setup_ns=setup, call_ns=call, teardown_ns=teardown)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """The tests that have not been told, then the end of the record."""
        rows = self.controller.durations.rows()
        if not self.collected:
            _comb.record("collected", count=len(rows), duration_ns=0, markers=[])
        for test, row in enumerate(rows):
            if test not in self.told or test in self.controller.durations.others:
                self.tell(test, row)
        end(exitstatus)


class Observer:
    """In a process that collects and runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        """Nothing is collected yet. The temporary folders of this run belong to its tests."""
        self.root = str(config.rootpath)
        self.config = config
        self.indexes: dict[int, int] = {}
        self.expression = str(config.option.markexpr or "")
        if os.environ.get(WHOLE):
            config.option.markexpr = ""
        self.current = -1
        self.fixture: Optional[str] = None
        self.collect_start = _comb.now_ns()
        self.phase_start = self.collect_start
        factory = getattr(config, "_tmp_path_factory", None)
        if _footprint and factory is not None:
            _comb.audit_private(os.fsencode(factory.getbasetemp()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Starts the clock of the collection."""
        self.collect_start = _comb.now_ns()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, None]:
        """Notes what could not be collected, with the line to blame."""
        outcome = yield
        report = outcome.get_result()
        if report.failed:
            path, line = _blame(getattr(report, "call", None), self.root)
            where = path or describe.relative(getattr(collector, "path", self.root), self.root)
            _comb.record("collect_error", path=where, line=line, text=str(report.longrepr))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Numbers the tests in the suite's own order; one process describes them."""
        _own_record(_worker_id(self.config))
        items = order.collected or session.items
        self.indexes = {id(item): index for index, item in enumerate(items)}
        if self._claim_items():
            for index, item in enumerate(items):
                _comb.record("item", test=index, **describe.item_fields(item, self.root, self.expression))
        spent = _comb.now_ns() - self.collect_start
        _comb.record("collected", count=len(items), duration_ns=spent, markers=describe.known_markers(self.config))

    def _claim_items(self) -> bool:
        """True in the one process that came first."""
        try:
            os.close(os.open(os.path.join(_record_dir, "claimed"), os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, None]:
        """A test's turn. One that ends the session (pytest.exit, Ctrl-C) has no outcome, but a reason."""
        _own_record(_worker_id(self.config))
        self.current = self.indexes.get(id(item), -1)
        _comb.record("start", test=self.current)
        self.phase_start = _comb.now_ns()
        _comb.audit_turn(self.current, "s")
        outcome = yield
        error = outcome.excinfo
        reason = f"{error[0].__name__}: {error[1]}" if error else None
        _comb.record("finish", test=self.current, reason=reason)
        _comb.audit_turn(-1, "i")
        self.current = -1

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, None]:
        """Notes what setting up a fixture costs that several tests use. The fixtures it needs are set up before."""
        if fixturedef.scope == "function":
            yield
            return
        outer, self.fixture = self.fixture, fixturedef.argname
        _comb.audit_fixture(self.fixture)
        start = _comb.now_ns()
        yield
        spent = _comb.now_ns() - start
        self.fixture = outer
        _comb.audit_fixture(outer)
        fields = {"name": fixturedef.argname, "scope": fixturedef.scope, "base": fixturedef.baseid}
        _comb.record("fixture", test=self.current, duration_ns=spent, **fields)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """What comes now is set-up (again, where a test is run again)."""
        _comb.audit_turn(self.current, "s")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        """What comes now is the test itself."""
        _comb.audit_turn(self.current, "c")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """What comes now is teardown."""
        _comb.audit_turn(self.current, "t")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of the current test has ended."""
        _comb.record(
            "report",
            test=self.current,
            when=str(report.when),
            outcome=str(report.outcome),
            xfail=hasattr(report, "wasxfail"),
            part=hasattr(report, "context"),
            duration_ns=self._duration_ns(report),
            text=str(report.longrepr) if report.failed else None,
        )
        if not hasattr(report, "context"):
            self.phase_start = _comb.now_ns()

    def _duration_ns(self, report: pytest.TestReport) -> int:
        """As pytest tells it, unless that cannot be, for a test set pytest's clock: then since the last report."""
        told, lasted = int(report.duration * 1e9), _comb.now_ns() - self.phase_start
        return told if 0 <= told <= lasted else lasted

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """The last hook of this process."""
        end(exitstatus)


def _blame(call: Optional[pytest.CallInfo[Any]], root: str) -> tuple[Optional[str], int]:
    """File and line of the error behind a failed collection; (None, 0) if it has none."""
    error = call.excinfo.value if call and call.excinfo else None
    if isinstance(error, pytest.Collector.CollectError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SyntaxError) and error.filename:
        return describe.relative(error.filename, root), error.lineno or 0
    place: tuple[Optional[str], int] = (None, 0)
    frame = error.__traceback__ if error else None
    while frame is not None:
        path = describe.relative(frame.tb_frame.f_code.co_filename, root)
        if not os.path.isabs(path) and "site-packages" not in path:
            place = (path, frame.tb_lineno)
        frame = frame.tb_next
    return place
