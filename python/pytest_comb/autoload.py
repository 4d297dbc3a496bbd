"""What pytest finds by itself when pytest-comb is installed: loads the plugin, once."""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any, pluginmanager: Any) -> None:
    """`-p pytest_comb.plugin` may have come first; importing by the same name is harmless then."""
    pluginmanager.import_plugin("pytest_comb.plugin")
