"""Write xdist_makespans.txt: what the real schedulers of pytest-xdist do with seeded suites in virtual time.

    .venv/bin/python tests/golden/make_xdist_makespans.py >tests/golden/xdist_makespans.txt

One suite a line: dist, workers, tests, the makespan, then wall:file:unit:group for each test (group -1: none).
test_simulate.c reads it and wants the same makespans from comb's simulation.
"""

from __future__ import annotations

import random
import sys
from types import SimpleNamespace

from xdist.remote import Producer
from xdist.scheduler import (
    LoadFileScheduling,
    LoadGroupScheduling,
    LoadScheduling,
    LoadScopeScheduling,
    WorkStealingScheduling,
)

SCHEDULERS = {
    "load": LoadScheduling,
    "loadscope": LoadScopeScheduling,
    "loadfile": LoadFileScheduling,
    "loadgroup": LoadGroupScheduling,
    "worksteal": WorkStealingScheduling,
}


class Node:
    """A worker as the scheduler sees it, with the queue discipline of xdist/remote.py."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.queue: list[int] = []
        self.shutting_down = False
        self.ends: float | None = None
        self.started = 0.0
        self.steal: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        """Tests to run, behind those that are there."""
        self.queue.extend(indices)

    def send_steal(self, indices: list[int]) -> None:
        """A request to give tests back; answered between two events."""
        self.steal = list(indices)

    def shutdown(self) -> None:
        """Nothing more will come."""
        self.shutting_down = True

    def start_if_possible(self, now: float, walls: list[float]) -> None:
        """A worker needs to know the next test, or that there is none."""
        if self.ends is None and self.queue and (len(self.queue) > 1 or self.shutting_down):
            self.started = now
            self.ends = now + walls[self.queue[0]]


def answer_steals(sched: object, nodes: list[Node]) -> None:
    """What WorkerInteractor.steal() sends back: all that was asked for, or nothing."""
    for node in nodes:
        while node.steal:
            wanted, node.steal = set(node.steal), []
            stealable = [i for i in node.queue[2:] if i in wanted]
            if len(stealable) != len(wanted):
                stealable = []
            node.queue = [i for i in node.queue if i not in set(stealable)]
            sched.remove_pending_tests_from_node(node, stealable)


def finish(sched: object, nodes: list[Node]) -> None:
    """The end of DSession.loop_once()."""
    answer_steals(sched, nodes)
    if sched.tests_finished:
        for node in nodes:
            node.shutdown()


def makespan(dist: str, workers: int, ids: list[str], walls: list[float]) -> float:
    """Run one suite in virtual time."""
    config = SimpleNamespace(
        getvalue=lambda name: ["popen"] * workers,
        getoption=lambda name: None,
        option=SimpleNamespace(loadscopereorder=True),
    )
    sched = SCHEDULERS[dist](config, Producer("golden", enabled=False))
    nodes = [Node(f"gw{i}") for i in range(workers)]
    for node in nodes:
        sched.add_node(node)
    for node in nodes:
        sched.add_node_collection(node, ids)
    sched.schedule()
    finish(sched, nodes)
    now = 0.0
    while True:
        for node in nodes:
            node.start_if_possible(now, walls)
        running = [node for node in nodes if node.ends is not None]
        if not running:
            assert not any(node.queue for node in nodes)
            return now
        node = min(running, key=lambda n: n.ends)
        now, node.ends = node.ends, None
        sched.mark_test_complete(node, node.queue.pop(0), now - node.started)
        finish(sched, nodes)


def main() -> None:
    """Print the golden lines."""
    rng = random.Random(8)
    for number in range(200):
        dist = list(SCHEDULERS)[number % 5]
        workers = rng.choice([1, 2, 3, 4, 8])
        count = rng.choice([0, 1, 2, 3, 5, 8, 13, 30, 60])
        walls = [round(rng.lognormvariate(-2, 1.2), 6) + 1e-6 for _ in range(count)]
        rows, ids = [], []
        for test in range(count):
            file = test * (1 + count // 7) // max(count, 1)
            unit = file * 3 + (0 if test % 4 else 1)
            group = rng.choice([-1, -1, -1, 0, 1, 2])
            suffix = f"@g{group}" if dist == "loadgroup" and group >= 0 else ""
            ids.append(f"t{file}.py::C{unit}::test_{test}{suffix}")
            rows.append(f"{walls[test]:.6f}:{file}:{unit}:{group}")
        print(dist, workers, count, f"{makespan(dist, workers, ids, walls):.6f}", *rows)


if __name__ == "__main__":
    sys.exit(main())
