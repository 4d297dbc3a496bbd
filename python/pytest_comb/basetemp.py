"""The folder that tmp_path is below: made by the controller as soon as a test of the run asks for it, and not before.

A serial run without tmp_path makes none either, and has no older ones to remove.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import sleep
from typing import Any, Optional

import pytest

from pytest_comb import _comb, hygiene, protocol

LOOK_AGAIN_S = 0.0005


class Basetemp:
    """Made before the first fork; every process of the run has it."""

    def __init__(self, board: Any) -> None:
        self.board = board
        self.folder = _comb.LateFolder()

    def answer(self, config: pytest.Config) -> None:
        """In the controller: whoever waits for the folder gets it, or the reason why there is none."""
        if not self.folder.is_wanted():
            return
        try:
            told = {"path": str(config._tmp_path_factory.getbasetemp())}  # type: ignore[attr-defined]
        except Exception as error:
            told = {"error": f"no temporary folder: {error}"}
        self.folder.give(protocol.encode(told))

    def ask(self) -> str:
        """In zygote and workers, from any thread, also in processes that a test has forked."""
        told: Optional[bytes] = self.folder.given()
        if told is None:
            self.folder.want()
            self.board.ring_bell()
        while told is None:
            sleep(LOOK_AGAIN_S)
            told = self.folder.given()
        answer = protocol.decode(told)
        if "error" in answer:
            raise OSError(answer["error"])
        return str(answer["path"])

    def own(self, config: pytest.Config, worker_id: str, known: str) -> None:
        """tmp_path below popen-gwN, as under xdist. known: the run's folder where the user has named one, else ''."""
        if known:
            hygiene.own_temporary_folder(config, of_worker(known, worker_id))
            return
        find_late(config.option, self, worker_id)
        factory = getattr(config, "_tmp_path_factory", None)
        if factory is not None:
            factory._basetemp = factory._given_basetemp = None
            factory.getbasetemp = lambda: get_late(factory, config.option)


def of_worker(folder: str, worker_id: str) -> str:
    """Its part of the run's folder."""
    return os.path.join(folder, "popen-" + worker_id)


def get_late(factory: Any, option: Any) -> Any:
    """In the place of getbasetemp(), which does the rest."""
    if factory._basetemp is None and factory._given_basetemp is None:
        factory._given_basetemp = Path(option.basetemp)
    del factory.getbasetemp
    return factory.getbasetemp()


def find_late(option: Any, basetemp: Basetemp, worker_id: str) -> None:
    """option.basetemp is looked up when somebody reads it."""
    if isinstance(option, _Late):  # of the process that this one was forked from
        type(option).comb_worker_id = worker_id
        return
    plain = type(option)

    class Options(_Late, plain):  # type: ignore[misc, valid-type]
        """The options of a worker."""

        @property
        def basetemp(self) -> Any:
            """As under xdist; another value where somebody has set one."""
            return self.__dict__.get("basetemp") or of_worker(basetemp.ask(), self.comb_worker_id)

        @basetemp.setter
        def basetemp(self, value: Any) -> None:
            self.__dict__["basetemp"] = value

    Options.comb_worker_id = worker_id
    option.__class__ = Options


class _Late:
    """Options whose basetemp is looked up."""

    comb_worker_id = ""
