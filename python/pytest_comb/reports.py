"""Reports on their way from a worker to the controller."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, Optional

import pytest
from _pytest._code.code import TerminalRepr

from pytest_comb import beside, protocol

BESIDE = "comb_beside"  # in a report on its way: what beside.pack() found
DRAWN = "comb_drawn"  # in a report on its way: longrepr is the text of an object that draws itself


def to_plain(config: pytest.Config, report: Any) -> dict[str, Any]:
    """By the hook that plugins implement for their own kinds of reports."""
    data = config.hook.pytest_report_to_serializable(config=config, report=report)
    if hasattr(report.longrepr, "toterminal") and isinstance(data["longrepr"], str):
        data[DRAWN] = True
    kept = beside.pack(report)
    if kept is not None:
        data[BESIDE] = kept
    return data


def from_plain(config: pytest.Config, data: dict[str, Any]) -> Any:
    """The reverse; what pytest itself would turn into a text or write twice over is as it was."""
    drawn, kept = data.pop(DRAWN, False), data.pop(BESIDE, None)
    context = dict((data.get("_subtest.context") or {}).get("kwargs", {}))
    report = config.hook.pytest_report_from_serializable(config=config, data=data)
    if drawn:
        report.longrepr = Drawn(report.longrepr)
    if kept is not None:
        beside.unpack(report, kept)
    if context:
        object.__setattr__(report.context, "kwargs", context)
    return report


class Drawn(TerminalRepr):
    """A failure without a traceback (a missing fixture, a doctest, a module that cannot be imported), as text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def toterminal(self, tw: Any) -> None:
        """As it was drawn in the worker."""
        tw.line(self.text)


def warning_to_plain(message: warnings.WarningMessage) -> dict[str, Any]:
    """A recorded warning: class by name, arguments where they are plain values."""
    warning = message.message
    args = getattr(warning, "args", None)
    return {
        "text": str(warning),
        "kind": _name_of(type(warning)) if isinstance(warning, Warning) else None,
        "args": args if protocol.can_encode(args) else None,
        "category": _name_of(message.category) if message.category else None,
        "filename": message.filename,
        "lineno": message.lineno,
        "line": message.line,
    }


def warning_from_plain(data: dict[str, Any]) -> warnings.WarningMessage:
    """The reverse; a class that cannot be found here becomes UserWarning."""
    kind = _find(data["kind"]) or UserWarning
    category = _find(data["category"]) or kind
    try:
        warning = kind(*data["args"]) if data["args"] is not None else kind(data["text"])
    except Exception:
        warning = UserWarning(data["text"])
    return warnings.WarningMessage(message=warning, category=category, filename=data["filename"],
                                   lineno=data["lineno"], line=data["line"])


def _name_of(kind: type) -> list[str]:
    return [kind.__module__, kind.__name__]


def _find(name: Optional[list[str]]) -> Any:
    """A warning class by module and name, or None."""
    if not name:
        return None
    try:
        kind = getattr(importlib.import_module(name[0]), name[1])
    except Exception:
        return None
    return kind if isinstance(kind, type) and issubclass(kind, Warning) else None


class PassedTests:
    """Makes the three reports of a passed test again from its binary record."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        self.families: dict[tuple[int, int], dict[str, Any]] = {}
        sample = pytest.TestReport("", ("", None, ""), {}, "passed", None, "setup").__dict__
        self.has_times = "start" in sample

    def learn(self, ring: int, family: dict[str, Any]) -> None:
        """A FAMILY frame."""
        self.families[ring, family["id"]] = family

    def nodeid(self, test: int) -> str:
        """In the mode `each` every worker has an index of its own for a test."""
        return self.ids[test % len(self.ids)]

    def location(self, ring: int, record: Any) -> tuple[str, Optional[int], str]:
        """As item.location was."""
        test, family, line, _ = record
        path, _, rest = self.nodeid(test).partition("::")
        return (path, line if line >= 0 else None, rest.replace("::", "."))

    def reports(self, ring: int, record: Any) -> list[pytest.TestReport]:
        """setup, call and teardown: one by pytest's own constructor, the others as copies of it."""
        test, family_id, _, times = record
        family = self.families[ring, family_id]
        nodeid = self.nodeid(test)
        keywords = {nodeid[family["prefix"]:]: 1}
        keywords.update(family["keywords"])
        setup = pytest.TestReport(nodeid, self.location(ring, record), keywords, "passed", None, "setup")
        made = [setup, _copy(setup, "call"), _copy(setup, "teardown")]
        for n, report in enumerate(made):
            values = report.__dict__
            values["duration"] = times[n * 3 + 2]
            if self.has_times:
                values["start"], values["stop"] = times[n * 3], times[n * 3 + 1]
        return made


def family_key(report: Any) -> Optional[tuple[int, tuple[str, ...]]]:
    """Where the test's name begins in its node id, and its other keywords; None when it is no test of pytest's own kind."""
    path, _, domain = report.location
    head, _, tail = report.nodeid.partition("::")
    name, *others = report.keywords
    if path != head or domain != tail.replace("::", ".") or not report.nodeid.endswith(name):
        return None
    return len(report.nodeid) - len(name), tuple(others)


def line_of(report: Any) -> int:
    """As a record has it."""
    line = report.location[1]
    return -1 if line is None else line  # type: ignore[no-any-return]


def _copy(report: pytest.TestReport, when: str) -> pytest.TestReport:
    """The same for another phase, with containers of its own."""
    made = pytest.TestReport.__new__(pytest.TestReport)
    values = made.__dict__
    values.update(report.__dict__)
    values["when"] = when
    values["keywords"] = dict(report.keywords)
    values["user_properties"] = []
    values["sections"] = []
    return made
