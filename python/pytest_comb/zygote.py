"""The zygote: takes the role of a worker before any plugin has one, collects, and forks the workers."""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import signal
import sys
from typing import Any, Generator, Optional

import pytest

from pytest_comb import _comb, hygiene, plan, protocol, reports, terminal
from pytest_comb.worker import Worker


class Child:
    """A forked worker: its slot, its process, and the file its last stack goes to."""

    def __init__(self, slot: int, pid: int, crash_fd: int) -> None:
        self.slot, self.pid, self.crash_fd = slot, pid, crash_fd
        try:
            self.fd = os.pidfd_open(pid)
        except (AttributeError, OSError):
            self.fd = -1

    def stack(self) -> str:
        """What faulthandler wrote."""
        data = os.pread(self.crash_fd, 1 << 20, 0)
        return data.decode("utf-8", "replace")

    def close(self) -> None:
        """Gives both descriptors back."""
        os.close(self.crash_fd)
        if self.fd >= 0:
            os.close(self.fd)


class Zygote:
    """The plugin in the zygote, until a fork makes a Worker of it."""

    def __init__(self, config: pytest.Config, board: Any, link: protocol.Link, parent: int) -> None:
        self.config, self.board, self.link = config, board, link
        self.children: dict[int, Child] = {}
        self.inputs: list[dict[str, Any]] = []
        self.basetemp = ""
        self.deselected: list[str] = []
        self.announced = False
        self.worker: Optional[Worker] = None
        os.setpgid(0, 0)
        _comb.die_with_parent(parent)
        hygiene.no_terminal_input()
        hygiene.forget_exit_handlers()
        os.environ["PYTEST_XDIST_WORKER"] = "gw0"
        for name in ("terminal", "pytest_terminal"):
            config.pluginmanager.set_blocked(name)
        config.add_cleanup(self.finish)

    def send(self, kind: int, **content: Any) -> None:
        """A frame to the controller."""
        self.board.send(0, kind, protocol.encode(content), True)

    def conftests_loaded(self, outcome: Any) -> None:
        """A failure is told by finish(), which the end of a broken start calls."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Waits for what the controller's plugins have to say, then is configured as an xdist worker is."""
        message = self.link.receive()
        if message is None:
            os._exit(1)
        self.inputs, self.basetemp = message["inputs"], message["basetemp"]
        self.dist, self.start_mode = message["dist"], message["start"]
        option = config.option
        option.loadgroup = message["dist"] == "loadgroup"
        option.usepdb = option.distload = option.looponfail = False
        option.dist, option.numprocesses, option.maxprocesses = "no", None, None
        option.tx = []
        option.basetemp = self.inputs[0] and os.path.join(self.basetemp, "popen-gw0")
        hygiene.take_identity(config, dict(self.inputs[0]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Before any plugin asks for a terminal."""
        terminal.take_place(config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """After plugins that bring a reporter of their own."""
        terminal.take_place(session.config)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, Any, None]:
        """A collection that cannot be done ends the zygote; the controller raises the same."""
        outcome = yield
        if self.worker is None and outcome.excinfo is not None:
            self.fail(outcome.excinfo[1])
            os._exit(1)

    def pytest_collectreport(self, report: Any) -> None:
        """What passed is of no interest to anybody."""
        if not report.passed:
            self.send(protocol.COLLECT_REPORT, report=reports.to_plain(self.config, report))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Told with the collection."""
        self.deselected += [item.nodeid for item in items]

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str, location: Any) -> None:
        """From the worker too (the hook is historic: a second plugin would get everything again)."""
        if when == "config":
            return
        sender = self.worker or self
        sender.send(protocol.WARNING, warning=reports.warning_to_plain(warning_message), when=when, nodeid=nodeid,
                    location=location)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Told to the controller, which ends the run."""
        if self.worker is None:
            self.send(protocol.INTERNAL_ERROR, text=str(excrepr))
            self.announced = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Forks the workers and waits for them; returns in a worker, when its tests are done."""
        workers = self.announce(session)
        gc.collect()
        gc.freeze()
        for slot in range(workers):
            if self.fork(slot, self.inputs[slot]):
                return self.run_tests(session)
        while self.serve():
            pass
        if self.worker is not None:
            return self.run_tests(session)
        hygiene.leave(0)
        return True

    def announce(self, session: pytest.Session) -> int:
        """Says what was collected and makes the plan; the number of workers to fork."""
        broken = session.testsfailed and not self.config.option.continue_on_collection_errors
        stopped = session.shouldfail or session.shouldstop
        items = session.items
        workers = 0 if broken or stopped else min(len(self.inputs), len(items))
        if workers:
            plan.make(self.board, self.config, items, workers, self.dist)
        lines = self.config.hook.pytest_report_collectionfinish(config=self.config, start_path=self.config.rootpath,
                                                                startdir=None, items=items)
        self.send(protocol.COLLECTED, ids=[item.nodeid for item in items], deselected=self.deselected,
                  workers=workers, lines=lines, failed=session.shouldfail, stopped=session.shouldstop)
        self.announced = True
        return workers

    def fork(self, slot: int, workerinput: dict[str, Any]) -> bool:
        """True in the worker."""
        crash_fd = os.memfd_create("comb-crash")
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.children[slot] = Child(slot, pid, crash_fd)
            return False
        _comb.die_with_parent(parent)
        self.link.socket.close()
        for child in self.children.values():
            child.close()
        self.worker = Worker(self.config, self.board, slot, workerinput, crash_fd)
        hygiene.forget_exit_handlers()
        hygiene.take_identity(self.config, dict(workerinput))
        hygiene.own_connections(self.config, workerinput)
        hygiene.own_capture_files(self.config)
        hygiene.own_temporary_folder(self.config, os.path.join(self.basetemp, "popen-" + workerinput["workerid"]))
        hygiene.new_random_state()
        hygiene.default_interrupt()
        faulthandler.enable(file=crash_fd, all_threads=True)
        return True

    def run_tests(self, session: pytest.Session) -> bool:
        """In a worker, and only there."""
        assert self.worker is not None
        self.config.pluginmanager.register(self.worker, "comb-worker")
        self.worker.run(session)
        return True

    def serve(self) -> bool:
        """Waits for a command or for the end of a worker. False at the end; in a new worker too."""
        poll = select.poll()
        poll.register(self.link.socket.fileno(), select.POLLIN)
        for child in self.children.values():
            if child.fd >= 0:
                poll.register(child.fd, select.POLLIN)
        blind = any(child.fd < 0 for child in self.children.values())
        ready = {fd for fd, _ in poll.poll(50 if blind else None)}
        self.reap()
        if self.link.socket.fileno() not in ready:
            return True
        command = self.link.receive()
        if command is None:
            os.killpg(0, signal.SIGKILL)
        elif "fork" in command:
            return not self.fork(command["fork"], command["input"])
        return bool(command and "quit" not in command)

    def reap(self) -> None:
        """Tells the controller which workers ended, and how."""
        for child in list(self.children.values()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            self.send(protocol.DIED, worker=child.slot, pid=pid, status=status, stack=child.stack())
            child.close()
            del self.children[child.slot]

    def fail(self, error: BaseException) -> None:
        """Tells why there will be no tests."""
        exit_code = getattr(error, "returncode", None)
        message = getattr(error, "msg", None) or "\n".join(str(arg) for arg in error.args) or str(error)
        self.send(protocol.FAILED_START, error=type(error).__name__, message=message, code=exit_code,
                  details=_describe(error))
        self.announced = True

    def finish(self) -> None:
        """The last thing pytest does in this process: it must not return to who called pytest."""
        error = sys.exc_info()[1]
        if self.worker is None and not self.announced and error is not None:
            self.fail(error)
        hygiene.leave(0 if self.worker is not None and self.worker.said_goodbye else 1)


def _describe(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
