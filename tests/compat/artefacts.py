"""Reads what plugins leave behind, reduced to what has to be the same: no times, hosts, process ids or random names."""

from __future__ import annotations

import html
import json
import re
import xml.etree.ElementTree as tree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional


@dataclass(frozen=True)
class Run:
    """Where to look."""

    project: Path
    output: str
    record: list[dict[str, Any]]


def _sorted(values: Any) -> list[Any]:
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def junit(run: Run) -> Any:
    """Test cases with all they hold, and the counters."""
    suites = tree.parse(run.project / "junit.xml").getroot()
    cases = []
    for case in suites.iter("testcase"):
        inner = [[element.tag, _without_fixtures(element.get("message")), element.get("type"), element.get("name"),
                  element.get("value"),
                  (element.text or "").strip() and "text"] for element in case.iter() if element is not case]
        cases.append([case.get("classname"), case.get("name"), inner])
    counters = [[suite.get(name) for name in ("name", "errors", "failures", "skipped", "tests")]
                for suite in suites.iter("testsuite")]
    return _sorted(cases + counters)


def _without_fixtures(message: Optional[str]) -> Optional[str]:
    """Where a fixture is not found all others are named: a parallel run has two more."""
    return message and re.sub(r", (?:testrun_uid|worker_id)\b", "", message)


def coverage(run: Run) -> Any:
    """Lines, branches and contexts of each file, and the total."""
    report = _json(run.project / "coverage.json")
    keys = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
    files = {name: {key: entry.get(key) for key in keys} for name, entry in report["files"].items()}
    for name, entry in report["files"].items():
        files[name]["contexts"] = {line: sorted(contexts) for line, contexts in entry.get("contexts", {}).items()}
    return {"totals": report["totals"], **files}


def coverage_total(run: Run) -> Any:
    """The line TOTAL as it is printed, and what --cov-fail-under says."""
    return re.findall(r"^(?:TOTAL.*|.*[Rr]equired test coverage.*|FAIL .*)$", run.output, re.M)


def properties(run: Run) -> Any:
    """What tests recorded with record_property."""
    values = {(entry["nodeid"], name, value) for entry in run.record if entry["kind"] == "report"
              for name, value in entry["properties"]}
    return sorted(map(list, values))


def databases(run: Run) -> Any:
    """Which worker used which database."""
    return sorted({value for _, name, value in properties(run) if name == "database"})


def benchmark(run: Run) -> Any:
    """Whether benchmarks were switched off, and said so, and whether their table was printed."""
    return {"said": sorted(set(re.findall(r"Benchmarks are automatically disabled[^.]*\.", run.output))),
            "table": "Name (time in" in run.output}


def html_report(run: Run) -> Any:
    """Each row's result, extras and columns, and whether it has a log."""
    text = (run.project / "report.html").read_text(encoding="utf-8")
    blob = json.loads(html.unescape(re.findall(r'data-jsonblob="([^"]*)"', text)[0]))
    rows = [[entry["testId"], entry["result"], [extra["name"] for extra in entry["extras"]],
             bool(entry["log"]), "Captured" in entry["log"], [cell for cell in entry["resultsTableRow"]
                                                              if "col-duration" not in cell]]
            for tests in blob["tests"].values() for entry in tests]
    return [re.findall(r"<title[^>]*>([^<]*)", text)] + _sorted(rows)


OF_ONE_RUN = {"duration", "created", "environment", "root", "process", "processName", "thread", "threadName", "msecs",
              "relativeCreated", "taskName"}


def json_report(run: Run) -> Any:
    """The whole report, without times and places."""
    report = _json(run.project / ".report.json")

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(entry) for key, entry in value.items() if key not in OF_ONE_RUN}
        return [clean(entry) for entry in value] if isinstance(value, list) else value

    report = clean(_without_worker(report))
    for name in ("tests", "collectors", "warnings"):
        if name in report:
            report[name] = _sorted(report[name])
    return report


def _without_worker(value: Any) -> Any:
    """The line that tells in failures which worker it was."""
    text = re.sub(r'\[gw\d\] linux -- Python [^\\"]*(?:\\n)*', "", json.dumps(value))
    text = re.sub(r'"longrepr": "", ', "", text)
    return json.loads(text.replace(r'\n    def ', r'\ndef ').replace('"    def ', '"def '))


def allure(run: Run) -> Any:
    """Results with their steps, labels and attachments; fixtures of the containers."""
    folder = run.project / "allure"
    found = []
    for path in folder.glob("*-result.json"):
        result = _json(path)
        labels = sorted([label["name"], label["value"]] for label in result.get("labels", [])
                        if label["name"] not in ("host", "thread"))
        found.append([result["fullName"], result["name"], result["status"], labels, result.get("parameters"),
                      result.get("links"), result.get("description"), _names(result, "steps"),
                      _names(result, "attachments"), sorted((result.get("statusDetails") or {}))])
    fixtures = Counter(name for path in folder.glob("*-container.json") for stage in ("befores", "afters")
                       for name in _names(_json(path), stage))
    return _sorted(found) + [sorted({name for name in fixtures})] + [len(list(folder.glob("*-attachment.*")))]


def _names(owner: dict[str, Any], kind: str) -> list[str]:
    return [entry["name"] for entry in owner.get(kind, [])]


def cucumber(run: Run) -> Any:
    """Features, scenarios and steps with their results."""
    return _sorted([feature["name"], element["name"], element["tags"],
                    [[step["keyword"], step["name"], step["result"]["status"]] for step in element["steps"]]]
                   for feature in _json(run.project / "cucumber.json") for element in feature["elements"])


def gherkin(run: Run) -> Any:
    """What the terminal reporter of pytest-bdd prints for each scenario."""
    return sorted(re.findall(r"^ {4}(?:Scenario.*|.* (?:PASSED|FAILED))$", run.output, re.M))


def statistics(run: Run) -> Any:
    """hypothesis: how often each test is in the statistics; that a falsifying example is shown."""
    shown = Counter(re.findall(r"^(tests/\S+):$", run.output, re.M))
    return {**shown, "falsified": run.output.count("Falsifying example") + run.output.count("Falsifying explicit")}


def reruns(run: Run) -> Any:
    """pytest-rerunfailures: how often each test was run again."""
    return dict(Counter(entry["nodeid"] for entry in run.record
                        if entry["kind"] == "report" and entry["outcome"] == "rerun"))


def crashes(run: Run) -> Any:
    """Tests that took their process with them, and how each test ended; for runs that a serial run does not survive."""
    return sorted({"{} {}".format(entry["nodeid"], entry["outcome"]) for entry in run.record
                   if entry["kind"] == "report" and (entry["when"] in ("call", "???"))})


def headings(run: Run) -> Any:
    """Tests whose failure is shown, with the number of times."""
    return dict(Counter(re.findall(r"^_{3,} (?:ERROR at \w+ of )?(\S+) _{3,}$", run.output, re.M)))


def sugar(run: Run) -> Any:
    """The signs of pytest-sugar and its summary."""
    return {"signs": sorted({sign for sign in "✓⨯✗" if sign in run.output}),
            "summary": sorted(re.findall(r"^ +\d+ \w+$", run.output, re.M))}


def seed(run: Run) -> Any:
    """The seed in the header."""
    return re.findall(r"^(?:Using --random.*|Using --randomly.*)$", run.output, re.M)


def timeouts(run: Run) -> Any:
    """Whether the stacks of a test that took too long are shown."""
    return {"stacks": "Timeout" in run.output and "test_slow.py" in run.output}


def last_failed(run: Run) -> Any:
    """What --lf will run next time."""
    path = run.project / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return _json(path) if path.exists() else None


def node_ids(run: Run) -> Any:
    """What --nf knows."""
    path = run.project / ".pytest_cache" / "v" / "cache" / "nodeids"
    return sorted(_json(path)) if path.exists() else None


def listing(run: Run) -> Any:
    """Lines of --collect-only -q, without the time taken."""
    return [re.sub(r" in [\d.]+s.*", "", line) for line in run.output.splitlines()]


def printed(run: Run) -> Any:
    """What tests printed with -s, each line once."""
    return sorted(re.findall(r"printed: [\w.]+", run.output))


def durations(run: Run) -> Any:
    """The slowest test in the list of --durations."""
    return re.findall(r"^[\d.]+s (call|setup) +(\S*slow\S*)$", run.output, re.M)


def failures_shown(run: Run) -> Any:
    """The short summary, without its order."""
    words = r"FAILED|ERROR|XPASS|XFAIL|SKIPPED|PASSED|SUBFAIL\S*"
    return sorted(re.findall(r"^(?:{}) .*$".format(words), run.output, re.M))


def ended_early(run: Run) -> Any:
    """That something failed, and that not all was run."""
    failed = [entry for entry in run.record if entry["kind"] == "report" and entry["outcome"] == "failed"]
    started = {entry["nodeid"] for entry in run.record if entry["kind"] == "start"}
    return {"failed": bool(failed), "all run": len(started) >= 40,
            "said": bool(re.search(r"!+ .*stopping after \d+ failures? !+", run.output))}


def order(run: Run) -> Any:
    """Worker to its tests, as it began them."""
    sequences: dict[str, list[str]] = {}
    for entry in run.record:
        if entry["kind"] == "report" and entry["when"] in ("setup", "???"):
            sequences.setdefault(entry["worker"], []).append(entry["nodeid"])
    return sequences


def order_in_files(run: Run) -> Any:
    """The same for each file by itself."""
    sequences: dict[str, list[str]] = {}
    for worker, tests in order(run).items():
        for nodeid in tests:
            sequences.setdefault("{} {}".format(worker, nodeid.split("::")[0]), []).append(nodeid)
    return sequences


def scattered_groups(run: Run) -> Any:
    """Groups (the property of that name) whose tests ran on more than one worker."""
    workers: dict[str, set[str]] = {}
    for entry in run.record:
        for name, value in entry["properties"] if entry["kind"] == "report" else ():
            if name == "group" and value:
                workers.setdefault(value, set()).add(entry["worker"])
    return {"groups": len(workers), "scattered": sorted(name for name, found in workers.items() if len(found) > 1)}


READERS: dict[str, Callable[[Run], Any]] = {
    "allure results": allure,
    "benchmark": benchmark,
    "coverage": coverage,
    "coverage total": coverage_total,
    "crashes": crashes,
    "cucumber json": cucumber,
    "databases": databases,
    "durations": durations,
    "ended early": ended_early,
    "failures shown": failures_shown,
    "gherkin": gherkin,
    "headings": headings,
    "html report": html_report,
    "json report": json_report,
    "junit xml": junit,
    "last failed": last_failed,
    "listing": listing,
    "node ids": node_ids,
    "order": order,
    "order in files": order_in_files,
    "printed": printed,
    "properties": properties,
    "reruns": reruns,
    "scattered groups": scattered_groups,
    "seed": seed,
    "statistics": statistics,
    "sugar": sugar,
    "timeouts": timeouts,
}


def read(name: str, run: Run) -> Any:
    """The value of an artefact; what could not be read is a value as well, and differs from what could."""
    try:
        return READERS[name](run)
    except (OSError, ValueError, KeyError, IndexError, TypeError, tree.ParseError) as error:
        return "unreadable: {}: {}".format(type(error).__name__, str(error).replace(str(run.project), "."))
