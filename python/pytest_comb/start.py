"""The fork that makes controller and zygote out of one process."""

from __future__ import annotations

import os
import socket
import sys
from types import SimpleNamespace
from typing import Any, Union

import pytest

from pytest_comb import _comb
from pytest_comb.controller import Controller
from pytest_comb.protocol import Link
from pytest_comb.zygote import Zygote


def stand_in_for_xdist(pluginmanager: Any) -> None:
    """Where xdist is not, plugins that ask for it by name and then implement its hooks find this."""
    if not pluginmanager.hasplugin("xdist") and not pluginmanager.is_blocked("xdist"):
        pluginmanager.register(SimpleNamespace(), "xdist")


def split(config: pytest.Config) -> Union[Controller, Zygote]:
    """Returns twice, as fork does: the controller in this process, the zygote in the new one."""
    stand_in_for_xdist(config.pluginmanager)
    try:
        board = _comb.Board()
    except OSError as error:
        raise pytest.UsageError(f"comb cannot start: {error}") from None
    here, there = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        there.close()
        return Controller(config, board, Link(here), pid)
    here.close()
    return Zygote(config, board, Link(there), parent)
