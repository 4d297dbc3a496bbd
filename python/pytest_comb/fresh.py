"""A test in a process of its own (the mark fresh): what it leaves in memory reaches no other test.

The worker sets up the fixtures of wider scopes, forks, and waits; the new process runs the test with the
fixtures of its function, and all hooks around it. Reports go through the worker's ring; the last word,
and what a teardown of wider scopes has to add, are the worker's.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import time
from typing import TYPE_CHECKING, Any, Optional

import pytest

from pytest_comb import _comb, fresh_coverage, hygiene, protocol, reports

if TYPE_CHECKING:
    from pytest_comb.worker import LateItem, Worker

MARK = "fresh"
PHASES = ("setup", "call", "teardown")
# Whose hooks surround what the worker does itself, so that its output and log records are the test's.
AROUND_SETUP = ("comb-fresh", "capturemanager", "logging-plugin", "skipping")
AROUND_TEARDOWN = ("runner", "capturemanager", "logging-plugin")
SAID_ELSEWHERE = 77  # exit status of a process that could not use its pipe, and has sent its reports
NOTHING_MORE: dict[str, Any] = {"exit": None, "interrupted": False, "times": None, "teardown": None, "failed": 0,
                                "shouldfail": False, "shouldstop": False}
HIGH = 600
ANSWER_S = 5.0  # how long a worker waits for the controller to have looked at a crash


class Stay:
    """A next item that needs all collectors of the current one: only what is the test's own is torn down."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def listchain(self) -> list[Any]:
        """Without the test itself."""
        return self._item.listchain()[:-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


class Fresh:
    """Of one worker."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.warming = False
        manager = worker.config.pluginmanager
        manager.register(self, "comb-fresh")
        self.setup_hook = manager.subset_hook_caller("pytest_runtest_setup", self.all_but(AROUND_SETUP))
        self.teardown_hook = manager.subset_hook_caller("pytest_runtest_teardown", self.all_but(AROUND_TEARDOWN))

    def all_but(self, names: tuple[str, ...]) -> list[Any]:
        """Plugins with other names."""
        plugins = self.worker.config.pluginmanager.list_name_plugin()
        return [plugin for name, plugin in plugins if plugin is not None and name not in names]

    def run(self, item: pytest.Item, nextitem: LateItem) -> bool:
        """One test, up to its last word; False when its process crashed."""
        warm = is_warm(item)
        if not warm:
            self.warm(item)
        here, there = pipe()
        hygiene.flush_output()
        parent, pid = os.getpid(), hygiene.fork()
        if pid == 0:
            os.close(here)
            self.be_test(item, there, parent)
        os.close(there)
        worker = self.worker
        worker.board.stand_in(worker.slot, pid)  # time limits and interrupts are for the process that runs the test
        told, status = wait(pid, here)
        worker.board.stand_in(worker.slot, os.getpid())
        if told is None and os.WIFEXITED(status) and os.WEXITSTATUS(status) == SAID_ELSEWHERE:
            told = dict(NOTHING_MORE)
        if told is not None:
            self.finish(item, nextitem, told)
            return True
        self.crashed(pid, status)
        failed = self.tear_down(item, nextitem)
        if failed is not None:
            plain = reports.to_plain(worker.config, failed)
            worker.send(protocol.REPORTS, test=worker.index, reports=[plain])
        return False

    # -- in the worker --------------------------------------------------------------------------

    def warm(self, item: pytest.Item) -> None:
        """Sets up collectors and fixtures of wider scopes. What fails here fails in the test's process again."""
        self.warming = True
        try:
            self.setup_hook(item=item)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException:  # noqa: S110 - kept by pytest with the fixture
            pass
        finally:
            self.warming = False

    def pytest_runtest_setup(self, item: Any) -> None:
        """Called by warm(); in every other set-up it has nothing to do."""
        if not self.warming:
            return
        item.session._setupstate.setup(item.parent)
        definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        if definitions and not item._request:
            item._initrequest()
        for name in getattr(item, "fixturenames", ()):
            if name in definitions and definitions[name][-1].scope != "function":
                item._request._get_active_fixturedef(name)

    def tear_down(self, item: pytest.Item, nextitem: LateItem) -> Optional[pytest.TestReport]:
        """Fixtures of wider scopes that the next test does not need; the report if that fails."""
        if nextitem and nextitem.listchain()[:-1] == item.listchain()[:-1]:
            return None
        self.warm(item)  # what hooks take down at the end, they set up at the beginning
        call = pytest.CallInfo.from_call(lambda: self.teardown_hook(item=item, nextitem=nextitem), when="teardown",
                                         reraise=(KeyboardInterrupt, pytest.exit.Exception))
        return pytest.TestReport.from_item_and_call(item, call) if call.excinfo is not None else None

    def finish(self, item: pytest.Item, nextitem: LateItem, told: dict[str, Any]) -> None:
        """The worker's own state, and the reports that the test's process left to it."""
        session = self.worker.session
        session.testsfailed += told["failed"]
        session.shouldfail = session.shouldfail or told["shouldfail"]
        session.shouldstop = session.shouldstop or told["shouldstop"]
        if told["exit"] is not None:
            raise pytest.exit.Exception(*told["exit"])
        if told["interrupted"]:
            raise KeyboardInterrupt
        failed = self.tear_down(item, nextitem)
        if told["times"] is not None:
            self.worker.pending = self.passed(item, told["times"])
        else:
            self.worker.sent_some = True
        if failed is not None:
            self.worker.pending[2:] = [failed]
        elif told["teardown"] is not None:
            self.worker.send(protocol.REPORTS, test=self.worker.index, reports=[told["teardown"]])

    def passed(self, item: pytest.Item, times: list[float]) -> list[Any]:
        """The reports of a test that passed with nothing to tell."""
        keywords = {name: 1 for name in item.keywords}
        made = []
        for n, when in enumerate(PHASES):
            report: Any = pytest.TestReport(item.nodeid, item.location, dict(keywords), "passed", None,
                                            when)  # type: ignore[arg-type]
            report.duration = times[n * 3 + 2]
            if not self.worker.no_times:
                report.start, report.stop = times[n * 3], times[n * 3 + 1]
            made.append(report)
        return made

    def crashed(self, pid: int, status: int) -> None:
        """The controller reports the test; a plugin there may want it run again, so no other is taken before."""
        worker = self.worker
        stack = os.pread(worker.crash_fd, 1 << 20, 0).decode("utf-8", "replace")
        os.ftruncate(worker.crash_fd, 0)
        os.lseek(worker.crash_fd, 0, os.SEEK_SET)
        worker.board.set_phase(worker.slot, worker.TEARDOWN)
        worker.board.lose(worker.slot)
        worker.send(protocol.FRESH_DIED, test=worker.index, pid=pid, status=status, stack=stack)
        end = time.monotonic() + ANSWER_S
        while worker.board.look(worker.slot)[2] != worker.IDLE and time.monotonic() < end:
            time.sleep(0.001)

    # -- in the test's process --------------------------------------------------------------------

    def be_test(self, item: pytest.Item, there: int, parent: int) -> None:
        """Never returns."""
        status = 1
        try:
            _comb.die_with_parent(parent)
            hygiene.forget_exit_handlers()
            coverage = fresh_coverage.own_file()
            told = self.run_test(item)
            fresh_coverage.save(coverage)
            status = self.tell(there, told)
        finally:
            hygiene.leave(status)

    def tell(self, there: int, told: dict[str, Any]) -> int:
        """The exit status. Where a test has closed the pipe, the ring does, and the worker has nothing to add."""
        data = json.dumps(told).encode("ascii")
        try:
            while data:
                data = data[os.write(there, data):]
        except OSError:
            self.worker.flush()
            if told["teardown"] is not None:
                self.worker.send(protocol.REPORTS, test=self.worker.index, reports=[told["teardown"]])
            return SAID_ELSEWHERE
        return 0

    def run_test(self, item: pytest.Item) -> dict[str, Any]:
        """What the worker has to know."""
        session = self.worker.session
        told = dict(NOTHING_MORE)
        failed, keywords = session.testsfailed, {name: 1 for name in item.keywords}
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=Stay(item))
        except pytest.exit.Exception as error:
            told["exit"] = [error.msg, error.returncode]
        except KeyboardInterrupt:
            told["interrupted"] = True
        if told["exit"] or told["interrupted"]:
            session._setupstate.teardown_exact(Stay(item))
        else:
            self.leave_reports(told, keywords)
        told["failed"] = session.testsfailed - failed
        told["shouldfail"], told["shouldstop"] = session.shouldfail, session.shouldstop
        return told

    def leave_reports(self, told: dict[str, Any], keywords: dict[str, int]) -> None:
        """Sends all but a teardown that passed: the worker may have to add to that one."""
        worker = self.worker
        if worker.is_plain() and worker.pending[0].keywords == keywords:
            told["times"] = worker.times()
            return
        last = worker.pending.pop() if worker.pending and worker.pending[-1].when == "teardown" else None
        worker.flush()
        if last is not None:
            told["teardown"] = reports.to_plain(worker.config, last)


def is_warm(item: pytest.Item) -> bool:
    """Whether what warm() would set up stands: each page that a worker writes between two forks is copied anew."""
    stack = item.session._setupstate.stack
    if not all(node in stack for node in item.listchain()[:-1]):
        return False
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    wide = [found[-1] for name, found in definitions.items() if found[-1].scope != "function"]
    return all(found.cached_result is not None and not found.params for found in wide)


def pipe() -> tuple[int, int]:
    """Its writing end has a high number, out of the way of tests that count or close low ones."""
    here, there = os.pipe()
    try:
        high = fcntl.fcntl(there, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except OSError:
        return here, there
    os.close(there)
    return here, high


def wait(pid: int, fd: int) -> tuple[Optional[dict[str, Any]], int]:
    """What the process said, None if not all of it, and its wait status. A child of it may hold the pipe open."""
    said = b""
    try:
        end = os.pidfd_open(pid)
    except (AttributeError, OSError):
        end = -1
    poll = select.poll()
    for descriptor in (fd, end):
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    ended = False
    while True:
        ready = {number for number, _ in poll.poll(0 if ended else None)}
        part = os.read(fd, 1 << 16) if fd in ready else b""
        said += part
        if not part and (ended or fd in ready):
            break
        ended = end in ready
    os.close(fd)
    if end >= 0:
        os.close(end)
    _, status = os.waitpid(pid, 0)
    try:
        return json.loads(said), status
    except ValueError:
        return None, status
