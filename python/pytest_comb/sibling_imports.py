"""Modules that test files collected by other workers have imported: in a serial run all tests find them (docs/adr/0014-shard.md).

Not the test files themselves, and nothing of a package that this worker has no part of, unless it is the project's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import importlib.util
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Iterable, Iterator

import pytest

from pytest_comb import session_hooks


class SiblingImports:
    """A file in memory that all workers write to, each entry in one piece, while they collect."""

    def __init__(self, config: pytest.Config, files: Iterable[Path]) -> None:
        """Before the fork. files: those with tests."""
        self.config = config
        self.files = set(map(str, files))
        self.fd = os.memfd_create("comb-imports")
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_APPEND)
        self.begun: list[str] = []

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """While this process collects. sys.modules has the order in which imports ended, which is another one."""
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]
        try:
            yield
        finally:
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(self)  # type: ignore[arg-type]

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Called by import for what is not there yet. Others find it."""
        self.begun.append(name)

    def tell(self, number: int) -> None:
        """After the test file of this number: what came with it."""
        begun, self.begun = self.begun, []
        entries = [[name, origin] for name in begun for origin in [origin_of(name)] if origin and origin not in self.files]
        if entries:
            os.write(self.fd, json.dumps([number, entries]).encode() + b"\n")

    def make_up(self) -> None:
        """When every file was collected: imports here what others have. What fails here was no condition there."""
        told = os.pread(self.fd, os.fstat(self.fd).st_size, 0)
        files = sorted(json.loads(line) for line in told.splitlines())
        missing = [entry for _, entries in files for entry in entries if self.is_missing(*entry)]
        if not missing:
            return
        with silence(self.config), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, origin in missing:
                try:
                    spec = importlib.util.find_spec(name)
                    if spec is not None and spec.origin == origin:
                        importlib.import_module(name)
                except KeyboardInterrupt:
                    raise
                except BaseException:  # also pytest.skip() and sys.exit()
                    pass

    def close(self) -> None:
        """In each process."""
        os.close(self.fd)

    def is_missing(self, name: str, origin: str) -> bool:
        """Here, and tests here could know of it."""
        return name not in sys.modules and (name.partition(".")[0] in sys.modules
                                            or session_hooks.is_of_project(origin, str(self.config.rootpath)))


def origin_of(name: str) -> str:
    """The file, or another word, that import finds under this name; '' for what was put there by other means."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return str(spec.origin or "") if getattr(spec, "name", None) == name else ""


@contextlib.contextmanager
def silence(config: pytest.Config) -> Iterator[None]:
    """As pytest captures a collection; its output was told by who collected."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        yield
        return
    capture.resume_global_capture()
    try:
        yield
    finally:
        capture.suspend_global_capture()
        capture.read_global_capture()
