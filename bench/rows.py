"""What is measured: a row for each promise, with the ways to run it and the limits it has to keep."""

from __future__ import annotations

from dataclasses import dataclass, field

import real

PLUGINS = {"serial": [], "xdist": ["-p", "xdist", "-p", "xdist.looponfail"], "comb": ["-p", "pytest_comb.plugin", "--comb"]}
"""Plugins are loaded by name, with autoloading off: each way of running pays for itself alone."""

OF_PROJECT = {"serial": ["-p", "no:xdist"], "xdist": [], "comb": ["-p", "no:xdist", "-p", "pytest_comb.plugin", "--comb"]}
"""In a project's own environment, where its plugins are loaded as ever, but for pytest-xdist where it has nothing to do."""


@dataclass
class Way:
    """One way to run a suite."""

    label: str
    engine: str
    options: list[str] = field(default_factory=list)
    folder: str = ""
    """Below the workload's, where it has several."""
    minus: str = ""
    """Label of the way whose figure is taken off: what a test costs, without the start."""

    def arguments(self, of_project: bool = False) -> list[str]:
        """For python -m pytest."""
        return [*(OF_PROJECT if of_project else PLUGINS)[self.engine], *self.options]


@dataclass
class Limit:
    """metric(way) <= factor x metric(of), or a fixed number of seconds or units when `of` is empty."""

    way: str
    factor: float
    of: str = ""
    """Label of another way, or "bound"."""
    unit: str = "s"


@dataclass
class Row:
    """A line of the table."""

    name: str
    title: str
    workload: str
    ways: list[Way]
    limits: list[Limit]
    metric: str = "wall"
    """wall, bound (wall against start-up and the lower bound), per_test (wall), memory, controller (per test)."""
    workers: int = 2
    repeat: int = 5
    forgets: bool = False
    """Each run finds no compiled Python in the suite, as in a fresh clone."""


def _ways(*workers: int, engines: tuple[str, ...] = ("xdist", "comb"), options: tuple[str, ...] = ()) -> list[Way]:
    ways = [Way("serial", "serial")]
    for count in workers:
        ways += [Way(f"{engine} -n{count}", engine, [f"-n{count}", *options]) for engine in engines]
    return ways


REMEMBERS = ("-p", "cacheprovider")
"""Every run of a bench is without pytest's cache, and so without comb's history, but where a second run is measured."""


def _sleeping(workers: int) -> Row:
    return Row(
        f"sleeping-{workers}", f"400 sleeping tests, log-normal, {workers} workers, second run", "sleeping",
        [Way("start", "serial", ["--collect-only"]), *_ways(workers, options=REMEMBERS)[1:]],
        [Limit(f"comb -n{workers}", 1.05, "bound")], metric="bound", workers=workers,
    )


def _real(name: str) -> Row:
    """A project's own suite, as bench/real.py says."""
    without = real.WITHOUT.get(name, ())
    ways = _ways(2)
    for way in ways:
        way.options += ["-k", " and ".join(f"not {test}" for test in without)] if without else []
    title = f"{name}'s own suite{' without ' + ', '.join(without) if without else ''}, 2 workers"
    return Row(f"real-{name}", title, f"real-{name}", ways, [Limit("comb -n2", 0.80, "serial")], repeat=real.ROUNDS.get(name, 3))


ROWS = [
    Row("trivial", "10,000 trivial tests in 200 files, 2 workers", "trivial", _ways(2),
        [Limit("comb -n2", 0.58, "serial"), Limit("comb -n2", 0.48, "xdist -n2")]),
    Row("trivial-8", "10,000 trivial tests in 200 files, 8 workers", "trivial", _ways(8),
        [Limit("comb -n8", 0.60, "serial"), Limit("comb -n8", 0.20, "xdist -n8")]),
    Row("trivial-first", "10,000 trivial tests, first run in a fresh clone, 2 workers", "trivial", _ways(2),
        [Limit("comb -n2", 0.58, "serial"), Limit("comb -n2", 0.48, "xdist -n2")], forgets=True),
    Row("trivial-once", "10,000 trivial tests, --comb-start=once, 2 workers", "trivial",
        [Way("serial", "serial"), Way("comb once -n2", "comb", ["-n2", "--comb-start=once"])],
        [Limit("comb once -n2", 0.85, "serial")]),
    Row("one", "one trivial test", "one", _ways(2), [Limit("comb -n2", 1.15, "serial")], repeat=15),
    Row("twenty", "20 tests that take 0.1 s together", "twenty", _ways(2), [Limit("comb -n2", 1.15, "serial")], repeat=15),
    Row("start", "start-up with 16 workers, 48 trivial tests", "start", _ways(1, 16),
        [Limit("comb -n16", 1.3, "comb -n1")], workers=16),
    Row("tail", "durations [2, 2, .01, .01] s, 2 workers", "tail", _ways(2), [Limit("comb -n2", 2.6)], repeat=3),
    *(_sleeping(workers) for workers in (2, 8, 16, 64)),
    Row("computing", "400 computing tests, log-normal, 2 workers, second run", "computing",
        [Way("start", "serial", ["--collect-only"]), *_ways(2, options=REMEMBERS)[1:]], [Limit("comb -n2", 1.08, "bound")], metric="bound"),
    Row("module-fixtures", "module fixtures of 0-1 s over 30 modules, 4 workers", "module_fixtures",
        [Way("start", "serial", ["--collect-only"]), *_ways(4, options=REMEMBERS)[1:]], [Limit("comb -n4", 1.08, "bound")],
        metric="bound", workers=4),
    Row("one-file", "20,000 tests in one file, --dist loadscope, 2 workers", "one_file",
        _ways(2, options=("--dist=loadscope",)), [Limit("comb -n2", 1.05, "serial")], repeat=3),
    Row("heavy-import", "a conftest that takes 1 s to import, 4 workers", "heavy_import", _ways(4),
        [Limit("comb -n4", 0.5, "xdist -n4")], workers=4),
    Row("fresh", "a process for every test, 2,000 trivial tests, 2 workers", "fresh",
        [Way("comb -n2", "comb", ["-n2"], "plain"), Way("comb -n2 fresh", "comb", ["-n2"], "fresh", "comb -n2")],
        [Limit("comb -n2 fresh", 3, unit="ms a test")], metric="per_test"),
    Row("memory", "memory (sum of PSS), 8 workers, 150 MB of imports", "memory", _ways(8)[1:],
        [Limit("comb -n8", 0.35, "xdist -n8")], metric="memory", workers=8, repeat=3),
    Row("controller", "the controller's CPU for a passed test without output", "many_and_one",
        [Way("xdist start", "xdist", ["-n2"], "one"), Way("xdist -n2", "xdist", ["-n2"], "many", "xdist start"),
         Way("comb start", "comb", ["-n2"], "one"), Way("comb -n2", "comb", ["-n2"], "many", "comb start")],
        [Limit("comb -n2", 60, unit="us a test")], metric="controller", repeat=3),
    *(_real(name) for name in real.NAMES),
]
