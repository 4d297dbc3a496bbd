"""What zygote and workers tell, put to the controller's plugins as if it happened here."""

from __future__ import annotations

import difflib
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

import pytest

from pytest_comb import merge, protocol, reports, trace

if TYPE_CHECKING:
    from pytest_comb.controller import Controller


class Replay:
    """One method for each type of frame."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.config = controller.config
        self.passed = reports.PassedTests([])
        self.started: dict[int, Any] = {}  # tests whose logstart was replayed and whose end was not: location
        self.judged: set[int] = set()  # tests whose last word but for the teardown was replayed
        self.finished: set[int] = set()
        self.handlers: dict[int, Callable[[int, Any], None]] = {
            protocol.REPORTS: self.reports,
            protocol.FINISHED: self.test_finished,
            protocol.AGAIN: self.again,
            protocol.FAMILY: lambda ring, content: self.passed.learn(ring, content),
            protocol.COLLECTED: self.collected,
            protocol.COLLECT_REPORT: self.collect_report,
            protocol.WARNING: self.warning,
            protocol.INTERNAL_ERROR: self.internal_error,
            protocol.EXIT: self.exit,
            protocol.READY: self.ready,
            protocol.GOODBYE: self.goodbye,
            protocol.DIED: self.died,
            protocol.FAILED_START: self.failed_start,
            protocol.INTERRUPTED: self.interrupted,
            protocol.NEEDS_IMPORT: lambda ring, content: self.controller.start_by_import(content["reason"]),
            protocol.DIFFERENT: self.different,
            protocol.CHILDREN: self.children,
            protocol.LEFTOVERS: lambda ring, content: controller.crashes.tell_leftovers(content["processes"]),
            protocol.OUTGROWN: lambda ring, content: controller.crashes.worker_outgrown(ring - 1, content),
            protocol.PEAK: lambda ring, content: self.controller.durations.peak(content),
            protocol.SETUP: lambda ring, content: self.controller.durations.setup(content),
            **{kind: partial(handler, controller.merge) for kind, handler in merge.HANDLERS.items()},
            protocol.START: lambda ring, content: self.controller.crashes.say(merge.start_line(content)),
            protocol.UNLIKE: self.unlike,
            protocol.NOT_NEEDED: lambda ring, content: self.controller.active.discard(content["slot"]),
            protocol.NOT_FORKED: lambda ring, content: self.controller.crashes.not_forked(content["slot"], content["reason"]),
            protocol.SIGNALLED: lambda ring, content: self.controller.crashes.signalled(**content),
            protocol.FRESH_DIED: lambda ring, content: self.controller.crashes.fresh_died(ring - 1, content),
            protocol.RETIRED: lambda ring, content: controller.crashes.worker_retired(ring - 1, content),
        }

    def frame(self, ring: int, kind: int, payload: Any) -> None:
        """A frame of ring 0 is the zygote's, of ring 1 + n worker n's."""
        if kind == protocol.PASSED:
            self.test_passed(ring, payload)
        elif ring and self.controller.merge.is_regrouping:
            return
        else:
            self.handlers[kind](ring, protocol.decode(payload))

    # -- tests ----------------------------------------------------------------------------------

    def decorate(self, ring: int, test: int, report: Any) -> Any:
        """The attributes a report has under xdist."""
        node = self.controller.nodes[ring - 1]
        report.node = node
        report.worker_id = node.gateway.id
        report.testrun_uid = node.nodemanager.testrunuid
        report.item_index = test
        return report

    def test_passed(self, ring: int, record: Any) -> None:
        """A whole test from its binary record."""
        test = record[0]
        self.controller.relay.up_to(ring - 1, test)
        hook = self.config.hook
        made = self.passed.reports(ring, record)
        nodeid, location = made[0].nodeid, made[0].location
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for report in made:
            hook.pytest_runtest_logreport(report=self.decorate(ring, test, report))
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
        self.controller.relay.release(ring - 1)
        self.finished.add(test)
        self.controller.durations.passed.append(record)

    def start(self, test: int, location: Any) -> None:
        """logstart, once a test."""
        if test not in self.started:
            self.started[test] = location
            self.config.hook.pytest_runtest_logstart(nodeid=self.passed.nodeid(test), location=location)

    def reports(self, ring: int, content: Any) -> None:
        """Reports of a test as frames."""
        test = content["test"]
        self.controller.relay.up_to(ring - 1, test)
        for data in content["reports"]:
            report = reports.from_plain(self.config, data)
            self.restore(report)
            self.start(test, report.location)
            self.controller.durations.report(test, report)
            self.config.hook.pytest_runtest_logreport(report=self.decorate(ring, test, report))
            if is_verdict(report):
                self.judged.add(test)

    def restore(self, report: Any) -> None:
        """What JSON turned into lists."""
        report.location = tuple(report.location)
        report.sections = [tuple(section) for section in report.sections]
        report.user_properties = [tuple(pair) for pair in report.user_properties]
        if isinstance(report.longrepr, list):
            report.longrepr = tuple(report.longrepr)

    def test_finished(self, ring: int, content: Any) -> None:
        """The last word about a test that had REPORTS."""
        self.finished.add(content["test"])
        self.controller.relay.up_to(ring - 1, content["test"])
        self.finish(content["test"])
        self.controller.relay.release(ring - 1)

    def finish(self, test: int) -> None:
        """logfinish."""
        nodeid = self.passed.nodeid(test)
        path = nodeid.split("::")[0]
        location = self.started.pop(test, (path, None, path))
        self.config.hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def again(self, ring: int, content: Any) -> None:
        """Another attempt at the test."""
        self.judged.discard(content["test"])
        self.finish(content["test"])
        self.start(content["test"], content["location"])

    # -- collection -----------------------------------------------------------------------------

    def collected(self, ring: int, content: Any) -> None:
        """The suite is known; workers are being forked."""
        controller = self.controller
        controller.ids = content["ids"]
        controller.collected_by = controller.collected_by or ("import" if controller.start_mode == "import" else "once")
        if controller.start_mode != "import":
            controller.active = set(range(content["workers"]))
            controller.release_seed()
        else:
            self.start_the_others(content["workers"])
        self.passed.ids = content["ids"]
        session = controller.session
        left_out = trace.leave_out(controller, content["ids"], content.get("omitted", []))
        deselected = content["deselected"] + left_out
        session.testscollected = len(content["ids"]) - len(left_out)
        session.shouldfail = session.shouldfail or content["failed"]
        session.shouldstop = session.shouldstop or content["stopped"]
        if deselected:
            self.config.hook.pytest_deselected(items=[_Deselected(nodeid) for nodeid in deselected])
        self.say_collected(content)
        for slot in range(content["workers"]):
            self.config.hook.pytest_xdist_node_collection_finished(node=controller.nodes[slot], ids=content["ids"])
        cache = self.config.pluginmanager.getplugin("nfplugin")
        if cache is not None:
            cache.cached_nodeids.update(_as_cached(content["ids"]))
        if session.testsfailed and not self.config.option.continue_on_collection_errors:
            errors = "error" if session.testsfailed == 1 else "errors"
            controller.error = session.Interrupted(f"{session.testsfailed} {errors} during collection")

    def start_the_others(self, workers: int) -> None:
        """Workers that import for themselves, and are needed now that the number of tests is known."""
        controller = self.controller
        needed = workers if self.config.option.dist == "each" else min(workers, len(controller.ids or []))
        for slot in range(controller.first, needed):
            controller.active.add(slot)
            controller.current.link.send({"fork": slot, "input": controller.nodes[slot].workerinput})

    def say_collected(self, content: Any) -> None:
        """The lines that pytest prints after a collection."""
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is None:
            return
        terminal._numcollected = len(content["ids"]) + len(content["deselected"])
        terminal.report_collect(True)
        for line in _flatten(content["lines"]):
            terminal.write_line(line)
        if self.config.option.verbose > 0:
            terminal.write_line(f"comb: start={self.controller.collected_by}")

    def different(self, ring: int, content: Any) -> None:
        """A worker that imports for itself found other tests: there is no run with both."""
        self.say_difference(ring, self.controller.ids or [], content["ids"])

    def unlike(self, ring: int, content: Any) -> None:
        """A module has other tests when it is expanded again: who has those that were collected runs them."""
        if content["holder"] >= 0:
            self.controller.crashes.stays_with(content["module"], content["holder"])
        else:
            self.controller.crashes.nobody_has(content["module"])

    def say_difference(self, ring: int, first: list[str], other: list[str]) -> None:
        """As an error of the collection."""
        lines = list(difflib.unified_diff(first, other, "gw0", self.controller.nodes[ring - 1].gateway.id, lineterm=""))
        text = "Different tests were collected by two workers:\n" + "\n".join(lines[:100])
        report = pytest.CollectReport(nodeid="", outcome="failed", longrepr=text, result=[])  # type: ignore[arg-type]
        self.config.hook.pytest_collectreport(report=report)
        self.controller.error = self.controller.error or self.controller.session.Interrupted(
            "different tests were collected by two workers")

    def collect_report(self, ring: int, content: Any) -> None:
        """A module that failed or was skipped."""
        report = reports.from_plain(self.config, content["report"])
        if isinstance(report.longrepr, list):
            report.longrepr = tuple(report.longrepr)
        if report.result is None:
            report.result = []
        self.config.hook.pytest_collectreport(report=report)

    # -- other ----------------------------------------------------------------------------------

    def warning(self, ring: int, content: Any) -> None:
        """For the summary at the end."""
        location = content["location"]
        self.config.hook.pytest_warning_recorded.call_historic(kwargs={
            "warning_message": reports.warning_from_plain(content["warning"]), "when": content["when"],
            "nodeid": content["nodeid"], "location": tuple(location) if location else None})

    def internal_error(self, ring: int, content: Any) -> None:
        """Shown as pytest's own; the run ends with its exit code."""
        self.controller.error = _RemoteError(content["text"])

    def exit(self, ring: int, content: Any) -> None:
        """pytest.exit() in a worker."""
        self.controller.error = pytest.exit.Exception(content["message"], content["code"])

    def interrupted(self, ring: int, content: Any) -> None:
        """KeyboardInterrupt, raised by a test or by the controller's own signal."""
        if self.controller.error is None:
            self.controller.error = KeyboardInterrupt()

    def ready(self, ring: int, content: Any) -> None:
        """A worker starts."""
        node = self.controller.nodes[ring - 1]
        node.ready(content["pid"])
        self.controller.groups.add(content["pid"])
        self.config.hook.pytest_testnodeready(node=node)

    def children(self, ring: int, content: Any) -> None:
        """Processes that a test has started, as seen when it had ended."""
        for pid in content["pids"]:
            self.controller.crashes.started_by[pid] = self.passed.nodeid(content["test"])

    def goodbye(self, ring: int, content: Any) -> None:
        """A worker has finished its session."""
        node = self.controller.nodes[ring - 1]
        node.workeroutput = content["output"]
        self.controller.slow_end.begin(node)
        self.config.hook.pytest_testnodedown(node=node, error=None)
        session = self.controller.session
        session.shouldfail = session.shouldfail or node.workeroutput["shouldfail"]
        session.shouldstop = session.shouldstop or node.workeroutput["shouldstop"]

    def died(self, ring: int, content: Any) -> None:
        """A worker's process has ended, in good order or not."""
        self.controller.crashes.worker_ended(content)

    def failed_start(self, ring: int, content: Any) -> None:
        """The collection could not be done."""
        kind, message = content["error"], content["message"]
        if kind == "UsageError":
            error: BaseException = pytest.UsageError(*message.split("\n"))
        elif kind == "Exit":
            error = pytest.exit.Exception(message, content["code"])
        elif kind == "KeyboardInterrupt":
            error = KeyboardInterrupt()
        elif kind in ("Interrupted", "Failed"):
            error = getattr(self.controller.session, kind)(message)
        else:
            error = _RemoteError(content["details"])
        self.controller.error = self.controller.error or error
        self.controller.ids = self.controller.ids or []


def is_verdict(report: Any) -> bool:
    """Whether only the teardown of a test is left after it. A part of a test (a subtest) is none, nor is a rerun."""
    over = report.when == "call" or (report.when == "setup" and report.outcome != "passed")
    return over and report.outcome in ("passed", "failed", "skipped") and not hasattr(report, "context")


class _RemoteError(Exception):
    """An exception of another process, with its traceback as text."""


def _as_cached(ids: list[str]) -> list[Any]:
    """As pytest's cache of ids holds them: objects since 9.2."""
    try:
        from _pytest.nodeid import NodeId  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return ids
    return [NodeId.parse(nodeid) for nodeid in ids]


class _Deselected:
    """Stands for an item that was deselected in the zygote."""

    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid
        self.name = nodeid.rsplit("::", 1)[-1]


def _flatten(lines: Any) -> list[str]:
    """Lines of a hook whose implementations return a text, a list, or a list of lists."""
    if lines is None:
        return []
    if isinstance(lines, str):
        return [lines] if lines else []
    return [line for part in lines for line in _flatten(part)]
