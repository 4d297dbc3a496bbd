"""Interpreters of this machine, and virtual environments made from pinned requirements, kept in build/compat."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "build" / "compat"
PLUGIN = Path(os.environ.get("COMB_PLUGIN", ROOT / "build" / "plugin"))
MAKING = threading.Lock()
OLDEST, NEWEST = (3, 9), (3, 14)


@dataclass(frozen=True)
class Interpreter:
    """A Python that comb supports."""

    path: str
    version: tuple[int, ...]

    @property
    def name(self) -> str:
        """As people write it: 3.13.0."""
        return ".".join(map(str, self.version))

    @property
    def minor(self) -> str:
        """Without the last number: 3.13."""
        return ".".join(map(str, self.version[:2]))


def _ask(path: str) -> Optional[Interpreter]:
    """None where it does not run, or cannot make virtual environments."""
    code = "import ensurepip, sqlite3, ssl, sys; print(*sys.version_info[:3])"
    answer = subprocess.run([path, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if answer.returncode:
        return None
    return Interpreter(path, tuple(map(int, answer.stdout.split())))


def interpreters() -> list[Interpreter]:
    """One of each minor version found on PATH and under pyenv, oldest first."""
    names = ["python3.{}".format(minor) for minor in range(OLDEST[1], NEWEST[1] + 1)]
    paths = [found for found in map(shutil.which, names) if found and "shims" not in found]
    paths += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python")))
    paths.append(sys.executable)
    found: dict[tuple[int, ...], Interpreter] = {}
    for interpreter in filter(None, map(_ask, paths)):
        if OLDEST <= interpreter.version[:2] <= NEWEST:
            found.setdefault(interpreter.version[:2], interpreter)
    return [found[minor] for minor in sorted(found)]


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError("{}: {}".format(" ".join(command), done.stdout.strip()))


def environment(interpreter: Interpreter, requirements: list[str], constraints: str) -> Path:
    """The interpreter of a virtual environment with exactly these requirements, made when it is not there yet."""
    pins = (HERE / constraints).read_text(encoding="utf-8")
    key = "\n".join([interpreter.path, interpreter.name, *requirements, pins])
    folder = CACHE / "venv" / hashlib.sha256(key.encode()).hexdigest()[:16]
    python = folder / "bin" / "python"
    with MAKING:
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([interpreter.path, "-m", "venv", str(folder)], check=True)
            _pip(python, "install", "-c", str(HERE / constraints), *requirements)
            (folder / "complete").touch()
    return python


def xdist(python: Path) -> Path:
    """A folder with pytest-xdist alone, so that it can be there for some runs and absent for others."""
    pins = [line for line in (HERE / "constraints.txt").read_text(encoding="utf-8").splitlines()
            if line.startswith(("pytest-xdist==", "execnet=="))]
    folder = CACHE / "-".join(["xdist", *(pin.split("==")[1] for pin in pins)])
    with MAKING:
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _pip(python, "install", "--no-deps", "--target", str(folder), *pins)
            (folder / "complete").touch()
    return folder


def versions(python: Path) -> dict[str, str]:
    """Distribution name, lower case with dashes: its version."""
    code = ("from importlib.metadata import distributions as d\n"
            "for x in d(): print(x.metadata['Name'].lower().replace('_', '-'), x.version)")
    text = subprocess.run([str(python), "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(line.split(" ", 1) for line in text.splitlines())


def start_modes(python: Path) -> list[str]:
    """The ways to start that the engine offers, besides choosing by itself."""
    code = "from pytest_comb.options import START_MODES; print(*START_MODES)"
    done = subprocess.run([str(python), "-c", code], stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(PLUGIN)})
    return [mode for mode in done.stdout.split() if mode != "auto"]
