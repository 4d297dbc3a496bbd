"""What the import of a test file can depend on, and change for others: the environment, the working directory, sys.path, warnings."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import Any, Iterator

import pytest

NOT_OF_IMPORTS = (b"PYTEST_CURRENT_TEST", "PYTEST_CURRENT_TEST")


class ImportState:
    """That of this process when it is made."""

    def __init__(self, config: pytest.Config) -> None:
        self.plugins = len(config.pluginmanager.list_name_plugin())
        # Of bytes; of str where a project has put a plain dictionary in the place of os.environ.
        self.environment: dict[Any, Any] = dict(getattr(os.environ, "_data", os.environ).items())
        for name in NOT_OF_IMPORTS:
            self.environment.pop(name, None)
        try:
            self.directory = os.getcwd()
        except OSError:
            self.directory = ""  # it is gone
        self.path = list(sys.path)
        self.errors = frozenset(each for each in warnings.filters if each[0] == "error")  # others change no outcome

    def change_to(self, other: ImportState, with_path: bool = True) -> str:
        """What is not the same; "" for nothing."""
        return ("the plugins" if self.plugins != other.plugins
                else "the environment" if self.environment != other.environment
                else "the working directory" if self.directory != other.directory
                else "sys.path" if with_path and set(self.path) != set(other.path)
                else "which warnings are errors" if self.errors != other.errors else "")


@contextlib.contextmanager
def as_it_was(config: pytest.Config, then: ImportState) -> Iterator[None]:
    """What tests and their fixtures have changed since is put aside."""
    present = ImportState(config)
    if not present.change_to(then):
        yield
        return
    place = os.open(".", os.O_PATH | os.O_CLOEXEC)  # also one that is gone
    try:
        _put(config, then)
        with contextlib.suppress(OSError):  # it is gone: an import that needs it fails
            os.chdir(then.directory)
        yield
    finally:
        _put(config, present)
        os.fchdir(place)
        os.close(place)


def _put(config: pytest.Config, wanted: ImportState) -> None:
    given = ImportState(config).environment
    environment: Any = os.environb if hasattr(os.environ, "_data") else os.environ
    for name in given.keys() - wanted.environment.keys():
        del environment[name]
    for name, value in wanted.environment.items():
        if given.get(name) != value:
            environment[name] = value
    sys.path[:] = wanted.path
