"""Runs the same projects serially, under pytest-xdist and under comb, and compares what they did.

    run.py                       everything, and writes docs/COMPATIBILITY.md
    run.py --resume              what earlier runs have not done yet, or found to differ; then the document
    run.py plugins [NAME ...]    only these cases (names as in cases.py: cov/branches, django, ...)
    run.py matrix [3.12 9 ...]   only these Pythons and pytests
    run.py document              writes docs/COMPATIBILITY.md from what is known of all cases and cells

Runs go side by side, one for each CPU (--jobs). Exit code 1 when something differs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Optional

import environment
import results
from cases import CASES, Case
from document import text
from execute import Mode, Observation, Task, modes, observe
from matrix import RELEASES, SCENARIOS, Release, Scenario
from results import Result
from verdict import Verdict, judge

DOCUMENT = environment.ROOT / "docs" / "COMPATIBILITY.md"
PROJECTS = environment.HERE / "projects"


def say(*words: str) -> None:
    """Progress, one line at a time."""
    print(*words, flush=True)


def explain(what: str, mode: str, verdict: Verdict, seen: Observation) -> None:
    """For a person who watches: a line for each aspect that is not as in the serial run; the output goes to a file."""
    for aspect in verdict.unlike_serial:
        say("    {} [{}] {}: as under xdist".format(what, mode, aspect))
    for aspect, changes in verdict.differences.items():
        say("    {} [{}] {}: {}".format(what, mode, aspect, "; ".join(changes[:2]).replace("\n", " ")[:230]))
    log = environment.CACHE / "logs" / "{}-{}.txt".format(what, mode).replace("/", "-").replace(" ", "-")
    log.parent.mkdir(parents=True, exist_ok=True)
    changes = ["{}: {}".format(aspect, change) for aspect, lines in verdict.differences.items() for change in lines]
    log.write_text("\n".join(changes) + "\n\n" + seen.output, encoding="utf-8", errors="backslashreplace")


# -- plugins ------------------------------------------------------------------------------------


def plugin_python(case: Case, interpreter: environment.Interpreter) -> Path:
    """Each project has an environment of its own: plugins must not see each other."""
    wanted = (PROJECTS / case.project / "requirements.txt").read_text(encoding="utf-8").split()
    constraints = "constraints-subtests.txt" if case.project == "subtests" else "constraints.txt"
    return environment.environment(interpreter, ["pytest", *[name for name in wanted if "<" not in name]], constraints)


def judge_case(case: Case, python: Path, ways: list[Mode]) -> dict[str, Verdict]:
    """Mode to verdict."""
    task = Task(python, PROJECTS / case.project, case.arguments, case.readers, case.ignored_files,
                case.ignored_aspects, case.runs, case.parallel_arguments)
    with tempfile.TemporaryDirectory(prefix="comb-compat-") as workplace:
        seen = {mode.name: observe(task, mode, Path(workplace)) for mode in ways}
    serial, xdist = seen["serial"], seen["xdist"]
    verdicts = {mode.name: judge(seen[mode.name], serial, serial if mode.name == "xdist" else xdist, mode.start)
                for mode in ways if mode.name != "serial"}
    for name, verdict in verdicts.items():
        if not verdict.passed and name != "xdist":
            explain(case.name, name, verdict, seen[name])
    return verdicts


def run_case(case: Case) -> Result:
    """All ways to run it, with the newest Python."""
    interpreter = environment.interpreters()[-1]
    python = plugin_python(case, interpreter)
    ways = modes(environment.start_modes(python), environment.xdist(python))
    versions = {**environment.versions(python), "python": interpreter.name}
    result = Result(case.key, versions, {"": judge_case(case, python, ways)})
    results.keep(result)
    cells = ("{}: {}".format(mode, verdict.rival_cell if mode == "xdist" else verdict.cell)
             for mode, verdict in result.found[""].items())
    say("{:24}".format(case.name), "; ".join(cells))
    return result


def chosen_cases(names: list[str]) -> list[Case]:
    """By the names of cases and of projects; all without a name."""
    unknown = set(names) - {name for case in CASES for name in (case.name, case.project)}
    if unknown:
        raise SystemExit("no such case: " + ", ".join(sorted(unknown)))
    return [case for case in CASES if not names or case.name in names or case.project in names]


# -- Python x pytest ----------------------------------------------------------------------------


def scenario_modes(scenario: Scenario, every: list[Mode], xdist_folder: Path) -> list[Mode]:
    """As comb chooses, and by shard; some in each way to start."""
    auto = Mode("comb", ("--comb", "-n", "2"), (environment.PLUGIN, xdist_folder))
    return [auto] + [mode for mode in every if mode.name.startswith("comb ")
                     and (scenario.every_start or mode.start == "shard")]


def run_scenario(scenario: Scenario, python: Path, starts: list[str], xdist_folder: Path) -> dict[str, Verdict]:
    """xdist is run only where comb is not as a serial run."""
    every = modes(starts, xdist_folder)
    by_name = {mode.name: mode for mode in every}
    task = Task(python, PROJECTS / scenario.project, scenario.arguments, scenario.readers, (),
                scenario.ignored_aspects, scenario.runs, scenario.parallel_arguments)
    verdicts: dict[str, Verdict] = {}
    rival: Optional[Observation] = None
    with tempfile.TemporaryDirectory(prefix="comb-compat-") as workplace:
        serial = observe(task, by_name["serial"], Path(workplace))
        for mode in scenario_modes(scenario, every, xdist_folder):
            seen = observe(task, mode, Path(workplace))
            verdict = judge(seen, serial, serial, mode.start)
            if not verdict.passed:
                rival = rival or observe(task, by_name["xdist"], Path(workplace))
                verdict = judge(seen, serial, rival, mode.start)
            if verdict.unlike_serial or not verdict.passed:
                explain(scenario.name, mode.name, verdict, seen)
            verdicts[mode.name] = verdict
    return verdicts


def run_cell(interpreter: environment.Interpreter, release: Release, scenarios: list[Scenario],
             pool: ThreadPoolExecutor) -> Result:
    """These scenarios, for one Python and one pytest; what is known of others stays."""
    python = environment.environment(interpreter, ["pytest"], release.constraints)
    starts, folder = environment.start_modes(python), environment.xdist(python)
    result = results.known(release.key(interpreter)) or Result(release.key(interpreter), {})
    result.versions = {**environment.versions(python), "python": interpreter.name}
    found = pool.map(lambda scenario: run_scenario(scenario, python, starts, folder), scenarios)
    result.found.update(zip((scenario.name for scenario in scenarios), found))
    results.keep(result)
    failed = sum(not verdict.passed for _, _, verdict in result.verdicts())
    say("Python {:8} pytest {:8} {} scenarios, {} runs, {} differ".format(
        interpreter.name, result.versions["pytest"], len(result.found), len(result.verdicts()), failed))
    return result


def chosen_cells(wanted: list[str]) -> list[tuple[environment.Interpreter, Release]]:
    """By the minor versions of Python and the names of releases; all without a name."""
    pythons = [word for word in wanted if word.startswith("3.")]
    releases = [word for word in wanted if not word.startswith("3.")]
    return [(interpreter, release) for release in RELEASES for interpreter in environment.interpreters()
            if release.runs_on(interpreter) and (not pythons or interpreter.minor in pythons)
            and (not releases or release.name in releases)]


# -- all of it ----------------------------------------------------------------------------------


def missing(interpreter: environment.Interpreter, release: Release, first: bool) -> list[Scenario]:
    """Scenarios that a cell does not know yet, or that differed."""
    result = results.known(release.key(interpreter))
    return [scenario for scenario in SCENARIOS if scenario.first == first
            and (result is None or not result.has_passed(scenario.name))]


def run(what: str, names: list[str], resume: bool, jobs: int) -> list[Result]:
    """What is asked for, but what is known already; of the matrix, in all cells first what says most."""
    cases = chosen_cases(names) if what in ("all", "plugins") else []
    cells = chosen_cells(names) if what in ("all", "matrix") else []
    if not resume:
        results.forget([case.key for case in cases] + [release.key(interpreter) for interpreter, release in cells])
    found: dict[str, Result] = {}
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [case for case in cases if not ((result := results.known(case.key)) and result.has_passed(""))]
        found.update((result.key, result) for result in pool.map(run_case, waiting))
        for first in (True, False):
            for cell in cells:
                scenarios = missing(*cell, first)
                if scenarios:
                    result = run_cell(*cell, scenarios, pool)
                    found[result.key] = result
    return list(found.values())


def main() -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", "plugins", "matrix", "document"), default="all")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    found = run(asked.what, asked.names, asked.resume, asked.jobs)
    if asked.what in ("all", "document"):
        document, found = text(environment.interpreters())
        DOCUMENT.write_text(document, encoding="utf-8")
    verdicts = [verdict for result in found for _, _, verdict in result.verdicts()]
    failed = sum(not verdict.passed for verdict in verdicts)
    say("{} passed, {} failed".format(len(verdicts) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
