"""Notices who asks which worker this is, before that is decided: each worker must be asked for itself then."""

from __future__ import annotations

import os
import sys
from typing import Any, Optional

NAME = "PYTEST_XDIST_WORKER"
# These stand between the one who asks and the value, or are known to cope with a fork.
PASSED_OVER = ("os", "_collections_abc", "collections", "xdist", "pytest_comb")
COPES = ("pytest_cov", "coverage", "subprocess", "multiprocessing", "_posixsubprocess")


class Watch:
    """Watches the environment and config.workerinput until stop()."""

    def __init__(self) -> None:
        self.reader = ""  # "conftest.py:12 reads …", or nothing
        self._plain: Any = None

    def start(self) -> None:
        """From now on."""
        environment: Any = os.environ
        self._plain = environment._data
        environment._data = _Environment(self._plain, self)

    def stop(self) -> None:
        """The environment is an ordinary one again."""
        environment: Any = os.environ
        if isinstance(environment._data, _Environment):
            environment._data = dict(environment._data)

    def saw(self, what: str) -> None:
        """Remembers the first one who asked."""
        if not self.reader:
            place = _place()
            self.reader = f"{place} reads {what}" if place else ""


class _Environment(dict):  # type: ignore[type-arg]
    """What os.environ keeps its values in. A copy of all values is nobody's question."""

    def __init__(self, values: Any, watch: Watch) -> None:
        super().__init__(values)
        self._watch = watch
        self._key = os.environ.encodekey(NAME)  # type: ignore[attr-defined]
        self._last: Any = None

    def __getitem__(self, key: Any) -> Any:
        if key == self._key and self._last != self._before():
            self._watch.saw(NAME)
        self._last = key
        return super().__getitem__(key)

    def _before(self) -> Any:
        """The key in front of ours: whoever read that one just now is reading all of them."""
        before = object()
        for key in self:
            if key == self._key:
                return before
            before = key
        return before


class WorkerInput(dict):  # type: ignore[type-arg]
    """config.workerinput in the zygote."""

    watch: Optional[Watch] = None

    def __getitem__(self, key: str) -> Any:
        if key == "workerid" and self.watch is not None:
            self.watch.saw('workerinput["workerid"]')
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """As dict's."""
        return self[key] if key in self else default


def _place() -> str:
    """File and line of who asked, '' where that is somebody who copes."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        package = frame.f_globals.get("__name__", "").split(".")[0]
        if package in COPES or frame.f_code.co_name == "__contains__":
            return ""
        if package not in PASSED_OVER:
            return f"{os.path.relpath(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
