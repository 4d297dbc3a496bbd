"""A worker: takes tests from the scheduler one by one, runs them, and reports."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any, Generator, Optional

import pytest

from pytest_comb import _comb, beside, fresh, hygiene, late_teardown, protocol, reports, shortcuts, sizes
from pytest_comb.descriptors import Descriptors
from pytest_comb.leftovers import Witness
from pytest_comb.nextitem import LateItem, Unexpanded
from pytest_comb.outlet import Outlet

if TYPE_CHECKING:
    from pytest_comb.shard import Shard


RETIRED_FOR = "a test closed descriptors it did not open"
Record = tuple[Any, ...]  # family, line, and of each phase start, stop and duration


class Worker:
    """The plugin in a worker process."""

    IDLE, SETUP, CALL, TEARDOWN = range(4)
    AFTER = {"setup": CALL, "call": TEARDOWN, "teardown": TEARDOWN}

    def __init__(self, config: pytest.Config, board: Any, outlet: Outlet) -> None:
        """Nobody's yet: it is made and registered before the fork."""
        self.config, self.board, self.outlet = config, board, outlet
        self.slot = self.crash_fd = -1
        self.id = ""
        self.session: Any = None  # once it runs tests
        self.shard: Optional[Shard] = None  # where modules are expanded when they are needed
        self.index = -1
        self.pending: list[Any] = []  # reports of the current test, not sent yet
        self.record: Optional[Record] = None  # what a process of its own has said of it
        self.attempts = 0  # of the current test: plugins may run it again
        self.sent_some = False
        self.last: Optional[tuple[int, pytest.Item]] = None  # the test that was run
        self.loose = False  # fixtures may still stand for a next test that was only guessed
        self.said_goodbye = False
        self.max_rss = sizes.parse(config.option.comb_max_rss)
        self.outgrown = 0  # bytes, once they are too many
        self.is_retired = False  # it ends in good order, but runs no other test
        self.fresh: Optional[fresh.Fresh] = None  # once a test asked for it
        self.seeds: Any = None  # once it runs tests
        self.families: dict[Any, int] = {}
        self.locations = shortcuts.Locations()
        sample = pytest.TestReport("", ("", None, ""), {}, "passed", None, "setup")
        self.plain_size = len(sample.__dict__)
        self.no_times = not hasattr(sample, "start")

    def send(self, kind: int, **content: Any) -> None:
        """A frame to the controller."""
        self.board.send(1 + self.slot, kind, protocol.encode(content), kind != protocol.FAMILY)

    def run(self, session: pytest.Session, slot: int, worker_id: str, crash_fd: int) -> None:
        """In this process: until nothing is left, or the run is stopped."""
        self.session, self.slot, self.id, self.crash_fd = session, slot, worker_id, crash_fd
        self.witness = Witness()
        self.descriptors = Descriptors(self.config, crash_fd)
        shortcuts.take(session)
        self.board.start_slot(self.slot, os.getpid(), int(self.id[2:]))
        self.send(protocol.READY, pid=os.getpid())
        if self.max_rss and _comb.resident_bytes() >= self.max_rss:
            self.send(protocol.OUTGROWN, bytes=_comb.resident_bytes(), at_start=True)
            self.max_rss = 0
        try:
            self.run_all(session)
        except pytest.exit.Exception as error:
            self.board.stop()
            self.send(protocol.EXIT, message=error.msg, code=error.returncode)
            raise
        except KeyboardInterrupt:
            self.board.stop()
            self.board.set_phase(self.slot, self.TEARDOWN)  # it was the test that was interrupted, not what follows
            self.send(protocol.INTERRUPTED, test=self.index)
            raise

    def run_all(self, session: pytest.Session) -> None:
        """The loop over tests; which one comes next is the scheduler's business."""
        while True:
            index = self.board.take(self.slot, True)
            if index < 0:
                self.tear_down_for(None)
                return
            item = self.item(index)
            if item is None:
                self.pass_on(index)
                continue
            self.run_one(item, index)
            if session.shouldfail or session.shouldstop:
                self.board.stop()
                return
            if self.is_retired or self.has_outgrown():
                return

    def pass_on(self, index: int) -> None:
        """Another worker has it; fixtures were left standing for it."""
        assert self.shard is not None
        self.shard.hand_over(index)
        self.loose = True

    def next_item(self) -> tuple[Any, bool]:
        """What LateItem stands for; and whether only the session's fixtures may stay for it.

        A test that has to wait for others is guessed. What a test that was alone has set up stays alone: it is gone before
        another one may run."""
        if self.session.shouldfail or self.session.shouldstop or self.has_outgrown():
            return None, False
        index, was_alone = self.board.take(self.slot, False), False
        if index == protocol.SCHED_WAIT:
            index, was_alone = self.board.guess(self.slot)
            self.loose = index >= 0
        if index < 0:
            return None, False
        chain = self.shard.known_chain(index) if self.shard is not None else None
        return self.item(index) if chain is None else Unexpanded(self, index, chain), was_alone

    def has_outgrown(self) -> bool:
        """Whether this worker is above --comb-max-rss: it tears everything down then and makes room for another."""
        if self.max_rss and not self.outgrown:
            size = _comb.resident_bytes()
            if size > self.max_rss:
                self.outgrown = size
                self.send(protocol.OUTGROWN, bytes=size, at_start=False)
        return bool(self.outgrown)

    def item(self, index: int) -> Any:
        """The test that the scheduler knows by this index; in the mode `each` every worker has indexes of its own."""
        if self.shard is not None:
            return self.shard.item(index)
        return self.session.items[index % len(self.session.items)]

    def run_one(self, item: pytest.Item, index: int) -> None:
        """One test, with all its reports."""
        self.tear_down_for(item)
        self.index, self.last = index, (index, item)
        self.board.begin(self.slot)
        if item.get_closest_marker(fresh.MARK) is None:
            if self.fresh is not None:
                self.fresh.end_row()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=LateItem(self))
        elif not self.run_fresh(item):
            return
        is_whole = self.complete()
        self.board.end(self.slot)
        if not is_whole:
            self.retire()

    def run_fresh(self, item: pytest.Item) -> bool:
        """In a process of its own; False when that crashed, and the test is told and given up already."""
        if self.fresh is None:
            self.fresh = fresh.Fresh(self)
        self.locations.fill(item)
        if self.fresh.run(item, LateItem(self)):
            return True
        self.outlet.mark(self.index)
        self.pending, self.sent_some, self.attempts = [], False, 0
        return False

    def tear_down_for(self, item: Optional[pytest.Item]) -> None:
        """Fixtures that were left standing for a guess, and that this test (None: no test) does not need."""
        if not self.loose or self.last is None:
            return
        self.loose = False
        needed = item.listchain() if item is not None else []
        if all(node in needed for node in self.session._setupstate.stack):
            return
        index, last = self.last
        self.board.return_to(self.slot, index)
        failed = late_teardown.tear_down(last, item)
        self.outlet.mark(index)
        if failed is not None:
            self.send(protocol.REPORTS, test=index, reports=[reports.to_plain(self.config, failed)])
            self.send(protocol.FINISHED, test=index)
        self.board.return_to(self.slot, -1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Nothing has asked for the place of the test yet."""
        self.locations.fill(item)

    def pytest_runtest_logstart(self, location: Any) -> None:
        """The controller says the first one by itself."""
        self.attempts += 1
        if self.attempts > 1:
            self.flush()
            self.send(protocol.AGAIN, test=self.index, location=location)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Reports wait for the end of the test, unless one tells something that a crash must not take away."""
        if self.sent_some:  # pytest 9 makes a test fail here whose subtests failed
            self.config.hook.pytest_report_teststatus(report=report, config=self.config)
        self.pending.append(report)
        phase = self.AFTER.get(report.when)
        if phase is not None and self.board.set_phase(self.slot, phase):
            self.board.leave_as_copy(report.failed)
        if report.outcome != "passed":
            self.flush()

    def flush(self) -> None:
        """Sends what waits."""
        if self.pending:
            plain = [reports.to_plain(self.config, report) for report in self.pending]
            self.pending = []
            self.sent_some = True
            self.send(protocol.REPORTS, test=self.index, reports=plain)

    def complete(self) -> bool:
        """The test is over: a binary record where that says all, frames otherwise. False when no other can run here."""
        self.outlet.mark(self.index)
        if self.fresh is None or self.fresh.server is None:  # while that stands the worker itself has started nothing
            self.tell_children()
        if self.record is None and self.is_plain():
            self.record = self.record_of(self.pending[0])
        if self.record is not None:
            self.board.send_passed(self.slot, self.index, *self.record)
        else:
            self.flush()
            self.send(protocol.FINISHED, test=self.index)
        is_whole = self.descriptors.are_whole(closely=self.record is None)
        self.pending, self.sent_some, self.attempts, self.record = [], False, 0, None
        return is_whole

    def tell_children(self) -> None:
        """Processes that the current test or its fixtures have started."""
        born = self.witness.new_children()
        if born:
            self.send(protocol.CHILDREN, test=self.index, pids=born)

    def tell_peak(self) -> None:
        """What this process took, for the number of workers of later runs."""
        self.send(protocol.PEAK, bytes=sizes.peak_bytes())

    def retire(self) -> None:
        """Makes room for a worker that is whole, once what is set up is torn down; nothing can be captured of that."""
        self.is_retired = True
        hygiene.fill_standard_descriptors()
        capture: Any = self.config.pluginmanager.unregister(name="capturemanager")
        if capture is not None:  # its end would close numbers that may be a test's files; self.descriptors keeps what it held
            capture._global_capturing = None
        self.loose = True
        self.tear_down_for(None)
        self.send(protocol.RETIRED, test=self.index, reason=RETIRED_FOR, failed="")

    def is_plain(self) -> bool:
        """False when the reports hold more than a record can."""
        if len(self.pending) != 3 or self.sent_some:
            return False
        setup, call, teardown = self.pending
        if (setup.when, call.when, teardown.when) != ("setup", "call", "teardown"):
            return False
        keywords = setup.keywords
        for report in self.pending:
            values = report.__dict__
            if (len(values) != self.plain_size or report.sections or report.user_properties
                    or report.longrepr is not None or report.keywords != keywords or report.outcome != "passed"):
                return False
        return beside.pack(call) is None

    def record_of(self, setup: Any) -> Optional[Record]:
        """That of the pending reports; None when it is no test of pytest's own kind."""
        key = reports.family_key(setup)
        return None if key is None else (self.family(*key), reports.line_of(setup), *self.times())

    def times(self) -> tuple[float, ...]:
        """start, stop and duration of each phase."""
        made: tuple[float, ...] = ()
        for report in self.pending:
            made += (0.0, 0.0) if self.no_times else (report.start, report.stop)
            made += (report.duration,)
        return made

    def family(self, prefix: int, others: tuple[str, ...]) -> int:
        """The number under which the controller knows these keywords, which stand beside the test's own name."""
        known = self.families.get((prefix, others))
        if known is None:
            known = self.families[prefix, others] = len(self.families)
            self.send(protocol.FAMILY, id=known, prefix=prefix, keywords={k: 1 for k in others})
        return known

    def pytest_internalerror(self, excrepr: object) -> None:
        """Ends the run, as in a serial one. Before there are tests it is the zygote's."""
        if self.session is None:
            return
        self.board.stop()
        self.send(protocol.INTERNAL_ERROR, text=str(excrepr))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, Any, None]:
        """What plugins leave for the controller goes with the goodbye."""
        if self.session is None:
            yield
            return
        output = self.config.workeroutput  # type: ignore[attr-defined]
        output["exitstatus"] = int(exitstatus)
        output["shouldfail"], output["shouldstop"] = session.shouldfail, session.shouldstop
        outcome = yield
        try:
            outcome.get_result()
        except pytest.exit.Exception as error:
            self.send(protocol.EXIT, message=error.msg, code=error.returncode)
        except KeyboardInterrupt:
            self.send(protocol.INTERRUPTED, test=self.index)
        except BaseException as error:
            if self.is_retired:  # what a plugin had open is closed: others can still run
                told = "".join(traceback.format_exception_only(type(error), error)).strip()
                self.send(protocol.RETIRED, test=self.index, reason=RETIRED_FOR, failed=told)
            else:
                self.send(protocol.INTERNAL_ERROR, text=traceback.format_exc())
        self.board.finish_slot(self.slot)
        self.tell_peak()
        self.send(protocol.GOODBYE, output=output)
        self.said_goodbye = True
