"""The fork that makes controller and zygote out of one process."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Union

import pytest

from pytest_comb import _comb
from pytest_comb.controller import Controller
from pytest_comb.protocol import Link
from pytest_comb.zygote import Zygote


class XdistStandIn:
    """What plugins find that ask for xdist by name, and then implement its hooks."""


def stand_in_for_xdist(pluginmanager: Any) -> None:
    """Where xdist is not installed."""
    if pluginmanager.hasplugin("xdist") or pluginmanager.is_blocked("xdist"):
        return
    pluginmanager.register(XdistStandIn(), "xdist")
    reruns: Any = sys.modules.get("pytest_rerunfailures")
    if reruns is not None:  # it asks for the package, not for the plugin
        reruns.HAS_PYTEST_HANDLECRASHITEM = True
        reruns.works_with_current_xdist = lambda: True


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
