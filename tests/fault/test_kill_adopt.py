"""comb adopt killed again and again at moments drawn by chance: it always ends where an undisturbed run does.

COMB_FAULT_SEED and COMB_FAULT_ROUNDS choose the moments and how many projects; COMB_FAULT_UNTIL the last phase.
"""
import os
import random
import time

import pytest

from gitproject import SMALL, Project, assert_adopted, state

SEED = int(os.environ.get("COMB_FAULT_SEED", "1"))
ROUNDS = int(os.environ.get("COMB_FAULT_ROUNDS", "10"))
UNTIL = ("--until", os.environ.get("COMB_FAULT_UNTIL", "mark"))
KILLS = 6


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Gates with their statuses, the files of the branch, and how long it takes."""
    project = Project(tmp_path_factory.mktemp("undisturbed"), files=SMALL).init()
    start = time.monotonic()
    report = project.adopt(*UNTIL)
    seconds = time.monotonic() - start
    assert_adopted(project, report)
    return outcome(report), content(project), seconds


def outcome(report):
    """Gate 3.5 is a measurement, which comes out as it comes out: that it was made is what counts."""
    return [(gate["gate"], gate["gate"] == "3.5" or gate["status"]) for gate in report["gates"]]


def content(project):
    """Every file on the branch but the progress file, whose ids and times differ."""
    names = project.git("ls-tree", "-r", "--name-only", "parallel-testing").splitlines()
    return {name: project.git("show", f"parallel-testing:{name}") for name in names if "progress" not in name}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_at_any_moment_it_goes_on(number, tmp_path, undisturbed):
    expected, files, seconds = undisturbed
    chance = random.Random(SEED * 1000 + number)
    project = Project(tmp_path, files=SMALL).init()
    before = state(project)
    moments = [chance.uniform(0, seconds * 0.7) for _ in range(KILLS)]
    for moment in moments:
        process = project.start(*UNTIL)
        time.sleep(moment)
        process.kill()
        process.communicate(timeout=60)
    report = project.adopt(*UNTIL)
    assert outcome(report) == expected, (SEED, number, moments)
    assert content(project) == files
    log = project.log()
    passed = [subject for subject in log if subject.startswith("gate ") and " passed: " in subject]
    assert len(passed) == len(set(passed)), log  # no gate reached twice
    assert_adopted(project, report)
    assert state(project) == before


@pytest.mark.parametrize("number", range(max(1, ROUNDS // 3)))
def test_killed_in_place_it_goes_on(number, tmp_path, undisturbed):
    expected, files, seconds = undisturbed
    chance = random.Random(SEED * 7000 + number)
    project = Project(tmp_path, files=SMALL)
    before = {path.name: path.read_bytes() for path in project.root.iterdir()}
    for _ in range(KILLS):
        process = project.start(*UNTIL)
        time.sleep(chance.uniform(0, seconds * 0.7))
        process.kill()
        process.communicate(timeout=60)
    report = project.adopt(*UNTIL)
    assert outcome(report) == expected
    assert {name: (project.root / name).read_text().rstrip("\n") for name in files} == files
    assert project.comb("adopt", "--undo").returncode == 0
    after = {path.name: path.read_bytes() for path in project.root.iterdir() if path.is_file()}
    assert {name: after.get(name) for name in before} == before
    assert project.processes() == []
