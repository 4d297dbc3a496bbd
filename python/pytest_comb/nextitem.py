"""The test that follows: named when fixtures are torn down and not before, so that no test is held back by a running one."""

from __future__ import annotations

import dis
import functools
from typing import TYPE_CHECKING, Any, Callable, Optional

import pytest

if TYPE_CHECKING:
    from pytest_comb.worker import Worker

HOOKS = ("pytest_runtest_protocol", "pytest_runtest_teardown")
PASS_IT_ON = ("runner", "rerunfailures", "flaky", "unittest", "comb-worker")
"""Plugins that look at nothing of it but its collectors, as late as pytest does."""


class LateItem:
    """Stands for it in pytest's own hooks."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._answer: Any = None
        self._asked = False
        self._session_only = False

    def _item(self) -> Any:
        if not self._asked:
            self._asked = True
            self._answer, self._session_only = self._worker.next_item()
        return self._answer

    def real(self) -> Optional[pytest.Item]:
        """As another engine would pass it: an item of pytest's, or None at the end."""
        item = self._item()
        return item.real() if isinstance(item, Unexpanded) else item  # type: ignore[no-any-return]

    def __bool__(self) -> bool:
        return self._item() is not None

    def listchain(self) -> list[Any]:
        """The collectors that may stay set up."""
        chain: list[Any] = self._item().listchain()
        return chain[:1] if self._session_only else chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item(), name)

    def __eq__(self, other: object) -> bool:
        return self._item() == (other._item() if isinstance(other, LateItem) else other)

    def __hash__(self) -> int:
        return hash(self._item())


class Unexpanded:
    """A test whose module is expanded when more than its collectors is asked for, or when it runs."""

    def __init__(self, worker: Worker, index: int, chain: list[Any]) -> None:
        self._worker, self._index, self._chain = worker, index, chain

    def listchain(self) -> list[Any]:
        """Nothing below the module can be set up yet."""
        return self._chain

    def real(self) -> Any:
        """The item, or its module where another worker runs it."""
        return self._worker.item(self._index) or self._chain[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real(), name)


class Stay:
    """A next item that needs all collectors of the current one: only what is the test's own is torn down."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def listchain(self) -> list[Any]:
        """Without the test itself."""
        return self._item.listchain()[:-1]

    def real(self) -> pytest.Item:
        """Another process knows the next one; this one has the same collectors."""
        return self._item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


class Lookers:
    """Hooks of others that look at the next item: they are called with an item of pytest's, or None."""

    def __init__(self, config: pytest.Config) -> None:
        self._hook = config.hook
        self._seen: set[Any] = set()

    def pytest_plugin_registered(self) -> None:
        """Called for plugins that were there before, too."""
        for name in HOOKS:
            for impl in getattr(self._hook, name).get_hookimpls():
                if impl not in self._seen and impl.plugin_name not in PASS_IT_ON and looks(impl):
                    impl.function = naming(impl.function, list(impl.argnames).index("nextitem"))
                self._seen.add(impl)


def looks(impl: Any) -> bool:
    """Whether an implementation takes the next item, and does anything with it."""
    if "nextitem" not in impl.argnames:
        return False
    code = getattr(getattr(impl.function, "__func__", impl.function), "__code__", None)
    if code is None or "nextitem" in code.co_cellvars or "nextitem" not in code.co_varnames:
        return True  # a decorator's function hands on all it gets
    return any(step.argval == "nextitem" or (isinstance(step.argval, tuple) and "nextitem" in step.argval)
               for step in dis.get_instructions(code))


def naming(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """The same, with the next item named when it begins."""

    @functools.wraps(function)
    def named(*args: Any) -> Any:
        item = args[place]
        if isinstance(item, (LateItem, Stay)):
            args = (*args[:place], item.real(), *args[place + 1:])
        return function(*args)

    return named
