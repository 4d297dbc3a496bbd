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


def need_workers(options: Any, why_not: str) -> None:
    """Where there will be none: a run that would leave out what was asked for is refused."""
    if is_traced(options):
        raise pytest.UsageError(f"--comb-trace and --comb-replay need workers{why_not}")


def check_path(options: Any) -> None:
    """A trace that cannot be written is known before the run, not after it."""
    path = options.comb_trace
    if not path:
        return
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise pytest.UsageError(f"--comb-trace: {path} cannot be written: there is no folder {folder}")
    if os.path.isdir(path) or not os.access(folder, os.W_OK | os.X_OK):
        raise pytest.UsageError(f"--comb-trace: {path} cannot be written: "
                                + ("it is a folder" if os.path.isdir(path) else f"no file can be made in {folder}"))


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


def omitted(config: pytest.Config, ids: Sequence[str], copies: int) -> list[int]:
    """Indices of tests that did not run in the record: it ends before them. copies: how many workers run each test."""
    if not config.option.comb_replay:
        return []
    try:
        return _comb.record_omits(os.fsencode(config.option.comb_replay), _bytes(ids), copies)  # type: ignore[no-any-return]
    except OSError as error:
        raise pytest.UsageError(f"--comb-replay: {error}") from None


def leave_out(controller: Controller, ids: list[str], omitted: list[int]) -> list[str]:
    """On the controller, where the record ends early: the ids of tests that no worker runs."""
    controller.omitted = set(omitted)
    if not omitted:
        return []
    controller.ids = ids
    total = controller.count_tests()
    controller.crashes.notes.append(f"comb: {controller.config.option.comb_replay} ends after {total} of "
                                    f"{total + len(omitted)} tests: the others were deselected")
    copies = (total + len(omitted)) // len(ids)
    return [ids[n] for n in omitted if n < len(ids) and all(n + c * len(ids) in controller.omitted for c in range(copies))]


def write(controller: Controller) -> None:
    """At the end of every run that got as far as a plan, also of a failed one."""
    path = controller.config.option.comb_trace
    if not path or not controller.ids:
        return
    try:
        controller.board.write_trace(os.fsencode(path), _bytes(controller.ids))
    except OSError as error:
        controller.crashes.notes.append(f"--comb-trace: {error}")
