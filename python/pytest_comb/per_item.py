"""Who looks at the collected tests, and whether it would do the same to each of them alone."""

from __future__ import annotations

import inspect
import os
from typing import Any, Optional

import pytest

# Hooks that see tests of more than one module, or could count them, or make their ids.
GLOBAL_HOOKS = ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_collection_finish", "pytest_collection",
                "pytest_report_collectionfinish", "pytest_collectreport", "pytest_collectstart", "pytest_deselected",
                "pytest_make_collect_report", "pytest_pycollect_makeitem", "pytest_generate_tests", "pytest_make_parametrize_id")
# Packages whose implementations treat each test, or each module, alone.
KNOWN = {
    "_pytest": GLOBAL_HOOKS,
    "_hypothesis_pytestplugin": ("pytest_collection_modifyitems",),
    "allure_pytest": ("pytest_collection_modifyitems",),
    "anyio": ("pytest_collection_finish", "pytest_pycollect_makeitem"),
    "pytest_asyncio": ("pytest_generate_tests", "pytest_pycollect_makeitem"),
    "pytest_benchmark": ("pytest_collection_modifyitems",),
    "pytest_django": ("pytest_collectstart", "pytest_itemcollected"),
    "pytest_lazy_fixtures": ("pytest_generate_tests", "pytest_make_parametrize_id"),
    "pytest_repeat": ("pytest_generate_tests",),
    "pytest_sugar": ("pytest_collection_finish", "pytest_collectreport", "pytest_deselected"),
    "pytest_trio": ("pytest_collection_modifyitems",),
    "xdist": GLOBAL_HOOKS,
}
OWN = ("pytest_comb.zygote", "pytest_comb.worker", "pytest_comb.terminal")


def stranger(config: pytest.Config) -> Optional[str]:
    """Where the first hook stands that may look at all tests together, as text; None for none."""
    for name in GLOBAL_HOOKS:
        caller = getattr(config.pluginmanager.hook, name, None)  # before pytest 9 config.hook is a proxy for calls only
        for found in caller.get_hookimpls() if caller is not None else ():
            package = getattr(found.function, "__module__", "") or ""
            if package in OWN or name in KNOWN.get(package.split(".")[0], ()):
                continue
            from pytest_comb import hooksource

            why = hooksource.objection(name, found.function, config)
            if why is not None:
                return f"{place_of(found)} implements {name}" + (f": {why}" if why else "")
    return None


def place_of(implementation: Any) -> str:
    """File and line."""
    code = getattr(inspect.unwrap(implementation.function), "__code__", None)
    if code is None:
        return str(implementation.plugin_name)
    return place(code.co_filename, code.co_firstlineno)


def place(path: str, line: int) -> str:
    """File and line, relative where that is shorter."""
    relative = os.path.relpath(path)
    return f"{path if relative.startswith('..') else relative}:{line}"
