"""What pytest does again for every test although nothing has changed, done once or not at all. In a worker."""

from __future__ import annotations

import os
from types import FunctionType
from typing import Any, Callable

import pytest
from _pytest.capture import FDCapture

from pytest_comb import _comb


def take(session: pytest.Session) -> None:
    """All of them, before the first test."""
    capturing = getattr(session.config.pluginmanager.getplugin("capturemanager"), "_global_capturing", None)
    for stream in (getattr(capturing, "out", None), getattr(capturing, "err", None)):
        if type(stream) is FDCapture:
            stream.snap = snap_of(stream)  # type: ignore[method-assign]
    session.gethookproxy = proxies_of(session)  # type: ignore[method-assign]


ELSEWHERE = {"__wrapped__", "__pytest_wrapped__", "place_as", "compat_co_firstlineno"}
"""Attributes of a function by which pytest looks for its place elsewhere."""


class Locations:
    """item.location, whose file pytest asks the disk for with every test: once for a file is enough."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}  # as the code has it -> as location has it

    def fill(self, item: Any) -> None:
        """What item.location will be, for a plain function; anything else is left to pytest."""
        if type(item) is not pytest.Function or "location" in item.__dict__:
            return
        function = getattr(item.obj, "__func__", item.obj)
        if type(function) is not FunctionType or not ELSEWHERE.isdisjoint(function.__dict__):
            return
        code = function.__code__
        path = self._paths.get(code.co_filename)
        if path is not None:
            name = item.name if type(item.parent) is pytest.Module else item.getmodpath()
            item.__dict__["location"] = (path, code.co_firstlineno - 1, name)
        elif os.path.isabs(code.co_filename):
            self._paths[code.co_filename] = item.location[0]


def snap_of(stream: Any) -> Callable[[], str]:
    """FDCapture.snap(), six times a test: an empty file is neither read nor truncated."""
    plain, file, fd = stream.snap, stream.tmpfile, stream.tmpfile.fileno()
    noted = _comb.note_files([fd])

    def snap() -> str:
        try:
            file.flush()  # a test may have given it a buffer
            if stream._state != "done" and _comb.is_empty(fd):
                return ""
            if not _comb.are_kept(noted):
                return ""  # a file of the test's, which pytest would empty
        except (OSError, ValueError):
            pass  # a test closed it: pytest shall say so
        return plain()  # type: ignore[no-any-return]

    return snap


def proxies_of(session: pytest.Session) -> Callable[[Any], Any]:
    """Session.gethookproxy(), seven times a test: the hooks at a path stay the same until a plugin comes or goes."""
    plain, manager = session.gethookproxy, session.config.pluginmanager
    known: dict[Any, Any] = {}
    seen = (-1, -1)

    def gethookproxy(fspath: Any) -> Any:
        nonlocal seen
        now = len(manager._name2plugin), len(manager._conftest_plugins)
        if now != seen:
            known.clear()
            seen = now
        proxy = known.get(fspath)
        if proxy is None:
            proxy = known[fspath] = plain(fspath)
        return proxy

    return gethookproxy
