"""What the scheduler is told about the tests."""

from __future__ import annotations

from typing import Any

import pytest

GROUPED = ("loadscope", "loadfile", "loadgroup")


def _group_name(item: pytest.Item, dist: str) -> str:
    """Tests with the same name stay on one worker; '' where none is asked for."""
    if dist == "loadfile":
        return item.nodeid.split("::", 1)[0]
    if dist == "loadscope":
        return item.nodeid.rsplit("::", 1)[0]
    names = set()
    for mark in item.iter_markers("xdist_group"):
        names.add(str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")))
    return "_".join(sorted(names))


def _locks(item: pytest.Item, bits: dict[str, int]) -> tuple[int, int, bool]:
    """exclusive and shared locks as bits, and whether the test wants to be alone."""
    exclusive = shared = 0
    for mark in item.iter_markers("exclusive"):
        for name in mark.args or ("default",):
            exclusive |= 1 << (bits.setdefault(str(name), len(bits)) % 64)
    for mark in item.iter_markers("shared"):
        for name in mark.args or ("default",):
            shared |= 1 << (bits.setdefault(str(name), len(bits)) % 64)
    return exclusive, shared, item.get_closest_marker("serial") is not None


def _is_ordered(config: pytest.Config, items: list[pytest.Item]) -> bool:
    """pytest-order's marks are in use: tests are handed out one by one, in the order of the suite."""
    return config.pluginmanager.hasplugin("pytest_order") and any(item.get_closest_marker("order") for item in items)


def make(board: Any, config: pytest.Config, items: list[pytest.Item], workers: int, dist: str, digest: int) -> None:
    """Hands the suite to the scheduler."""
    scopes: dict[str, int] = {}
    groups: dict[str, int] = {}
    bits: dict[str, int] = {}
    rows = []
    ordered = _is_ordered(config, items)
    for item in items:
        scope = len(rows) if ordered else scopes.setdefault(item.nodeid.split("::", 1)[0], len(scopes))
        group = -1
        if dist in GROUPED:
            name = _group_name(item, dist)
            group = groups.setdefault(name, len(groups)) if name else -1
        exclusive, shared, serial = _locks(item, bits)
        rows.append((scope, group, 0.0, exclusive, shared, serial))
    board.plan(rows, workers, dist == "each", False, digest)
