"""One line at the bottom of a terminal that tells where the run is. pytest's own output is never touched."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.terminal import TerminalReporter

from pytest_comb import _comb

if TYPE_CHECKING:
    from pytest_comb.controller import Controller

MODES = ("auto", "no")
REDRAW_S = 0.1
REDRAW_ERASED_S = 0.03
SHOWN_COLLECTION_S = 1
OWN_PROGRESS = ("sugar", "rich", "pretty", "pytest-rich", "pytest-pretty")  # plugins that draw over lines themselves


class Guard:
    """Stands in for a stream of the terminal: what is written goes where the live line is not."""

    def __init__(self, stream: Any, live: LiveLine) -> None:
        self._stream, self._live = stream, live

    def write(self, text: str) -> Any:
        """The live line goes; the next look at the run brings it back."""
        self._live.erase()
        done = self._stream.write(text)
        self._live.column = _comb.column_after(self._live.column, text)
        return done

    def writelines(self, lines: Any) -> None:
        """As write()."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        """Bytes that somebody writes past this object."""
        self._live.erase()
        return self._stream.buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LiveLine:
    """Drawn below the line pytest writes in; the cursor always goes back to where pytest left it."""

    def __init__(self, controller: Controller) -> None:
        self.controller, self.config = controller, controller.config
        self.stream: Any = None  # while there is one
        self.drawn = False
        self.drawn_at = self.started_at = 0.0
        self.column = 0
        self.replaced: list[tuple[Any, str, Any]] = []

    def is_wanted(self) -> bool:
        """A person looks at a terminal, and nobody else draws there."""
        config, terminal = self.config, self.config.pluginmanager.getplugin("terminalreporter")
        mode = config.option.comb_live or config.getini("comb_live")
        if mode == "no" or not isinstance(terminal, TerminalReporter) or config.option.verbose < 0:
            return False
        if any(config.pluginmanager.hasplugin(name) for name in OWN_PROGRESS):
            return False
        file = terminal._tw._file
        return file.isatty() and hasattr(file, "fileno") and os.environ.get("TERM", "dumb") not in ("dumb", "")

    def start(self) -> None:
        """Collection and tests happen elsewhere from now on."""
        self.started_at = time.monotonic()
        if self.stream is not None or not self.is_wanted():
            return
        writer = self.config.pluginmanager.getplugin("terminalreporter")._tw
        self.stream, self.column = writer._file, writer.width_of_current_line
        self.replace(writer, "_file")
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and stream.isatty():
                self.replace(sys, name)

    def replace(self, owner: Any, name: str) -> None:
        """A guard in the place of a stream."""
        stream = getattr(owner, name)
        guard = Guard(stream, self)
        setattr(owner, name, guard)
        self.replaced.append((owner, name, guard))

    def tick(self) -> None:
        """Draws it again, when it is time."""
        if self.stream is None:
            return
        now = time.monotonic()
        if now - self.drawn_at >= (REDRAW_S if self.drawn else REDRAW_ERASED_S):
            self.draw()
            self.drawn_at = now

    def draw(self) -> None:
        """In one write, that ends where it began."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns or 80
        except OSError:
            columns = 80
        inside = self.column % columns
        if self.column and not inside:
            return  # between two rows: terminals differ in where the cursor is
        line = self.text(columns - 1)
        if not line:
            return
        back = f"\r\n{line}\x1b[A\r\x1b[{inside}C" if inside else f"{line}\r"
        self.put(f"\x1b[J{back}")
        self.drawn = True

    def text(self, columns: int) -> str:
        """The line, at most so wide."""
        controller = self.controller
        waited = time.monotonic() - self.started_at
        if controller.ids is None:
            return f"collecting, {waited:.0f} s"[:columns] if waited >= SHOWN_COLLECTION_S else ""
        stats = self.config.pluginmanager.getplugin("terminalreporter").stats
        failed = len(stats.get("failed", ())) + len(stats.get("error", ()))
        done, total = len(controller.replay.finished), controller.count_tests()
        return _comb.live_line(min(done, total), total, failed, controller.board.left_s(), self.rows(), columns,
                               self.config.pluginmanager.getplugin("terminalreporter")._tw.hasmarkup)

    def rows(self) -> list[tuple[str, Any, float]]:
        """What each worker does."""
        controller, made = self.controller, []
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        for slot in sorted(controller.active):
            _, test, _, since, _ = controller.board.look(slot)
            name = None
            if test >= 0:
                name = controller.replay.passed.nodeid(test).encode("utf-8", "surrogatepass")
            made.append((controller.nodes[slot].gateway.id, name, max(0, now - since) / 1e9))
        return made

    def erase(self) -> None:
        """Nothing of it is left on the terminal."""
        if self.drawn:
            self.drawn = False
            self.put("\x1b[J")

    def put(self, text: str) -> None:
        """A terminal that is gone is somebody else's trouble."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError, UnicodeError):
            pass

    def close(self) -> None:
        """The streams are themselves again. Safe to call again."""
        self.erase()
        for owner, name, guard in self.replaced:
            if getattr(owner, name) is guard:
                setattr(owner, name, guard._stream)
        self.replaced, self.stream = [], None


def add_options(parser: pytest.Parser) -> None:
    """The option and its ini."""
    group = parser.getgroup("comb", "comb: run tests in parallel")
    group.addoption("--comb-live", choices=MODES, default=None, dest="comb_live",
                    help="A line at the bottom of the terminal: progress, failures, time left, what each worker runs "
                         "(auto: on a terminal)")
    parser.addini("comb_live", "as --comb-live", default="auto")
