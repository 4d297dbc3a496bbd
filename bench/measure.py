"""Run one way once and read a number off it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

USAGE = '''"""Writes what the process that pytest was started as has computed."""
import os, resource

def pytest_unconfigure(config):
    if os.getpid() == int(os.environ.get("BENCH_PID", os.getpid())) and "PYTEST_XDIST_WORKER" not in os.environ:
        used = resource.getrusage(resource.RUSAGE_SELF)
        with open(os.environ["BENCH_USAGE"], "a") as out:
            out.write(f"{os.getpid()} {used.ru_utime + used.ru_stime}\\n")
'''


ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build" / "plugin"
OUTCOMES = ROOT / "tests" / "real"
"""Where the plugin `outcomes` is, which is not comb's."""


class Failed(Exception):
    """A run did not end as it should."""


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the time of a measurement; what a bench left that was killed goes with it."""
    prefix = "comb-bench-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}[0-9]*-*"):
        if not Path("/proc", left.name[len(prefix):].partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-")


def forget_compiled(folder: Path) -> None:
    """What Python and pytest keep of the modules below it."""
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)


def environment(**more: str) -> dict[str, str]:
    """Ours without what would steer pytest or Python."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COMB_", "PYTHON"))}
    return {**clean, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}


def of_project() -> dict[str, str]:
    """In an environment of a project's own comb's plugin is found by its path."""
    found = environment(PYTHONPATH=str(PLUGIN))
    del found["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    return found


def command(arguments: list[str]) -> list[str]:
    """The interpreter that runs the bench runs the suites."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--maxfail=3", "--tb=short", *arguments]


def _finish(process: subprocess.Popen[bytes], arguments: list[str]) -> None:
    out, _ = process.communicate()
    if process.returncode != 0:
        raise Failed(f"exit code {process.returncode} from pytest {' '.join(arguments)}\n{out.decode(errors='replace')[-2000:]}")


def _start(arguments: list[str], folder: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(arguments), cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def _project(python: str, arguments: list[str], folder: Path, env: dict[str, str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode not in (0, 1):
        raise Failed(f"exit code {done.returncode} from pytest {' '.join(arguments)}\n{done.stdout.decode(errors='replace')[-2000:]}")
    return time.perf_counter() - start


def project_wall(python: str, arguments: list[str], folder: Path) -> float:
    """The same for the suite of a project, some of whose tests may fail."""
    return _project(python, arguments, folder, of_project())


def project_outcomes(python: str, arguments: list[str], folder: Path) -> dict[str, list[Any]]:
    """Which tests a way of running a project's suite has collected, and how each ended."""
    with scratch_folder() as scratch:
        found, env = Path(scratch, "outcomes.json"), of_project()
        env.update(PYTHONPATH=f"{env['PYTHONPATH']}:{OUTCOMES}", OUTCOMES_FILE=str(found))
        _project(python, ["-p", "outcomes", *arguments], folder, env)
        return dict(json.loads(found.read_text()))


def check_same(serial: dict[str, list[Any]], other: dict[str, list[Any]], label: str) -> None:
    """A figure means nothing where tests are missing or end otherwise."""
    lines = []
    for what in ("collected", "ended"):
        was, now = (Counter(map(str, run[what])) for run in (serial, other))
        lines += [f"- {one}" for one in was - now] + [f"+ {one}" for one in now - was]
    if lines:
        raise Failed(f"{label} differs from serial in {len(lines)} places:\n" + "\n".join(sorted(lines)[:20]))


def wall(arguments: list[str], folder: Path) -> float:
    """Seconds from start to end of the process."""
    start = time.perf_counter()
    _finish(_start(arguments, folder, environment()), arguments)
    return time.perf_counter() - start


def controller(arguments: list[str], folder: Path) -> float:
    """CPU seconds of the first process alone."""
    with scratch_folder() as scratch:
        Path(scratch, "bench_usage.py").write_text(USAGE)
        usage = Path(scratch, "usage")
        env = environment(PYTHONPATH=scratch, BENCH_USAGE=str(usage))
        process = _start(["-p", "bench_usage", *arguments], folder, env)
        _finish(process, arguments)
        seconds = [float(cpu) for pid, cpu in (line.split() for line in usage.read_text().splitlines())
                   if int(pid) == process.pid]
        if not seconds:
            raise Failed("the controller did not tell its CPU time")
        return seconds[-1]


def _descendants(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += parents.get(pid, [])
    return found


def _pss_bytes(pid: int) -> int:
    try:
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def memory(arguments: list[str], folder: Path) -> float:
    """The most that all processes together held, in MB of proportional set size."""
    process = _start(arguments, folder, environment())
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.1):
            most = max(most, sum(_pss_bytes(pid) for pid in _descendants(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _finish(process, arguments)
    finally:
        done.set()
        watcher.join()
    return most / 1e6
