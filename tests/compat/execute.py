"""Runs a project once, in one mode, in a copy of its own, and observes everything that can be compared."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import artefacts
from environment import HERE, PLUGIN

TIME_LIMIT_S = 180
# Not the project's own: caches of the interpreter, comb's own folder.
NOT_COMPARED = ("*__pycache__*", "*.pyc", ".comb/*", ".pytest_cache/CACHEDIR.TAG", ".pytest_cache/README.md",
                ".pytest_cache/.gitignore")


@dataclass(frozen=True)
class Mode:
    """A way to run a suite."""

    name: str
    arguments: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    start: str = ""  # how comb is asked to start


@dataclass
class Observation:
    """What a run did: aspect to a value that JSON can hold."""

    aspects: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    start: str = ""  # how comb's workers came by their tests; none where it did not come to that
    reason: str = ""  # what comb said of why it did not start as it was asked to


@dataclass(frozen=True)
class Task:
    """What to run and what to look at afterwards."""

    python: Path
    project: Path
    arguments: tuple[str, ...]
    readers: tuple[str, ...] = ()
    ignored_files: tuple[str, ...] = ()
    ignored_aspects: tuple[str, ...] = ()
    runs: int = 1
    parallel_arguments: tuple[str, ...] = ()


def modes(starts: list[str], xdist: Path) -> list[Mode]:
    """Serial, pytest-xdist, comb in each way to start beside xdist, and comb without xdist."""
    parallel = ("-n", "2")
    combs = [Mode("comb " + start, ("--comb", *parallel, "--comb-start", start), (PLUGIN, xdist), start)
             for start in starts]
    return [Mode("serial"), Mode("xdist", parallel, (xdist,)), *combs, Mode("comb alone", parallel, (PLUGIN,))]


def _environment(mode: Mode, record: Path, mark: str) -> dict[str, str]:
    """This process's, without what would change the run."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "COV_", "COMB_", "PYTHON", "HYPOTHESIS_")) and name != "CI"}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (HERE / "recorder", *mode.paths))), "COLUMNS": "120",
            "COMB_COMPAT_RECORD": str(record), "COMB_COMPAT_MARK": mark, "TERM": "dumb",
            "PYTEST_DEBUG_TEMPROOT": str(record.parent)}  # or runs beside this one clear up in the same folder


def _left_behind(mark: str) -> list[int]:
    """Processes of a run that outlived it; given two seconds to go, then killed."""
    needle = "COMB_COMPAT_MARK={}".format(mark).encode()
    found: list[int] = []
    for attempt in range(20):
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if needle in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
        if not found:
            return []
        time.sleep(0.1)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return found


def _pytest(task: Task, mode: Mode, project: Path, record: Path, mark: str) -> tuple[int, str]:
    """Exit code and output; the whole process group is killed at the time limit."""
    command = [str(task.python), "-m", "pytest", "-p", "comb_compat_recorder", *mode.arguments, *task.arguments]
    command += task.parallel_arguments if mode.arguments else ()
    process = subprocess.Popen(command, cwd=project, env=_environment(mode, record, mark), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += b"\ncompat: killed after the time limit\n"
    return process.returncode, output.decode("utf-8", "backslashreplace")


def _read_record(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _report_line(entry: dict[str, Any]) -> str:
    """A report as one line that reads well in a difference."""
    parts = [entry["nodeid"], entry["when"], entry["outcome"]]
    parts += ["{}: {}".format(name, entry[name]) for name in ("context", "xfail", "message") if entry[name] is not None
              and entry[name] != ""]
    return " | ".join(map(str, parts))


def _counts(summaries: list[dict[str, Any]]) -> Any:
    """The figures of the last line; a warning may come once for each worker, so these are not counted."""
    return {name: count for name, count in summaries[-1]["stats"].items() if name != "warnings"} if summaries else None


def _from_record(record: list[dict[str, Any]]) -> dict[str, Any]:
    """The aspects that pytest's hooks show."""
    of = {kind: [entry for entry in record if entry["kind"] == kind]
          for kind in ("report", "collect", "warning", "summary", "start", "finish", "deselected", "end")}
    return {
        "outcomes": sorted(map(_report_line, of["report"])),
        "report details": sorted(json.dumps([entry[key] for key in ("nodeid", "when", "type", "sections", "keywords",
                                                                    "location")]) for entry in of["report"]),
        "collection": sorted("{nodeid} | {outcome} | {message}".format(**entry) for entry in of["collect"]),
        "warnings": sorted({"{category}: {message} ({when})".format(**entry) for entry in of["warning"]}),
        "summary": _counts(of["summary"]),
        "starts": dict(Counter(entry["nodeid"] for entry in of["start"])),
        "finishes": dict(Counter(entry["nodeid"] for entry in of["finish"])),
        "deselected": sum(entry["count"] for entry in of["deselected"]),
        "ended in order": len(of["end"]),
        "workers": len({entry["worker"] for entry in of["report"]}),
    }


def _files(project: Path, ignored: tuple[str, ...]) -> list[str]:
    """What lies in the project afterwards."""
    names = [path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()]
    return sorted(name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored))


def _reason(output: str, workplace: Path) -> str:
    """Behind the start that comb went over to."""
    said = re.findall(r"^comb: start=\w+(?:, each worker collects for itself)?: (.+)$", output, re.M)
    return said[-1].replace(str(workplace / "project") + os.sep, "").strip() if said else ""


def _copy(source: Path, target: Path) -> None:
    """Afresh. Where there is one test file it is there twice, under two names: one file cannot be shared out."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    if len(list(target.rglob("test_*.py"))) != 1:
        return
    for path in list((target / "tests").glob("*.py")):
        if path.name != "conftest.py":
            shutil.copy(path, path.with_name(path.stem + "_again.py"))


def observe(task: Task, mode: Mode, workplace: Path) -> Observation:
    """Runs the task in a fresh copy of its project (always at the same path, so that texts compare)."""
    project, record = workplace / "project", workplace / "record.jsonl"
    _copy(task.project, project)
    mark = uuid.uuid4().hex
    for _ in range(task.runs):
        record.unlink(missing_ok=True)
        code, output = _pytest(task, mode, project, record, mark)
    entries = _read_record(record)
    seen = Observation(_from_record(entries), output)
    seen.aspects["exit code"] = code
    seen.aspects["processes left"] = len(_left_behind(mark))
    seen.aspects["files"] = _files(project, NOT_COMPARED + task.ignored_files)
    seen.start = next((entry.get("start", "") for entry in entries if entry["kind"] == "summary"), "")
    seen.reason = _reason(output, workplace)
    for name in task.readers:
        seen.aspects[name] = artefacts.read(name, artefacts.Run(project, output, entries))
    for name in task.ignored_aspects:
        del seen.aspects[name]
    return seen
