"""What the scheduler is told about the tests.

describe() looks at one test and makes a row of plain values: who collects calls it. make() looks at the rows of the
whole suite and never at an item: whoever has all rows calls it, in this process or in another.
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Sequence

import pytest

GROUPED = ("loadscope", "loadfile", "loadgroup")
CATEGORIES = ("unit", "integration", "slow")


class Row(NamedTuple):
    """One test, as JSON can hold it. Most tests of a module have equal rows."""

    scope: str  # its module: tests of one scope share fixtures
    group: str = ""  # tests with the same name stay on one worker; '' where none is asked for
    exclusive: Sequence[str] = ()  # names of locks held alone
    shared: Sequence[str] = ()  # names of locks held together with others
    serial: bool = False  # wants to be alone
    fresh: bool = False  # wants a process of its own
    category: str = ""  # one of CATEGORIES, or ''
    ordered: bool = False  # pytest-order's mark: the order of the whole suite matters


def _names(mark: pytest.Mark) -> list[str]:
    """The locks that a mark names."""
    return [str(name) for name in mark.args or ("default",)]


def _xdist_group(mark: pytest.Mark) -> str:
    """The name that xdist gives it."""
    return str(mark.args[0] if mark.args else mark.kwargs.get("name", "default"))


def _group_name(nodeid: str, dist: str, groups: set[str]) -> str:
    """What --dist keeps together."""
    if dist == "loadfile":
        return nodeid.split("::", 1)[0]
    if dist == "loadscope":
        return nodeid.rsplit("::", 1)[0]
    return "_".join(sorted(groups)) if dist == "loadgroup" else ""


def describe(item: pytest.Item, dist: str) -> Row:
    """The row of a test."""
    nodeid = item.nodeid
    scope = nodeid.split("::", 1)[0]
    marks = list(item.iter_markers())
    if not marks:
        return Row(scope, _group_name(nodeid, dist, set()))
    names = [mark.name for mark in marks]
    return Row(
        scope=scope,
        group=_group_name(nodeid, dist, {_xdist_group(mark) for mark in marks if mark.name == "xdist_group"}),
        exclusive=tuple(dict.fromkeys(name for mark in marks if mark.name == "exclusive" for name in _names(mark))),
        shared=tuple(dict.fromkeys(name for mark in marks if mark.name == "shared" for name in _names(mark))),
        serial="serial" in names,
        fresh="fresh" in names,
        category=next((name for name in names if name in CATEGORIES), ""),
        ordered="order" in names and item.config.pluginmanager.hasplugin("pytest_order"),
    )


def _bits(names: Iterable[str], known: dict[str, int]) -> int:
    """Locks as bits."""
    bits = 0
    for name in names:
        bits |= 1 << (known.setdefault(name, len(known)) % 64)
    return bits


def make(board: Any, rows: Sequence[Row], workers: int, dist: str, digest: int) -> None:
    """Hands the suite, in serial order, to the scheduler."""
    scopes: dict[str, int] = {}
    groups: dict[str, int] = {}
    locks: dict[str, int] = {}
    ordered = any(row.ordered for row in rows)  # then tests are handed out one by one, in the order of the suite
    told = []
    for row in rows:
        scope = len(told) if ordered else scopes.setdefault(row.scope, len(scopes))
        group = groups.setdefault(row.group, len(groups)) if row.group else -1
        told.append((scope, group, 0.0, _bits(row.exclusive, locks), _bits(row.shared, locks), row.serial))
    board.plan(told, workers, dist == "each", False, digest)
