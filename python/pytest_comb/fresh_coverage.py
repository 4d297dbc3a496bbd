"""coverage.py in a process that runs one test: a data file of its own, which is combined with the others."""

from __future__ import annotations

import os
import sys
from typing import Any


def own_file() -> Any:
    """The measurement in force, or None. Its data file has the parent's name otherwise."""
    module = sys.modules.get("coverage")
    coverage = module.Coverage.current() if module is not None else None
    data = getattr(coverage, "_data", None)
    if data is None or not hasattr(data, "_suffix"):
        return None
    data._suffix = f"fresh.{os.uname().nodename}.{os.getpid()}.{os.urandom(4).hex()}"
    return coverage


def save(coverage: Any) -> None:
    """What was measured in this process (and what its parent had measured at the fork)."""
    if coverage is not None:
        coverage.stop()
        coverage.save()
