"""Measure rows of the bench, interleaved, and write docs/BENCH.md.

    python bench/bench.py [ROW ...] [--repeat N] [--list]
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import measure
import real
from rows import ROWS, Limit, Row, Way
from workloads import GENERATORS, Suite

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "BENCH.json"
TABLE = ROOT / "docs" / "BENCH.md"
METRICS = {"wall": measure.wall, "bound": measure.wall, "per_test": measure.wall, "memory": measure.memory,
           "controller": measure.controller}

PER_TEST = {"per_test": 1e3, "controller": 1e6}
"""Figures for one test, in milli- and microseconds."""


def interval(values: list[float]) -> tuple[float, float, float]:
    """Order statistics around the median with at least 95 % coverage, or all there is; and the coverage."""
    ordered, n, rank = sorted(values), len(values), 0
    tail = 0.5**n
    while 2 * (rank + 1) < n and 1 - 2 * (tail + math.comb(n, rank + 1) * 0.5**n) >= 0.95:
        rank += 1
        tail += math.comb(n, rank) * 0.5**n
    return ordered[rank], ordered[n - 1 - rank], max(0.0, 1 - 2 * tail)


def lower_bound(suite: Suite, workers: int) -> float:
    """What the tests alone take at least; src/tune/bound.c computes it."""
    lines = [f"{workers} {len(os.sched_getaffinity(0))}"]
    for number, seconds in enumerate(suite.seconds):
        scope = suite.scopes[number] if suite.scopes else -1
        setup = suite.setups[scope] if suite.scopes else 0
        lines.append(f"{seconds} {seconds if suite.computes else 0} {scope} {setup}")
    done = subprocess.run([ROOT / "build" / "bench" / "bound"], input="\n".join(lines), text=True, capture_output=True,
                          check=True)
    return float(done.stdout)


def check_outcomes(row: Row, suite: Suite) -> None:
    """comb's ways collect the same tests as a serial run, and each ends the same; else there is no figure."""
    found = {way.label: measure.project_outcomes(suite.python, way.arguments(True), suite.path) for way in row.ways
             if way.engine != "xdist"}
    for way in row.ways:
        if way.engine == "comb":
            measure.check_same(found["serial"], found[way.label], way.label)


def run_row(row: Row, repeat: int, scratch: Path) -> dict[str, Any]:
    """All ways in turn, `repeat` times, after one run each that does not count."""
    name = row.workload
    suite = real.suite(name[5:], scratch / name) if name.startswith("real-") else GENERATORS[name](scratch / name)
    if suite.python:
        check_outcomes(row, suite)
    run = partial(measure.project_wall, suite.python) if suite.python else METRICS[row.metric]
    values: dict[str, list[float]] = {way.label: [] for way in row.ways}
    for number in range(repeat + 1):
        for way in row.ways[number % len(row.ways) :] + row.ways[: number % len(row.ways)]:
            if row.forgets:
                measure.forget_compiled(suite.path)
            value = run(way.arguments(bool(suite.python)), suite.path / way.folder)
            print(f"{row.name}: {'warm-up' if number == 0 else f'{number}/{repeat}'} {way.label}: {value:.3f}",
                  file=sys.stderr)
            if number > 0:
                values[way.label].append(value)
    return {"values": values, "tests": suite.tests, "bound_s": lower_bound(suite, row.workers) if row.metric == "bound" else None}


def figure(row: Row, way: Way, result: dict[str, Any]) -> float:
    """The number that limits are about: a median, or what is made of it."""
    median = statistics.median(result["values"][way.label])
    if way.minus:
        median -= statistics.median(result["values"][way.minus])
    return median * PER_TEST[row.metric] / result["tests"] if row.metric in PER_TEST else median


def reference(row: Row, limit: Limit, result: dict[str, Any]) -> float:
    """What the limit's factor multiplies."""
    if limit.of == "bound":
        return statistics.median(result["values"]["start"]) + result["bound_s"]
    if not limit.of:
        return 1.0
    return figure(row, next(way for way in row.ways if way.label == limit.of), result)


def judge(row: Row, limit: Limit, result: dict[str, Any]) -> tuple[str, bool]:
    """One limit in words, and whether it is kept."""
    value = figure(row, next(way for way in row.ways if way.label == limit.way), result)
    if not limit.of:
        return f"{value:.2f} {limit.unit} (at most {limit.factor:g})", value <= limit.factor
    ratio = value / reference(row, limit, result)
    of = "the lower bound" if limit.of == "bound" else limit.of
    return f"{ratio:.2f} × {of} (at most {limit.factor:g})", ratio <= limit.factor


UNITS = {"memory": "MB", "controller": "s CPU"}


def format_row(row: Row, result: dict[str, Any]) -> str:
    """A section of the report."""
    lines = [f"### {row.title}", "", "| | median | interval | runs |", "| --- | --- | --- | --- |"]
    unit = UNITS.get(row.metric, "s")
    for way in row.ways:
        values = result["values"][way.label]
        low, high, coverage = interval(values)
        lines.append(f"| {way.label} | {statistics.median(values):.3f} {unit} | {low:.3f} – {high:.3f} ({coverage:.0%}) | {len(values)} |")
    if result["bound_s"] is not None:
        lines.append(f"| lower bound of the tests | {result['bound_s']:.3f} s | | |")
    lines.append("")
    for limit in row.limits:
        text, kept = judge(row, limit, result)
        lines.append(f"- {limit.way}: {text}: {'**kept**' if kept else '**missed**'}")
    return "\n".join([*lines, "", f"Measured {result['date']} on {result['machine']}.", ""])


def reason(result: dict[str, Any]) -> str:
    """Why a row has no figure."""
    return str(result.get("because", "it has not been measured yet"))


def write_table(results: dict[str, Any]) -> None:
    """docs/BENCH.md from everything that was measured so far, and why rows have no figure."""
    known = [row for row in ROWS if "values" in results.get(row.name, {})]
    lines = ["# Bench", "", "`make bench` measures all rows, `make bench ROW=trivial` one. Ways of running are interleaved;",
             "medians with order-statistics intervals and their true coverage; one warm-up each does not count.",
             "Plugins are loaded by name, with autoloading off. A project's own suite is run with its own plugins, and has a figure",
             "only where comb collected the same tests as a serial run and each ended the same.", "", "| workload | result | |", "| --- | --- | --- |"]
    for row in known:
        for limit in row.limits:
            text, kept = judge(row, limit, results[row.name])
            lines.append(f"| {row.title} | {text} | {'kept' if kept else 'missed'} |")
    missing = [f"{row.title}, because {reason(results.get(row.name, {}))}" for row in ROWS if row not in known]
    if missing:
        lines += ["", "Without figures: " + "; ".join(missing) + "."]
    TABLE.write_text("\n".join([*lines, "", *(format_row(row, results[row.name]) for row in known)]), encoding="utf-8")


def read_results() -> dict[str, Any]:
    """What was measured earlier, without rows that are now measured otherwise."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    labels = {row.name: {way.label for way in row.ways} for row in ROWS}
    return {name: result for name, result in kept.items()
            if name in labels and ("because" in result or set(result["values"]) == labels[name])}


def machine() -> str:
    """Cores and versions; no names."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("pytest", "pytest-xdist"))
    return f"{len(os.sched_getaffinity(0))} cores ({platform.machine()}, {platform.system()}), Python {platform.python_version()}, {versions}"


def main() -> int:
    """Measure, keep, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--repeat", type=int, default=0, help="rounds (default: the row's own)")
    parser.add_argument("--list", action="store_true", help="show the rows and stop")
    wanted = parser.parse_args()
    if wanted.list:
        print("\n".join(f"{row.name:16} {row.title}" for row in ROWS))
        return 0
    unknown = set(wanted.rows) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; --list shows them")
    results = read_results()
    failures = 0
    for row in (row for row in ROWS if not wanted.rows or row.name in wanted.rows):
        results.pop(row.name, None)
        with measure.scratch_folder() as scratch:
            try:
                result = run_row(row, wanted.repeat or row.repeat, Path(scratch))
            except measure.Failed as failed:
                print(f"{row.name} has no figure: {failed}", file=sys.stderr)
                results[row.name] = {"because": str(failed).splitlines()[0].rstrip(":")}
                failures += 1
            else:
                results[row.name] = {**result, "date": datetime.date.today().isoformat(), "machine": machine()}
                print(format_row(row, results[row.name]))
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        write_table(results)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
