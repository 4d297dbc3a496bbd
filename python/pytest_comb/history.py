"""How long tests take: from earlier runs for the plan, and from this one for the next. In .comb/history.db of the project.

Never a reason for a run to fail: without a history tests run in the order of their files.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Generator

import pytest

from pytest_comb import _comb, plan, protocol

if TYPE_CHECKING:
    from pytest_comb.controller import Controller
    from pytest_comb.worker import Worker

NOT_RUN, PASSED, FAILED, ERROR, SKIPPED, XFAILED, XPASSED, CRASHED = range(8)
"""enum outcome of src/project/suite.h."""

WORTH_S = 0.001
"""Cheaper set-ups are of no interest to a plan."""


def wants_setups(config: pytest.Config) -> bool:
    """Whether workers measure what shared fixtures cost."""
    return is_on(config) or config.option.comb_gap


def is_on(config: pytest.Config) -> bool:
    """Unless the user does not want it."""
    return bool(config.getini("comb_history")) and not config.option.comb_no_history


def keeps_order(config: pytest.Config) -> bool:
    """Whether the user asked for an order that longest first would undo."""
    option = config.option
    return (any(getattr(option, name, False) for name in ("failedfirst", "newfirst"))
            or not getattr(option, "loadscopereorder", True))


def integration_workers(config: pytest.Config) -> int:
    """At most so many tests marked integration at once; 0: any number."""
    asked = str(config.getini("integration_workers"))
    if not asked.isdigit():
        raise pytest.UsageError(f"integration_workers = {asked}: expected a number (0: no limit)")
    return int(asked)


def known(config: pytest.Config, ids: list[str]) -> plan.Known:
    """What is known about these tests, for the plan."""
    costs: list[float] = []
    setups: dict[str, float] = {}
    if ids and is_on(config):
        try:
            costs, setups = _comb.history_expect(os.fsencode(str(config.rootpath)), ids)
        except OSError:
            pass  # whoever writes at the end says what is wrong
    return plan.Known(costs, setups, {"integration": integration_workers(config)}, keeps_order(config))


class Setups:
    """In a worker: tells what setting up fixtures costs that several tests share."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.inner_s = 0.0  # spent in fixtures that the present one asked for while it was set up

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, None]:
        """Fixtures that are named as arguments are set up before."""
        if fixturedef.scope in ("function", "class"):
            yield
            return
        outer_s, self.inner_s = self.inner_s, 0.0
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        own_s, self.inner_s = spent - self.inner_s, outer_s + spent
        if own_s >= WORTH_S:
            self.worker.send(protocol.SETUP, test=self.worker.index, scope=fixturedef.scope, name=fixturedef.argname,
                             seconds=own_s)


class Durations:
    """In the controller: what this run tells the next ones."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.passed: list[Any] = []  # binary records as they come
        self.others: dict[int, list[Any]] = {}  # outcome and three durations of tests that sent reports
        self.wide: dict[int, float] = {}  # seconds of shared set-ups that a test paid
        self.paid: list[tuple[int, str, str, float]] = []  # test, scope, fixture and seconds of each of them
        self.peak_bytes = 0  # of the largest worker, without what its tests start
        self.start = time.perf_counter()
        self.status = 1

    def setup(self, content: dict[str, Any]) -> None:
        """A SETUP frame: comes before the reports of the test."""
        test = content["test"]
        self.wide[test] = self.wide.get(test, 0.0) + content["seconds"]
        self.paid.append((test, content["scope"], content["name"], content["seconds"]))

    def setups(self) -> list[tuple[str, str, float]]:
        """Path, fixture and seconds of those that a module shares."""
        nodeid = self.controller.replay.passed.nodeid
        paused = self.controller.suspension.may_be_in
        return [(nodeid(test).split("::", 1)[0], name, seconds) for test, scope, name, seconds in self.paid
                if scope == "module" and not paused(test, seconds)]

    def report(self, test: int, report: Any) -> None:
        """Of a test that has no record."""
        row = self.others.setdefault(test, [PASSED, 0.0, 0.0, 0.0])
        phase = {"setup": 1, "call": 2, "teardown": 3}.get(report.when)
        if phase is None or report.outcome == "rerun":
            return
        row[phase] = report.duration
        outcome = _outcome(report)
        if outcome != PASSED:
            row[0] = outcome

    def peak(self, content: dict[str, Any]) -> None:
        """A PEAK frame."""
        self.peak_bytes = max(self.peak_bytes, content["bytes"])

    def crashed(self, test: int) -> None:
        """It has no durations."""
        self.others[test] = [CRASHED, 0.0, 0.0, 0.0]

    def row_of_passed(self, record: Any) -> tuple[Any, ...]:
        """As in rows()."""
        test, times = record[0], record[3]
        setup = max(0.0, times[2] - self.wide.get(test, 0.0))
        return (self.controller.replay.passed.nodeid(test), PASSED, setup, times[5], times[8])

    def rows(self) -> list[tuple[Any, ...]]:
        """One for each collected test: of equal ids the second is known by being the second. What a test took that was
        under way while the run stood still is not known."""
        ids = self.controller.ids or []
        ran = {record[0]: (PASSED, record[3][2], record[3][5], record[3][8]) for record in self.passed}
        ran.update((test, tuple(row)) for test, row in self.others.items())
        paused = self.controller.suspension
        for test in paused.held:
            if any(paused.may_be_in(test, seconds) for seconds in ran.get(test, ())[1:]):
                del ran[test]
        rows = []
        for test, nodeid in enumerate(ids):
            outcome, setup, call, teardown = ran.get(test, (NOT_RUN, 0.0, 0.0, 0.0))
            rows.append((nodeid, outcome, max(0.0, setup - self.wide.get(test, 0.0)), call, teardown))
        return rows

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """How the run ended."""
        self.status = int(exitstatus)

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """After the summary: the last thing a run does."""
        writes = is_on(config) and config.pluginmanager.hasplugin("cacheprovider")
        if not writes or not (self.passed or self.others):
            return
        try:
            note = self.write(config)
        except OSError as error:
            note = str(error) if os.access(config.rootpath, os.W_OK) or config.option.verbose > 0 else ""
        if note and config.option.verbose >= 0:
            config.get_terminal_writer().line(note if note.startswith("comb") else f"comb: {note}")

    def write(self, config: pytest.Config) -> str:
        """A note for the user, or ''."""
        session = self.controller.session
        wall_s = time.perf_counter() - self.start - self.controller.suspension.paused_ns(0) / 1e9
        return _comb.history_write(
            os.fsencode(str(config.rootpath)), self.controller.workers, str(config.option.dist),
            str(getattr(config.option, "markexpr", "") or ""), self.status, wall_s, len(self.controller.ids or []),
            session.testsfailed, self.peak_bytes, self.rows(), self.setups())


def _outcome(report: Any) -> int:
    """What one phase makes of a test."""
    expected = hasattr(report, "wasxfail")
    if report.outcome == "failed":
        return FAILED if report.when == "call" else ERROR
    if report.outcome == "skipped":
        return XFAILED if expected else SKIPPED
    return XPASSED if expected else PASSED
