"""comb check on small projects: what is found, what is written, and that it then holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMB = os.environ.get("COMB", "build/comb")

ORDERED = '''
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

SHARED_FILE = '''
import time
from pathlib import Path

PATH = Path(__file__).parent / "ledger.txt"


def test_{name}():
    PATH.write_text("{name}")
    time.sleep(0.3)
    assert PATH.read_text() == "{name}"
'''

HARMLESS = "import pytest\n\n@pytest.mark.parametrize('n', range(6))\ndef test_n(n):\n    assert n < 6\n"


def comb(*arguments: str | Path) -> subprocess.CompletedProcess:
    """Runs comb to its end and keeps both outputs."""
    return subprocess.run([COMB, *map(str, arguments), "--python", sys.executable], capture_output=True, text=True,
                          timeout=600)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Steps that need their order, two files that write one path, and tests that share nothing."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    unit\n")
    (tmp_path / "test_steps.py").write_text(ORDERED)
    (tmp_path / "test_first.py").write_text(SHARED_FILE.format(name="first"))
    (tmp_path / "test_second.py").write_text(SHARED_FILE.format(name="second"))
    (tmp_path / "test_harmless.py").write_text(HARMLESS)
    return tmp_path


def contents(project: Path) -> dict[str, str]:
    """The test files as they are."""
    return {path.name: path.read_text() for path in project.glob("test_*.py")}


def test_conflicting_tests_get_a_group_and_then_agree(project: Path) -> None:
    done = comb("check", "--json", "--runs", "2", project)
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [gate["status"] for gate in report["gates"]] == ["passed"] * 5
    after = contents(project)
    assert after["test_harmless.py"] == HARMLESS
    assert "xdist_group(" in after["test_steps.py"]
    groups = {line for name in ("test_first.py", "test_second.py") for line in after[name].splitlines()
              if "xdist_group(" in line}
    assert len(groups) == 1, "both writers of one file stand in one group"
    again = comb("check", "--json", "--runs", "2", project)
    assert again.returncode == 0, again.stderr
    assert contents(project) == after, "a second check changes nothing"


def test_looking_changes_nothing(project: Path) -> None:
    before = contents(project)
    sarif = project / "comb.sarif"
    done = comb("check", "--static", "--json", "--sarif", sarif, project)
    report = json.loads(done.stdout)
    codes = {finding["code"] for finding in report["findings"]}
    assert codes & {"CB102", "CB601"}, codes
    log = json.loads(sarif.read_text())
    assert log["version"] == "2.1.0"
    assert {result["ruleId"] for result in log["runs"][0]["results"]} == codes
    assert contents(project) == before


def test_diff_shows_the_marks_and_writes_nothing(project: Path) -> None:
    before = contents(project)
    done = comb("check", "--diff", "--runs", "1", project)
    assert done.returncode == 1
    assert "+@pytest.mark.xdist_group(" in done.stdout or "+pytestmark = pytest.mark.xdist_group(" in done.stdout
    assert contents(project) == before


def test_wrong_use_and_broken_suites_are_said(project: Path, tmp_path: Path) -> None:
    done = comb("check", "--sarif", tmp_path / "x.sarif", project)
    assert done.returncode == 2
    assert "--sarif goes with" in done.stderr
    (project / "test_broken.py").write_text("def test_x(:\n")
    done = comb("check", "--no-fix", project)
    assert done.returncode == 2
    assert "test_broken.py" in done.stderr
