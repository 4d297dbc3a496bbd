"""The plugins that are tried, each with what of it matters in a parallel run. A row here and a folder in projects/."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One project with one set of options."""

    plugin: str
    project: str
    compared: str
    arguments: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    ignored_files: tuple[str, ...] = ()
    ignored_aspects: tuple[str, ...] = ()
    runs: int = 1
    variant: str = ""
    parallel_arguments: tuple[str, ...] = ()
    note: str = ""  # why a parallel run cannot do what the serial one does

    @property
    def name(self) -> str:
        """Unique."""
        return self.project + ("/" + self.variant if self.variant else "")

    @property
    def key(self) -> str:
        """Of its result."""
        return "plugin/" + self.name


JUNIT = ("--junitxml=junit.xml", "-o", "junit_family=xunit1")
# What a run that a test kills cannot have in common with one that it does not.
CRASHING = ("outcomes", "report details", "starts", "finishes", "warnings")

CASES = (
    Case("pytest-cov", "cov", "lines of every file and total; no data file left",
         ("--cov=billing", "--cov-report=json", "--cov-report=term"), ("coverage", "coverage total"), variant="lines"),
    Case("pytest-cov", "cov", "branches of every file and total; no data file left",
         ("--cov=billing", "--cov-branch", "--cov-report=json", "--cov-report=term"), ("coverage", "coverage total"),
         variant="branches"),
    Case("pytest-cov", "cov", "which test ran which line",
         ("--cov=billing", "--cov-branch", "--cov-context=test", "--cov-report=json"), ("coverage",),
         variant="contexts"),
    Case("pytest-cov", "cov", "exit code and text of --cov-fail-under",
         ("--cov=billing", "--cov-fail-under=99", "--cov-report=term"), ("coverage total",), variant="fail-under"),
    Case("pytest-cov", "cov", "branches and contexts, each test in a process of its own (mark fresh)",
         ("-p", "comb_compat_fresh", "--cov=billing", "--cov-branch", "--cov-context=test", "--cov-report=json",
          "--cov-report=term"), ("coverage", "coverage total"), variant="fresh"),
    Case("pytest-django", "django", "a database a worker, made once and removed; live server; transactions",
         (), ("databases",),
         note="each worker has a database of its own, a serial run has one"),
    Case("pytest-randomly", "randomly", "numbers drawn in tests and module fixtures, seed",
         ("--randomly-seed=1234",), ("properties", "seed"), parallel_arguments=("--dist=loadfile",)),
    Case("pytest-random-order", "random_order", "seed; the same order, on each worker, as in the serial run",
         ("--random-order", "--random-order-seed=42"), ("seed", "order in files"),
         parallel_arguments=("--dist=loadfile",),
         note="the plugin leaves its seed in pytest's cache only in a serial run"),
    Case("pytest-rerunfailures", "rerunfailures", "reruns of each test, reports between them, junit xml",
         ("--reruns=2", *JUNIT), ("reruns", "junit xml"), variant="reruns"),
    Case("pytest-rerunfailures", "rerunfailures", "a test that kills its worker is run again",
         ("--reruns=2", "tests/crash_flaky.py", "tests/crash_flaky_again.py"), ("crashes",), ignored_aspects=CRASHING,
         variant="crashes",
         note="a serial run dies with the test"),
    Case("pytest-timeout", "timeout", "method signal: failures in setup and call",
         ("--timeout=0.6", "--timeout-method=signal"), ("timeouts",), variant="signal"),
    Case("pytest-timeout", "timeout", "method thread: the worker dies, every other test still runs",
         ("--timeout=0.6", "--timeout-method=thread"), ("crashes", "timeouts"), ignored_aspects=CRASHING,
         variant="thread",
         note="a serial run dies with the test"),
    Case("pytest-asyncio", "asyncio", "loops of each scope, signals, child processes", JUNIT, ("junit xml",)),
    Case("anyio", "anyio", "both back ends, fixtures of each scope", JUNIT, ("junit xml", "properties")),
    Case("pytest-trio", "trio", "nurseries, clocks, child processes", JUNIT, ("junit xml",)),
    Case("pytest-benchmark", "benchmark", "benchmarks are off in parallel, and it is said", (),
         ("benchmark", "properties"),
         note="the plugin switches benchmarks off in every parallel run"),
    Case("pytest-html", "html", "rows, extras, logs, own columns", ("--html=report.html", "--self-contained-html"),
         ("html report",)),
    Case("pytest-json-report", "json_report", "stages, output, metadata, warnings",
         ("--json-report", "--json-report-file=.report.json"), ("json report",),
         note="collectors that passed are known to the process that collects, not to the one that reports"),
    Case("pytest-subtests", "subtests", "every subtest's report (pytest 8)", JUNIT, ("junit xml", "failures shown")),
    Case("pytest's subtests", "subtests_builtin", "every subtest's report (pytest 9)", JUNIT,
         ("junit xml", "failures shown")),
    Case("pytest-mock", "mock", "patches of each scope are undone", JUNIT, ("junit xml",)),
    Case("hypothesis", "hypothesis", "statistics, falsifying example, example database",
         ("--hypothesis-show-statistics", "--hypothesis-seed=7"), ("statistics",), (".hypothesis/*",)),
    Case("pytest-bdd", "bdd", "cucumber json, gherkin reporter", ("--cucumberjson=cucumber.json", *JUNIT),
         ("cucumber json", "junit xml"), variant="json"),
    Case("pytest-bdd", "bdd", "gherkin terminal reporter", ("--gherkin-terminal-reporter", "-vv"), ("gherkin",),
         variant="terminal"),
    Case("allure-pytest", "allure", "results, steps, fixtures, attachments", ("--alluredir=allure",),
         ("allure results",), ("allure/*",)),
    Case("pytest-order", "order", "marked order on each worker, also in a second run", (), ("order",), runs=2,
         variant="load"),
    Case("pytest-order", "order", "marked order inside a file, also in a second run", (), ("order in files",), runs=2,
         variant="loadfile", parallel_arguments=("--dist=loadfile",)),
    Case("pytest-sugar", "sugar", "signs and summary", ("--force-sugar",), ("sugar", "headings")),
    Case("pytest-instafail", "instafail", "each failure shown once", ("--instafail",), ("headings",)),
)
