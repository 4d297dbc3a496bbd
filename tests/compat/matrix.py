"""pytest's own features in parallel, for each Python and each pytest: scenarios over two projects."""

from __future__ import annotations

from dataclasses import dataclass

from environment import HERE, Interpreter


@dataclass(frozen=True)
class Scenario:
    """A command line, and what besides the reports has to be as in a serial run."""

    name: str
    arguments: tuple[str, ...]
    readers: tuple[str, ...] = ()
    project: str = "core"
    ignored_aspects: tuple[str, ...] = ()
    runs: int = 1
    every_start: bool = False
    first: bool = False  # is run in all cells before the others are
    parallel_arguments: tuple[str, ...] = ()


# With -x, how far the other worker got is a matter of time.
STOPPING = ("outcomes", "report details", "summary", "starts", "finishes", "warnings", "files")
ONE_WORKER = ("workers",)

SCENARIOS = (
    Scenario("all outcomes, doctests, junit xml, -rA, --durations",
             ("--doctest-modules", "--junitxml=junit.xml", "-o", "junit_family=xunit1", "-rA", "--durations=1"),
             ("junit xml", "durations", "failures shown", "last failed", "node ids", "properties"), every_start=True,
             first=True),
    Scenario("-x", ("-x",), ("ended early",), ignored_aspects=STOPPING + ONE_WORKER, first=True),
    Scenario("--maxfail", ("--maxfail=2",), ("ended early",), ignored_aspects=STOPPING + ONE_WORKER),
    Scenario("-k", ("-k", "number and not 3"), first=True),
    Scenario("-m", ("-m", "fast"),),
    Scenario("--deselect", ("--deselect", "tests/test_outcomes.py::test_fails")),
    Scenario("node ids", ("tests/test_scopes.py::TestClass", "tests/test_outcomes.py::test_number[3]"),
             ignored_aspects=ONE_WORKER),
    Scenario("--lf after a run", ("--lf",), ("last failed",), runs=2, every_start=True, first=True),
    Scenario("--ff after a run", ("--ff",), ("last failed",), runs=2),
    Scenario("--nf after a run", ("--nf",), ("node ids",), runs=2),
    Scenario("--co -q", ("--co", "-q"), ("listing",), ignored_aspects=ONE_WORKER),
    Scenario("-s", ("-s",), ("printed",)),
    Scenario("-W error", ("-W", "error::UserWarning"),),
    Scenario("--import-mode=importlib", ("--import-mode=importlib",),),
    Scenario("--setup-show", ("--setup-show", "-k", "TestClass"), ignored_aspects=ONE_WORKER),
    Scenario("nothing selected", ("-k", "nothing_like_this"), ignored_aspects=ONE_WORKER),
    Scenario("errors in collection", (), project="broken", ignored_aspects=ONE_WORKER, every_start=True, first=True),
    Scenario("--continue-on-collection-errors", ("--continue-on-collection-errors",), ("failures shown",),
             project="broken"),
    Scenario("--dist=loadgroup", (), ("scattered groups",), project="groups", every_start=True, first=True,
             parallel_arguments=("--dist=loadgroup",)),
    Scenario("a conftest that puts tests in another order", (), ("node ids",), project="reordered"),
    Scenario("fresh for every test", ("-p", "comb_compat_fresh", "--doctest-modules", "--junitxml=junit.xml",
                                      "-o", "junit_family=xunit1", "-rA"),
             ("junit xml", "failures shown", "last failed", "node ids", "properties")),
    Scenario("usage error", ("--no-such-option",), ignored_aspects=ONE_WORKER),
    Scenario("no such file", ("tests/test_nothing.py",), ignored_aspects=ONE_WORKER),
    Scenario("pytest.exit in a test", ("tests/exits.py",), project="broken",
             ignored_aspects=STOPPING + ONE_WORKER, first=True),
)


@dataclass(frozen=True)
class Release:
    """A pytest that is tried, and the Pythons it runs on."""

    constraints: str
    oldest: tuple[int, int]
    newest: tuple[int, int]

    @property
    def version(self) -> str:
        """The pinned version."""
        pins = (HERE / self.constraints).read_text(encoding="utf-8").splitlines()
        return next(pin.split("==")[1] for pin in pins if pin.startswith("pytest=="))

    @property
    def name(self) -> str:
        """As it is asked for: 9, 7.0."""
        return self.constraints[len("constraints-pytest"):-len(".txt")]

    def key(self, interpreter: Interpreter) -> str:
        """Of the result."""
        return "cell/{}-{}".format(interpreter.minor, self.version)

    def runs_on(self, interpreter: Interpreter) -> bool:
        """Whether pytest itself supports this Python."""
        return self.oldest <= interpreter.version[:2] <= self.newest


RELEASES = (
    Release("constraints-pytest9.txt", (3, 10), (3, 14)),
    Release("constraints-pytest8.txt", (3, 9), (3, 14)),
    Release("constraints-pytest7.txt", (3, 9), (3, 12)),
    Release("constraints-pytest7.0.txt", (3, 9), (3, 10)),
    Release("constraints-pytest9.2.txt", (3, 13), (3, 14)),
)
