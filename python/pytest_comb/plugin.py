"""The plugin: decides whether a run is comb's, and which role this process has in it.

Without --comb (ini: comb, or -n where pytest-xdist is missing) it declares its options and does nothing.
"""

from __future__ import annotations

from typing import Any, Generator, Optional

import pytest

from pytest_comb import one_process, options, surroundings

ROLE = "comb-role"
MARKS = (
    "exclusive(*names): no other test that names one of these locks runs at the same time; names are strings",
    "shared(*names): overlaps with tests that share these locks, not with those that hold them exclusively",
    "serial: no other test runs at the same time",
    "fresh: runs in a process of its own, so that what it leaves in memory reaches no other test",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: Any) -> None:
    """Options, before anything else is known."""
    options.add_own(parser)
    if not options.xdist_is_coming(pluginmanager):
        options.add_xdist(parser)
        pluginmanager.import_plugin("pytest_comb.xdist_api")


def pytest_configure(config: pytest.Config) -> None:
    """The marks that comb obeys are known in every run, for suites that use --strict-markers."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)


def pytest_report_header(config: pytest.Config) -> Optional[str]:
    """What was asked for in vain."""
    return None if config.pluginmanager.hasplugin(ROLE) else one_process.without_effect(config)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, None]:
    """Forks the zygote while no plugin has taken a role yet: see docs/adr/0002-zygote.md."""
    known = early_config.known_args_namespace
    wanted = options.wants_comb(early_config, known)
    if wanted:
        options.check(early_config, known)
    alone = wanted and one_process.is_asked_for(early_config, known)
    if alone or not wanted:
        if alone or not getattr(known, "numprocesses", None):
            surroundings.restore_path()
        yield
        return
    from pytest_comb import start

    surroundings.restore_path()
    role = start.split(early_config)
    early_config.pluginmanager.register(role, ROLE)
    outcome = yield
    role.conftests_loaded(outcome)
