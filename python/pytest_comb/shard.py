"""Collection in parallel: the zygote walks to the test modules and imports them, and its forks expand them.

See docs/adr/0014-shard.md. Whatever goes otherwise than it should before the first test has begun ends in `once`: the
zygote then collects everything itself, as if nothing had happened.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, Iterator, NoReturn, Optional

import pytest

from pytest_comb import _comb, early_import, import_state, per_item, plan, protocol, rewrite_ahead
from pytest_comb.import_state import ImportState

if TYPE_CHECKING:
    from pytest_comb.zygote import Zygote

SMALL_BYTES = 24_000  # so much test code is collected sooner than workers could agree
FEW_MODULES = 4
WIDE_SCOPES = ("session", "package")
# With these the order or the choice of tests comes from more than one module.
GLOBAL_OPTIONS = {"lf": "--lf", "failedfirst": "--ff", "newfirst": "--nf",
                  "keepduplicates": "--keep-duplicates"}


class Different(Exception):
    """A module cannot be expanded away from the others."""


class Shard:
    """The modules of the suite, in the zygote and, after the fork, in each worker."""

    def __init__(self, zygote: Zygote, modules: Any) -> None:
        self.zygote, self.config, self.table = zygote, zygote.config, modules
        self.forced = False
        self.session: Any = None
        self.roots: list[Any] = []
        self.modules: list[Any] = []
        self.imported = 0  # of the modules, in the zygote
        self.found: dict[int, list[pytest.Item]] = {}  # by module: its tests, where this process has expanded it
        self.made: dict[int, list[pytest.Item]] = {}  # the same, before any hook has chosen among them
        self.unlike: dict[int, list[pytest.Item]] = {}  # expanded again, with other tests than those that were collected
        self.odd = ""  # why the walk met something that is not a module
        self.is_worker = False
        self.is_told = False  # everything about the modules
        self.silent = False  # a module is expanded again: all of this has been told
        self.state: Optional[ImportState] = None  # of a worker, before its first test
        self.firsts: list[int] = []
        self.places: list[tuple[int, int, int]] = []

    # -- the walk -------------------------------------------------------------------------------

    def begin(self, session: pytest.Session) -> None:
        """From now on the session finds modules, not tests."""
        self.session = session
        session.genitems = self.genitems  # type: ignore[method-assign]

    def saw_report(self, report: Any) -> None:
        """The first report is the session's own."""
        if self.session is not None and not self.roots and isinstance(report.result, list) and report.nodeid in ("", "."):
            self.roots = report.result

    def genitems(self, node: Any) -> Iterator[pytest.Item]:
        """In the place of Session.genitems(), for all roots at once: tests in `once`, nothing in a worker of `shard`."""
        roots = self.roots[:] or [node]
        self.roots.clear()
        self.session.genitems = self.walk
        for root in roots:
            for item in self.walk(root):
                self.odd = self.odd or f"{item.nodeid} stands outside of a file"
                self.modules.append(item)
        del self.session.genitems
        reason = self.reason_for_once()
        if reason is None and self.serve():
            return
        if reason:
            self.zygote.held.insert(0, ((0, 0), protocol.START, {"mode": "once", "reason": reason}))
        with rewrite_ahead.ahead_of(self.config, self.modules[self.imported:]):
            for number in range(len(self.modules)):
                yield from self.collect_here(number)

    def walk(self, node: Any) -> Iterator[pytest.Item]:
        """Folders are collected, files are noted."""
        if isinstance(node, pytest.File) and not isinstance(node, (pytest.Package, pytest.Session)):
            self.modules.append(node)
            self.zygote.position = (len(self.modules), 0)
            return
        yield from type(self.session).genitems(self.session, node)

    def collect_here(self, number: int) -> Iterator[pytest.Item]:
        """The tests of a module, in `once`."""
        if number in self.made:  # pytest would not expand it twice
            yield from self.made[number]
            return
        self.zygote.position = (number, 1)
        yield from self.items_of(self.modules[number])

    def items_of(self, node: Any) -> Iterator[pytest.Item]:
        """As pytest expands a node."""
        return type(self.session).genitems(self.session, node)

    # -- the choice -----------------------------------------------------------------------------

    def reason_for_once(self) -> Optional[str]:
        """Why the modules are not expanded in parallel: '' where it would only take longer, None where nothing speaks
        against it."""
        pointless = self.reason_against_it()
        if pointless:
            return pointless if self.forced else ""
        if not self.forced and self.is_small():
            return ""
        for name, option in GLOBAL_OPTIONS.items():
            if getattr(self.config.option, name, False):
                return f"{option} looks at the whole suite"
        return self.odd or self.broken_folder() or self.named_twice() or per_item.stranger(self.config)

    def reason_against_it(self) -> str:
        """Why there is nothing to gain, or nothing to part; '' for none."""
        message = self.zygote.message
        assert message is not None
        if getattr(self.config.option, "comb_replay", None):
            return "a record has to be in force before the first worker asks for a test"
        if message["dist"] == "each":
            return "with --dist=each every worker has all tests"
        if any("::" in str(arg) for arg in self.config.args):
            return "tests are named on the command line"
        if len(message["inputs"]) < 2:
            return "there is one worker"
        return "there are not two test files" if len(self.modules) < 2 else ""

    def is_small(self) -> bool:
        """Less work than the workers' agreement about it."""
        if len(self.modules) < FEW_MODULES:
            return True
        size = 0
        for module in self.modules:
            with contextlib.suppress(OSError):
                size += os.stat(module.path).st_size
            if size > SMALL_BYTES:
                return False
        return True

    def broken_folder(self) -> Optional[str]:
        """A folder that cannot be collected."""
        if self.session.shouldfail or self.session.shouldstop or self.session.testsfailed:
            return "a folder cannot be collected"
        return None

    def named_twice(self) -> str:
        """A file that a serial run would expand where it comes first."""
        return next((f"{node.nodeid} is named twice" for node, times in Counter(self.modules).items() if times > 1), "")

    # -- the zygote -----------------------------------------------------------------------------

    def serve(self) -> bool:
        """Forks; True in each worker, False in the zygote when it has to collect by itself."""
        zygote = self.zygote
        assert zygote.message is not None
        told = self.import_all()
        if told is None:
            return False
        if not zygote.may_fork():
            os._exit(0)
        inputs = zygote.message["inputs"]
        workers = min(len(inputs), max(len(self.modules) - len(told), 1))
        self.table.begin(len(self.modules), workers)
        walked = [[position[0], kind, content] for position, kind, content in zygote.held]
        zygote.send(protocol.WALKED, names=[module.nodeid for module in self.modules], workers=workers, held=walked)
        for content in told:
            zygote.send(protocol.MODULE, **content)
        if not zygote.serve(list(enumerate(inputs[:workers]))):
            self.take_back(told)
            return False
        self.is_worker = True
        self.run_worker()
        return True

    def is_expanded(self) -> bool:
        """No module is left for another worker, and no test is known yet."""
        return self.zygote.board.wait_plan(0) is None and bool(self.table.is_empty())

    def import_all(self) -> Optional[list[dict[str, Any]]]:
        """Imports the files in their order, so that no import comes after a test; what is to be told of those that are expanded
        here, too. None: this process had better collect all of them."""
        zygote, told = self.zygote, []
        try:
            with rewrite_ahead.ahead_of(self.config, self.modules):
                for number, node in enumerate(self.modules):
                    zygote.position = (number, 1)
                    self.imported += 1
                    if not self.is_imported(node):
                        told.append(self.describe_here(number))
        except Different as error:
            zygote.held.append(((0, 0), protocol.START, {"mode": "once", "reason": str(error)}))
            self.take_back(told)
            return None
        return told

    def take_back(self, told: list[dict[str, Any]]) -> None:
        """For a collection here."""
        self.zygote.held += [((content["module"], 1), kind, more) for content in told for kind, more in content["held"]]
        self.zygote.deselected = []

    def is_imported(self, node: Any) -> bool:
        """Now; and its tests can be made in any process, at any time."""
        if not early_import.is_plain(node):
            return False
        before = ImportState(self.config)
        raised = early_import.do_now(node, self.config)
        if raised is not None and not isinstance(raised, early_import.SKIPS):
            raise Different(f"{node.nodeid} cannot be collected")
        self.check_state(node, before)
        return raised is not None or not early_import.generates_tests(node.obj)

    def describe_here(self, number: int) -> dict[str, Any]:
        """The zygote's own frames stay, and those of a module that makes it collect all."""
        kept = self.zygote.held
        try:
            content = self.describe(number)
        except Different:
            self.zygote.held = kept + self.zygote.held
            raise
        self.zygote.held = kept
        return content

    # -- a worker -------------------------------------------------------------------------------

    def run_worker(self) -> None:
        """Expands what it can get, tells, and waits until all is known."""
        board = self.zygote.board
        self.state = ImportState(self.config)
        forget_recorded_warnings()
        if board.wait_plan(0) is None:
            try:
                self.expand_share()
            except Different as error:
                self.give_up(str(error))
            except BaseException as error:
                self.give_up(f"{type(error).__name__} while {self.current()} was collected")
        while board.wait_plan(0.2) is None:
            pass
        self.is_told = True
        self.places = self.table.places()
        self.firsts = [first for first, _, _ in self.places]

    def current(self) -> str:
        """The module this worker is in."""
        number = self.table.entered(self.zygote.slot)
        return self.modules[number].nodeid if number >= 0 else "nothing"

    def expand_share(self) -> None:
        """Runs of modules, one after the other."""
        table, slot = self.table, self.zygote.slot
        while True:
            run = table.pull()
            if run is None:
                break
            for number in range(run[0], run[0] + run[1]):
                if number not in self.found:
                    table.enter(slot, number)
                    self.zygote.send(protocol.MODULE, **self.describe(number))
        table.enter(slot, -1)

    def give_up(self, reason: str) -> NoReturn:
        """The zygote has to collect."""
        self.zygote.send(protocol.NEEDS_ONCE, reason=reason)
        os._exit(0)

    def describe(self, number: int) -> dict[str, Any]:
        """Expands a module; all that is to be told of it."""
        zygote = self.zygote
        assert zygote.message is not None
        zygote.held, zygote.deselected = [], []
        items = self.expand(number)
        rows: list[list[Any]] = []
        for item in items:
            try:
                row = plan.describe(item, zygote.message["dist"])
            except pytest.UsageError:
                raise Different(f"{item.nodeid} has a mark that cannot be obeyed") from None
            if rows and rows[-1][0] == row:
                rows[-1][1] += 1
            else:
                rows.append([row, 1])
        held = [[kind, content] for _, kind, content in zygote.held]
        return {"module": number, "ids": [item.nodeid for item in items], "rows": rows, "held": held,
                "deselected": zygote.deselected, "digest": digest(items)}

    def expand(self, number: int) -> list[pytest.Item]:
        """The tests of a module, after each hook that would see them in a serial run."""
        session, module = self.session, self.modules[number]
        failed, kept = session.testsfailed, session.items
        session.items = []
        try:
            with catch_warnings(self.config):
                before = ImportState(self.config)
                session.items.extend(self.items_of(module))
                self.made[number] = session.items[:]
                self.check(module, before, failed)
                hook = self.config.hook
                hook.pytest_collection_modifyitems(session=session, config=self.config, items=session.items)
                hook.pytest_collection_finish(session=session)
            items = self.found[number] = session.items
        finally:
            session.items = kept
        return items

    def check(self, module: Any, before: ImportState, failed: int) -> None:
        """Raises Different where the other modules would not be the same without this one."""
        session = self.session
        if session.testsfailed != failed or session.shouldfail or session.shouldstop:
            raise Different(f"{module.nodeid} cannot be collected")
        self.check_state(module, before)
        for item in session.items:
            callspec = getattr(item, "callspec", None)
            if callspec is not None and any(scope.value in WIDE_SCOPES for scope in callspec._arg2scope.values()):
                raise Different(f"{item.nodeid} has a parameter of {WIDE_SCOPES[0]} or {WIDE_SCOPES[1]} scope")

    def check_state(self, module: Any, before: ImportState) -> None:
        """Raises Different where importing or expanding it has changed what others may look at."""
        change = before.change_to(ImportState(self.config), with_path=False)  # pytest itself puts folders there
        if change:
            raise Different(f"{module.nodeid} changes {change} when it is imported")

    # -- the run --------------------------------------------------------------------------------

    def module_at(self, index: int) -> int:
        """The module of a test; empty modules share a place with the one that follows."""
        return bisect.bisect_right(self.firsts, index) - 1

    def item(self, index: int) -> Optional[pytest.Item]:
        """The test that the scheduler knows by this index; None where its module has other tests here."""
        number = self.module_at(index)
        self.expand_again(number)
        return self.found[number][index - self.firsts[number]] if number in self.found else None

    def known_chain(self, index: int) -> Optional[list[Any]]:
        """The collectors of a test whose module this worker has not expanded yet."""
        number = self.module_at(index)
        return None if number in self.found else self.modules[number].listchain()

    def expand_again(self, number: int) -> None:
        """A module that another process has told about, once."""
        if number in self.found or number in self.unlike:
            return
        zygote = self.zygote
        kept = zygote.held, zygote.deselected
        self.silent = True
        self.table.enter(zygote.slot, number)
        assert self.state is not None
        try:
            with import_state.as_it_was(self.config, self.state):
                items = self.expand(number)
        except Different:
            items = []
        finally:
            self.silent = False
            zygote.held, zygote.deselected = kept
        self.table.enter(zygote.slot, -1)
        if len(items) != self.places[number][1] or digest(items) != self.places[number][2]:
            self.found.pop(number, None)
            self.unlike[number] = items

    def hand_over(self, index: int) -> None:
        """A test that is claimed here and that only the worker has which collected it. Where that one is gone, nobody runs
        what is left of the module."""
        number, zygote = self.module_at(index), self.zygote
        holder = zygote.board.hand_over(zygote.slot)
        zygote.send(protocol.UNLIKE, module=self.modules[number].nodeid, holder=holder)

    def all_items(self) -> list[pytest.Item]:
        """Every test of the suite, expanded here."""
        for number in range(len(self.modules)):
            self.expand_again(number)
        return [item for number in range(len(self.modules)) for item in self.found.get(number) or self.unlike.get(number, [])]

    def finish_collection(self, session: pytest.Session) -> None:
        """After pytest's own."""
        session.items = LateItems(self)
        session.testscollected = sum(tests for _, tests, _ in self.places)


def _complete(name: str) -> Callable[..., Any]:
    """A method of list that looks at all tests."""
    plain = getattr(list, name)

    def method(self: LateItems, *args: Any) -> Any:
        self.fill()
        return plain(self, *args)

    return method


class LateItems(list):  # type: ignore[type-arg]
    """session.items in a worker: complete as soon as somebody looks."""

    def __init__(self, shard: Shard) -> None:
        super().__init__()
        self._shard: Optional[Shard] = shard

    def fill(self) -> None:
        """Once."""
        shard, self._shard = self._shard, None
        if shard is not None:
            list.extend(self, shard.all_items())

    for _name in ("__iter__", "__len__", "__getitem__", "__contains__", "__reversed__", "__eq__", "__ne__", "__add__",
                  "__setitem__", "__delitem__", "__repr__", "index", "count", "copy", "sort", "reverse", "pop", "remove"):
        locals()[_name] = _complete(_name)
    __hash__ = None  # type: ignore[assignment]


def digest(items: list[pytest.Item]) -> int:
    """64 bits that stand for the ids in their order; 0 for none."""
    if not items:
        return 0
    return _comb.digest([item.nodeid.encode("utf-8", "surrogatepass") for item in items])


@contextlib.contextmanager
def catch_warnings(config: pytest.Config) -> Iterator[None]:
    """Those of one module, with the filters of the collection."""
    if not config.pluginmanager.hasplugin("warnings"):
        yield
        return
    from _pytest.warnings import catch_warnings_for_item

    with catch_warnings_for_item(config=config, ihook=config.hook, when="collect", item=None):
        yield


def forget_recorded_warnings() -> None:
    """The zygote's, of conftests and test files: gw0 alone tells them, as the collection ends."""
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        return
    log = getattr(getattr(warnings, "_showwarnmsg_impl", None), "__self__", None)
    if isinstance(log, list):
        log.clear()
