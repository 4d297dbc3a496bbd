"""A test in a process of its own (the mark fresh): what it leaves in memory reaches no other test.

The worker sets up the fixtures of wider scopes, has a process forked, and waits; that process runs the test
with the fixtures of its function, and all hooks around it. Reports go through the worker's ring; the last word,
and what a teardown of wider scopes has to add, are the worker's. As long as one fresh test follows the other and
all pass, the worker's memory stays as it is, and one server can fork them all (src/base/fork_server.h).
"""

from __future__ import annotations

import errno
import json
import os
import struct
import time
from typing import TYPE_CHECKING, Any, Optional

import pytest

from pytest_comb import _comb, fresh_coverage, hygiene, late_teardown, protocol, reports, seeds, sizes
from pytest_comb.descriptors import HIGH
from pytest_comb.nextitem import Stay

if TYPE_CHECKING:
    from pytest_comb.nextitem import LateItem
    from pytest_comb.worker import Record, Worker

MARK = "fresh"
# Whose hooks surround what the worker does itself, so that its output and log records are the test's.
AROUND_SETUP = ("comb-fresh", "capturemanager", "logging-plugin", "skipping")
NOTHING_MORE: dict[str, Any] = {"exit": None, "interrupted": False, "passed": None, "teardown": None, "failed": 0,
                                "shouldfail": False, "shouldstop": False}
# The whole of the last word where a test passed with nothing to tell, and its family is known; JSON begins otherwise.
RECORD = struct.Struct("=cIi9d")
NO_ROOM = (errno.EAGAIN, errno.EMFILE, errno.ENFILE)  # what fork and pipe say; nothing says it once a test has begun
PATIENCE_S = 2.0  # how long a test waits for others to leave room for its process
SHORT_ROW = 3  # tests for which a server does not pay: to begin one costs what it saves with two or three
WORTH_TELLING = 1.1  # times the memory with which a test's process began
Ended = tuple[int, bytes, int]  # pid, last words, wait status (-1: somebody else has waited)
ANSWER_S = 5.0  # how long a worker waits for the controller to have looked at a crash


class Fresh:
    """Of one worker."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.warming = False
        self.refused: Optional[OSError] = None  # why the current test has no process
        self.row = 0  # tests that passed since anything else happened in the worker
        self.server: Any = None  # of a row
        self.chosen: seeds.Chosen = {}  # random states of the process that forks
        manager = worker.config.pluginmanager
        manager.register(self, "comb-fresh")
        self.setup_hook = late_teardown.only(manager, "pytest_runtest_setup", AROUND_SETUP)
        self.teardown_hook = late_teardown.only(manager, "pytest_runtest_teardown", late_teardown.AROUND)

    def run(self, item: pytest.Item, nextitem: LateItem) -> bool:
        """One test, up to its last word; False when its process crashed."""
        if not is_warm(item):
            self.end_row()
            self.warm(item)
            self.worker.tell_children()
        ended = self.in_a_process()
        if ended is None:
            self.refuse(item, nextitem)
            return True
        pid, said, status = ended
        has_said_all = self.worker.board.stand_in(self.worker.slot, os.getpid())
        record = self.record_in(said)
        if record is not None:
            self.passed(item, nextitem, record)
            return True
        told = told_in(said)
        if told is None and has_said_all:
            told = dict(NOTHING_MORE)
        if told is not None:
            self.finish(item, nextitem, told)
            return True
        self.end_row()
        self.crashed(pid, status)
        failed = self.tear_down(item, nextitem)
        if failed is not None:
            plain = reports.to_plain(self.worker.config, failed)
            self.worker.send(protocol.REPORTS, test=self.worker.index, reports=[plain])
        return False

    # -- in the worker --------------------------------------------------------------------------

    def in_a_process(self) -> Optional[Ended]:
        """The current test, once there is room for its process; None when there was none for long (see refused)."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.forked() if self.row < SHORT_ROW else self.served()
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                if time.monotonic() > end:
                    self.refused = error
                    return None
                time.sleep(0.05)

    def refuse(self, item: pytest.Item, nextitem: LateItem) -> None:
        """An error of the test: in this process, where others would see what it leaves, it does not run."""
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        finally:
            self.refused = None

    def forked(self) -> Ended:
        """The current test in a child of the worker."""
        here, there = _comb.words_pipe(HIGH)
        hygiene.flush_output()
        parent = os.getpid()
        self.chosen = self.worker.seeds.chosen()
        _comb.keep_ends(True)
        try:
            pid = _comb.fork()
        except OSError:
            _comb.keep_ends(False)
            os.close(here)
            os.close(there)
            raise
        if pid == 0:
            _comb.keep_ends(False)
            os.close(here)
            _comb.die_with_parent(parent)
            hygiene.forget_exit_handlers()
            self.be_test(self.worker.index, there)
        os.close(there)
        try:
            said, status = _comb.last_words(pid, here)
        finally:
            _comb.keep_ends(False)
            os.close(here)
        return pid, said, status

    def served(self) -> Ended:
        """The same in a child of the row's server, whose memory is still the worker's."""
        if self.server is None:
            hygiene.flush_output()
            self.chosen = self.worker.seeds.chosen()
            server = _comb.ForkServer()
            order = server.begin(hygiene.forget_exit_handlers, HIGH)
            if order is not None:
                self.be_test(*order)
            self.server = server
        try:
            return self.server.run(self.worker.index)  # type: ignore[no-any-return]
        except BaseException:
            self.end_row()
            raise

    def end_row(self) -> None:
        """Before the worker's memory becomes another, or somebody looks at its children and descriptors."""
        self.row, server, self.server = 0, self.server, None
        if server is not None:
            server.end()

    def warm(self, item: pytest.Item) -> None:
        """Sets up collectors and fixtures of wider scopes. What fails here fails in the test's process again."""
        self.warming = True
        try:
            self.set_up(item)
        finally:
            self.warming = False
        self.worker.board.leave_as_copy(True)  # a fixture forked this process

    def set_up(self, item: pytest.Item) -> None:
        """What hooks set up."""
        try:
            self.setup_hook(item=item)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException:  # noqa: S110 - kept by pytest with the fixture
            pass

    def pytest_runtest_setup(self, item: Any) -> None:
        """Called by warm() and refuse(); in every other set-up it has nothing to do."""
        if self.refused is not None:
            pytest.fail(f"no process for this test, which is marked {MARK}: {self.refused.strerror}; raise the limit "
                        "(ulimit -u, ulimit -n, pids.max of the cgroup) or take fewer workers (-n)", pytrace=False)
        if not self.warming:
            return
        state = item.session._setupstate
        state.setup(item.parent)
        definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        if not definitions:
            return
        if not item._request:
            item._initrequest()
        state.stack[item] = ([], None)  # pytest 9.1 takes a request for late whose test is not being set up
        has_no_instance = getattr(type(item), "_testcase", item) is None
        if has_no_instance:  # of a unittest, to which pytest 7 binds the fixture of the class: setup() makes it for each test
            item._testcase = item.parent.obj(item.name)
        try:
            for name in getattr(item, "fixturenames", ()):
                if name in definitions and definitions[name][-1].scope != "function":
                    item._request._get_active_fixturedef(name)
        except BaseException:
            item._initrequest()  # pytest 7 takes a fixture that was asked for and failed for one that asks for itself
            raise
        finally:
            del state.stack[item]
            if has_no_instance:
                item._testcase = None

    def tear_down(self, item: pytest.Item, nextitem: LateItem) -> Optional[pytest.TestReport]:
        """Fixtures of wider scopes that the next test does not need; the report if that fails."""
        if nextitem and nextitem.listchain()[:-1] == item.listchain()[:-1]:
            return None
        self.end_row()
        self.set_up(item)  # what hooks take down at the end, they set up at the beginning
        call = pytest.CallInfo.from_call(lambda: self.teardown_hook(item=item, nextitem=nextitem), when="teardown",
                                         reraise=(KeyboardInterrupt, pytest.exit.Exception))
        return pytest.TestReport.from_item_and_call(item, call) if call.excinfo is not None else None

    def finish(self, item: pytest.Item, nextitem: LateItem, told: dict[str, Any]) -> None:
        """The worker's own state, and the reports that the test's process left to it."""
        passed = told["passed"]
        if passed is None or (passed[0], tuple(passed[1])) in self.worker.families:
            self.end_row()  # or every test of this family would be told at length, for the server does not know it
        session = self.worker.session
        session.testsfailed += told["failed"]
        session.shouldfail = session.shouldfail or told["shouldfail"]
        session.shouldstop = session.shouldstop or told["shouldstop"]
        if told["exit"] is not None:
            raise pytest.exit.Exception(*told["exit"])
        if told["interrupted"]:
            raise KeyboardInterrupt
        if passed is not None:
            prefix, others, line, times = passed
            self.passed(item, nextitem, (self.worker.family(prefix, tuple(others)), line, *times))
            return
        failed = self.tear_down(item, nextitem)
        self.worker.sent_some = True
        if failed is not None:
            if told["teardown"] is not None:
                failed.keywords = told["teardown"]["keywords"]  # with those that the test has given itself
            self.worker.pending = [failed]
        elif told["teardown"] is not None:
            self.worker.send(protocol.REPORTS, test=self.worker.index, reports=[told["teardown"]])

    def record_in(self, said: bytes) -> Optional[Record]:
        """None where it is something else, or of a family that nobody has heard of."""
        if len(said) != RECORD.size or said[:1] != b"r":
            return None
        record = RECORD.unpack(said)[1:]
        return record if record[0] < len(self.worker.families) else None

    def passed(self, item: pytest.Item, nextitem: LateItem, record: Record) -> None:
        """With nothing to tell, unless a fixture of wider scope cannot be torn down."""
        failed = self.tear_down(item, nextitem)
        if failed is None:
            self.row += 1
            self.worker.record = record
        else:
            setup, call, _ = self.reports_of(item, record)
            failed.keywords = dict(setup.keywords)
            self.worker.pending = [setup, call, failed]

    def reports_of(self, item: pytest.Item, record: Record) -> list[Any]:
        """Those that a record stands for."""
        family, line, *times = record
        prefix, others = list(self.worker.families)[family]
        again = reports.PassedTests([item.nodeid])
        again.learn(0, {"id": family, "prefix": prefix, "keywords": dict.fromkeys(others, 1)})
        return again.reports(0, (0, family, line, times))

    def crashed(self, pid: int, status: int) -> None:
        """The controller reports the test; a plugin there may want it run again, so no other is taken before."""
        worker = self.worker
        stack = ""
        if worker.descriptors.can_crash():
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

    def be_test(self, index: int, there: int) -> None:
        """Never returns."""
        worker, status, noted = self.worker, 1, _comb.note_files([there])
        begun_bytes = sizes.peak_bytes()
        try:
            worker.board.stand_in(worker.slot, os.getpid())  # time limits and interrupts are for this process
            worker.index = index
            seeds.after_fork(self.chosen)
            coverage = fresh_coverage.own_file()
            told = self.run_test(worker.item(index))
            worker.board.leave_as_copy(True)
            fresh_coverage.save(coverage)
            if sizes.peak_bytes() > begun_bytes * WORTH_TELLING:
                worker.tell_peak()
            self.tell(there, noted, told)
            status = 0
        finally:
            hygiene.leave(status)

    def tell(self, there: int, noted: bytes, told: dict[str, Any]) -> None:
        """Where a test has closed the pipe, the ring does, and the worker has nothing to add."""
        data = self.as_record(told) or json.dumps(told).encode("ascii")
        try:
            if not _comb.are_kept(noted):
                raise OSError(errno.EBADF, "another file is there")
            while data:
                data = data[os.write(there, data):]
        except OSError:
            self.worker.flush()
            if told["teardown"] is not None:
                self.worker.send(protocol.REPORTS, test=self.worker.index, reports=[told["teardown"]])
            self.worker.board.say_all(self.worker.slot)

    def as_record(self, told: dict[str, Any]) -> Optional[bytes]:
        """Where that says all, and the worker knows the family."""
        passed = told["passed"]
        if passed is None or told["failed"] or told["shouldfail"] or told["shouldstop"]:
            return None
        prefix, others, line, times = passed
        family = self.worker.families.get((prefix, others))
        return None if family is None else RECORD.pack(b"r", family, line, *times)

    def run_test(self, item: pytest.Item) -> dict[str, Any]:
        """What the worker has to know."""
        session = self.worker.session
        told, failed = dict(NOTHING_MORE), session.testsfailed
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=Stay(item))
        except pytest.exit.Exception as error:
            told["exit"] = [error.msg, error.returncode]
        except KeyboardInterrupt:
            told["interrupted"] = True
        if told["exit"] or told["interrupted"]:
            session._setupstate.teardown_exact(Stay(item))
        else:
            self.leave_reports(told)
        told["failed"] = session.testsfailed - failed
        told["shouldfail"], told["shouldstop"] = session.shouldfail, session.shouldstop
        return told

    def leave_reports(self, told: dict[str, Any]) -> None:
        """Sends all but a teardown that passed: the worker may have to add to that one."""
        worker = self.worker
        key = reports.family_key(worker.pending[0]) if worker.is_plain() else None
        if key is not None:
            told["passed"] = (*key, reports.line_of(worker.pending[0]), worker.times())
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


def told_in(said: bytes) -> Optional[dict[str, Any]]:
    """None where a process ended before it had said all."""
    try:
        told = json.loads(said)
    except ValueError:
        return None
    return told if isinstance(told, dict) and told.keys() == NOTHING_MORE.keys() else None
