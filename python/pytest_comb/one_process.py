"""Runs that workers were asked for and that go without them: only pytest's own process can do what else was asked for."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from pytest_comb import trace

# With these, pytest prints something and runs no test.
LISTINGS = ("help", "version", "collectonly", "markers", "show_fixtures_per_test", "showfixtures", "cacheshow", "show_hooks",
            "setupplan")
IN_ORDER = "--stepwise goes through the tests in order"
# With these, tests run, and the user is told why they run without workers; by the option's dest.
REASONS = {
    "stepwise": IN_ORDER,
    "stepwise_skip": IN_ORDER,
    "stepwise_reset": IN_ORDER,
    "setuponly": "--setup-only shows each set-up when it happens",
    "setupshow": "--setup-show shows each set-up when it happens",
    "usepdb": "--pdb needs the terminal",
    "trace": "--trace needs the terminal",
}
# What only workers have, by the option's dest.
LIMITS = {"comb_timeout": "--comb-timeout", "comb_max_rss": "--comb-max-rss"}
DEBUGGERS = ("usepdb", "trace")


def is_asked_for(config: pytest.Config, options: Any) -> bool:
    """Whether a run of comb's has to do without workers; registers who tells so.

    A debugger with an explicit number of workers is a usage error, as with pytest-xdist, and so is a trace of workers.
    """
    lists = any(getattr(options, name, False) for name in LISTINGS)
    given = [name for name in REASONS if getattr(options, name, False)]
    if not (lists or given):
        return False
    reason = None if lists else REASONS[given[0]]
    if reason and any(name in DEBUGGERS for name in given) and isinstance(getattr(options, "numprocesses", None), int):
        raise pytest.UsageError("--pdb is incompatible with distributing tests; try using -n0 or -nauto.")
    if reason:
        trace.need_workers(options, f", but {reason}: leave one of them out")
    config.pluginmanager.register(OneProcess(reason), "comb-one-process")
    return True


def without_effect(config: pytest.Config) -> Optional[str]:
    """A line about limits that this run, which is without workers of comb's, does not keep; None where none is set."""
    given = [option for name, option in LIMITS.items() if getattr(config.option, name)]
    if not given or config.option.collectonly:
        return None
    return f"comb: no effect of {' and '.join(given)}: these tests are not run by workers of comb's (--comb -n N)"


class OneProcess:
    """The plugin of such a run: it has none of pytest-xdist's workers either."""

    def __init__(self, reason: Optional[str]) -> None:
        self.reason = reason  # None: nobody expects a test to run

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Before pytest-xdist counts."""
        config.option.numprocesses, config.option.dist = 0, "no"

    def pytest_report_header(self) -> Optional[str]:
        """Where workers were to be expected."""
        return f"comb: {self.reason}: running in one process" if self.reason else None
