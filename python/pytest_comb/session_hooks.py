"""Hooks of a project that unmake at the end what was made before the fork: each worker has to make its own then."""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import logging
import os
import pathlib
import re
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
PLAIN = (bool, int, float, complex, bytes, type(None), type, ModuleType, FunctionType, type(len), re.Pattern, pytest.StashKey,
         logging.Logger, logging.LoggerAdapter)
TEXT = (str, pathlib.PurePath)  # may name something that was made
# What a text can be put together from, and how, so that it is the same whichever process does it.
SAME_NAMES = ("__file__", "__name__")
SAME_OBJECTS = (os, os.path, sys, pathlib, pathlib.Path, pathlib.PurePath, str, os.path.join, os.path.dirname, os.path.basename,
                os.path.abspath, os.path.realpath)
SAME_CALLS = ("Path", "PurePath", "str", "join", "dirname", "basename", "abspath", "realpath", "resolve", "absolute", "joinpath",
              "with_name", "with_suffix", "format", "replace", "strip", "lower", "upper")
SAME_NODES = (ast.Constant, ast.Tuple, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.BinOp, ast.operator, ast.JoinedStr,
              ast.FormattedValue, ast.Subscript, ast.Slice, ast.UnaryOp, ast.unaryop, ast.expr_context)
VARIABLE = "PYTEST_XDIST_WORKER"


def undone(config: pytest.Config) -> str:
    """"conftest.py:12 implements …" where the first worker that ends would take something from the others; '' elsewhere.

    Hooks of installed plugins are not looked at: they are made for workers."""
    for name, found in _of_project(config, FINISHING):
        if _is_idle_in_workers(found.function):
            continue
        maker = _made_at_start(config) or _global_used_by(found.function)
        if maker:
            return (f"{per_item.place_of(found)} implements {name}, which in the first worker that ends could unmake what "
                    f"all of them have from {maker}")
    return ""


def _made_at_start(config: pytest.Config) -> str:
    """The first hook that may make something; '' for none."""
    return next((name for name, found in _of_project(config, STARTING) if not _is_idle_start(found.function)), "")


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
    """It returns in workers before it does anything, or does something only elsewhere."""
    body = _statements(function)
    if body is None:
        return False
    for line in body:
        if isinstance(line, ast.Return):
            return line.value is None
        true_there = _in_workers(line.test) if isinstance(line, ast.If) else None
        if isinstance(line, ast.If) and true_there:
            return isinstance(line.body[0], ast.Return) and line.body[0].value is None
        is_skipped = isinstance(line, ast.If) and true_there is False and not line.orelse
        if not is_skipped and not isinstance(line, (ast.Pass, ast.Import, ast.ImportFrom)):
            return False
    return True


def _in_workers(test: ast.expr) -> Optional[bool]:
    """What a condition is in each worker; None where that cannot be told."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _in_workers(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        decides = isinstance(test.op, ast.Or)
        values = [_in_workers(value) for value in test.values]
        return decides if decides in values else None if None in values else not decides
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test.left, test.ops[0], test.comparators[0])
    if not isinstance(test, ast.Call):
        return None
    name = getattr(test.func, "attr", None) or getattr(test.func, "id", "")
    said = [getattr(given, "value", None) if isinstance(given, ast.Constant) else None for given in test.args]
    if name in ("is_xdist_controller", "is_xdist_master"):
        return False
    asks = (name == "is_xdist_worker" or (name in ("hasattr", "getattr") and said[1:2] == ["workerinput"])
            or (name in ("get", "getenv") and said[:1] == [VARIABLE]))
    return True if asks else None


def _compared(left: ast.expr, how: ast.cmpop, right: ast.expr) -> Optional[bool]:
    """For "PYTEST_XDIST_WORKER" in os.environ, and for a value that only workers have: is None, is not None."""
    if isinstance(left, ast.Constant) and left.value == VARIABLE and getattr(right, "attr", getattr(right, "id", "")) == "environ":
        return {ast.In: True, ast.NotIn: False}.get(type(how))
    if isinstance(right, ast.Constant) and right.value is None and _in_workers(left):
        return {ast.IsNot: True, ast.NotEq: True, ast.Is: False, ast.Eq: False}.get(type(how))
    return None


def _global_used_by(function: Any) -> str:
    """A global name whose value its module made when it was imported; '' for none.

    A text or path can name something that was made (WORK = tempfile.mkdtemp()). It is no reason where the source spells it
    out, or puts it together from such texts and the place of the file: then it would be the same in each worker anyway."""
    function = inspect.unwrap(function)
    known = getattr(function, "__globals__", {})
    for name in _names_in(function.__code__):
        if name in known and not isinstance(known[name], PLAIN) and not inspect.isroutine(known[name]):
            if not _is_spelt_out(name, known, ()):
                return name
    return ""


def _is_spelt_out(name: str, known: dict[str, Any], asking: tuple[str, ...]) -> bool:
    """A text, path, or tuple of those, that is the same whoever imports the module, however often it is set there."""
    value = known.get(name)
    parts = value if isinstance(value, tuple) else (value,)
    if name in asking or not all(isinstance(part, (*TEXT, *PLAIN)) for part in parts):
        return False
    from pytest_comb import sourcetree

    tree = sourcetree.of_file(str(known.get("__file__"))) or ast.Module([], [])
    stores = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)]
    given = [node.value for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
             for target in getattr(node, "targets", None) or [node.target] if target in stores]  # type: ignore[union-attr]
    return bool(stores) and len(given) == len(stores) and all(_is_same(value, known, (*asking, name)) for value in given)


def _is_same(value: ast.expr, known: dict[str, Any], asking: tuple[str, ...]) -> bool:
    """Whether an expression has this value in every process that imports the module."""
    for node in ast.walk(value):
        called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else "str"
        if not isinstance(node, SAME_NODES) or called not in SAME_CALLS:
            return False
        if isinstance(node, ast.Attribute) and node.attr.startswith("environ"):
            return False
        if isinstance(node, ast.Name) and node.id not in SAME_NAMES:
            found = known.get(node.id, getattr(builtins, node.id, None))
            if not any(found is each for each in SAME_OBJECTS) and not _is_spelt_out(node.id, known, asking):
                return False
    return True


def _names_in(code: CodeType) -> Iterator[str]:
    """Global ones."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and not step.argval.startswith("__"):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
