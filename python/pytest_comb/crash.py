"""Workers that end before their time: which test did it, how, and what becomes of the others."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_comb import _comb, sizes, worker_count
from pytest_comb.branch import describe_status
from pytest_comb.nursery import WHEN_REFUSED
from pytest_comb.overtime import Overtime

if TYPE_CHECKING:
    from pytest_comb.controller import Controller

SHOWN_TESTS = 20
SHOWN_WORKERS = 4
SHOWN_COMMAND = 120


def shorten(stack: str) -> str:
    """faulthandler's stacks without the frames of pytest itself below a test."""
    lines: list[str] = []
    hidden = False
    for line in stack.rstrip().splitlines():
        if not line.startswith("  File "):
            hidden = False
        elif "/_pytest/" in line or "/pluggy/" in line:
            hidden = True
        if not (hidden and line.startswith("  File ")) and not line.startswith("Extension modules:"):
            lines.append(line)
    return "\n".join(lines).rstrip()


class CrashScheduler:
    """What pytest_handlecrashitem gets as its scheduler: can run the crashed test again."""

    def __init__(self, controller: Controller, test: int) -> None:
        self.config = controller.config
        self.revived = False
        self._board, self._test = controller.board, test

    def mark_test_pending(self, item: str) -> None:
        """As xdist's LoadScheduling, in every --dist mode."""
        self.revived = self._board.revive(self._test) or self.revived


class Crashes:
    """Looks after workers on the controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.config = controller.config
        self.count = 0
        self.overtime = Overtime(controller)
        self.not_run: list[str] = []
        self.summaries: list[str] = []
        self.bad_ends = 0  # of workers, that are no test's failure
        self.refused = 0  # forks
        self.early: dict[int, str] = {}  # by slot: why a worker ends in good order, and is replaced
        self.started_by: dict[int, str] = {}  # node id by process
        self.oom_kills = _comb.oom_kills()
        self.has_told_of_start = False
        self.kept_together: set[str] = set()  # modules that one worker has to run
        self.notes: list[str] = []  # other lines for the end of the run

    def limit(self) -> int:
        """How many workers are replaced."""
        asked = worker_count.replaced(self.config.option)
        return 4 * self.controller.workers if asked is None else asked

    def worker_ended(self, content: dict[str, Any]) -> None:
        """From the zygote, after the worker's last frame was read."""
        controller, slot = self.controller, content["worker"]
        if controller.merge.is_open:
            controller.merge.worker_died(slot, self.cause(content, -1))
            return
        if slot not in controller.active:
            return  # it has said that it is not needed
        node = controller.nodes[slot]
        _, test, _, _, finished = controller.board.look(slot)
        finished = finished and node.has_started
        lost = controller.board.leave(slot)
        controller.active.discard(slot)
        controller.relay.adopt()
        controller.relay.close(slot)
        early = self.early.pop(slot, None)
        if finished and content["status"] == 0:
            if early is not None and not controller.stopping and not controller.interrupt.since:
                self.replace(slot, early)
            return
        cause = self.cause(content, test if lost < 0 else lost)
        if not node.workeroutput:  # plugins know of a worker that has said goodbye
            self.config.hook.pytest_testnodedown(node=node, error=cause)
        if lost >= 0 and lost not in controller.replay.finished:
            self.report(slot, lost, cause, content["stack"])
        elif lost < 0 <= test:
            self.report_late(slot, test, cause, content["stack"])
        controller.heed_stop()  # before somebody replaces the worker
        on_purpose = controller.stopping or controller.interrupt.since
        if not node.has_started and controller.start_mode == "import" and not on_purpose:
            self.collector_ended(slot, cause, content["stack"])
        elif finished or (lost < 0 and not on_purpose and controller.board.waiting() == 0):
            self.ended_badly(f"worker {node.gateway.id} ended badly after its last test: {cause}")
            if early is not None and not on_purpose:
                self.replace(slot, early)
        elif not on_purpose:
            self.count += 1
            self.replace(slot, cause)

    def collector_ended(self, slot: int, cause: str, stack: str) -> None:
        """A worker that collects for itself has ended in it. Without the first one's plan nobody runs anything."""
        controller = self.controller
        told = f"worker {controller.nodes[slot].gateway.id} ended during the collection"
        if slot == 0 and controller.board.wait_plan(0) is None:
            text = f"comb: {told} ({cause})" + ("\n" + shorten(stack) if stack else "")
            controller.error = controller.error or RuntimeError(text)
            controller.kill()
            return
        self.ended_badly(f"{told}: {cause}")
        if controller.ids is not None:
            self.count += 1
            self.replace(slot, f"ended during the collection: {cause}")

    def ended_badly(self, summary: str) -> None:
        """No test's failure; it counts when all tests are done: one that counts earlier would be an error of the collection."""
        self.summaries.append(summary)
        self.bad_ends += 1

    def not_forked(self, slot: int, reason: str) -> None:
        """The system has no process for this worker; those that there are run its tests too."""
        controller = self.controller
        controller.active.discard(slot)
        needed = controller.start_mode == "import" and slot == 0  # nobody else does
        needed = needed or bool(self.config.option.comb_replay)  # each runs the tests of its record
        nobody = not controller.active and (controller.ids is None or controller.board.waiting() > 0)
        if needed or nobody:
            controller.error = controller.error or pytest.UsageError(
                f"comb: no process for a worker: {reason}; {WHEN_REFUSED}")
            controller.kill()
        elif not self.refused:
            self.say(f"comb: no process for worker {controller.nodes[slot].gateway.id} ({reason}); going on without it")
        self.refused += 1

    def zygote_ended(self, cause: str) -> None:
        """All workers went with it."""
        controller = self.controller
        told = f"the process that forks workers ended: {cause}"
        self.summaries.append(told)
        controller.session.testsfailed += 1
        for slot in sorted(controller.active):
            test = controller.board.look(slot)[1]
            self.config.hook.pytest_testnodedown(node=controller.nodes[slot], error=told)
            if test >= 0 and test not in controller.replay.finished:
                self.report(slot, test, told, "")

    def signalled(self, slot: int, test: int, number: int) -> None:
        """A test meant its parent, or a process of it did; slot -1: of which test cannot be told."""
        sender = "a process of no known test" if slot < 0 else self.controller.nodes[slot].gateway.id
        if test >= 0:
            sender = _comb.printable(self.controller.replay.passed.nodeid(test))
        note = f"comb: {sender} sent {signal.Signals(number).name} to the process that forks workers, which passed it over"
        if note not in self.notes:
            self.notes.append(note)

    def fresh_died(self, slot: int, content: dict[str, Any]) -> None:
        """Only the test's own process: its worker goes on when this was looked at."""
        self.report(slot, content["test"], self.cause(content, content["test"]), content["stack"])
        self.controller.heed_stop()
        self.controller.board.set_phase(slot, 0)

    def cause(self, content: dict[str, Any], test: int) -> str:
        """In words. test: in which the process ended; -1: in none."""
        if content["pid"] in self.controller.interrupt.unheeding:
            return "did not end when it was interrupted"
        if self.overtime.ended(content["pid"], test):
            return f"took longer than {self.config.option.comb_timeout:g} s"
        text = describe_status(content["status"])
        if os.WIFSIGNALED(content["status"]) and os.WTERMSIG(content["status"]) == signal.SIGKILL:
            text += self.out_of_memory()
        return text

    def out_of_memory(self) -> str:
        """What the kernel's count says of a SIGKILL; it does not say whom it killed."""
        kills = _comb.oom_kills()
        new, self.oom_kills = kills - self.oom_kills, kills
        return " (perhaps out of memory: the kernel has just killed a process for want of it)" if new > 0 else ""

    def worker_outgrown(self, slot: int, content: dict[str, Any]) -> None:
        """A worker is above --comb-max-rss: it is replaced when it has ended, unless every new one is too."""
        if not content["at_start"]:
            self.early[slot] = f"{sizes.show(content['bytes'])} of memory, above --comb-max-rss"
            return
        note = (f"comb: --comb-max-rss {self.config.option.comb_max_rss} is less than a worker has when it starts "
                f"({sizes.show(content['bytes'])}): the limit was left out; give more")
        if not self.has_told_of_start:
            self.notes.append(note)
        self.has_told_of_start = True

    def worker_retired(self, slot: int, content: dict[str, Any]) -> None:
        """A worker ends because it lacks what tests need; plugins may lack it too, and fail in their last hook."""
        self.early[slot] = _comb.printable(content["reason"])
        if content["failed"]:
            self.ended_badly(f"worker {self.controller.nodes[slot].gateway.id} ended badly, for {self.early[slot]}: "
                             f"{_comb.printable(content['failed'])}")

    def stays_with(self, module: str, slot: int) -> None:
        """A module whose tests are others in each process that imports it."""
        if module in self.kept_together:
            return
        self.kept_together.add(module)
        worker = self.controller.nodes[slot].gateway.id
        self.say(f"comb: {_comb.printable(module)} has other tests each time it is collected: {worker}, which collected it, "
                 "runs all of them that have not begun; ids that do not change would spread them")

    def nobody_has(self, module: str) -> None:
        """The worker that collected such a module has ended; what did not run is named at the end, and the run fails."""
        note = (f"comb: {_comb.printable(module)} has other tests each time it is collected, and the worker that collected it "
                "has ended: what was left of it did not run; with ids that do not change another worker could run it")
        if note not in self.notes:
            self.notes.append(note)

    def tell_leftovers(self, processes: list[dict[str, Any]]) -> None:
        """Processes that outlived the tests: whose they were; they have been ended."""
        for one in processes:
            test = self.started_by.get(one["pid"]) or one["test"] or "a test"
            command = _comb.printable(one["command"][:SHOWN_COMMAND])
            self.notes.append(f"comb: {_comb.printable(test)} left a process behind: {command} (pid {one['pid']}), "
                              "ended with the run")

    def made(self, slot: int, test: int, doing: str, cause: str, stack: str, when: Any) -> pytest.TestReport:
        """A report in the place of one that the worker could not make."""
        controller = self.controller
        node, nodeid = controller.nodes[slot], controller.replay.passed.nodeid(test)
        path = nodeid.split("::")[0]
        text = f"worker {node.gateway.id!r} crashed while {doing} {nodeid!r}\n{cause}"
        if stack:
            text += "\n\n" + shorten(stack)
        location = (path, None, path)
        if when == "teardown":
            location = controller.replay.started.get(test, location)
        report = pytest.TestReport(nodeid=nodeid, location=location, keywords={}, outcome="failed", longrepr=text, when=when)
        controller.replay.decorate(slot + 1, test, report)
        return report

    def report_late(self, slot: int, test: int, cause: str, stack: str) -> None:
        """An error of the test after which fixtures were torn down that no other needed."""
        made = self.made(slot, test, "tearing down fixtures after", cause, stack, "teardown")
        self.controller.replay.start(test, made.location)
        self.config.hook.pytest_runtest_logreport(report=made)
        self.controller.replay.finish(test)

    def report(self, slot: int, test: int, cause: str, stack: str) -> None:
        """The report that stands for the test, or for its teardown where all before has been told."""
        controller = self.controller
        controller.durations.crashed(test)
        when = "teardown" if test in controller.replay.judged else "???"
        made = self.made(slot, test, "running", cause, stack, when)
        nodeid = made.nodeid
        scheduler = CrashScheduler(controller, test)
        self.config.hook.pytest_handlecrashitem(crashitem=nodeid, report=made, sched=scheduler)
        self.config.hook.pytest_runtest_logreport(report=made)
        controller.replay.started.pop(test, None)
        controller.replay.judged.discard(test)
        if not scheduler.revived:
            controller.replay.finished.add(test)

    def replace(self, slot: int, cause: str) -> None:
        """Another worker for the tests that are left."""
        controller = self.controller
        if controller.board.waiting() == 0:
            return
        dead = controller.nodes[slot]
        if self.count > self.limit():
            self.summaries.append(f"worker {dead.gateway.id} crashed and worker restarting disabled" if self.limit() == 0
                                  else f"maximum crashed workers reached: {self.limit()}")
            controller.stop()
            return
        self.say(f"replacing worker {dead.gateway.id} ({cause})")
        controller.board.reset_ring(slot + 1)
        node = controller.nodes[slot] = controller.new_node(slot, f"gw{controller.next_id}")
        controller.next_id += 1
        controller.active.add(slot)
        controller.current.link.send({"fork": slot, "input": node.workerinput})

    def say(self, line: str, always: bool = False) -> None:
        """A line of its own; always: also where the user wants to hear little, but waits."""
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None and (always or self.config.option.verbose >= 0):
            self.controller.relay.begin_line()
            terminal.write_line(line)
            terminal.flush()

    def tell_of_waiting(self) -> None:
        """After an interrupt: workers that are not done yet."""
        controller = self.controller
        rows = []
        for slot in sorted(controller.active):
            test = controller.board.look(slot)[1]
            behind = f" ({_comb.printable(controller.replay.passed.nodeid(test))})" if test >= 0 else ""
            rows.append(controller.nodes[slot].gateway.id + behind)
        left = f" and {len(rows) - SHOWN_WORKERS} more" if len(rows) > SHOWN_WORKERS else ""
        if rows:
            self.say(f"comb: interrupted, waiting for {', '.join(rows[:SHOWN_WORKERS])}{left} to end tests and tear down fixtures; "
                     "Ctrl-C again ends them now", always=True)

    # -- the end --------------------------------------------------------------------------------

    def name_tests_that_did_not_run(self) -> None:
        """What was collected and has no outcome, unless the run was stopped on purpose."""
        controller = self.controller
        total = controller.count_tests()
        session = controller.session
        session.testsfailed += self.bad_ends
        on_purpose = session.shouldfail or session.shouldstop or controller.error
        if on_purpose or len(controller.replay.finished) >= total:
            return
        done = controller.replay.finished | controller.omitted
        left = [n for n in range(total + len(controller.omitted)) if n not in done]
        self.not_run = [controller.replay.passed.nodeid(n) for n in left]
        session.testsfailed += 1

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Names them."""
        for summary in self.summaries:
            terminalreporter.write_sep("=", f"comb: {summary}")
        for test in self.controller.board.returned():
            self.notes.append(f"comb: {_comb.printable(self.controller.replay.passed.nodeid(test))} forked a process that "
                              "came back out of the test; it was ended there: let it end by os._exit()")
        for note in self.notes:
            terminalreporter.write_line(note)
        if not self.not_run:
            return
        terminalreporter.write_sep("=", f"comb: {len(self.not_run)} collected tests did not run", red=True)
        for nodeid in self.not_run[:SHOWN_TESTS]:
            terminalreporter.write_line(nodeid)
        if len(self.not_run) > SHOWN_TESTS:
            terminalreporter.write_line(f"… and {len(self.not_run) - SHOWN_TESTS} more")
