"""Compares what runs did: the same as a serial run, else the same as under pytest-xdist, else a difference."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable

from execute import Observation

SHOWN = 4


@dataclass
class Verdict:
    """Of one run. `unlike_serial`: aspects that are only as under xdist; `differences`: aspect to sentences."""

    unlike_serial: list[str] = field(default_factory=list)
    differences: dict[str, list[str]] = field(default_factory=dict)
    asked: str = ""  # the start that was asked for; none where comb was to choose
    start: str = ""  # and the one that was used
    reason: str = ""  # why not the one that was asked for, as comb said it

    @property
    def fell_back(self) -> bool:
        """Another start was used than the one that was asked for."""
        return bool(self.asked and self.start and self.start != self.asked)

    @property
    def passed(self) -> bool:
        """As good as xdist, or better."""
        return not self.differences

    @property
    def cell(self) -> str:
        """For the table."""
        start = " [{}]".format(self.start) if self.start and self.start != self.asked else ""
        if self.differences:
            return "**differs**: " + ", ".join(self.differences) + start
        if self.unlike_serial:
            return "= xdist (" + ", ".join(self.unlike_serial) + ")" + start
        return "= serial" + start

    @property
    def rival_cell(self) -> str:
        """For the column of xdist, which is judged against the serial run alone."""
        return "≠ serial: " + ", ".join(self.differences) if self.differences else "= serial"


def _lines(value: Any) -> list[str]:
    """A value as things that can be counted."""
    if isinstance(value, list):
        return [entry if isinstance(entry, str) else json.dumps(entry, sort_keys=True) for entry in value]
    if isinstance(value, dict):
        return ["{}: {}".format(key, json.dumps(entry, sort_keys=True)) for key, entry in sorted(value.items())]
    return [json.dumps(value)]


def same(reference: Any, seen: Any) -> list[str]:
    """Sentences on what is missing or added."""
    if reference == seen:
        return []
    expected, found = Counter(_lines(reference)), Counter(_lines(seen))
    changes = ["missing: " + line for line in (expected - found).elements()]
    changes += ["added: " + line for line in (found - expected).elements()]
    rest = len(changes) - SHOWN
    return changes[:SHOWN] + (["and {} more".format(rest)] if rest > 0 else [])


def order_kept(reference: Any, seen: Any) -> list[str]:
    """Each worker ran its tests in the order of the suite."""
    order = {nodeid: place for place, nodeid in enumerate(sum(reference.values(), []))}
    broken = []
    for worker, tests in seen.items():
        for first, second in zip(tests, tests[1:]):
            if order.get(first, -1) > order.get(second, len(order)):
                broken.append("{} ran {} before {}".format(worker, first, second))
    return broken[:SHOWN]


def shared(reference: Any, seen: Any) -> list[str]:
    """More than one worker had tests; with one, a parallel run would prove nothing."""
    return [] if seen >= 2 else ["tests ran on {} worker(s)".format(seen)]


COMPARISONS: dict[str, Callable[[Any, Any], list[str]]] = {"order": order_kept, "order in files": order_kept,
                                                               "workers": shared}


def judge(seen: Observation, serial: Observation, xdist: Observation, asked: str = "") -> Verdict:
    """Of a parallel run, by aspect: as the serial run, else as (or no worse than) the one under pytest-xdist."""
    verdict = Verdict(asked=asked, start=seen.start, reason=seen.reason)
    if verdict.fell_back and not seen.reason:
        verdict.differences["start"] = ["asked for {}, used {}, and did not say why".format(asked, seen.start)]
    for aspect, value in seen.aspects.items():
        compare = COMPARISONS.get(aspect, same)
        reference, rival = serial.aspects[aspect], xdist.aspects[aspect]
        changes = compare(reference, value)
        if not changes:
            continue
        if value == rival or (aspect in COMPARISONS and compare(reference, rival)):
            verdict.unlike_serial.append(aspect)
        else:
            verdict.differences[aspect] = changes
    return verdict
