"""A pytest plugin that writes what was collected and how each test ended, without comb's help."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

_collected: list[str] = []
_ended: list[list[str]] = []
_broken: set[str] = set()  # under xdist every worker tells them


class Collected:
    """In the process that reports, which collects in a serial run alone. In workers this hook would have comb collect once."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All tests that are selected."""
        _collected.extend(item.nodeid for item in session.items)


def pytest_configure(config: pytest.Config) -> None:
    """A worker has its workerinput by now."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collected())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: object, ids: list[str]) -> None:
    """Under xdist: every worker collects the same, the last one counts."""
    _collected[:] = ids


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """What could not be collected."""
    if report.failed:
        _broken.add(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The phase that decides: a call, or a setup or teardown that did not pass."""
    if report.when == "call" or report.outcome != "passed":
        _ended.append([report.nodeid, f"{report.when}:{report.outcome}"])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Writes once, from the process that reports."""
    yield
    if not hasattr(session.config, "workerinput"):
        with open(os.environ["OUTCOMES_FILE"], "w", encoding="ascii") as out:
            json.dump({"collected": sorted(_collected), "ended": sorted(_ended), "broken": sorted(_broken)}, out)
