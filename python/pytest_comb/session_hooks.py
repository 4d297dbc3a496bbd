"""Hooks of a project that unmake at the end what was made before the fork: each worker has to make its own then."""

from __future__ import annotations

import ast
import dis
import inspect
import os
import sys
import textwrap
from types import CodeType, FunctionType, ModuleType
from typing import Any, Iterator, Optional

import pytest

from pytest_comb import per_item

STARTING = ("pytest_sessionstart", "pytest_configure")
FINISHING = ("pytest_sessionfinish", "pytest_unconfigure")
INSTALLED = ("site-packages", "dist-packages")
# A module keeps these as constants: nothing that a hook could unmake.
PLAIN = (bool, int, float, complex, bytes, type(None), type, ModuleType, FunctionType, type(len))


def undone(config: pytest.Config) -> str:
    """"conftest.py:12 implements …" where the first worker that ends would take something from the others; '' elsewhere.

    Hooks of installed plugins are not looked at: they are made for workers."""
    made_by = next((name for name, found in _of_project(config, STARTING) if not _is_idle_start(found.function)), None)
    for name, found in _of_project(config, FINISHING):
        if _is_idle_in_workers(found.function):
            continue
        maker = made_by or _global_used_by(found.function)
        if maker:
            return (f"{per_item.place_of(found)} implements {name}, which in the first worker that ends could unmake what "
                    f"all of them have from {maker}")
    return ""


def _of_project(config: pytest.Config, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name in names:
        for found in getattr(config.pluginmanager.hook, name).get_hookimpls():
            code = getattr(inspect.unwrap(found.function), "__code__", None)
            if code is not None and is_of_project(code.co_filename, str(config.rootpath)):
                yield name, found


def is_of_project(path: str, root: str) -> bool:
    """A conftest, or a file below the project's root that is not installed there."""
    if os.path.basename(path) == "conftest.py":
        return True
    own = os.path.dirname(__file__)
    others = [own] if root.startswith(sys.prefix + os.sep) else [own, sys.prefix]
    is_installed = any(part in INSTALLED for part in path.split(os.sep))
    return not is_installed and _is_below(path, root) and not any(_is_below(path, other) for other in others)


def _is_below(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(folder), ""))


def _statements(function: Any) -> Optional[list[ast.stmt]]:
    """Without the docstring; None where they cannot be read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    return [line for line in tree.body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]


def _is_idle_start(function: Any) -> bool:
    """It only declares markers and the like."""
    body = _statements(function)
    return body is not None and all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)
                                       and isinstance(line.value.func, ast.Attribute)
                                       and line.value.func.attr == "addinivalue_line") for line in body)


def _is_idle_in_workers(function: Any) -> bool:
    """It returns at once where there is a workerinput, or does something only where there is none."""
    body = _statements(function)
    if body is None:
        return False
    first = body[0] if body else ast.Pass()
    if isinstance(first, ast.If) and _asks_for_workerinput(first.test):
        return isinstance(first.body[0], ast.Return) and first.body[0].value is None
    if len(body) == 1 and isinstance(first, ast.If) and not first.orelse:
        return (isinstance(first.test, ast.UnaryOp) and isinstance(first.test.op, ast.Not)
                and _asks_for_workerinput(first.test.operand))
    return all(isinstance(line, ast.Pass) for line in body)


def _asks_for_workerinput(test: ast.expr) -> bool:
    return (isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id in ("hasattr", "getattr")
            and isinstance(test.args[1], ast.Constant) and test.args[1].value == "workerinput")


def _global_used_by(function: Any) -> str:
    """A global name whose value its module made when it was imported; '' for none."""
    function = inspect.unwrap(function)
    known = getattr(function, "__globals__", {})
    for name in _names_in(function.__code__):
        if name in known and not isinstance(known[name], PLAIN) and not inspect.isroutine(known[name]):
            return name
    return ""


def _names_in(code: CodeType) -> Iterator[str]:
    """Global ones."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and not step.argval.startswith("__"):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
