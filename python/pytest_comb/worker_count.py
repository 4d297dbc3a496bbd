"""How many workers a run has: -n, what auto means, and what limits both."""

from __future__ import annotations

import argparse
import os
import warnings
from typing import Any, Optional, Union

import pytest

from pytest_comb import _comb

VARIABLE = "PYTEST_XDIST_AUTO_NUM_WORKERS"


def parse(text: str) -> Union[int, str]:
    """The value of -n, for argparse."""
    try:
        return text if text in ("auto", "logical") else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers; write one, auto or logical") from None


def limited(workers: int, options: Any) -> int:
    """By --maxprocesses, as far as it says something."""
    limit = getattr(options, "maxprocesses", None)
    return min(workers, limit) if limit else workers


def check(options: Any) -> None:
    """The values that count workers, whoever declared the options: a usage error says which one makes no sense."""
    asked, limit = getattr(options, "numprocesses", None), getattr(options, "maxprocesses", None)
    if limit is not None and limit < 0:
        raise pytest.UsageError(f"--maxprocesses={limit}: expected a number of workers (0: no limit)")
    if isinstance(asked, int):
        _check(f"-n {asked}", limited(asked, options))
    restarts = getattr(options, "maxworkerrestart", None)
    try:
        makes_sense = restarts is None or int(restarts) >= 0
    except ValueError:
        makes_sense = False
    if not makes_sense:
        raise pytest.UsageError(f"--max-worker-restart={restarts}: expected how many crashed workers are replaced (0: none)")


def _check(origin: str, workers: int) -> int:
    """Workers, where there can be so many."""
    if workers < 0:
        raise pytest.UsageError(f"{origin}: expected a number of workers (0: none, all tests run in one process)")
    if workers > _comb.MAX_WORKERS:
        raise pytest.UsageError(f"{origin}: {workers} workers asked for, at most {_comb.MAX_WORKERS} are possible; "
                                "give a smaller number, or auto")
    return workers


def _by_environment() -> Optional[int]:
    """As pytest-xdist reads it."""
    given = os.environ.get(VARIABLE)
    if given is None:
        return None
    try:
        workers = int(given)
    except ValueError:
        workers = -1
    if workers < 0:
        warnings.warn(f"{VARIABLE} is not a number of workers: {given!r}. Ignoring it.", stacklevel=2)
        return None
    return _check(f"{VARIABLE}={given}", workers)


def _quota_of_cgroup() -> Optional[float]:
    """CPUs that this control group may use, or None."""
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()[:2]
        return None if quota == "max" else float(quota) / float(period)
    except (OSError, ValueError):
        return None


def usable_cpus() -> int:
    """CPUs this process may use: affinity and control group."""
    cpus = len(os.sched_getaffinity(0))
    quota = _quota_of_cgroup()
    return max(1, min(cpus, int(quota + 0.5))) if quota else cpus


def _automatic(config: pytest.Config) -> int:
    """What `-n auto` means."""
    by_hook = config.hook.pytest_xdist_auto_num_workers
    own = [impl for impl in by_hook.get_hookimpls() if not impl.plugin_name.startswith(("xdist", "pytest_comb"))]
    if own:
        return _check("the hook pytest_xdist_auto_num_workers", by_hook(config=config))
    given = _by_environment()
    return usable_cpus() if given is None else given


def count(config: pytest.Config) -> int:
    """The workers of this run; 0 for none."""
    asked = getattr(config.option, "numprocesses", None)
    return limited(asked if isinstance(asked, int) else _automatic(config), config.option)
