"""Writes docs/COMPATIBILITY.md from what was run."""

from __future__ import annotations

from typing import Optional

import results
from cases import CASES, Case
from environment import Interpreter
from matrix import RELEASES, SCENARIOS, Release
from results import Result
from verdict import Verdict

HEAD = """# Compatibility

Written by `make compat` from runs of the projects in tests/compat: each is run serially, under pytest-xdist `-n 2` and
under comb `-n 2` in every way to start, with pytest-xdist installed ("comb shard", "comb once", "comb import") and
without it ("comb alone"). Compared are, for every run: each report (node id, phase, outcome, message, sections,
keywords), collection reports, warnings, the counts in the summary, logstart and logfinish of each test, exit code,
files left in the project and processes left; and for each plugin what its row names. A project of one test file is
given a copy of that file under another name.

`= serial`: all of it is as in the serial run. `= xdist (…)`: what is named is not as in the serial run but as under
pytest-xdist. **differs**: neither; the reason is below the tables. `[once]`, `[shard]`, `[import]`: how the workers
really came by their tests, where that was for comb to choose, or where comb did not do as it was asked and said why.
A run that starts otherwise than it was asked to, and does not say why, counts as different.
"""
WAYS = ("xdist", "comb shard", "comb once", "comb import", "comb alone")


def _escape(text: str) -> str:
    """A cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(map(_escape, row)) + " |" for row in [columns, ["---"] * len(columns), *rows]]
    return "\n".join(lines) + "\n"


def _differences(where: str, verdict: Verdict) -> str:
    """One paragraph: what differs where."""
    lines = ["- {}".format(where)]
    for aspect, changes in verdict.differences.items():
        lines += ["  - {}: `{}`".format(aspect, change.replace("`", "'").replace("\n", "\\n")[:300])
                  for change in changes]
    return "\n".join(lines)


def _versions(found: list[Result]) -> str:
    """What was run, and when."""
    pythons = sorted({result.versions["python"] for result in found if "" in result.found})
    dates = sorted({result.date for result in found})
    states = {result.commit for result in found}
    many = ", while it was worked on ({} states of its source)".format(len(states)) if len(states) > 1 else ""
    return "Python {}, pytest-xdist 3.8.0 for the plugins. Run on {}{}.\n".format(
        ", ".join(pythons), ", ".join(dates), many)


# -- plugins ------------------------------------------------------------------------------------


def _plugin_row(case: Case, result: Optional[Result]) -> list[str]:
    if result is None:
        return [case.plugin, "–", "–", case.compared, *["not run"] * len(WAYS)]
    verdicts = result.found[""]
    version = result.versions.get(case.plugin.lower(), result.versions["pytest"])
    cells = [verdicts[way].rival_cell if way == "xdist" else verdicts[way].cell for way in WAYS]
    return [case.plugin, version, result.versions["pytest"], case.compared, *cells]


def _fallbacks(found: dict[str, Result]) -> str:
    """Why `shard` was not taken, by plugin."""
    lines = []
    for case in CASES:
        verdict = found[case.name].found[""].get("comb shard") if case.name in found else None
        if verdict is not None and verdict.fell_back:
            lines.append("- {} ({}): `{}`".format(case.plugin, case.compared, _short(verdict.reason)))
    return "\n".join(lines) + "\n"


def _short(reason: str) -> str:
    """Without the folder that packages are installed in."""
    head, _, tail = reason.rpartition("/site-packages/")
    return (head.rpartition(" ")[0] + " " + tail).strip() if tail and head else reason


def _plugins(found: dict[str, Result]) -> list[str]:
    """The first table and what explains it."""
    notes = ["- {} ({}): {}.".format(case.plugin, case.compared, case.note) for case in CASES if case.note]
    rows = [_plugin_row(case, found.get(case.name)) for case in CASES]
    return ["## Plugins\n", _table(["plugin", "version", "pytest", "compared", *WAYS], rows),
            "Why not `= serial`:\n", "\n".join(notes) + "\n",
            "Why not by `shard`, as comb said it:\n", _fallbacks(found)]


# -- Python x pytest ----------------------------------------------------------------------------


def _cell(interpreter: Interpreter, release: Release, found: dict[str, Result]) -> str:
    """Scenarios passed of those run."""
    if not release.runs_on(interpreter):
        return "–"
    if release.key(interpreter) not in found:
        return "not run"
    verdicts = [verdict for _, _, verdict in found[release.key(interpreter)].verdicts()]
    as_xdist = sum(verdict.passed and bool(verdict.unlike_serial) for verdict in verdicts)
    cell = "{} of {}".format(sum(verdict.passed for verdict in verdicts), len(verdicts))
    scenarios = len(found[release.key(interpreter)].found)
    cell += " ({} of {} scenarios)".format(scenarios, len(SCENARIOS)) if scenarios < len(SCENARIOS) else ""
    return cell + (", {} only as xdist".format(as_xdist) if as_xdist else "")


def _starts(scenario: str, mode: str, found: dict[str, Result]) -> str:
    """The ways in which comb started, over all cells, with what it said."""
    verdicts = [result.found[scenario][mode] for result in found.values() if scenario in result.found]
    starts = dict.fromkeys((verdict.start or "no test", _short(verdict.reason) if verdict.fell_back else "")
                           for verdict in verdicts)
    return "; ".join(start + (": " + reason if reason else "") for start, reason in starts)


def _scenario_rows(found: dict[str, Result]) -> list[list[str]]:
    rows = []
    for scenario in SCENARIOS:
        ways = "auto, shard, once, import, alone" if scenario.every_start else "auto, shard"
        starts = [_starts(scenario.name, mode, found) for mode in ("comb", "comb shard")]
        rows.append(["`{}`".format(scenario.name), ways, *starts])
    return rows


def _as_xdist(found: dict[str, Result]) -> str:
    """What "only as xdist" stands for, with the number of runs."""
    runs: dict[str, int] = {}
    for result in found.values():
        for scenario, _, verdict in result.verdicts():
            if verdict.passed and verdict.unlike_serial:
                name = "`{}`: {}".format(scenario, ", ".join(verdict.unlike_serial))
                runs[name] = runs.get(name, 0) + 1
    return "; ".join("{} ({} runs)".format(name, count) for name, count in runs.items())


def _matrix(interpreters: list[Interpreter], found: dict[str, Result]) -> list[str]:
    """The second table and the scenarios."""
    rows = [[interpreter.name, *[_cell(interpreter, release, found) for release in RELEASES]]
            for interpreter in interpreters]
    as_xdist = _as_xdist(found)
    parts = ["## Python × pytest\n", "Runs of scenarios that passed, of those made; – where that pytest does not "
             "support that Python. Every scenario is run as comb chooses to start and by `shard`, some in every way.\n",
             _table(["Python", *["pytest " + release.version for release in RELEASES]], rows)]
    parts += ["Only as under xdist: {}.\n".format(as_xdist)] if as_xdist else []
    return parts + ["With pytest 9.2, pytest-xdist 3.8.0 ignores `xdist_group` (its issue 1386); comb does not.\n",
                    _table(["scenario", "run by", "comb chose", "asked for shard, did"], _scenario_rows(found))]


def _all(cases: dict[str, Result], cells: dict[str, Result]) -> list[tuple[str, Verdict]]:
    """Every verdict about comb, and where it was found."""
    found = [("{} under {}".format(name, mode), verdict) for name, result in cases.items()
             for _, mode, verdict in result.verdicts()]
    for result in cells.values():
        place = "Python {python}, pytest {pytest}".format(**result.versions)
        found += [("{}: {} under {}".format(place, scenario, mode), verdict)
                  for scenario, mode, verdict in result.verdicts()]
    return found


def text(interpreters: list[Interpreter]) -> tuple[str, list[Result]]:
    """The whole file, and what it rests on."""
    cases = {case.name: result for case in CASES if (result := results.known(case.key)) is not None}
    cells = {release.key(interpreter): result for release in RELEASES for interpreter in interpreters
             if release.runs_on(interpreter) and (result := results.known(release.key(interpreter))) is not None}
    found = [*cases.values(), *cells.values()]
    parts = [HEAD, _versions(found), *_plugins(cases), *_matrix(interpreters, cells)]
    lines = [_differences(where, verdict) for where, verdict in _all(cases, cells) if not verdict.passed]
    parts += ["## Differences\n", "\n".join(lines) + "\n"] if lines else []
    return "\n".join(parts), found
