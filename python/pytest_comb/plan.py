"""What the scheduler is told about the tests.

describe() looks at one test and makes a row of plain values: who collects calls it. make() looks at the rows of the
whole suite and never at an item: whoever has all rows calls it, in this process or in another.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

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
    categories: Sequence[str] = ()  # of CATEGORIES: it counts towards the cap of each
    ordered: bool = False  # pytest-order's mark: the order of the whole suite matters
    run: str = ""  # neighbours with the same one share a class, or a parameter of a fixture wider than a function


def _names(item: pytest.Item, mark: pytest.Mark) -> list[str]:
    """The locks that a mark names; UsageError where that is not certain, for a wrong lock would protect nothing."""
    names = [*mark.args, *mark.kwargs.values()]
    if set(mark.kwargs) - {"name"} or not all(isinstance(name, str) for name in names):
        given = [repr(value) for value in mark.args] + [f"{key}={value!r}" for key, value in mark.kwargs.items()]
        path, line, _ = item.location
        raise pytest.UsageError(
            f"comb: {path}:{(line or 0) + 1}: {item.nodeid} is marked {mark.name}({', '.join(given)}): "
            f"locks are named by strings, as in {mark.name}(\"db\", \"queue\") or {mark.name}(name=\"db\")")
    return names or ["default"]


def _locks(item: pytest.Item, marks: Sequence[pytest.Mark], kind: str) -> tuple[str, ...]:
    """All that marks of this kind name, each once."""
    return tuple(dict.fromkeys(name for mark in marks if mark.name == kind for name in _names(item, mark)))


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


def _run_name(item: pytest.Item) -> str:
    """Class and parameters of wider fixtures: what would be set up again if the tests that share it were torn apart."""
    call = getattr(item, "callspec", None)
    wide = [f"{name}={call.indices.get(name)}" for name, scope in getattr(call, "_arg2scope", {}).items()
            if getattr(scope, "value", "function") != "function"] if call is not None else []
    owner = getattr(item, "cls", None)
    return f"{owner.__qualname__ if owner else ''}[{','.join(wide)}]" if owner or wide else ""


def describe(item: pytest.Item, dist: str) -> Row:
    """The row of a test; UsageError for a mark that cannot be obeyed."""
    nodeid = item.nodeid
    scope = nodeid.split("::", 1)[0]
    run = _run_name(item)
    marks = list(item.iter_markers())
    if not marks:
        return Row(scope, _group_name(nodeid, dist, set()), run=run)
    names = [mark.name for mark in marks]
    return Row(
        scope=scope,
        group=_group_name(nodeid, dist, {_xdist_group(mark) for mark in marks if mark.name == "xdist_group"}),
        exclusive=_locks(item, marks, "exclusive"),
        shared=_locks(item, marks, "shared"),
        serial="serial" in names or ("slow" in names and "benchmark" in getattr(item, "fixturenames", ())),
        fresh="fresh" in names,
        categories=tuple(category for category in CATEGORIES if category in names),
        ordered="order" in names and item.config.pluginmanager.hasplugin("pytest_order"),
        run=run,
    )


class Resources:
    """Locks and capped categories by number."""

    def __init__(self, caps: Mapping[str, int]) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._category_caps = {category: cap for category, cap in caps.items() if cap > 0}
        self.caps: list[int] = []

    def _number(self, kind: str, name: str, cap: int = 0) -> int:
        number = self._numbers.setdefault((kind, name), len(self.caps))
        if number == len(self.caps):
            self.caps.append(cap)
        return number

    def names(self) -> bytes:
        """For people, a line each, in the order of the numbers."""
        return "".join(name.replace("\n", " ") + "\n" for _, name in self._numbers).encode("utf-8", "surrogatepass")

    def uses(self, row: Row) -> tuple[int, ...]:
        """As Board.plan() wants them: each resource once, exclusive before shared."""
        capped = [category for category in row.categories if category in self._category_caps]
        if not (row.exclusive or row.shared or capped):
            return ()
        used = {self._number("lock", name): 0 for name in row.shared}
        used.update({self._number("lock", name): 1 for name in row.exclusive})
        used.update({self._number("category", name, self._category_caps[name]): 0 for name in capped})
        return tuple(2 * number + alone for number, alone in sorted(used.items()))


class Known(NamedTuple):
    """What history says, and what the user wants."""

    costs: Sequence[float] = ()  # seconds for each row; none: nothing is known
    setups: Mapping[str, float] = {}  # seconds for the scopes that have fixtures of their own
    caps: Mapping[str, int] = {}  # by category: how many tests run at once; 0: any number
    keep_order: bool = False  # the order of the suite was asked for


def make(board: Any, rows: Sequence[Row], workers: int, dist: str, digest: int, known: Known = Known(),
         holders: Mapping[str, int] = {}) -> None:
    """Hands the suite, in serial order, to the scheduler. holders: by scope, the worker that has its tests at hand."""
    scopes: dict[str, int] = {}
    groups: dict[str, int] = {}
    runs: dict[tuple[str, str], int] = {}
    resources = Resources(known.caps)
    ordered = any(row.ordered for row in rows)  # then tests are handed out one by one, in the order of the suite
    told = []
    for index, row in enumerate(rows):
        scope = index if ordered else scopes.setdefault(row.scope, len(scopes))
        run = len(rows) + runs.setdefault((row.scope, row.run), len(runs)) if row.run else index
        group = groups.setdefault(row.group, len(groups)) if row.group else -1
        cost = known.costs[index] if known.costs else 0.0
        told.append((scope, run, group, cost, resources.uses(row), row.serial))
    setups = [] if ordered else [known.setups.get(name, 0.0) for name in scopes]
    held = [] if ordered else [holders.get(name, -1) for name in scopes]
    by_cost = bool(known.costs) and not (ordered or known.keep_order)
    board.plan(told, workers, dist == "each", by_cost, digest, setups, resources.caps, held)
    board.name_resources(resources.names())
