"""Standard output and error of zygote and workers: pipes that the controller reads, so that lines stay whole."""

from __future__ import annotations

import fcntl
import os
import sys
import uuid

import pytest

from pytest_comb import _comb

SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 1031)
PIPE_BYTES = 1 << 20

Pipes = list[tuple[int, int]]  # (read, write) of standard output, then of standard error where that is another file


def _same_file() -> bool:
    try:
        out, error = os.fstat(1), os.fstat(2)
    except OSError:
        return True
    return (out.st_dev, out.st_ino, out.st_rdev) == (error.st_dev, error.st_ino, error.st_rdev)


class Outlet:
    """Made before the first fork; every process of the run has a copy."""

    def __init__(self, config: pytest.Config) -> None:
        self.separate = not _same_file()
        self.token = "comb" + uuid.uuid4().hex[:19]
        self.marks = getattr(config.known_args_namespace, "capture", "fd") in ("no", "tee-sys")
        self.color = sys.stdout.isatty()
        self.ends: list[int] = []  # in a child: where it writes to
        self.noted: list[bytes] = []  # which files these are

    def pipes(self) -> Pipes:
        """For one child."""
        made = [os.pipe() for _ in range(1 + self.separate)]
        for _, end in made:
            try:
                fcntl.fcntl(end, SET_PIPE_SIZE, PIPE_BYTES)
            except OSError:
                pass  # the ordinary size does too
        return made

    def enter(self, config: pytest.Config, pipes: Pipes) -> None:
        """In the child: what it writes goes into the pipes, also below pytest's own capture."""
        self.leave()
        self.ends = [end for _, end in pipes]
        self.noted = [_comb.note_files([end]) for end in self.ends]
        capturing = getattr(config.pluginmanager.getplugin("capturemanager"), "_global_capturing", None)
        for fd, name, end in ((1, "out", self.ends[0]), (2, "err", self.ends[-1])):
            stream = getattr(capturing, name, None)
            saved = getattr(stream, "targetfd_save", None)
            if saved is not None:
                os.dup2(end, saved, inheritable=False)
            if saved is None or getattr(stream, "_state", "") != "started":
                os.dup2(end, fd)
        for other, _ in pipes:
            os.close(other)

    def leave(self) -> None:
        """The pipes of the process this one was forked from are not its own."""
        for end in self.ends:
            os.close(end)
        self.ends = []

    def mark(self, test: int) -> None:
        """Behind all that a test wrote, where somebody sees it: what follows is another test's."""
        if not self.marks:
            return
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # a test closed or replaced it
        for end, noted in zip(self.ends, self.noted):
            if not _comb.are_kept(noted):
                continue  # a test closed it, and may have its own file there
            try:
                os.write(end, b"\0%s%08x\n" % (self.token.encode(), test))
            except OSError:
                pass
