"""Notices who asks which worker this is, before that is decided: each worker must be asked for itself then."""

from __future__ import annotations

import os
import sys
from typing import Any, Iterator, Optional

NAME = "PYTEST_XDIST_WORKER"
# Told before conftest files are imported, but not for sure: a conftest may have a say in it.
UNSURE = ("PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
WORKER_ID = "workerid"
# These stand between the one who asks and the value, or are known to cope with a fork.
PASSED_OVER = ("os", "_collections_abc", "collections", "copy", "json", "pickle", "xdist", "pytest_comb")
COPES = ("pytest_cov", "coverage", "subprocess", "multiprocessing", "_posixsubprocess")


class Watch:
    """Watches the environment and config.workerinput until stop()."""

    def __init__(self) -> None:
        self.reader = ""  # "conftest.py:12 reads …", or nothing
        self.unsure: dict[str, tuple[str, str]] = {}  # by variable: who read it while it was not sure, as above; what it was
        self.is_settled = False
        self._watched: Any = None  # os.environ; a project can put another object in its place
        self._plain: Any = None

    def start(self) -> None:
        """From now on."""
        if not hasattr(os.environ, "_data"):
            self._lose()
            return
        self._watched = os.environ
        self._plain = self._watched._data
        self._take(_Environment(self._plain, self))

    def stop(self) -> None:
        """The environment is an ordinary one again. Who has put another in its place could have read all of that."""
        if self._watched is not None and isinstance(self._watched._data, _Environment):
            values = list(self._watched._data.items())
            self._plain.clear()
            self._plain.update(values)
            self._take(self._plain)
            if os.environ is not self._watched:
                self._lose()

    def _lose(self) -> None:
        self.reader = self.reader or "os.environ is another object than Python's own"

    def _take(self, values: Any) -> None:
        """For text and for bytes: both look into the same."""
        self._watched._data = values
        if hasattr(os.environb, "_data"):
            os.environb._data = values

    def saw(self, what: str, value: str) -> None:
        """Remembers the first one who asked."""
        if self.reader or self.unsure.get(what) or (what in UNSURE and self.is_settled):
            return
        place = _place()
        if place and what in UNSURE:
            self.unsure[what] = f"{place} reads {what}", value
        elif place:
            self.reader = f"{place} reads {what}"

    def settle(self, variables: dict[str, str]) -> None:
        """These are the values: who was told others before has to be asked again."""
        for name, (said, value) in self.unsure.items():
            if value != variables[name]:
                self.reader = self.reader or f"{said}, which was not settled then"
        self.is_settled = True


class _Environment(dict):  # type: ignore[type-arg]
    """What os.environ keeps its values in. A copy of all values is nobody's question."""

    def __init__(self, values: Any, watch: Watch) -> None:
        super().__init__(values)
        self._watch = watch
        self._names = {os.environ.encodekey(name): name for name in (NAME, *UNSURE)}  # type: ignore[attr-defined]
        self._rest: list[Any] = []  # of the names that somebody goes through, those that were not read yet, the last first

    def __iter__(self) -> Iterator[Any]:
        names = list(super().__iter__())
        self._rest = names[::-1]
        return iter(names)

    def __getitem__(self, key: Any) -> Any:
        is_next = self._goes_through(key) if self._rest else False
        value = super().__getitem__(key)
        if key in self._names and not is_next:
            self._watch.saw(self._names[key], os.fsdecode(value))
        return value

    def _goes_through(self, key: Any) -> bool:
        """Whether this is one value of all of them, read in order, with the one in front of it."""
        passed = 0
        while self._rest:
            if self._rest.pop() == key:
                return passed == 0
            passed += 1
        return False


class WorkerInput(dict):  # type: ignore[type-arg]
    """config.workerinput in the zygote. Who takes all of its values, asks for each of them."""

    watch: Optional[Watch] = None

    def _asked(self, key: Any = WORKER_ID) -> None:
        if key == WORKER_ID and self.watch is not None:
            self.watch.saw('workerinput["workerid"]', "")

    def __getitem__(self, key: str) -> Any:
        self._asked(key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        """With this, dict(it) and **it come by __getitem__."""
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        """As dict's."""
        return self[key] if key in self else default

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A copy is a plain dict."""
        return dict, (dict(self),)


def _asking(name: str, is_for_one: bool) -> Any:
    """A method of dict that gives away one value, or all."""
    plain = getattr(dict, name)

    def method(self: WorkerInput, *args: Any) -> Any:
        self._asked(*args[:1] if is_for_one else ())
        return plain(self, *args)

    return method


for _name, _is_for_one in (("items", False), ("values", False), ("copy", False), ("popitem", False), ("__repr__", False),
                           ("__or__", False), ("__ror__", False), ("__eq__", False), ("__ne__", False),
                           ("pop", True), ("setdefault", True)):
    setattr(WorkerInput, _name, _asking(_name, _is_for_one))


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
