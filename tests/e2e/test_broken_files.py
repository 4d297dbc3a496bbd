"""A test file that cannot be collected before comb comes: a clear stop, or with --allow-failing everything but it."""
import json
import os
import subprocess
import sys

import pytest

from gitproject import BRANCH, SMALL, Project

COMB = os.environ["COMB"]
BROKEN = "from os import no_such_name\n\ndef test_lost():\n    pass\n"
FILES = {**SMALL, "test_broken.py": BROKEN}
REACHED = ("0.4", "1.1", "1.3", "2.1", "2.5", "3.1", "3.2", "3.6")
NAMING = ("0.4", "1.1", "2.1", "3.1")


def comb(project, verb, *words):
    return subprocess.run([COMB, verb, str(project), "--python", sys.executable, *words], capture_output=True, text=True)


def gates(report):
    return {gate["gate"]: gate for gate in report["gates"]}


@pytest.fixture(scope="module")
def adopted(tmp_path_factory):
    """A project with a broken file that was adopted: the project and what comb told."""
    project = Project(tmp_path_factory.mktemp("broken"), files=FILES).init()
    done = project.comb("adopt", "--json", "--budget", "2s", "--allow-failing")
    assert done.returncode in (0, 1), done.stderr
    return project, {**json.loads(done.stdout), "stderr": done.stderr}


def test_adopts_everything_but_the_broken_file(adopted):
    reached = gates(adopted[1])
    for number in REACHED:
        assert reached[number]["status"] == "passed", reached[number]



def test_the_file_is_named_once_a_phase(adopted):
    reached = gates(adopted[1])
    naming = [number for number in reached if "1 file that cannot be collected" in reached[number]["figure"]]
    assert set(NAMING) <= set(naming)
    assert adopted[1]["stderr"].count("cannot collect: test_broken.py:1") >= 4


def test_the_branch_says_nothing_of_broken_files_to_plain_pytest(adopted):
    project = adopted[0]
    assert "continue-on-collection-errors" not in project.git("show", f"{BRANCH}:pytest.ini")
    assert "test_broken.py" not in project.git("diff", "--name-only", "main", BRANCH).splitlines()


def test_validate_goes_on_too_when_asked(adopted):
    done = adopted[0].comb("validate", "--json", "--budget", "2s", "--allow-failing")
    report = json.loads(done.stdout)
    failed = [gate for gate in report["gates"] if gate["status"] == "failed" and gate["gate"] != "3.5"]
    assert not failed, failed


@pytest.mark.parametrize("verb", ["adopt", "setup", "check"])
def test_without_the_flag_it_stops_and_says_where(tmp_path, verb):
    project = Project(tmp_path, files=FILES).init()
    done = project.comb(verb)
    assert done.returncode == 2
    assert "test_broken.py:1: pytest cannot collect" in done.stderr and "--allow-failing" in done.stderr


def test_tune_alone(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    refused = gates(json.loads(comb(tmp_path, "tune", "--budget", "2s", "--json").stdout))
    assert refused["3.1"]["status"] == "failed" and "test_broken.py:1" in refused["3.1"]["figure"]
    tuned = gates(json.loads(comb(tmp_path, "tune", "--budget", "2s", "--allow-failing", "--json").stdout))
    assert tuned["3.1"]["status"] == tuned["3.2"]["status"] == "passed", tuned


def test_a_file_that_breaks_only_on_a_worker_is_a_difference(tmp_path):
    (tmp_path / "test_fine.py").write_text("def test_fine(): pass\n")
    (tmp_path / "test_moody.py").write_text(
        "import os\nif 'PYTEST_XDIST_WORKER' in os.environ:\n    raise RuntimeError('not here')\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = comb(tmp_path, "check", "--allow-failing", "--runs", "1", "--json")
    gate = gates(json.loads(done.stdout))["2.5"]
    assert gate["status"] == "failed", gate
