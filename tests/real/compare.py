"""Compares what pytest collected and how it ended before and after, also where ids differ in any two runs."""

from __future__ import annotations

from collections import Counter

UNSTABLE = "[a part that differs in any two runs]"


def function_of(nodeid: str) -> str:
    """The id without its parameters. A bracket in the path of the file is no parameter."""
    start = nodeid.find("::")
    bracket = nodeid.find("[", start) if start >= 0 else -1
    return nodeid if bracket < 0 else nodeid[:bracket]


class Ids:
    """Which ids are the same in two runs of the unchanged project, and which functions have some that are not."""

    def __init__(self, one: list[str], two: list[str]) -> None:
        self.stable = Counter(one) & Counter(two)
        first, second = (Counter(map(function_of, (Counter(ids) - self.stable).elements())) for ids in (one, two))
        # A function that has more tests in one run than in the other is compared to the letter: that is a difference.
        self.unstable = {function: count for function, count in first.items() if second[function] == count}

    def reduce(self, nodeid: str) -> str:
        """Itself, or its function where this function has unstable ids and this is none of its stable ones."""
        function = function_of(nodeid)
        return function + UNSTABLE if function in self.unstable and nodeid not in self.stable else nodeid

    def count(self) -> int:
        """How many ids are compared without their parameters."""
        return sum(self.unstable.values())


def differences(before: dict, after: dict, ids: Ids, limit: int = 20) -> tuple[bool, bool, list[str]]:
    """Same node ids? Same outcomes, and the same files that cannot be collected? And the first of what differs."""
    collected = [Counter(map(ids.reduce, run["collected"])) for run in (before, after)]
    ended = [Counter((ids.reduce(nodeid), how) for nodeid, how in run["ended"]) for run in (before, after)]
    broken = [Counter((path, "cannot be collected") for path in run["broken"]) for run in (before, after)]
    was, now = ended[0] + broken[0], ended[1] + broken[1]
    lines = [f"- {' '.join(entry)}" for entry in sorted((was - now).elements())]
    lines += [f"+ {' '.join(entry)}" for entry in sorted((now - was).elements())]
    return collected[0] == collected[1], was == now, lines[:limit]
