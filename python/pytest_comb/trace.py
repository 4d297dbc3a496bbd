"""--comb-trace: who ran what, when and why, as a file; --comb-replay: the same again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Sequence

import pytest

from pytest_comb import _comb

if TYPE_CHECKING:
    from pytest_comb.controller import Controller


def add_options(parser: pytest.Parser) -> None:
    """Both are paths."""
    group = parser.getgroup("comb", "comb: run tests in parallel")
    group.addoption("--comb-trace", default=None, metavar="FILE", dest="comb_trace",
                    help="Write which worker ran which test when, and why, in Chrome's trace format (opens in Perfetto)")
    group.addoption("--comb-replay", default=None, metavar="FILE", dest="comb_replay",
                    help="Run every test on the worker and in the order that a file of --comb-trace recorded")


def is_traced(options: Any) -> bool:
    """Before the first fork."""
    return bool(options.comb_trace or options.comb_replay)


def board_kind(options: Any) -> int:
    """What _comb.Board() is given."""
    return 2 if options.comb_replay else int(bool(options.comb_trace))


def _bytes(ids: Sequence[str]) -> list[bytes]:
    return [nodeid.encode("utf-8", "surrogatepass") for nodeid in ids]


def workers_of_record(given: Any) -> int:
    """How many workers the replay needs, by these options; 0 when none is asked for."""
    path = given.comb_replay
    if not path:
        return 0
    try:
        workers = _comb.record_workers(os.fsencode(path))
    except OSError as error:
        raise pytest.UsageError(f"--comb-replay: {error}") from None
    asked = getattr(given, "numprocesses", None)
    if isinstance(asked, int) and asked != workers:
        raise pytest.UsageError(f"--comb-replay: {path} was recorded with {workers} workers, not {asked}; leave out -n")
    return workers


def demand(board: Any, config: pytest.Config, ids: Sequence[str]) -> None:
    """After the plan is made, by whoever made it."""
    if config.option.comb_replay:
        try:
            board.replay(os.fsencode(config.option.comb_replay), _bytes(ids))
        except OSError as error:
            raise pytest.UsageError(f"--comb-replay: {error}") from None


def write(controller: Controller) -> None:
    """At the end of every run that got as far as a plan, also of a failed one."""
    path = controller.config.option.comb_trace
    if not path or not controller.ids:
        return
    try:
        controller.board.write_trace(os.fsencode(path), _bytes(controller.ids))
    except OSError as error:
        controller.crashes.notes.append(f"--comb-trace: {error}")
