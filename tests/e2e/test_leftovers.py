"""Killed at any moment, comb leaves no process, no temporary file, no mount and no worktree behind."""
import os
import random
import subprocess
import time

import pytest

from gitproject import Project

FILES = {
    "pytest.ini": "[pytest]\n",
    "requirements-dev.txt": "pytest\npytest-comb\n",
    "test_one.py": """
import subprocess, time

def test_leaves_a_child():
    subprocess.Popen(["sleep", "71"], start_new_session=True)
    time.sleep(0.05)

def test_wait(tmp_path):
    (tmp_path / "file").write_text("x")
    time.sleep(0.2)
""",
    "test_two.py": "import time\n\ndef test_a():\n    time.sleep(0.2)\n\ndef test_b():\n    time.sleep(4)\n",
}
VERBS = {
    "run": ("run", "--engine", "comb", "-n", "2"),
    "run serial": ("run", "--engine", "serial"),
    "check": ("check",),
    "tune": ("tune", "--budget", "20s"),
    "adopt": ("adopt",),
}
KILLS = 3


@pytest.fixture
def project(tmp_path):
    """In which comb has more to do than the moments of the kills."""
    made = Project(tmp_path, files=FILES).init()
    made.temporary = tmp_path / "tmp"
    made.temporary.mkdir()
    made.env["TMPDIR"] = str(made.temporary)
    return made


def left(project):
    """What should be gone: folders of comb's (pytest keeps the last three of its own, as it always does), checkouts,
    processes."""
    found = [path.name for path in project.temporary.iterdir() if not path.name.startswith("pytest-of-")]
    for folder, folders, files in os.walk(project.base / "cache"):  # passes over what is removed just now
        found += [os.path.join(folder, name) for name in folders + files]
    found += [str(path) for path in (project.top / ".git" / "worktrees").glob("*")]
    return found + project.processes()


def until_nothing_is_left(project, seconds=15):
    end = time.monotonic() + seconds
    while left(project) and time.monotonic() < end:
        time.sleep(0.05)
    assert left(project) == []


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_moment(project, verb):
    chance = random.Random(verb + os.environ.get("COMB_FAULT_SEED", "1"))
    for _ in range(KILLS):
        process = subprocess.Popen(project.words(*VERBS[verb]), env=project.env, cwd=project.base,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.05, 2.5))
        process.kill()
        process.wait()
        until_nothing_is_left(project)


# What git has written of its own entry for a checkout, up to the file at which it was killed, in the order in which it does.
HALF_MADE = [{}, {"locked": ""}, {"locked": "initializing\n"}, {"locked": "initializing\n", "gitdir": ""}]
OF_OTHERS = [{"locked": "on a disk that is elsewhere\n"}, {"locked": "initializing\n", "gitdir": "/elsewhere/shop/.git\n"},
             {"HEAD": "ref: refs/heads/main\n"}]


def test_an_entry_of_a_killed_git_is_removed_and_no_other(project):
    admin = project.top / ".git" / "worktrees"
    for kind, entries in (("ours", HALF_MADE), ("others", OF_OTHERS)):
        for number, files in enumerate(entries):
            folder = admin / f"{project.top.name}{number}-{kind}"
            folder.mkdir(parents=True)
            for name, text in files.items():
                (folder / name).write_text(text)
    (admin / "named-otherwise").mkdir()
    done = project.comb("adopt", "--until", "setup")
    assert done.returncode in (0, 1), done.stderr
    others = sorted(f"{project.top.name}{number}-others" for number in range(len(OF_OTHERS)))
    assert sorted(path.name for path in admin.iterdir()) == sorted([*others, "named-otherwise"])


def test_at_the_next_start_a_clean_up_that_goes_on_is_waited_for(project):
    for _ in range(2):
        process = project.start("--until", "setup")
        end = time.monotonic() + 30
        while not (project.base / "cache").exists() and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        process.communicate()
        done = project.comb("adopt", "--until", "setup")
        assert "another comb" not in done.stderr and done.returncode in (0, 1), done.stderr
        until_nothing_is_left(project)
