"""Workers that have run their tests and do not end: the user is told whom the run waits for, as a serial run would wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_comb.controller import Controller
    from pytest_comb.node import WorkerNode

TELL_S = 5.0


class SlowEnd:
    """Of one run, on the controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.since: dict[WorkerNode, float] = {}  # when it said goodbye; who has ended or was told of is taken out

    def begin(self, node: WorkerNode) -> None:
        """The worker has nothing left to do but to end."""
        self.since[node] = time.monotonic()

    def check(self) -> None:
        """Says each once."""
        if not self.since:
            return
        now, controller = time.monotonic(), self.controller
        for node, at in list(self.since.items()):
            is_there = node.slot in controller.active and controller.nodes[node.slot] is node  # else another one is in its slot
            if is_there and now - at <= TELL_S:
                continue
            del self.since[node]
            if is_there:
                controller.crashes.say(
                    f"comb: worker {node.gateway.id} (pid {node.workerinfo.get('pid')}) has run its tests and does not end: it waits "
                    "for a process that a test left, or in an exit handler; Ctrl-C twice ends the run", always=True)
