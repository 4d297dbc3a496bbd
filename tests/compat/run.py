"""Runs the same projects serially, under pytest-xdist and under comb, and compares what they did.

    run.py                       everything; writes docs/COMPATIBILITY.md
    run.py plugins [NAME ...]    only these cases (names as in cases.py: cov/branches, django, ...); writes nothing
    run.py matrix [3.12 9 ...]   only these Pythons and pytests; writes nothing

Exit code 1 when something differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Optional

import environment
from cases import CASES, Case
from document import Document, Finding, text
from execute import Mode, Observation, Task, modes, observe
from matrix import RELEASES, SCENARIOS, Release, Scenario
from verdict import Verdict, judge

DOCUMENT = environment.ROOT / "docs" / "COMPATIBILITY.md"
PROJECTS = environment.HERE / "projects"


def say(*words: str) -> None:
    """Progress, one line at a time."""
    print(*words, flush=True)


def plugin_python(case: Case, interpreter: environment.Interpreter) -> Path:
    """Each project has an environment of its own: plugins must not see each other."""
    wanted = (PROJECTS / case.project / "requirements.txt").read_text(encoding="utf-8").split()
    constraints = "constraints-subtests.txt" if case.project == "subtests" else "constraints.txt"
    return environment.environment(interpreter, ["pytest", *[name for name in wanted if "<" not in name]], constraints)


def run_case(case: Case, python: Path, ways: list[Mode]) -> dict[str, Verdict]:
    """Mode to verdict."""
    task = Task(python, PROJECTS / case.project, case.arguments, case.readers, case.ignored_files,
                case.ignored_aspects, case.runs, case.parallel_arguments)
    with tempfile.TemporaryDirectory(prefix="comb-compat-") as workplace:
        seen = {mode.name: observe(task, mode, Path(workplace)) for mode in ways}
    serial, xdist = seen["serial"], seen["xdist"]
    verdicts = {name: judge(observation, serial, serial if name == "xdist" else xdist)
                for name, observation in seen.items() if name != "serial"}
    for name, verdict in verdicts.items():
        if not verdict.passed and name != "xdist":
            explain(case.name, name, verdict, seen[name])
    return verdicts


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


def run_plugins(names: list[str], document: Document) -> None:
    """Fills the first table."""
    interpreter = environment.interpreters()[-1]
    document.versions = "Python {}, pytest-xdist 3.8.0 for the plugins".format(interpreter.name)
    unknown = set(names) - {name for case in CASES for name in (case.name, case.project)}
    if unknown:
        raise SystemExit("no such case: " + ", ".join(sorted(unknown)))
    for case in CASES:
        if names and case.name not in names and case.project not in names:
            continue
        python = plugin_python(case, interpreter)
        ways = modes(environment.start_modes(python), environment.xdist(python))
        verdicts = run_case(case, python, ways)
        versions = environment.versions(python)
        version = versions.get(case.plugin.lower(), versions["pytest"])
        document.plugin_columns = ["plugin", "version", "pytest", "compared", *verdicts]
        document.plugins.append([case.plugin, version, versions["pytest"], case.compared,
                                 *[verdict.rival_cell if mode == "xdist" else verdict.cell
                                   for mode, verdict in verdicts.items()]])
        if case.note:
            document.notes.append("{} ({}): {}".format(case.plugin, case.compared, case.note))
        document.findings += [Finding("{} under {}".format(case.name, mode), verdict)
                              for mode, verdict in verdicts.items() if mode != "xdist"]
        cells = ("{}: {}".format(mode, verdict.cell) for mode, verdict in verdicts.items())
        say("{:24}".format(case.name), "; ".join(cells))


def run_scenario(scenario: Scenario, python: Path, starts: list[str], xdist_folder: Path) -> dict[str, Verdict]:
    """xdist is run only where comb is not as a serial run."""
    every = modes(starts, xdist_folder)
    by_name = {mode.name: mode for mode in every}
    auto = Mode("comb", ("--comb", "-n", "2"), (environment.PLUGIN, xdist_folder))
    ways = [auto] + ([mode for mode in every if mode.name.startswith("comb ")] if scenario.every_start else [])
    task = Task(python, PROJECTS / scenario.project, scenario.arguments, scenario.readers, (),
                scenario.ignored_aspects, scenario.runs)
    verdicts: dict[str, Verdict] = {}
    rival: Optional[Observation] = None
    with tempfile.TemporaryDirectory(prefix="comb-compat-") as workplace:
        serial = observe(task, by_name["serial"], Path(workplace))
        for mode in ways:
            seen = observe(task, mode, Path(workplace))
            verdict = judge(seen, serial, serial)
            if not verdict.passed:
                rival = rival or observe(task, by_name["xdist"], Path(workplace))
                verdict = judge(seen, serial, rival)
            if verdict.unlike_serial or not verdict.passed:
                explain(scenario.name, mode.name, verdict, seen)
            verdicts[mode.name] = verdict
    return verdicts


def run_cell(interpreter: environment.Interpreter, release: Release, document: Document) -> str:
    """All scenarios for one Python and one pytest: the text of the cell."""
    python = environment.environment(interpreter, ["pytest"], release.constraints)
    starts, folder = environment.start_modes(python), environment.xdist(python)
    version = environment.versions(python)["pytest"]
    total, passed, as_xdist = 0, 0, 0
    for scenario in SCENARIOS:
        for mode, verdict in run_scenario(scenario, python, starts, folder).items():
            total += 1
            passed += verdict.passed
            as_xdist += verdict.passed and bool(verdict.unlike_serial)
            where = "Python {}, pytest {}: {} under {}".format(interpreter.name, version, scenario.name, mode)
            document.findings.append(Finding(where, verdict))
    cell = "{} of {}".format(passed, total) + (", {} only as xdist".format(as_xdist) if as_xdist else "")
    say("Python {:8} pytest {:8} {}".format(interpreter.name, version, cell))
    return cell


def run_matrix(wanted: list[str], document: Document) -> None:
    """Fills the second table."""
    pythons = [found for found in environment.interpreters()
               if not any(word.startswith("3.") for word in wanted) or found.name.rsplit(".", 1)[0] in wanted]
    releases = [release for release in RELEASES if not [word for word in wanted if not word.startswith("3.")]
                or release.constraints[len("constraints-pytest"):-len(".txt")] in wanted]
    document.matrix_columns = ["Python", *["pytest " + release.version for release in releases]]
    document.scenarios = [scenario.name + ("*" if scenario.every_start else "") for scenario in SCENARIOS]
    document.matrix = [[interpreter.name, *["not run" if release.runs_on(interpreter) else "–" for release in releases]]
                       for interpreter in pythons]
    for column, release in enumerate(releases, 1):
        for row, interpreter in zip(document.matrix, pythons):
            if release.runs_on(interpreter):
                row[column] = run_cell(interpreter, release, document)
                write(document)


def write(document: Document) -> None:
    """What is known so far; a run takes long, and can be stopped."""
    if document.complete:
        DOCUMENT.write_text(text(document), encoding="utf-8")


def main() -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", "plugins", "matrix"), default="all")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    document = Document(complete=asked.what == "all")
    if asked.what in ("all", "plugins"):
        run_plugins(asked.names, document)
        write(document)
    if asked.what in ("all", "matrix"):
        run_matrix(asked.names, document)
    failed = [finding.where for finding in document.findings if not finding.verdict.passed]
    say("{} passed, {} failed".format(len(document.findings) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
