"""The order in which tests run: the suite's own without chance, shuffled by a given seed, or as told."""
from __future__ import annotations

import os
import random
from collections.abc import Generator
from itertools import groupby
from typing import Any

import pytest

collected: list[pytest.Item] = []
"""The tests in the suite's own order, whatever order they run in."""

SHUFFLE = "COMB_SHUFFLE"
ORDER = "COMB_ORDER"
KEEP = "COMB_KEEP_ORDER"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Takes chance out of the plugins that shuffle: a run must be repeatable."""
    if os.environ.get(KEEP):
        return
    option = config.option
    if hasattr(option, "randomly_reorganize"):
        option.randomly_reorganize = False
        if option.randomly_seed in ("default", "last"):
            option.randomly_seed = 1
    if hasattr(option, "random_order_bucket"):
        option.random_order_bucket = "none"


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, Any, None]:
    """Orders last, when every other plugin has had its say."""
    yield
    collected[:] = items
    told = os.environ.get(ORDER)
    if told:
        items[:] = _as_told(told)
        left_out = set(map(id, collected)) - set(map(id, items))
        config.hook.pytest_deselected(items=[item for item in collected if id(item) in left_out])
    seed = int(os.environ.get(SHUFFLE, "0"))
    if seed:
        items[:] = shuffled(items, random.Random(seed))


def _as_told(path: str) -> list[pytest.Item]:
    """The tests whose indexes the file lists, in its order."""
    with open(path, encoding="ascii") as lines:
        indexes = [int(line) for line in lines]
    return [collected[index] for index in indexes if index < len(collected)]


def shuffled(items: list[pytest.Item], chance: random.Random) -> list[pytest.Item]:
    """Modules in another order, classes within them, tests within those: no scope is torn apart."""
    modules = _shuffled_groups(items, chance, lambda item: str(item.path))
    return [
        item
        for module in modules
        for same_class in _shuffled_groups(module, chance, lambda item: str(getattr(item, "cls", None)))
        for item in chance.sample(same_class, len(same_class))
    ]


def _shuffled_groups(items: list[pytest.Item], chance: random.Random, key: Any) -> list[list[pytest.Item]]:
    """Neighbours with the same key as lists, the lists in another order."""
    groups = [list(group) for _, group in groupby(items, key)]
    chance.shuffle(groups)
    return groups
