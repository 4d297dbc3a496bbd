"""Adopts pinned releases of public projects and compares them before and after.

    python tests/real/real.py [--only NAME] [--table docs/REAL.md]

The sdists and virtual environments are kept in build/real; the work on each
project happens in a temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare import Ids, differences
from debian import fetch_upstream

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
CACHE = Path(os.environ.get("COMB_REAL_CACHE", TOP / "build" / "real"))
COMB = os.environ.get("COMB", str(TOP / "build" / "comb"))


@dataclass
class Project:
    """A row of projects.toml."""

    name: str
    version: str
    sha256: str
    kind: str
    requires: list[str] = field(default_factory=list)
    light: bool = False
    pins: list[str] = field(default_factory=list)  # name==version, in place of constraints.txt's
    debian: str = ""  # version of Debian's source package; else the sdist


@dataclass
class Result:
    """What became of one project."""

    project: Project
    tests: int
    unstable: int  # ids that differ in any two runs
    same_ids: bool
    same_outcomes: bool
    differences: list[str]
    report: dict
    adopt_s: float
    python: Path

    @property
    def unchanged(self) -> bool:
        """The branch holds the same tests with the same outcomes."""
        return self.same_ids and self.same_outcomes

    def findings(self, state: str) -> list[dict]:
        """What the gates of safety found, each once: "confirmed" or "suspected"."""
        found = {json.dumps(finding, sort_keys=True): finding for gate in self.report["gates"]
                 for finding in (gate.get("data") or {}).get("findings", ())}
        return [finding for finding in found.values() if finding["state"] == state]

    def gates(self) -> list[dict]:
        """Each gate as it stands at the end: in the clean checkout, where it was validated there."""
        validated = {gate["gate"]: gate for gate in self.report["validation"]}
        return [validated.get(gate["gate"], gate) for gate in self.report["gates"]]

    def failed_gates(self) -> list[dict]:
        """Gates that were not reached; each has to have a reason."""
        return [gate for gate in self.gates() if gate["status"] == "failed"]


def load_projects() -> list[Project]:
    """All rows of projects.toml."""
    rows = tomllib.loads((HERE / "projects.toml").read_text())
    return [Project(name=name, **row) for name, row in rows.items()]


def run(*command: str | Path, cwd: Path | None = None, **more: object) -> subprocess.CompletedProcess:
    """A command that has to succeed, quietly."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def fetch(project: Project) -> Path:
    """The sources, from the cache, the package index or Debian, with their hash checked."""
    folder = CACHE / "sdists"
    archive = folder / f"{project.name.replace('-', '_')}-{project.version}.tar{'.orig' if project.debian else '.gz'}"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if project.debian:
            fetch_upstream(project.name, project.debian, archive)
        else:
            run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", folder,
                f"{project.name}=={project.version}")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != project.sha256:
        raise RuntimeError(f"{archive.name} has hash {digest}, expected {project.sha256}")
    return archive


def pinned(project: Project) -> str:
    """constraints.txt with the project's own pins."""
    own = {pin.partition("==")[0]: pin for pin in project.pins}
    lines = (HERE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "".join(own.pop(line.partition("==")[0], line) + "\n" for line in lines) + "".join(f"{pin}\n" for pin in own.values())


def environment(project: Project) -> Path:
    """The interpreter of a virtual environment with the project, its test dependencies, pytest and xdist."""
    wanted = [f"{project.name}=={project.version}", "pytest", "pytest-xdist", *project.requires]
    constraints = pinned(project)
    key = hashlib.sha256(repr((wanted, sys.version_info[:2])).encode() + constraints.encode()).hexdigest()[:12]
    folder = CACHE / f"{project.name}-{key}"
    python = folder / "bin" / "python"
    if not (folder / ".done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run(sys.executable, "-m", "venv", folder)
        (folder / "constraints.txt").write_text(constraints, encoding="utf-8")
        run(python, "-m", "pip", "install", "-q", "-c", folder / "constraints.txt", *wanted)
        (folder / ".done").touch()
    return python


def check_out(project: Project, into: Path) -> Path:
    """The unpacked sdist as a git repository with one commit."""
    with tarfile.open(fetch(project)) as archive:
        archive.extractall(into, filter="data")
    (tree,) = into.iterdir()
    git = ["git", "-C", str(tree), "-c", "user.name=real", "-c", "user.email=real@localhost"]
    run(*git, "init", "--quiet", "--initial-branch=main")
    run(*git, "add", "--all", "--force")
    run(*git, "commit", "--quiet", "--message", f"{project.name} {project.version}")
    return tree


def outcomes(python: Path, tree: Path, *arguments: str) -> tuple[dict, float]:
    """One pytest run: what it collected, how each test ended, and its wall time in seconds."""
    with tempfile.TemporaryDirectory(prefix="comb-real-") as folder:
        path = Path(folder) / "outcomes.json"
        env = {**os.environ, "OUTCOMES_FILE": str(path), "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(python), "-m", "pytest", "-q", "-p", "outcomes", "-p", "no:cacheprovider", "--continue-on-collection-errors",
                   *arguments]
        start = time.monotonic()
        done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        if not path.exists():
            raise RuntimeError(f"pytest wrote no outcomes in {tree}: exit {done.returncode}\n{done.stdout[-4000:]}")
        return json.loads(path.read_text()), seconds


def adopt(project: Project, work: Path, budget: str) -> Result:
    """Before, `comb adopt`, after."""
    python = environment(project)
    tree = check_out(project, work)
    before, again = outcomes(python, tree)[0], outcomes(python, tree, "--collect-only")[0]
    ids = Ids(before["collected"], again["collected"])
    start = time.monotonic()
    done = subprocess.run([COMB, "adopt", "--json", "--allow-failing", "--budget", budget, "--python", str(python),
                           str(tree)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    adopt_s = time.monotonic() - start
    if done.returncode not in (0, 1):
        raise RuntimeError(f"comb adopt {project.name}: exit {done.returncode}\n{done.stderr[-4000:]}")
    if subprocess.run(["git", "-C", tree, "status", "--porcelain"], capture_output=True).stdout:
        raise RuntimeError(f"comb adopt {project.name} changed the user's tree")
    run("git", "-C", tree, "checkout", "--quiet", "parallel-testing")
    after, _ = outcomes(python, tree)
    return Result(project, len(before["collected"]), ids.count(), *differences(before, after, ids),
                  json.loads(done.stdout), adopt_s, python)


def cell(text: str) -> str:
    """Text as it can stand in a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())


def table(results: list[Result], refused: dict[str, str]) -> str:
    """docs/REAL.md."""
    lines = [
        "# Real projects",
        "",
        "Written by `make real`: pinned source releases of public projects, adopted by `comb adopt --allow-failing`.",
        "Same: the branch collects the same node ids, and every test ends as before, in a plain `pytest` run.",
        f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, packages as pinned in tests/real/constraints.txt"
        + "".join(f"; {r.project.name} with {' and '.join(r.project.pins)}" for r in results if r.project.pins) + ".",
        "",
        "Serial and configured: medians measured in the clean checkout of the validation, interleaved. Findings: confirmed by",
        "experiment and kept apart by groups where they matter, and suspected by static rules alone.",
        "",
        "| project | kind | tests | same | serial | configured | ratio | gates | findings | adopted in |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in results:
        before_s, after_s = r.report["before_s"], r.report["after_s"]
        passed = sum(gate["status"] == "passed" for gate in r.gates())
        times = ["–", "–", "–"]
        if before_s and after_s:
            times = [f"{before_s:.2f} s", f"{after_s:.2f} s", f"{after_s / before_s:.2f}"]
        lines.append(f"| {r.project.name} {r.project.version} | {cell(r.project.kind)} | {r.tests} | "
                     f"{'yes' if r.unchanged else 'NO'} | {' | '.join(times)} | "
                     f"{passed} of {len(r.gates())} | {len(r.findings('confirmed'))} confirmed, "
                     f"{len(r.findings('suspected'))} suspected | {r.adopt_s:.0f} s |")
    for r in results:
        lines += ["", f"## {r.project.name} {r.project.version}", ""]
        lines += [f"- {gate['gate']} {gate['status']}: {cell(gate['figure'] or gate['title'])}".replace(str(r.python), "its python")
                  for gate in r.gates()]
        lines += [f"- confirmed {finding['code']}: {cell(finding['title'])}: `{cell(str(finding['subject']))}`"
                  + (f", group {cell(finding['group'])}" if finding["group"] else "") for finding in r.findings("confirmed")]
        if r.unstable:
            lines += [f"- {r.unstable} ids differ in any two runs of the unchanged project: compared by function and number"]
        lines += [f"- differs: `{line}`" for line in r.differences]
    lines += ["", *(f"{name} could not be adopted: {reason}" for name, reason in refused.items())] if refused else []
    return "\n".join(lines) + "\n"


def tell(result: Result) -> None:
    """One project on the terminal."""
    print(f"{result.project.name}: {result.tests} tests, {'same' if result.unchanged else 'DIFFERENT'}, "
          f"{len(result.failed_gates())} gates failed, {result.adopt_s:.0f} s", flush=True)
    print("".join(f"  {line}\n" for line in result.differences), end="", flush=True)


def main() -> int:
    """Adopts the projects asked for; 1 when ids or outcomes changed anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="this project alone (may be repeated)")
    parser.add_argument("--budget", default="1m", help="measuring time for comb tune")
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    results: list[Result] = []
    refused: dict[str, str] = {}  # name: what comb said
    for project in load_projects():
        if options.only and project.name not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="comb-real-") as work:
            try:
                results.append(adopt(project, Path(work), options.budget))
                tell(results[-1])
            except RuntimeError as error:
                print(f"{project.name}: {error}", file=sys.stderr, flush=True)
                said = [line for line in str(error).splitlines() if line.startswith("comb: ")]
                refused[project.name] = said[-1] if said else str(error).splitlines()[0]
        if options.table:
            options.table.write_text(table(results, refused), encoding="utf-8")
    return 0 if not refused and all(result.unchanged for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
