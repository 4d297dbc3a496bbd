"""Suites to measure, made by seeded generators: the same name always gives the same files."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

SEED = 20261


@dataclass
class Suite:
    """A generated suite, and what is known of it beforehand."""

    path: Path
    tests: int
    seconds: list[float] = field(default_factory=list)
    """Duration of each test, where they matter."""
    computes: bool = False
    """Tests compute; else they wait."""
    scopes: list[int] = field(default_factory=list)
    """For each test the index of its module fixture in setups."""
    setups: list[float] = field(default_factory=list)
    python: str = ""
    """The interpreter of a project of its own, with plugins of its own; else ours, and no plugin that is not named."""


def _write(path: Path, **files: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    fresh: own process\n    xdist_group: together\n", encoding="utf-8"
    )
    for name, text in files.items():
        (path / f"{name}.py").write_text(text, encoding="utf-8")


def trivial(path: Path, tests: int = 10_000, files: int = 200) -> Suite:
    """Many tests that do nothing."""
    each = tests // files
    body = "".join(f"def test_{i}():\n    assert {i} + 1 == {i + 1}\n\n\n" for i in range(each))
    _write(path, **{f"test_{number:04}": body for number in range(files)})
    return Suite(path, each * files)


def one(path: Path) -> Suite:
    """A single test: nothing but start-up."""
    return trivial(path, 1, 1)


def twenty(path: Path) -> Suite:
    """Twenty tests that take a tenth of a second together."""
    body = "import time\n\n\n" + "".join(f"def test_{i}():\n    time.sleep(0.005)\n\n\n" for i in range(20))
    _write(path, test_twenty=body)
    return Suite(path, 20, [0.005] * 20)


def start(path: Path) -> Suite:
    """48 tests in 48 files that do nothing: what 16 workers cost."""
    return trivial(path, 48, 48)


def fresh(path: Path) -> Suite:
    """Two thousand trivial tests; those of the second folder want a process each, and fail without."""
    trivial(path / "plain", 2_000, 20)
    header = "import pytest\n\npytestmark = pytest.mark.fresh\nRUN = []\n\n\n"
    tests = "".join(f"def test_{i}():\n    assert not RUN\n    RUN.append({i})\n\n\n" for i in range(100))
    _write(path / "fresh", **{f"test_{number:04}": header + tests for number in range(20)})
    return Suite(path, 2_000)


def many_and_one(path: Path) -> Suite:
    """10,000 trivial tests, and a single one for the start."""
    one(path / "one")
    return Suite(path, trivial(path / "many").tests)


def _parametrized(seconds: list[float], work: str) -> str:
    lines = ", ".join(f"{s:.6f}" for s in seconds)
    return (
        "import time\n\nimport pytest\n\n\n"
        f"def work(seconds):\n{work}\n\n"
        f'@pytest.mark.parametrize("seconds", [{lines}])\ndef test_it(seconds):\n    work(seconds)\n'
    )


WAIT = "    time.sleep(seconds)\n"
COMPUTE = (
    "    end = time.thread_time() + seconds\n    while time.thread_time() < end:\n        sum(range(200))\n"
)


def tail(path: Path) -> Suite:
    """Two long tests first, two short ones behind: who holds tests back takes twice as long."""
    seconds = [2, 2, 0.01, 0.01]
    _write(path, test_tail=_parametrized(seconds, WAIT))
    return Suite(path, len(seconds), seconds)


def _lognormal(total: float, tests: int = 400, sigma: float = 1.0) -> list[float]:
    chance = random.Random(SEED)
    raw = [chance.lognormvariate(0, sigma) for _ in range(tests)]
    return [value * total / sum(raw) for value in raw]


def _spread(path: Path, seconds: list[float], work: str, files: int = 20) -> None:
    each = math.ceil(len(seconds) / files)
    parts = [seconds[i : i + each] for i in range(0, len(seconds), each)]
    _write(path, **{f"test_{number:02}": _parametrized(part, work) for number, part in enumerate(parts)})


def sleeping(path: Path) -> Suite:
    """400 tests that wait, log-normal durations, 40 s together."""
    seconds = _lognormal(40)
    _spread(path, seconds, WAIT)
    return Suite(path, len(seconds), seconds)


def computing(path: Path) -> Suite:
    """400 tests that compute, log-normal durations, 20 s together."""
    seconds = _lognormal(20)
    _spread(path, seconds, COMPUTE)
    return Suite(path, len(seconds), seconds, computes=True)


def module_fixtures(path: Path) -> Suite:
    """30 modules with a fixture of 0 to 1 s each, and tests that wait."""
    chance = random.Random(SEED)
    suite = Suite(path, 0)
    files = {}
    for number in range(30):
        setup = chance.random()
        seconds = [chance.lognormvariate(-3, 0.8) for _ in range(chance.randint(4, 16))]
        files[f"test_{number:02}"] = _parametrized(seconds, WAIT).replace(
            "def test_it(seconds)",
            "def test_it(seconds, resource)",
        ) + f'\n\n@pytest.fixture(scope="module")\ndef resource():\n    time.sleep({setup:.6f})\n'
        suite.setups.append(setup)
        suite.scopes += [number] * len(seconds)
        suite.seconds += seconds
    _write(path, **files)
    suite.tests = len(suite.seconds)
    return suite


def one_file(path: Path) -> Suite:
    """20,000 tests in one file."""
    return trivial(path, 20_000, 1)


def heavy_import(path: Path) -> Suite:
    """A conftest that computes for a second when it is imported."""
    suite = trivial(path, 40, 4)
    _write(path, conftest="import time\n\nend = time.thread_time() + 1\nwhile time.thread_time() < end:\n    sum(range(200))\n")
    return suite


def memory(path: Path) -> Suite:
    """150 MB of imported data, and tests long enough to look at the processes."""
    _write(path, conftest="import random\n\nDATA = [random.Random(i).randbytes(1 << 20) for i in range(150)]\n")
    _write(path, test_memory=_parametrized([0.3] * 32, WAIT))
    return Suite(path, 32, [0.3] * 32)


GENERATORS: dict[str, Callable[[Path], Suite]] = {
    generator.__name__: generator
    for generator in (
        trivial, one, twenty, start, fresh, many_and_one, tail, sleeping, computing, module_fixtures, one_file, heavy_import, memory,
    )
}
