"""Puts together on the controller what workers collected apart from each other, in the order of a serial run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_comb import history, plan, protocol, trace

if TYPE_CHECKING:
    from pytest_comb.controller import Controller


class Merge:
    """The collection in parallel, as the controller sees it."""

    def __init__(self, controller: Controller, table: Any) -> None:
        self.controller, self.table = controller, table
        self.names: list[str] = []  # of the modules
        self.walked: list[Any] = []  # [position, kind, content] of folders
        self.modules: dict[int, dict[str, Any]] = {}
        self.is_open = False  # workers expand modules now
        self.regroups = 0
        self.objection = ""  # of a worker that was quicker than the zygote's frame
        self.is_regrouping = False  # and are being ended, because that will not do

    def begin(self, ring: int, content: Any) -> None:
        """The zygote found the modules."""
        self.names, self.walked = content["names"], content["held"]
        self.is_open = True
        self.controller.active = set(range(content["workers"]))
        if self.objection:
            self.regroup(ring, {"reason": self.objection})
        self.finish_if_complete()

    def add(self, ring: int, content: Any) -> None:
        """A module was expanded."""
        self.modules[content["module"]] = {**content, "holder": ring - 1}
        self.finish_if_complete()

    def finish_if_complete(self) -> None:
        """When all modules are there, the suite is known."""
        if self.is_open and not self.is_regrouping and len(self.modules) == len(self.names):
            self.is_open = False
            self.finish()

    def finish(self) -> None:
        """Reports and warnings first, then the plan, then what was collected."""
        controller = self.controller
        ids: list[str] = []
        rows: list[plan.Row] = []
        holders: dict[str, int] = {}  # by scope
        deselected: list[str] = []
        for number in range(len(self.names) + 1):
            self.replay([entry[1:] for entry in self.walked if entry[0] == number])
            if number == len(self.names):
                break
            module = self.modules[number]
            self.replay(module["held"])
            self.table.place(number, len(ids), len(module["ids"]), module["digest"])
            ids += module["ids"]
            deselected += module["deselected"]
            for values, count in module["rows"]:
                rows += [plan.Row(*values)] * count
                holders[rows[-1].scope] = module["holder"]
        self.modules.clear()
        controller.collected_by = "shard"
        known = history.known(controller.config, ids)
        plan.make(controller.board, rows, controller.workers, self.config_dist(), 1 if ids else 0, known, holders)
        trace.demand(controller.board, controller.config, ids)
        controller.replay.collected(0, {"ids": ids, "deselected": deselected, "workers": self.enlist(len(ids)), "lines": [],
                                        "failed": False, "stopped": False})

    def config_dist(self) -> str:
        """--dist."""
        return str(self.controller.config.option.dist)

    def enlist(self, tests: int) -> int:
        """More workers, where there are more tests than modules; how many there are now."""
        controller = self.controller
        workers = min(controller.workers, tests)
        for slot in range(len(controller.active), workers):
            controller.current.link.send({"fork": slot, "input": controller.nodes[slot].workerinput})
        return max(workers, len(controller.active)) if workers else 0

    def replay(self, held: list[Any]) -> None:
        """Frames that came with a module or a folder."""
        for kind, content in held:
            self.controller.replay.handlers[kind](0, content)

    # -- the way back to `once` -----------------------------------------------------------------

    def worker_died(self, slot: int, cause: str) -> None:
        """While it expanded a module; the zygote will run into the same, or not."""
        number = self.table.entered(slot)
        name = self.controller.nodes[slot].gateway.id
        where = f"while it collected {self.names[number]}" if 0 <= number < len(self.names) else "during the collection"
        self.regroup(0, {"reason": f"worker {name} ended {where} ({cause})"})

    def regroup(self, ring: int, content: Any) -> None:
        """The workers are ended, then the zygote collects everything."""
        if not self.is_open or self.is_regrouping:
            self.objection = self.objection or content["reason"]
            return
        self.is_regrouping = True
        self.controller.crashes.say(f"comb: start=once: {content['reason']}")
        self.controller.current.link.send({"regroup": True})

    def regrouped(self, ring: int, content: Any) -> None:
        """No worker is left; what they wrote is forgotten."""
        controller = self.controller
        for slot in controller.active:
            controller.board.reset_ring(slot + 1)
        controller.active = set()
        self.is_open = self.is_regrouping = False
        self.regroups += 1
        controller.later = []
        self.modules.clear()
        controller.current.link.send({"collect": True})


def start_line(content: Any) -> str:
    """Why workers get their tests in this way and no better one."""
    return f"comb: start={content['mode']}: {content['reason']}"


HANDLERS = {protocol.WALKED: Merge.begin, protocol.MODULE: Merge.add, protocol.NEEDS_ONCE: Merge.regroup,
            protocol.REGROUPED: Merge.regrouped}
