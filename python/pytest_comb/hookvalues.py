"""Kinds of values in a hook, and what each of them allows: the tables that hooksource.py goes by.

A kind is a word: atom (text, a number, nothing that can change), plain (data that is only read), new (a container made in this
function), own (what belongs to the test's own module), item (the test), node (what stands above it), mark, marks, nodes, names (a
list of the test's own), stream (read once), opaque (handed on, never looked into), config, session, items, metafunc, manager; or Held: a module, a
class or a function that is named.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import decimal
import enum
import fnmatch
import functools
import glob
import importlib.util
import inspect
import itertools
import json
import os
import pathlib
import platform
import re
import shutil
import sys
import uuid
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any, Optional, Union

import pytest

from pytest_comb import sourcetree


class Unclear(Exception):
    """Something that is not known to be harmless."""

    def __init__(self, what: str, node: Any = None) -> None:
        super().__init__(what)
        self.line = getattr(node, "lineno", 0)


@dataclass(frozen=True)
class Held:
    """A module, class, function, or pytest.mark."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


Kind = Union[str, Held]
MARKS = pytest.mark
ONLY_PARAMETERS = ("items", "session", "manager")

ELEMENTS = {"atom": "atom", "plain": "plain", "new": "plain", "stream": "plain", "own": "own", "names": "atom", "marks": "mark", "nodes": "node"}
TEST = {"config": "config", "session": "session", "parent": "node", "nodeid": "atom", "name": "atom", "originalname": "atom",
        "path": "plain", "fspath": "plain", "keywords": "plain", "location": "atom", "fixturenames": "names",
        "user_properties": "names", "own_markers": "marks", "callspec": "own"}
ATTRIBUTES: dict[str, dict[str, str]] = {
    "item": TEST,
    "node": TEST,
    "session": {"config": "config"},
    "config": {"option": "plain", "pluginmanager": "manager", "rootpath": "plain", "rootdir": "plain", "inipath": "plain",
               "inifile": "plain", "args": "plain", "invocation_params": "plain", "known_args_namespace": "plain"},
    "metafunc": {"config": "config", "fixturenames": "names", "module": "own", "cls": "own", "function": "own", "definition": "node"},
    "mark": {"name": "atom", "args": "plain", "kwargs": "plain", "mark": "mark"},
    "own": {"__doc__": "atom", "__name__": "atom", "__module__": "atom", "__qualname__": "atom", "params": "plain", "id": "atom"},
}
OTHER_ATTRIBUTES = {"item": "own", "node": "own", "own": "own", "atom": "atom", "plain": "plain", "new": "plain"}

OF_DATA = frozenset((
    "startswith", "endswith", "split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "lower", "upper", "title",
    "capitalize", "casefold", "swapcase", "replace", "join", "format", "partition", "rpartition", "find", "rfind", "index",
    "rindex", "count", "encode", "decode", "removeprefix", "removesuffix", "isdigit", "isalpha", "isalnum", "isidentifier",
    "isupper", "islower", "isnumeric", "zfill", "ljust", "rjust", "center", "hex", "isoformat", "strftime", "bit_length",
    "get", "keys", "values", "items", "copy", "union", "intersection", "difference", "symmetric_difference", "isdisjoint",
    "issubset", "issuperset", "search", "match", "fullmatch", "findall", "sub", "group", "groups", "groupdict", "as_posix",
    "relative_to", "is_relative_to", "joinpath", "with_suffix", "with_name", "exists", "is_file", "is_dir", "resolve", "absolute",
    "glob", "rglob", "iterdir", "read_text", "read_bytes"))
CHANGING = frozenset(("append", "add", "extend", "insert", "update", "remove", "discard", "pop", "setdefault", "clear", "sort", "reverse"))
METHODS: dict[str, dict[str, str]] = {
    "item": {"add_marker": "atom"},
    "config": {"getoption": "plain", "getini": "plain", "getvalue": "plain"},
    "manager": {"hasplugin": "atom", "has_plugin": "atom", "is_registered": "atom"},
    "metafunc": {"parametrize": "atom"},
    "names": {"append": "atom", "insert": "atom", "extend": "atom", "remove": "atom", "index": "atom", "count": "atom"},
}
OF_NODES = {"get_closest_marker": "mark", "iter_markers": "marks", "getparent": "node", "listchain": "nodes", "listnames": "plain"}
MADE = {"split": "new", "copy": "new", "findall": "new", "iterdir": "stream", "glob": "stream", "rglob": "stream"}

_WALKING = (list, tuple, set, frozenset, dict, sorted, any, all, sum, min, max, zip, enumerate, reversed)
_MAKING = (list, set, dict, sorted)
_STREAMING = (zip, enumerate, reversed, itertools.product, itertools.chain, itertools.combinations, itertools.permutations)
_PURE = (str, len, isinstance, issubclass, bool, int, float, repr, type, abs, round, callable, ord, chr, range)
_LIBRARY = (
    os.getenv, os.getcwd, os.cpu_count, os.listdir, os.path.join, os.path.basename, os.path.dirname, os.path.exists, os.path.isfile,
    os.path.isdir, os.path.splitext, os.path.abspath, os.path.realpath, os.path.relpath, os.path.normpath, os.path.commonpath, os.fspath,
    re.compile, re.match, re.search, re.fullmatch, re.sub, re.findall, re.split, re.escape, fnmatch.fnmatch, fnmatch.fnmatchcase,
    fnmatch.filter, glob.glob, shutil.which, importlib.util.find_spec, json.loads, inspect.iscoroutinefunction, inspect.isfunction,
    inspect.isclass, inspect.ismethod, inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.getdoc, platform.system,
    platform.machine, platform.python_implementation, platform.python_version, platform.release, pathlib.Path, pathlib.PurePath,
    pathlib.PurePosixPath, pytest.param)
ALLOWED = {id(each): each for each in (*_WALKING, *_STREAMING, *_PURE, *_LIBRARY)}
IMMUTABLE = (str, int, float, complex, bool, type(None), bytes, type(...))
READ_ONLY = (pathlib.PurePath, re.Pattern, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal,
             uuid.UUID, enum.Enum, type(pytest.param()))
CONTAINERS = (list, tuple, set, frozenset, dict, MappingProxyType)
# These run before the tests are collected.
BEFORE = frozenset(("pytest_configure", "pytest_addoption", "pytest_load_initial_conftests", "pytest_cmdline_main",
                    "pytest_cmdline_parse", "pytest_sessionstart", "pytest_addhooks"))


def join(one: Kind, other: Kind) -> Kind:
    """The kind of what is one or the other; atom says least about what may be done with it."""
    if one == other or not other:
        return one
    if not one:
        return other
    kinds = {one, other}
    if kinds == {"mark", "atom"} or kinds == {"node", "atom"} or kinds == {"item", "atom"} or kinds == {"own", "atom"}:
        return (kinds - {"atom"}).pop()  # None, or another default
    return "plain" if kinds <= {"atom", "plain", "new"} else "opaque"


def element(kind: Kind) -> Kind:
    """Of what stands in one of this kind."""
    if kind not in ELEMENTS:
        raise Unclear("goes through something unknown")
    return ELEMENTS[kind]  # type: ignore[index]


def attribute(kind: Kind, name: str, config: Any) -> Kind:
    """Of an attribute that is read."""
    if isinstance(kind, Held):
        return _of_held(kind.value, name)
    found = ATTRIBUTES.get(kind, {}).get(name) or OTHER_ATTRIBUTES.get(kind)
    if found is None and kind == "config" and name != "workerinput" and name in vars(config):
        return of_value(vars(config)[name])
    if found is None or name in ("__dict__", "__globals__"):
        raise Unclear(f"reads `{name}`")
    return found


def _of_held(owner: Any, name: str) -> Kind:
    if owner is MARKS:
        return "mark"
    if isinstance(owner, ModuleType):
        return of_name(vars(owner), name)
    if isinstance(owner, enum.EnumMeta):
        return "plain"
    if isinstance(owner, (type, FunctionType)) and name in ("__name__", "__module__", "__qualname__", "__doc__"):
        return "atom"
    raise Unclear(f"reads `{name}` of `{getattr(owner, '__name__', owner)}`")


def method(owner: Kind, name: str, given: list[Kind], named: dict[str, Kind], is_name: bool, text: str) -> Kind:
    """Of what a method returns."""
    if isinstance(owner, Held):
        if owner.value is MARKS:
            check_arguments(given, named, text)
            return "mark"
        if owner.value is pathlib.Path and name in ("cwd", "home"):
            return "plain"
        raise Unclear(f"calls `{text}`")
    if owner == "metafunc":
        check_ids(given, named, text)
    else:
        check_arguments(given, named, text)
    found = METHODS.get(owner, {}).get(name) or (OF_NODES.get(name) if owner in ("item", "node") else None)
    if found is None and owner == "new" and is_name and name in CHANGING:
        return "plain"
    if found is None and owner in ("atom", "plain", "new") and name in OF_DATA:
        return MADE.get(name, "atom" if owner == "atom" else "plain")
    if found is None:
        raise Unclear(f"calls `{text}`")
    return found


def check_arguments(given: list[Kind], named: dict[str, Kind], text: str) -> None:
    """Nothing that could do or find out more than it shows; classes can be named, and functions of Python's own."""
    for kind in [*given, *named.values()]:
        held = kind.value if isinstance(kind, Held) else None
        if kind in ONLY_PARAMETERS or kind == "metafunc":
            raise Unclear(f"hands {kind} to `{text}`")
        if held is not None and id(held) not in ALLOWED and not isinstance(held, type):
            raise Unclear(f"hands a function to `{text}`")


def check_ids(given: list[Kind], named: dict[str, Kind], text: str) -> None:
    """Arguments of parametrize: a class can be a parameter, but no function makes ids."""
    check_arguments(given, named, text)
    ids = named.get("ids", given[3] if len(given) > 3 else "atom")
    if isinstance(ids, Held) and id(ids.value) not in ALLOWED:
        raise Unclear(f"makes ids by a function in `{text}`")


def call(function: Any, given: list[Kind], text: str) -> Kind:
    """Of what an allowed function returns."""
    if id(function) not in ALLOWED:
        raise Unclear(f"calls `{text}`")
    if function in (*_WALKING, *_STREAMING):
        for kind in given:
            element(kind)
    if function in _MAKING or function in _STREAMING:
        return "new" if function in _MAKING else "stream"
    return "plain" if function in _LIBRARY or function in (tuple, frozenset, range, min, max, sum) else "atom"


def of_name(names: dict[str, Any], name: str) -> Kind:
    """Of a name of a module, or of Python itself."""
    if name not in names:
        if not hasattr(builtins, name):
            raise Unclear(f"reads `{name}`")
        return of_value(getattr(builtins, name))
    value = names[name]
    try:
        kind = of_value(value)
    except Unclear as error:
        raise Unclear(f"reads `{name}`, {error}") from None
    if not isinstance(kind, Held) and not _is_library(str(names.get("__name__", ""))):
        changed = changed_names(str(names.get("__file__", "")))
        if changed is None or name in changed:
            raise Unclear(f"reads `{name}`, which a function of its module {'may change' if changed is None else 'changes'}")
    return kind


def _is_library(module: str) -> bool:
    top = module.split(".")[0]
    return top in ("pytest", "_pytest") or top in getattr(sys, "stdlib_module_names", ("os", "sys", "re", "pathlib", "platform"))


def of_value(value: Any) -> Kind:
    """Of something that is there already."""
    if value is sys.modules:
        raise Unclear("what has been imported")
    if isinstance(value, IMMUTABLE):
        return "atom"
    if value is MARKS or isinstance(value, (ModuleType, type, FunctionType, BuiltinFunctionType)) or id(value) in ALLOWED:
        return Held(value)
    if isinstance(value, type(pytest.mark.skip)):
        return "mark"
    if value is os.environ or isinstance(value, READ_ONLY):
        return "plain"
    if isinstance(value, CONTAINERS):
        return "plain" if _is_data(value, 4) else "opaque"
    raise Unclear(f"a {type(value).__name__}")


def _is_data(value: Any, depth: int) -> bool:
    """All the way down, or so far as is worth to look."""
    if isinstance(value, CONTAINERS):
        inner = itertools.chain(value.keys(), value.values()) if isinstance(value, (dict, MappingProxyType)) else value
        return depth > 0 and all(_is_data(each, depth - 1) for each in inner)
    return isinstance(value, (*IMMUTABLE, *READ_ONLY, type, type(pytest.mark.skip)))


@functools.lru_cache(maxsize=None)
def changed_names(path: str) -> Optional[frozenset[str]]:
    """Names of a module that its functions bind or change, as far as its source shows; None without one."""
    tree = sourcetree.of_file(path)
    if tree is None:
        return None
    found: set[str] = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and getattr(function, "name", "") not in BEFORE:
            for node in ast.walk(function):
                found.update(_changed_by(node))
    return frozenset(found)


def _changed_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Global):
        return node.names
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        return [_root(node)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        return [_root(node.func)]
    return []


def _root(node: ast.AST) -> str:
    """The name that a chain of attributes, subscripts and calls begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
