"""Fixtures of wider scopes, torn down when the report of the last test that used them has been made already."""

from __future__ import annotations

from typing import Any, Optional

import pytest

# Whose hooks surround it, so that its output and log records are the test's: any other plugin has seen the test's teardown.
AROUND = ("runner", "capturemanager", "logging-plugin")


def only(manager: Any, hook: str, names: tuple[str, ...]) -> Any:
    """A hook of which the implementations of these plugins are called alone."""
    others = [plugin for name, plugin in manager.list_name_plugin() if plugin is not None and name not in names]
    return manager.subset_hook_caller(hook, others)


def tear_down(item: pytest.Item, nextitem: Any) -> Optional[pytest.TestReport]:
    """After `item`, all that `nextitem` (None: nobody) does not need; the report, which is an error of the item, if that fails."""
    manager = item.config.pluginmanager
    only(manager, "pytest_runtest_setup", ("logging-plugin",))(item=item)  # what it takes down it has to set up
    item._report_sections.clear()  # those of the test are told
    call = pytest.CallInfo.from_call(
        lambda: only(manager, "pytest_runtest_teardown", AROUND)(item=item, nextitem=nextitem), when="teardown",
        reraise=(KeyboardInterrupt, pytest.exit.Exception))
    return pytest.TestReport.from_item_and_call(item, call) if call.excinfo is not None else None
