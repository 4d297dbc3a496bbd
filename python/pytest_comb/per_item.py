"""Who looks at the collected tests, and whether it would do the same to each of them alone."""

from __future__ import annotations

import ast
import builtins
import inspect
import os
import textwrap
from types import FunctionType, ModuleType
from typing import Any, Optional

import pytest

# Hooks that see tests of more than one module, or could count them.
GLOBAL_HOOKS = ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_collection_finish", "pytest_collection",
                "pytest_report_collectionfinish", "pytest_collectreport", "pytest_collectstart", "pytest_deselected",
                "pytest_make_collect_report")
# Packages whose implementations treat each test, or each module, alone.
KNOWN = {
    "_pytest": GLOBAL_HOOKS,
    "_hypothesis_pytestplugin": ("pytest_collection_modifyitems",),
    "allure_pytest": ("pytest_collection_modifyitems",),
    "anyio": ("pytest_collection_finish",),
    "pytest_benchmark": ("pytest_collection_modifyitems",),
    "pytest_django": ("pytest_collectstart", "pytest_itemcollected"),
    "pytest_sugar": ("pytest_collection_finish", "pytest_collectreport", "pytest_deselected"),
    "pytest_trio": ("pytest_collection_modifyitems",),
    "xdist": GLOBAL_HOOKS,
}
OWN = ("pytest_comb.zygote", "pytest_comb.worker", "pytest_comb.terminal")
PURE = frozenset(("str", "len", "any", "all", "isinstance", "issubclass", "hasattr", "getattr", "set", "list", "tuple",
                  "dict", "bool", "int", "float", "sorted", "repr", "min", "max", "type", "print"))
MODULES = frozenset(("pytest", "os", "re", "sys", "inspect", "fnmatch", "pathlib"))
COMB_MARK = "_comb_mark"  # the function that `comb mark` writes into a conftest.py


def stranger(config: pytest.Config) -> Optional[str]:
    """Where the first hook stands that may look at all tests together, as text; None for none."""
    for name in GLOBAL_HOOKS:
        caller = getattr(config.pluginmanager.hook, name, None)  # before pytest 9 config.hook is a proxy for calls only
        for found in caller.get_hookimpls() if caller is not None else ():
            package = getattr(found.function, "__module__", "") or ""
            if package in OWN or name in KNOWN.get(package.split(".")[0], ()):
                continue
            if not is_per_item(found.function):
                return f"{place_of(found)} implements {name}"
    return None


def place_of(implementation: Any) -> str:
    """File and line."""
    code = getattr(inspect.unwrap(implementation.function), "__code__", None)
    if code is None:
        return str(implementation.plugin_name)
    path = os.path.relpath(code.co_filename)
    return f"{code.co_filename if path.startswith('..') else path}:{code.co_firstlineno}"


def is_per_item(function: Any) -> bool:
    """Whether a hook can be seen to do the same to each test alone: its source says so, or it is not known."""
    if not isinstance(function, FunctionType):
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return False
    return isinstance(tree, ast.FunctionDef) and _Reader(tree, function.__globals__).is_per_item()


class _Reader:
    """Reads the source of one implementation of pytest_collection_modifyitems."""

    def __init__(self, tree: ast.FunctionDef, names: dict[str, Any]) -> None:
        self.tree, self.globals = tree, names
        self.parameters = {arg.arg for arg in tree.args.args}

    def is_per_item(self) -> bool:
        """`items` is gone through by `for` loops alone, and no loop hands anything to its next round."""
        if self.tree.name != "pytest_collection_modifyitems" or self.parameters - {"config", "items"}:
            return False
        loops = [node for node in ast.walk(self.tree) if isinstance(node, ast.For) and _is_name(node.iter, "items")]
        uses = [node for node in ast.walk(self.tree) if _is_name(node, "items")]
        banned = (ast.Global, ast.Nonlocal, ast.AugAssign, ast.Yield, ast.YieldFrom, ast.Await, ast.Delete, ast.NamedExpr,
                  ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.Break, ast.Try, ast.With, ast.Import, ast.ImportFrom)
        inner = [node for statement in self.tree.body for node in ast.walk(statement)]
        return (len(uses) == len(loops) and not any(isinstance(node, banned) for node in inner)
                and not any(isinstance(n, ast.Return) for loop in loops for n in ast.walk(loop))
                and all(self.is_alone(loop) for loop in loops))

    def is_alone(self, loop: ast.For) -> bool:
        """One round does not know of another."""
        if not isinstance(loop.target, ast.Name) or loop.orelse:
            return False
        local = {loop.target.id: loop.lineno}
        inner = {name for node in ast.walk(loop) if isinstance(node, ast.comprehension) for name in _stored(node.target)}
        for node in ast.walk(loop):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                line = 0 if node.id in inner else node.lineno
                local[node.id] = min(local.get(node.id, line), line)
        return all(self.is_harmless(node, local) for statement in loop.body for node in ast.walk(statement))

    def is_harmless(self, node: ast.AST, local: dict[str, int]) -> bool:
        """No word that outlives the round."""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in local:
            return local[node.id] < node.lineno
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            return _root(node) in local
        if isinstance(node, ast.Call):
            return self.may_call(node.func, local)
        return True

    def may_call(self, function: ast.expr, local: dict[str, int]) -> bool:
        """A method of the test or of what was made of it, a pure function, or something of pytest."""
        root = _root(function)
        if isinstance(function, ast.Name):
            return root == COMB_MARK or (root in PURE and getattr(builtins, root) is self.globals.get(root, getattr(builtins, root)))
        return root in local or root == "config" or (root in MODULES and isinstance(self.globals.get(root), ModuleType))


def _stored(target: ast.AST) -> list[str]:
    """Names that a target binds."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _root(node: ast.AST) -> str:
    """The name that a chain of attributes, subscripts and calls begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
