"""The descriptors that a worker needs in every test: a test may close one, and its number be its own file's then."""

from __future__ import annotations

import fcntl
import os
from typing import Any

import pytest

from pytest_comb import _comb

HIGH = 600  # no descriptor of a test is likely to be as high


def out_of_the_way(fd: int) -> int:
    """The same file under a number that a test is not likely to close; fd itself where there is no room."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except OSError:
        return fd
    os.close(fd)
    return high


class Descriptors:
    """Of one worker: what its tests' output is captured in, and the file for its last stack."""

    def __init__(self, config: pytest.Config, crash_fd: int) -> None:
        self._manager = config.pluginmanager
        self._crash = self._first = _comb.note_files([crash_fd])
        self._capturing: Any = None
        self._captured = b""
        self._look_at_capture()

    def _look_at_capture(self) -> bool:
        """True when it is another than before: a plugin may have begun anew."""
        capturing = getattr(self._manager.getplugin("capturemanager"), "_global_capturing", None)
        if capturing is self._capturing:
            return False
        streams = [getattr(capturing, name, None) for name in ("out", "err")]
        files = [fd for stream in streams if hasattr(stream, "targetfd_save")
                 for fd in (stream.tmpfile.fileno(), stream.targetfd_save)]
        self._capturing, self._captured = capturing, _comb.note_files(files)
        self._first = _comb.note_files(files[:1]) or self._crash
        return True

    def are_whole(self, closely: bool) -> bool:
        """False when a test has closed or replaced one: every later test would suffer. Not closely: a look at one only."""
        if not closely:
            return _comb.are_kept(self._first) or self._look_at_capture()  # type: ignore[no-any-return]
        return self.can_crash() and (self._look_at_capture() or _comb.are_kept(self._captured))

    def can_crash(self) -> bool:
        """Whether the file for last stacks is still that."""
        return _comb.are_kept(self._crash)  # type: ignore[no-any-return]
