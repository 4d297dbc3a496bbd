"""What pytest-xdist offers to suites and plugins, where it is not installed: hooks, fixtures, a mark."""

from __future__ import annotations

import os
from typing import Any

import pytest


def pytest_addhooks(pluginmanager: Any) -> None:
    """Plugins that implement xdist's hooks are called by comb."""
    from pytest_comb import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """The mark xdist registers."""
    config.addinivalue_line("markers", "xdist_group: specify group for tests should run in same session.")


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The id of this worker ('gw0'), or 'master' when tests do not run in parallel."""
    own = getattr(request.config, "workerinput", None)
    return own["workerid"] if own else "master"


@pytest.fixture(scope="session")
def testrun_uid(request: pytest.FixtureRequest) -> str:
    """A text that all workers of a run share and no other run has."""
    own = getattr(request.config, "workerinput", None)
    if own:
        return own["testrunuid"]
    import uuid

    return os.environ.setdefault("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
