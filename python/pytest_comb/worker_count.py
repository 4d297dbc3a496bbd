"""How many workers a run has: -n, what auto means, and what limits both."""

from __future__ import annotations

import argparse
import os
import warnings
from typing import Any, Optional, Union

import pytest

from pytest_comb import _comb

VARIABLE = "PYTEST_XDIST_AUTO_NUM_WORKERS"
Count = tuple[int, str]
"""A number of workers, 0 for none; and for a person why it is fewer than one may expect, '' where it is not."""


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
    replaced(options)


def replaced(options: Any) -> Optional[int]:
    """How many crashed workers are, by --max-worker-restart; None where it says nothing. Negative is none, as to pytest-xdist."""
    given = getattr(options, "maxworkerrestart", None)
    try:
        return None if given is None else max(0, int(given))
    except ValueError:
        raise pytest.UsageError(f"--max-worker-restart={given}: expected how many crashed workers are replaced "
                                "(0: none)") from None


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


def _automatic(config: pytest.Config) -> Count:
    """What `-n auto` means."""
    by_hook = config.hook.pytest_xdist_auto_num_workers
    own = [impl for impl in by_hook.get_hookimpls() if not impl.plugin_name.startswith(("xdist", "pytest_comb"))]
    asked = by_hook(config=config) if own else None
    if asked is not None:
        return _check("the hook pytest_xdist_auto_num_workers", asked), ""
    given = _by_environment()
    return _of_machine(config) if given is None else (given, "")


def _of_machine(config: pytest.Config) -> Count:
    """As many as there are processors, and memory for."""
    from pytest_comb import history

    processors = _comb.processors()
    workers = _comb.fitting_workers(os.fsencode(str(config.rootpath)) if history.is_on(config) else None, processors)
    return workers, ("memory for no more" if workers < processors else "")


def count(config: pytest.Config) -> Count:
    """For this run."""
    asked = getattr(config.option, "numprocesses", None)
    workers, why = (asked, "") if isinstance(asked, int) else _automatic(config)
    return limited(workers, config.option), why


def expected(options: Any) -> int:
    """What count() says if neither a hook nor the memory has a say in it: for those who are told before either can be asked."""
    asked, given = getattr(options, "numprocesses", None), os.environ.get(VARIABLE, "")
    if not isinstance(asked, int):
        asked = int(given) if given.isdecimal() else _comb.processors()
    return limited(asked, options)
