"""What runs found, a file in build/compat/results for each case and cell: a run that is stopped goes on later."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import environment
from verdict import Verdict

FOLDER = environment.CACHE / "results"
WATCHED = ("src", "python", "tests/compat")


@dataclass
class Result:
    """Of a case (one entry, without a name) or of a cell (an entry for each scenario): mode to verdict."""

    key: str
    versions: dict[str, str]
    found: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    date: str = ""
    commit: str = ""

    def has_passed(self, scenario: str) -> bool:
        """It has been run, and nothing differed."""
        modes = self.found.get(scenario, {})
        return bool(modes) and all(verdict.passed for mode, verdict in modes.items() if mode != "xdist")

    def verdicts(self) -> list[tuple[str, str, Verdict]]:
        """Of comb: scenario, mode, verdict."""
        return [(scenario, mode, verdict) for scenario, modes in self.found.items() for mode, verdict in modes.items()
                if mode != "xdist"]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(environment.ROOT), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def commit() -> str:
    """What is being run; none outside of a repository."""
    name = _git("log", "-1", "--format=%h")
    return name + (" with changes" if name and _git("status", "--porcelain", "--", *WATCHED) else "")


def _path(key: str) -> Path:
    return FOLDER / (key.replace("/", "-") + ".json")


def keep(result: Result) -> None:
    """Replaces what was known of it."""
    result.date, result.commit = datetime.date.today().isoformat(), commit()
    path = _path(result.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(dataclasses.asdict(result), indent=1), encoding="utf-8")
    beside.replace(path)


def known(key: str) -> Optional[Result]:
    """None where it has not been run."""
    path = _path(key)
    if not path.exists():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    values["found"] = {scenario: {mode: Verdict(**verdict) for mode, verdict in modes.items()}
                       for scenario, modes in values["found"].items()}
    return Result(**values)


def forget(keys: list[str]) -> None:
    """They are going to be run again."""
    for key in keys:
        _path(key).unlink(missing_ok=True)
