"""A pytest plugin that writes down what a run reported, one JSON object a line, for tests/compat to compare.

Loaded with -p; the file is named by COMB_COMPAT_RECORD. Silent in workers, so that the same run
recorded serially, under pytest-xdist and under comb can be compared line by line.
"""

from __future__ import annotations

import json
import os
from typing import Any, Optional

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Workers report to the controller; only it records."""
    path = os.environ.get("COMB_COMPAT_RECORD")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(path), "comb-compat-recorder")


def _message(report: Any) -> str:
    """Why a report is not a pass: the reason of a skip, the message of a crash."""
    longrepr = getattr(report, "longrepr", None)
    if longrepr is None:
        return ""
    if isinstance(longrepr, tuple):
        return str(longrepr[2])
    crash = getattr(longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else str(longrepr).splitlines()[-1]


def _sections(report: Any) -> list[str]:
    """Their names; in a serial run pytest's signs of progress can land in the output of a unittest's subtests."""
    return [name for name, content in report.sections if content.strip(" \n,.uFE-")]


def _context(report: Any) -> Optional[str]:
    """What tells subtests of one test apart."""
    context = getattr(report, "context", None)
    return None if context is None else "{} {}".format(context.msg, sorted(context.kwargs.items()))


class Recorder:
    """Implements the hooks whose calls a user or a plugin can see."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "w", encoding="utf-8", errors="backslashreplace")

    def write(self, kind: str, **values: Any) -> None:
        """One line; complete even if the process dies next."""
        self.file.write(json.dumps({"kind": kind, **values}) + "\n")
        self.file.flush()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self.write("start", nodeid=nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test is over."""
        self.write("finish", nodeid=nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A phase of a test ended."""
        self.write("report", nodeid=report.nodeid, when=report.when, outcome=report.outcome, type=type(report).__name__,
                   xfail=getattr(report, "wasxfail", None), message=_message(report), context=_context(report),
                   worker=getattr(report, "worker_id", "master"), sections=_sections(report),
                   properties=[[name, str(value)] for name, value in report.user_properties],
                   keywords=sorted(report.keywords), location=list(report.location))

    def pytest_collectreport(self, report: Any) -> None:
        """Something could not be collected, or skips as a whole."""
        if not report.passed:
            self.write("collect", nodeid=report.nodeid, outcome=report.outcome, message=_message(report))

    def pytest_deselected(self, items: Any) -> None:
        """Tests that a selection left out."""
        self.write("deselected", count=len(items))

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str) -> None:
        """A warning that the summary will show."""
        self.write("warning", category=warning_message.category.__name__, message=str(warning_message.message),
                   when=when, nodeid=nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        """The figures of the last line."""
        stats = {name: len(reports) for name, reports in terminalreporter.stats.items() if name}
        role = terminalreporter.config.pluginmanager.getplugin("comb-role")
        self.write("summary", stats=stats, exit=int(exitstatus), start=getattr(role, "collected_by", ""))

    def pytest_unconfigure(self) -> None:
        """The run has ended in order."""
        self.write("end")
        self.file.close()
