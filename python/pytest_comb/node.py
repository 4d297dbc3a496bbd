"""A worker as plugins on the controller see it: the attributes of pytest-xdist's WorkerController."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any, Dict


class WorkerInfo(Dict[str, Any]):
    """What xdist says about a worker; `platform` takes a process to find out, and hardly anybody asks."""

    def __missing__(self, key: str) -> Any:
        if key != "platform":
            raise KeyError(key)
        import platform

        self[key] = platform.platform()
        return self[key]


class Gateway:
    """Stands where xdist has an execnet gateway."""

    def __init__(self, worker_id: str) -> None:
        self.id = worker_id
        self.spec = SimpleNamespace(id=worker_id, popen=True, python=sys.executable, chdir=None, via=None)
        self.remoteaddress = None

    def _rinfo(self, update: bool = False) -> Any:
        return SimpleNamespace(cwd=os.getcwd(), executable=sys.executable, pid=os.getpid(), platform=sys.platform,
                               version_info=tuple(sys.version_info))

    def __repr__(self) -> str:
        return f"<Gateway {self.id}>"


class NodeManager:
    """What the workers of a run have in common."""

    def __init__(self, config: Any, workers: int, testrunuid: str) -> None:
        self.config = config
        self.testrunuid = testrunuid
        self.specs = [SimpleNamespace(id=f"gw{n}", popen=True) for n in range(workers)]
        self.roots: list[Any] = []
        self.rsyncoptions: dict[str, Any] = {"ignores": [], "verbose": 0}


class WorkerNode:
    """One worker; a replacement is another node."""

    def __init__(self, manager: NodeManager, slot: int, worker_id: str) -> None:
        self.nodemanager = manager
        self.config = manager.config
        self.slot = slot
        self.gateway = Gateway(worker_id)
        self.workerinput: dict[str, Any] = {
            "workerid": worker_id,
            "workercount": len(manager.specs),
            "testrunuid": manager.testrunuid,
            "mainargv": list(sys.argv),
        }
        self.workeroutput: dict[str, Any] = {}
        self.shutting_down = False
        self.has_started = False  # told that it is about to run tests
        self.workerinfo: dict[str, Any] = WorkerInfo({
            "version": sys.version,
            "version_info": tuple(sys.version_info),
            "sysplatform": sys.platform,
            "executable": sys.executable,
            "cwd": os.getcwd(),
            "id": self.gateway.id,
            "spec": self.gateway.spec,
        })

    def ready(self, pid: int) -> None:
        """The worker has started."""
        self.has_started = True
        self.workerinfo["pid"] = pid

    def __repr__(self) -> str:
        return f"<WorkerController {self.gateway.id}>"
