"""Workers that have run their tests and do not end: the user is told whom the run waits for, as a serial run would wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_comb.controller import Controller

TELL_S = 5.0


class SlowEnd:
    """Of one run, on the controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.since: dict[int, float] = {}  # by slot: when its worker said goodbye; told and ended workers are taken out

    def begin(self, slot: int) -> None:
        """The worker has nothing left to do but to end."""
        self.since[slot] = time.monotonic()

    def check(self) -> None:
        """Says each once."""
        if not self.since:
            return
        now = time.monotonic()
        self.since = {slot: at for slot, at in self.since.items() if slot in self.controller.active}
        slow = [slot for slot, at in self.since.items() if now - at > TELL_S]
        for slot in slow:
            del self.since[slot]
            pid = self.controller.board.look(slot)[0]
            self.controller.crashes.say(
                f"comb: worker {self.controller.nodes[slot].gateway.id} (pid {pid}) has run its tests and does not end: it waits "
                "for a process that a test left, or in an exit handler; Ctrl-C twice ends the run", always=True)
