"""What a collected test is: where its code stands, its marks, its fixtures."""
from __future__ import annotations

import functools
import os
import sys
from types import CodeType
from typing import Any, Optional

import pytest

XUNIT = ("_xunit_setup", "xunit_setup", "_unittest_setUp", "unittest_setUp")
"""How pytest names the fixtures it makes of setup_module, setup_class and setUpClass."""

CATEGORIES = ("unit", "integration", "slow")
SCOPES = ["function", "class", "module", "package", "session"]


def relative(path: object, root: str) -> str:
    """Path below root, or the absolute path of what stands elsewhere."""
    text = os.path.abspath(os.fspath(path))  # type: ignore[call-overload]
    return os.path.relpath(text, root) if text.startswith(root + os.sep) else text


def real_code(function: Any) -> Optional[CodeType]:
    """The code object behind wrappers, partials and methods."""
    for _ in range(50):
        if isinstance(function, functools.partial):
            function = function.func
        elif "__wrapped__" in getattr(function, "__dict__", {}):
            function = function.__wrapped__
        elif hasattr(function, "__func__"):
            function = function.__func__
        else:
            break
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def source(item: pytest.Item, root: str) -> dict[str, Any]:
    """Where the test's function stands, and whether its name says that it stands there as a plain def."""
    if not isinstance(item, pytest.Function):
        return {"function": None, "source_path": None, "source_line": 0, "in_source": False}
    name = getattr(item, "originalname", None) or item.name.split("[")[0]
    function = getattr(item.cls, name, None) if item.cls else item.obj
    code = real_code(function if function is not None else item.obj)
    qualified = getattr(function, "__qualname__", "")
    plain = code is not None and code.co_name == name and "<locals>" not in qualified
    return {
        "function": name,
        "source_path": relative(code.co_filename, root) if code else None,
        "source_line": code.co_firstlineno if code else 0,
        "in_source": plain and qualified.split(".")[-1] == name,
    }


def class_path(item: pytest.Item) -> Optional[str]:
    """Names of the classes around a test: "TestA::TestB"."""
    names = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    return "::".join(names) or None


def class_bases(item: pytest.Item, root: str) -> list[str]:
    """Every class that a mark is inherited from, as "path::Outer.Inner", when it stands in the project."""
    nodes = [node for node in reversed(item.listchain()) if isinstance(node, pytest.Class)]
    bases = {}
    for base in (base for node in nodes for base in node.obj.__mro__):
        path = getattr(sys.modules.get(base.__module__), "__file__", None)
        if path and os.path.abspath(path).startswith(root + os.sep):
            bases[f"{relative(path, root)}::{base.__qualname__}"] = True
    return list(bases)


def marks(item: pytest.Item) -> list[str]:
    """Names of all marks in force, each once."""
    return list(dict.fromkeys(mark.name for mark in item.iter_markers()))


def group(item: pytest.Item) -> Optional[str]:
    """The xdist_group in force, named as xdist names it."""
    names = {
        str(mark.args[0] if mark.args else mark.kwargs.get("name", "default"))
        for mark in item.iter_markers("xdist_group")
    }
    return "_".join(sorted(names)) or None


def node_id(item: pytest.Item) -> str:
    """The node id without the "@group" that xdist's loadgroup workers add."""
    name = group(item) if getattr(item.config.option, "loadgroup", False) else None
    suffix = f"@{name}"
    return item.nodeid[: -len(suffix)] if name and item.nodeid.endswith(suffix) else item.nodeid


def widest_scope(item: pytest.Item, root: str) -> str:
    """The widest scope among the fixtures that the project itself defines and this test uses."""
    info = getattr(item, "_fixtureinfo", None)
    widest = 0
    for definitions in getattr(info, "name2fixturedefs", {}).values():
        for definition in definitions[-1:]:
            code = real_code(definition.func)
            if code and code.co_filename.startswith(root + os.sep) and "site-packages" not in code.co_filename:
                widest = max(widest, SCOPES.index(definition.scope))
    return SCOPES[widest]


def requested(item: pytest.Item) -> list[str]:
    """The fixtures that a test asks for itself, directly or through others: not the autouse ones."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = getattr(info, "name2fixturedefs", {})
    waiting = [*getattr(info, "argnames", ())]
    waiting += [name for mark in item.iter_markers("usefixtures") for name in mark.args]
    waiting += [name for name in definitions if name.startswith(XUNIT)]
    found: dict[str, bool] = {}
    while waiting:
        name = waiting.pop()
        if name not in found and name in definitions:
            found[name] = True
            waiting += definitions[name][-1].argnames
    return sorted(found)


def barred(item: pytest.Item, expression: str) -> list[str]:
    """The categories whose mark would change whether the project's own -m selects this test."""
    if not expression:
        return []
    from _pytest.mark.expression import Expression

    compiled = Expression.compile(expression)
    names = set(marks(item))

    def selects(having: set[str]) -> bool:
        return bool(compiled.evaluate(lambda name, **_: name in having))

    return [category for category in CATEGORIES if selects(names | {category}) != selects(names)]


def known_markers(config: pytest.Config) -> list[str]:
    """Names of the markers that are registered, in the configuration or by plugins."""
    return [str(line).split(":")[0].split("(")[0].strip() for line in config.getini("markers")]


def item_fields(item: pytest.Item, root: str, expression: str) -> dict[str, Any]:
    """Everything that the record says about a collected test."""
    return {
        "id": node_id(item),
        "path": relative(item.path, root),
        "kind": "function" if isinstance(item, pytest.Function) else type(item).__name__,
        "class": class_path(item),
        "bases": class_bases(item, root),
        "marks": marks(item),
        "fixtures": [str(name) for name in getattr(item, "fixturenames", ())],
        "requested": requested(item),
        "scope": widest_scope(item, root),
        "barred": barred(item, expression),
        "group": group(item),
        **source(item, root),
    }
