"""--comb-gap: how far the run was from the lower bound, and what the time went into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_comb.controller import Controller


def add_options(parser: pytest.Parser) -> None:
    """A flag."""
    group = parser.getgroup("comb", "comb: run tests in parallel")
    group.addoption("--comb-gap", action="store_true", dest="comb_gap", default=False,
                    help="Say at the end how far the run was from the shortest possible one, and what the time went into")


class Gap:
    """In the controller, where it is asked for."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """After everything about tests."""
        durations = self.controller.durations
        ran = {record[0]: record[3][2] + record[3][5] + record[3][8] for record in durations.passed}
        ran.update((test, sum(row[1:])) for test, row in durations.others.items())
        if not ran:
            return
        paused_s = self.controller.suspension.paused_ns(0) / 1e9
        if paused_s:
            terminalreporter.write_line(f"comb: --comb-gap says nothing of a run that stood still, here for {paused_s:.1f} s")
            return
        tests = [(test, max(0.0, seconds - durations.wide.get(test, 0.0))) for test, seconds in ran.items()]
        setups = [(test, scope == "module", name.encode("utf-8", "replace"), seconds)
                  for test, scope, name, seconds in durations.paid if test in ran]
        terminalreporter.write_sep("=", "comb: distance to the lower bound")
        terminalreporter.write(self.controller.board.gap(tests, setups))
