"""Where pytest's cache has no rewritten test files, as in each run of a fresh clone, other processes rewrite them ahead of the one that
imports them: it takes twenty times as long as the import, and changes nothing else (docs/adr/0014-shard.md)."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import struct
import threading
import warnings
from pathlib import Path
from types import CodeType
from typing import Any, Iterator

import pytest
from _pytest.assertion import rewrite

from pytest_comb import _comb, early_import, unforkable

BYTES_EACH = 20_000  # of test code: less is rewritten sooner than another process would help
MOST = 8
LENGTH = struct.Struct("=Q")  # of a frame that follows: marshal's, of a list of path, time of change in ns, bytes, code


class Helper:
    """A process that rewrites files, and what it has written into a file in memory. It has run no test code."""

    def __init__(self, config: pytest.Config, files: list[Path], ended: int, end: int) -> None:
        self.memory, self.read = os.memfd_create("comb-rewritten"), 0
        parent = os.getpid()
        try:
            self.pid = os.fork()
        except OSError:  # none is to be had
            os.close(self.memory)
            raise
        if self.pid == 0:
            try:
                _comb.die_with_parent(parent)
                os.close(end)
                for path in files:
                    if select.select([ended], [], [], 0)[0]:
                        break
                    self.rewrite(config, path)
            finally:
                os._exit(0)

    def rewrite(self, config: pytest.Config, path: Path) -> None:
        """Who imports a file with an error, or a reason for a warning, has to find that itself."""
        with contextlib.suppress(Exception), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            status, code = rewrite._rewrite_test(path, config)
            frame = marshal.dumps([str(path), status.st_mtime_ns, status.st_size, code])
            if not told:
                os.write(self.memory, LENGTH.pack(len(frame)) + frame)

    def written(self) -> Iterator[list[Any]]:
        """Since the last call, each frame that is complete."""
        size = os.fstat(self.memory).st_size
        while self.read + LENGTH.size <= size:
            length, = LENGTH.unpack(os.pread(self.memory, LENGTH.size, self.read))
            if self.read + LENGTH.size + length > size:
                break
            yield marshal.loads(os.pread(self.memory, length, self.read + LENGTH.size))
            self.read += LENGTH.size + length

    def wait(self) -> None:
        """At most for what is left of one file."""
        with contextlib.suppress(ChildProcessError):  # a test file has waited for every child there is
            os.waitpid(self.pid, 0)
        os.close(self.memory)


@contextlib.contextmanager
def ahead_of(config: pytest.Config, nodes: list[Any]) -> Iterator[None]:
    """While this process imports files in their order, others come towards it from the last one. None of them is left at the end."""
    files = _not_cached(config, nodes)
    wanted = min(MOST, _comb.processors() - 1, sum(size for _, size in files) // BYTES_EACH)
    if wanted < 1 or not _may_fork():
        yield
        return
    plain, done = rewrite._rewrite_test, {}
    ended, end = os.pipe()
    helpers: list[Helper] = []

    def rewritten(path: Path, config: pytest.Config) -> tuple[os.stat_result, CodeType]:
        for helper in helpers:
            done.update((entry[0], entry[1:]) for entry in helper.written())
        status = os.stat(path)
        *found, code = done.pop(str(path), (None,))
        return (status, code) if found == [status.st_mtime_ns, status.st_size] else plain(path, config)

    try:
        with contextlib.suppress(OSError):
            for number in range(wanted):
                helpers.append(Helper(config, [path for path, _ in files[::-1][number::wanted]], ended, end))
        rewrite._rewrite_test = rewritten
        yield
    finally:
        rewrite._rewrite_test = plain
        os.close(end)
        os.close(ended)
        for helper in helpers:
            helper.wait()


def _not_cached(config: pytest.Config, nodes: list[Any]) -> list[tuple[Path, int]]:
    """Files that an import would rewrite, with their bytes."""
    state = config.stash.get(rewrite.assertstate_key, None)
    found = []
    for node in nodes if state is not None and state.hook is not None else ():
        with contextlib.suppress(OSError):
            source = os.stat(node.path)
            if early_import.is_plain(node) and not _is_newer(_cached(node.path), source.st_mtime):
                found.append((node.path, source.st_size))
    return found


def _cached(path: Path) -> Path:
    """Where pytest keeps it."""
    return rewrite.get_cache_dir(path) / (path.name[:-3] + rewrite.PYC_TAIL)


def _is_newer(path: Path, time: float) -> bool:
    try:
        return os.stat(path).st_mtime >= time
    except OSError:
        return False


def _may_fork() -> bool:
    """No thread is amid something, and nobody is told of a child's end."""
    return (signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL and threading.active_count() == 1
            and not unforkable.of_libraries(0))
