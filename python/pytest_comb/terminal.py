"""What a worker has in place of pytest's terminal reporter."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from _pytest.config import create_terminal_writer
from _pytest.terminal import TerminalReporter

NAME = "terminalreporter"


class WorkerTerminal:
    """Answers plugins that look for the terminal reporter; hears no hook and shows no progress.

    Its writer, which plugins get from config.get_terminal_writer(), is for urgent words (the stacks of
    pytest-timeout): standard error, with colour where the controller's terminal has it. What goes to
    the reporter itself is not shown, as in an xdist worker.
    """

    def __init__(self, config: pytest.Config, color: bool) -> None:
        self._reporter = TerminalReporter(config, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        self._tw = create_terminal_writer(config, sys.stdout)
        self._tw._file = sys.stderr
        if getattr(config.option, "color", "auto") == "auto":
            self._tw.hasmarkup = color and not os.environ.get("NO_COLOR")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reporter, name)

    def __dir__(self) -> list[str]:
        """No hooks: pluggy looks for them here."""
        return list(self.__dict__)

    @property
    def __class__(self) -> Any:
        """For plugins that refuse to work beside another reporter than pytest's."""
        return TerminalReporter


def take_place(config: pytest.Config, color: bool) -> None:
    """Also in the place of a reporter that a plugin has put there since. color: the controller's terminal has it."""
    manager = config.pluginmanager
    present = manager.getplugin(NAME)
    if type(present) is WorkerTerminal:
        return
    if present is not None:
        manager.unregister(present)
    manager.register(WorkerTerminal(config, color), NAME)
