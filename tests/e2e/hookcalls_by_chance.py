"""Hook calls by chance, first through pluggy's own Python, then through comb's C: prints what differs, and what leaks.

    python hookcalls_by_chance.py SEED CASES
"""

from __future__ import annotations

import gc
import random
import sys
import warnings
from typing import Any, Callable

import pluggy

from pytest_comb import hookcalls

spec, impl = pluggy.HookspecMarker("chance"), pluggy.HookimplMarker("chance")
Log = list


class Specs:
    @spec
    def many(self, a: int, b: int) -> None: ...

    @spec(firstresult=True)
    def first(self, a: int, b: int) -> None: ...

    @spec(historic=True)
    def late(self, a: int) -> None: ...

    def pytest_runtest_protocol(self) -> None:
        """take() asks for a hook of pytest."""


Specs.pytest_runtest_protocol = spec(Specs.pytest_runtest_protocol)
ERRORS: list[Callable[[], BaseException]] = [
    lambda: ValueError("v"), lambda: StopIteration(3), lambda: KeyboardInterrupt(), lambda: SystemExit(4),
    lambda: RuntimeError("r"), lambda: GeneratorExit(), lambda: pluggy.HookCallError("h")]


def plain(log: Log, n: int, value: Any, error: Any) -> Any:
    def call(a: int, b: int) -> Any:
        log.append((n, a, b))
        if error:
            raise error()
        return value
    return impl(call)


def other_arguments(log: Log, n: int, value: Any, error: Any) -> Any:
    def call(b: int) -> Any:
        log.append((n, b))
        return value
    return impl(call, tryfirst=n % 2 == 0)


def with_default(log: Log, n: int, value: Any, error: Any) -> Any:
    def call(a: int, b: int = 7) -> Any:
        log.append((n, a, b))
        return value
    return impl(call)


def wrapper(log: Log, n: int, value: Any, error: Any) -> Any:
    def call(a: int) -> Any:
        log.append((n, "before", a))
        try:
            result = yield
        except BaseException as caught:
            log.append((n, "caught", describe(caught)))
            if n % 3 == 0:
                raise
            if error:
                raise error() from caught
            return value
        log.append((n, "after", result))
        if error:
            raise error()
        return value if n % 2 else result
    return impl(call, wrapper=True, trylast=n % 4 == 0)


def wrapper_that_passes(log: Log, n: int, value: Any, error: Any) -> Any:
    def call() -> Any:
        try:
            return (yield)
        finally:
            log.append((n, "finally"))
    return impl(call, wrapper=True)


def wrapper_without_yield(log: Log, n: int, value: Any, error: Any) -> Any:
    def call() -> Any:
        log.append((n, "no yield"))
        if error:
            raise error()
        if n < 0:
            yield
    return impl(call, wrapper=True)


def wrapper_with_two(log: Log, n: int, value: Any, error: Any) -> Any:
    def call() -> Any:
        try:
            yield
        except BaseException as caught:
            log.append((n, "again", describe(caught)))
        try:
            yield
        finally:
            log.append((n, "closed"))
            if error:
                raise error()
    return impl(call, wrapper=True)


def old_wrapper(log: Log, n: int, value: Any, error: Any) -> Any:
    def call(b: int) -> Any:
        log.append((n, "old", b))
        outcome = yield
        log.append((n, describe(outcome.excinfo[1]) if outcome.excinfo else outcome.get_result()))
        if n % 2:
            outcome.force_result(value)
        if error:
            raise error()
    return impl(call, hookwrapper=True)


KINDS = [plain, plain, plain, other_arguments, with_default, wrapper, wrapper, wrapper_that_passes, wrapper_without_yield,
         wrapper_with_two, old_wrapper]


def describe(error: BaseException | None) -> Any:
    """What is to be the same of an error: its context and cause too, and that it has a traceback."""
    if error is None:
        return None
    text = str(error).split(" at 'call'")[0].split(" at 0x")[0]
    return (type(error).__name__, text, describe(error.__cause__), error.__traceback__ is not None)


def take(manager: Any) -> None:
    """C, in the second half of this program."""
    if TAKEN:
        hookcalls.take(manager)
        if "builtin" not in type(manager._inner_hookexec).__name__:
            sys.exit(f"pluggy {pluggy.__version__} is called by its own Python")


def run(seed: int) -> Any:
    """One call with what this seed makes, and everything that could be seen of it."""
    chance, log = random.Random(seed), []
    manager = pluggy.PluginManager("chance")
    manager.add_hookspecs(Specs)
    take(manager)
    name = chance.choice(["many", "many", "first", "first", "unspecified"])
    for n in range(chance.choice([0, 1, 2, 3, 4, 6, 70])):
        kind = chance.choice(KINDS if chance.random() < 0.6 else KINDS[:7])
        error = chance.choice(ERRORS) if chance.random() < 0.15 else None
        plugin = type("Plugin", (), {name: staticmethod(kind(log, n, chance.choice([None, None, n, [], 0]), error))})
        manager.register(plugin(), str(n))
    given: dict[str, Any] = {"a": 1, "b": 2}
    if chance.random() < 0.05:
        del given[chance.choice("ab")]
    if chance.random() < 0.1:
        undo = manager.add_hookcall_monitoring(lambda *about: log.append(("before", about[0], len(about[1]), dict(about[2]))),
                                               lambda outcome, *about: log.append(("after", describe(outcome.exception))))
    else:
        undo = None
    hook = getattr(manager.hook, name, None)
    if chance.random() < 0.1 and hook is not None:
        hook = manager.subset_hook_caller(name, [manager.get_plugin(str(chance.randrange(6)))])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            result = hook(**given) if hook is not None else None
        except BaseException as error:
            result = describe(error)
    if undo:
        undo()
    return log, result, [(w.category.__name__, str(w.message).split("\n")[-1], w.filename) for w in told], given


def same(was: Any, now: Any) -> bool:
    """After a second yield the rest of the wrappers are closed when they are collected, whenever and in which order that is."""
    aborted = isinstance(was[1], tuple) and was[1][:2] == ("RuntimeError", "wrap_controller")
    return was[1:] == now[1:] and (was[0] == now[0] or (aborted and sorted(map(repr, was[0])) == sorted(map(repr, now[0]))))


def leaked(kind: Any, error: Any) -> int:
    """Blocks of memory that a thousand calls of such an implementation, a wrapper and a plain one leave behind."""
    manager, log = pluggy.PluginManager("chance"), []
    manager.add_hookspecs(Specs)
    take(manager)
    for n, (make, raised) in enumerate([(plain, None), (kind, error), (wrapper, None), (old_wrapper if error else plain, None)]):
        manager.register(type("Plugin", (), {"many": staticmethod(make(log, n, n, raised))})())
    blocks = []
    for calls in (50, 1000):
        for _ in range(calls):
            try:
                manager.hook.many(a=1, b=2)
            except BaseException:
                pass
            log.clear()
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    return blocks[1] - blocks[0]


def run_all(seeds: range) -> list[Any]:
    """What is seen of each."""
    seen = []
    for seed in seeds:
        seen.append(run(seed))
        if seed % 100 == 0:
            gc.collect()
    gc.collect()
    return seen


def misuse() -> list[Any]:
    """Calls that pluggy refuses."""
    manager = pluggy.PluginManager("chance")
    manager.add_hookspecs(Specs)
    take(manager)
    seen = []
    for call in (lambda: manager.hook.many(1, 2), lambda: manager.hook.late(a=1), lambda: manager.hook.many(a=1, b=2, c=3),
                 lambda: manager.hook.many.call_extra([lambda a: a], {"a": 5, "b": 6}),
                 lambda: type(manager.hook.many).__call__(manager.hook.first, a=1, b=2),
                 lambda: manager.hook.late.call_historic(kwargs={"a": 3})):
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            try:
                seen.append(call())
            except BaseException as error:
                seen.append((type(error).__name__, str(error)))
    return seen


TAKEN = False
gc.disable()  # it would close generators in the middle of another case
sys.unraisablehook = lambda about: None
seeds = range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2]))
expected, refused = run_all(seeds), misuse()
TAKEN = True
found = run_all(seeds)
different = 0
for seed, was, now in zip(seeds, expected, found):
    if not same(was, now):
        different += 1
        print(f"seed {seed}\n  was {was}\n  now {now}")
if misuse() != refused:
    different += 1
    print(f"misuse\n  was {refused}\n  now {misuse()}")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    leaks = [(kind.__name__, error and error()) for kind in KINDS[2:] for error in (None, ERRORS[0], ERRORS[1])
             if leaked(kind, error) > 500]
print(f"{len(seeds)} cases, {different} differ, {len(leaks)} leak {leaks or ''}")
