"""pytest-xdist's hooks, declared where it is not installed, so that plugins that implement them are called."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import pytest


@pytest.hookspec()
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Before any worker is set up."""


@pytest.hookspec()
def pytest_xdist_newgateway(gateway: Any) -> None:
    """On the controller, for each worker's gateway."""


@pytest.hookspec(warn_on_impl=DeprecationWarning("rsync feature is deprecated"))
def pytest_xdist_rsyncstart(source: Any, gateways: Sequence[Any]) -> None:
    """Never called: workers share the controller's files."""


@pytest.hookspec(warn_on_impl=DeprecationWarning("rsync feature is deprecated"))
def pytest_xdist_rsyncfinish(source: Any, gateways: Sequence[Any]) -> None:
    """Never called: workers share the controller's files."""


@pytest.hookspec(firstresult=True)
def pytest_xdist_getremotemodule() -> Any:
    """Never called: workers are forked. Who implements it is told so."""


@pytest.hookspec()
def pytest_configure_node(node: Any) -> None:
    """Configure a worker before it starts: fill node.workerinput."""


@pytest.hookspec()
def pytest_testnodeready(node: Any) -> None:
    """A worker is about to run tests."""


@pytest.hookspec()
def pytest_testnodedown(node: Any, error: Optional[object]) -> None:
    """A worker is gone; node.workeroutput holds what it left."""


@pytest.hookspec()
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """The ids that a worker holds."""


@pytest.hookspec(firstresult=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A scheduler of one's own. Never called: who implements it is told so."""


@pytest.hookspec(firstresult=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Optional[int]:
    """How many workers `-n auto` means; None leaves it to who comes after, and at last to comb."""
    raise NotImplementedError


@pytest.hookspec(firstresult=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport, sched: Any) -> None:
    """A test took its worker with it; may change the report."""
