"""Shows what zygote and workers write, line by line, under the worker's name. Of the controller."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Iterator, Optional

from _pytest._io import TerminalWriter

from pytest_comb import _comb
from pytest_comb.outlet import Outlet

if TYPE_CHECKING:
    from pytest_comb.controller import Controller

ZYGOTE = -1


class Stream:
    """Standard output or error of one process."""

    def __init__(self, fd: int, label: str, outlet: Outlet, error: bool) -> None:
        self.target = sys.stderr if error else sys.stdout
        self.lines = _comb.Lines(fd, label, outlet.token, bool(self.target and self.target.isatty()))
        self.held = -1  # a test that ended here, and whose report has not come yet


class Relay:
    """All streams, by slot."""

    def __init__(self, controller: Controller, outlet: Outlet) -> None:
        self.controller, self.outlet = controller, outlet
        self.streams: dict[int, list[Stream]] = {}
        self.busy = False  # something came just now: look again soon

    def open(self, slot: int, fds: list[int], label: str) -> None:
        """A new process in a slot; what the one before it wrote comes first."""
        self.close(slot)
        self.streams[slot] = [Stream(fd, label, self.outlet, number > 0) for number, fd in enumerate(fds)]

    @contextlib.contextmanager
    def one_flush(self) -> Iterator[None]:
        """pytest flushes each letter of its progress: here once for all reports that came together. Not on a terminal."""
        writer = getattr(self.controller.config.pluginmanager.getplugin("terminalreporter"), "_tw", None)
        if type(writer) is not TerminalWriter or writer._file.isatty():
            yield
            return
        writer.flush = lambda: None  # type: ignore[method-assign]
        try:
            yield
        finally:
            del writer.flush
            writer.flush()

    def adopt(self) -> None:
        """Pipes of workers that were forked since."""
        while True:
            got = self.controller.current.link.receive_descriptors()
            if got is None:
                return
            slot, fds = got
            if fds:
                self.open(slot, fds, self.controller.nodes[slot].gateway.id)

    def pump(self) -> None:
        """Shows what there is."""
        self.adopt()
        self.busy = False
        for streams in list(self.streams.values()):
            for stream in streams:
                self.busy = (stream.held >= 0 or self.read(stream)) or self.busy

    def read(self, stream: Stream, up_to: Optional[int] = None) -> bool:
        """Until nothing comes, or a test ended; with up_to, that very one. True when something came."""
        came = False
        while True:
            data, ended, more = stream.lines.read()
            came = came or bool(data) or more
            self.show(stream, data)
            if ended >= 0 and up_to in (None, ended):
                stream.held = ended
                return came
            if not more or up_to is None:
                return came

    def up_to(self, slot: int, test: int) -> None:
        """All that a test wrote, before its report is shown. A report may come while the test still runs."""
        if not self.outlet.marks:
            return
        self.adopt()
        for stream in self.streams.get(slot, ()):
            if stream.held != test:
                stream.held = -1
                self.read(stream, test)

    def release(self, slot: int) -> None:
        """The last report of a test was shown: what its worker wrote since may be."""
        for stream in self.streams.get(slot, ()):
            stream.held = -1

    def close(self, slot: int) -> None:
        """The process has ended: all that is left of it, also an unfinished line."""
        for stream in self.streams.pop(slot, ()):
            more = True
            while more:
                data, _, more = stream.lines.read()
                self.show(stream, data)
            self.show(stream, stream.lines.flush())
            stream.lines.close()

    def finish(self) -> None:
        """The end of the run."""
        for slot in list(self.streams):
            self.close(slot)

    def show(self, stream: Stream, data: bytes) -> None:
        """Whole lines, never inside a line of pytest's."""
        if not data:
            return
        self.controller.live.erase()
        self.begin_line()
        target: Any = stream.target
        if target is None:
            return
        try:
            target.flush()
            target.buffer.write(data)
            target.buffer.flush()
        except AttributeError:
            target.write(data.decode("utf-8", "backslashreplace"))
        self.controller.live.column = 0

    def begin_line(self) -> None:
        """pytest's progress goes on below."""
        terminal = self.controller.config.pluginmanager.getplugin("terminalreporter")
        writer = getattr(terminal, "_tw", None)
        if writer is None:
            return
        terminal.ensure_newline()
        if writer.width_of_current_line:
            writer.line()
        writer.flush()
