"""comb check on a small project: what is found, what is written, and that it then holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

COMB = os.environ["COMB"]

STEPS = '''
class TestSteps:
    """Each step needs the one before it."""

    done = []

    def test_1_open(self):
        self.done.append("open")

    def test_2_fill(self):
        assert self.done == ["open"]
        self.done.append("fill")

    def test_3_close(self):
        assert self.done == ["open", "fill"]
'''

LEDGER = '''
import time
from importlib.metadata import version
from pathlib import Path

PATH = Path(__file__).parent / "ledger.txt"


def test_{name}():
    PATH.write_text("{name}")
    time.sleep(0.2)
    assert PATH.read_text() == "{name}"
'''

ENVIRONMENT = '''
import os


def test_default():
    assert os.environ.get("LEDGER_CURRENCY", "EUR") == "EUR"


def test_currency():
    os.environ["LEDGER_CURRENCY"] = "USD"
    assert os.environ["LEDGER_CURRENCY"] == "USD"
'''

HARMLESS = "import pytest\n\n\n@pytest.mark.parametrize('n', range(6))\ndef test_n(n):\n    assert n < 6\n"

OWN_GROUP = '''
import pytest
from test_first import PATH


@pytest.mark.xdist_group("mine")
def test_own():
    PATH.write_text("own")
'''

FILES = {
    "test_steps.py": STEPS,
    "test_first.py": LEDGER.format(name="first"),
    "test_second.py": LEDGER.format(name="second"),
    "test_environment.py": ENVIRONMENT,
    "test_harmless.py": HARMLESS,
}


def write_project(folder: Path, files: dict[str, str]) -> Path:
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def comb(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs comb to its end and keeps both outputs."""
    command = [COMB, "check", *map(str, arguments), "--python", sys.executable]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def contents(project: Path) -> dict[str, str]:
    """The test files as they are."""
    return {path.name: path.read_text() for path in project.glob("test_*.py")}


def by_code(report: dict, code: str) -> dict:
    return next(finding for finding in report["findings"] if finding["code"] == code)


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path, FILES)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A project after one check: its folder, the check's report and the log it wrote."""
    folder = write_project(tmp_path_factory.mktemp("checked"), FILES)
    log = folder / "comb.sarif"
    done = comb("--json", "--runs", "2", "--sarif", log, folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), json.loads(log.read_text())


def test_every_gate_is_reached(checked):
    _, report, _ = checked
    assert [(gate["gate"], gate["status"]) for gate in report["gates"]] == [
        (f"2.{n}", "passed") for n in range(1, 6)
    ]
    assert report["passed"]


def test_the_shared_file_is_found_with_both_tests(checked):
    _, report, _ = checked
    finding = by_code(report, "CB202")
    assert finding["subject"] == "ledger.txt"
    assert finding["state"] == "confirmed"
    assert finding["tests"] == ["test_first.py::test_first", "test_second.py::test_second"]


def test_the_victim_of_the_environment_is_found_with_its_polluter(checked):
    _, report, _ = checked
    finding = by_code(report, "CB105")
    assert finding["subject"] == "os.environ['LEDGER_CURRENCY']"
    assert finding["tests"] == ["test_environment.py::test_default", "test_environment.py::test_currency"]
    assert "test_environment.py::test_default passes alone and failed after" in finding["evidence"]


def test_the_steps_stay_together(checked):
    folder, report, _ = checked
    assert "xdist_group(" in contents(folder)["test_steps.py"]
    group = by_code(report, "CB102")["group"]
    assert group and f'xdist_group("{group}")' in contents(folder)["test_steps.py"]


def test_what_shares_nothing_is_not_touched(checked):
    folder, _, _ = checked
    assert contents(folder)["test_harmless.py"] == HARMLESS


def test_both_writers_stand_in_one_group(checked):
    folder, _, _ = checked
    marks = {
        line
        for name in ("test_first.py", "test_second.py")
        for line in contents(folder)[name].splitlines()
        if "xdist_group(" in line
    }
    assert len(marks) == 1


def test_the_log_is_sarif(checked):
    _, report, log = checked
    assert log["version"] == "2.1.0"
    assert {result["ruleId"] for result in log["runs"][0]["results"]} == {f["code"] for f in report["findings"]}


def test_plain_pytest_is_safe_afterwards(checked):
    folder, _, _ = checked
    command = [sys.executable, "-m", "pytest", "-q", "-n3", "--dist=loadgroup", "-p", "no:cacheprovider"]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_second_check_changes_nothing(checked):
    folder, _, _ = checked
    before = contents(folder)
    done = comb("--runs", "1", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(folder) == before
    assert "CB202 file written in the working or source folder: ledger.txt" in done.stdout
    assert "kept together" in done.stdout


def test_static_reads_and_does_nothing_else(project):
    before = sorted(path.name for path in project.iterdir())
    log = project.parent / "static.sarif"
    done = subprocess.run(
        [COMB, "check", "--static", "--json", "--sarif", log, project], capture_output=True, text=True,
        env={"PATH": "/nowhere"},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    codes = {finding["code"] for finding in report["findings"]}
    assert {"CB102", "CB105", "CB202"} <= codes
    assert {result["ruleId"] for result in json.loads(log.read_text())["runs"][0]["results"]} == codes
    assert sorted(path.name for path in project.iterdir()) == before


@pytest.mark.parametrize(
    "fail_on, status", [("error", 0), ("warning", 1), ("note", 1), ("never", 0)]
)
def test_static_fails_on_what_is_asked(project, fail_on, status):
    assert comb("--static", "--fail-on", fail_on, project).returncode == status


def test_static_error_fails(tmp_path):
    text = "import pytest\n\n@pytest.mark.parametrize('n', {'a', 'b'})\ndef test_n(n): pass\n"
    done = comb("--static", write_project(tmp_path, {"test_n.py": text}))
    assert done.returncode == 1
    assert "CB501 parametrized over something without an order" in done.stdout
    assert "test_n.py:3" in done.stdout
    assert "remedy: parametrize over sorted" in done.stdout


def test_static_of_no_project(tmp_path):
    done = comb("--static", tmp_path / "nothing")
    assert done.returncode == 2
    assert "nothing" in done.stderr


def test_diff_shows_the_marks_and_writes_nothing(tmp_path):
    project = write_project(tmp_path, {name: FILES[name] for name in ("test_first.py", "test_second.py")})
    (project / "test_third.py").write_text(OWN_GROUP)
    before = contents(project)
    done = comb("--diff", "--runs", "1", project)
    assert done.returncode == 1, done.stderr
    assert '+@pytest.mark.xdist_group("mine")' in done.stdout or '+pytestmark = pytest.mark.xdist_group("mine")' in done.stdout
    assert contents(project) == before


def test_a_test_that_cannot_be_read_is_named(project):
    (project / "test_broken.py").write_text("def test_x(:\n")
    done = comb("--no-fix", project)
    assert done.returncode == 2
    assert "test_broken.py" in done.stderr


def test_processes_that_collect_different_tests(tmp_path):
    text = "import pytest\n\n@pytest.mark.parametrize('n', {'a', 'b', 'c', 'd', 'e'})\ndef test_n(n): pass\n"
    project = write_project(tmp_path, {"test_n.py": text})
    done = comb("--json", "--runs", "1", project)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert by_code(report, "CB501")["state"] == "confirmed"
    assert report["gates"][0]["status"] == "failed"


def test_a_time_of_day_is_another_text_for_another_process(tmp_path):
    """Also where both processes would collect within one second."""
    project = write_project(tmp_path, {"test_times.py": (
        "import time\nimport pytest\n@pytest.mark.parametrize('text', [time.strftime('%H:%M:%S')])\n"
        "def test_time(text): assert text\n")})
    done = comb("--json", "--runs", "1", project)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and by_code(report, "CB508")["state"] == "confirmed", done.stdout


def test_an_engine_that_parts_groups_is_named(tmp_path):
    """As pytest-xdist 3.8.0 does under pytest 9.2: the mark is there and nobody heeds it."""
    scheduler = "    from xdist.scheduler import LoadScheduling\n    return LoadScheduling(config, log)\n"
    files = {
        "conftest.py": f"def pytest_xdist_make_scheduler(config, log):\n{scheduler}",
        "test_ledger.py": FILES["test_first.py"].replace(
            "def test_first():", "import pytest\n\n\n@pytest.mark.parametrize('n', range(6))\ndef test_first(n):"
        ),
    }
    done = comb("--json", "--runs", "1", write_project(tmp_path, files))
    assert done.returncode == 1, done.stderr
    last = json.loads(done.stdout)["gates"][-1]
    assert last["status"] == "failed"
    assert "runs tests of one xdist_group on several workers" in last["figure"]


@pytest.mark.parametrize("hook", ("pytest_sessionstart(session)", "pytest_xdist_setupnodes(config, specs)"))
def test_an_engine_that_does_not_work_at_all_stops_at_once(tmp_path, hook):
    """As a pytest-xdist that is too old for the installed pytest does."""
    body = "    if config.getoption('numprocesses', None):\n        open('runs.log', 'a').write('x')\n"
    config = "    config = session.config\n" if "session" in hook else ""
    raising = "        raise AttributeError(\"'Session' object has no attribute '_nope\\x1b[2J'\")\n"
    files = {"conftest.py": f"def {hook}:\n{config}{body}{raising}", "test_n.py": HARMLESS}
    done = comb("--runs", "3", write_project(tmp_path, files))
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"pytest-xdist {version('pytest-xdist')} does not work with pytest {version('pytest')}" in done.stderr
    assert "AttributeError: 'Session' object has no attribute" in done.stderr and "\x1b[2J" not in done.stderr
    assert "pin a pytest" in done.stderr and "comb run" in done.stderr
    assert (tmp_path / "runs.log").read_text() == "x", "it was tried again"
