"""A pytest plugin that writes what was collected and how each test ended, without comb's help."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest


class Outcomes:
    """In the process that reports. Workers have none of it: a hook that sees the collection would keep comb from sharing it out."""

    def __init__(self) -> None:
        self.collected: list[str] = []
        self.ended: list[list[str]] = []
        self.broken: set[str] = set()  # under xdist every worker tells them

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """In a serial run; otherwise workers collect."""
        self.collected.extend(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        """Under xdist every worker collects the same, the last one counts."""
        self.collected[:] = ids

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What could not be collected."""
        if report.failed:
            self.broken.add(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The phase that decides: a call, or a setup or teardown that did not pass."""
        if report.when == "call" or report.outcome != "passed":
            self.ended.append([report.nodeid, f"{report.when}:{report.outcome}"])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Writes once."""
        yield
        with open(os.environ["OUTCOMES_FILE"], "w", encoding="ascii") as out:
            json.dump({"collected": sorted(self.collected), "ended": sorted(self.ended), "broken": sorted(self.broken)}, out)


def pytest_configure(config: pytest.Config) -> None:
    """A worker has its workerinput by now."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes())
