"""comb adopt on real projects: the branch, its log, the user's tree, and being interrupted at any moment."""
import json
import signal
import time

import pytest

from gitproject import BRANCH, SMALL, Project, assert_adopted, state


@pytest.fixture
def small(tmp_path):
    return Project(tmp_path).init()


def test_adopts_on_a_branch_and_leaves_the_users_tree_alone(small):
    before = state(small)
    report = small.adopt()
    assert_adopted(small, report)
    assert report["status"] == (0 if report["passed"] else 1)
    assert state(small) == before
    assert small.git("log", "-1", "--format=%an <%ae>", BRANCH) == "Ada <ada@example.org>"
    again = small.comb("adopt", "--json", "--until", "setup")
    assert json.loads(again.stdout)["nothing_to_do"], again.stdout
    status = json.loads(small.comb("status", "--json").stdout)
    assert status["finished"] and status["from"] == "the branch"
    commits = [gate["commit"] for gate in report["gates"]]
    assert [gate["commit"] for gate in status["gates"]][: len(commits)] == commits
    assert small.git("--no-optional-locks", "status", "--porcelain") == ""


def test_says_what_is_not_committed(small):
    small.write("test_new.py", "def test_new(): pass\n")
    small.write("test_small.py", SMALL["test_small.py"] + "\n# mine\n")
    before = state(small)
    report = small.adopt()
    assert sorted(report["left_out"]) == ["test_new.py", "test_small.py"]
    assert "not included" in report["stderr"] and "test_new.py" in report["stderr"]
    assert "1 test is only in your tree: test_new.py::test_new" in report["stderr"]
    assert state(small) == before
    assert "# mine" not in small.git("show", f"{BRANCH}:test_small.py")


def test_detached_head_stays_detached(small):
    small.git("switch", "--quiet", "--detach")
    before = state(small)
    assert_adopted(small, small.adopt())
    assert state(small) == before


def test_repository_without_commits_is_refused_with_the_next_step(tmp_path):
    project = Project(tmp_path)
    project.git("init", "--quiet")
    done = project.comb("adopt")
    assert done.returncode == 2
    assert "has no commit yet" in done.stderr and "--no-commit" in done.stderr
    assert not (tmp_path / "cache" / "comb").exists()


def test_project_in_a_folder_of_a_bigger_repository(tmp_path):
    project = Project(tmp_path, sub="services/shop")
    (project.top / "README").write_text("all\n")
    project.init()
    before = state(project)
    assert_adopted(project, project.adopt())
    assert state(project) == before
    changed = project.git("diff", "--name-only", "main", BRANCH).splitlines()
    assert all(path.startswith("services/shop/") for path in changed), changed


def test_folder_that_its_repository_does_not_hold_is_refused(tmp_path):
    project = Project(tmp_path, sub="build/shop")
    (project.top / "README").write_text("all\n")
    (project.top / ".gitignore").write_text("build/\n")
    project.init()
    done = project.comb("adopt")
    assert done.returncode == 2
    assert "not part of its last commit" in done.stderr and "--no-commit" in done.stderr


def test_without_git_in_place_and_back(tmp_path):
    project = Project(tmp_path)
    before = {path.name: path.read_bytes() for path in project.root.iterdir()}
    report = project.adopt()
    assert report["branch"] is None
    assert all(gate["commit"] is None for gate in report["gates"])
    assert (project.root / ".parallel_test_progress").exists()
    assert project.adopt()["nothing_to_do"]
    done = project.comb("adopt", "--undo")
    assert done.returncode == 0, done.stderr
    after = {path.name: path.read_bytes() for path in project.root.iterdir() if path.is_file()}
    assert {name: after.get(name) for name in before} == before
    assert not (project.root / ".parallel_test_progress").exists()


def test_ignored_files_that_tests_need_are_carried_into_the_checkout(tmp_path):
    project = Project(tmp_path)
    project.write(".gitignore", "_version.py\ndata/\n.venv/\n*.big\n")
    project.write("_version.py", "version = '1'\n")
    project.write("data/set.json", "{}\n")
    project.write(".venv/pyvenv.cfg", "home = /\n")
    project.write(
        "test_version.py",
        "from pathlib import Path\nimport _version\n"
        "def test_it():\n"
        "    here = Path(__file__).parent\n"
        "    assert Path(_version.__file__).parent == here\n"
        "    assert (here / 'data' / 'set.json').read_text() == '{}\\n'\n",
    )
    project.init()
    report = project.adopt()
    assert "only in your tree" not in report["stderr"]
    assert_adopted(project, report)
    assert "_version.py" not in project.git("ls-tree", "-r", "--name-only", BRANCH).splitlines()


def test_tests_import_the_package_of_the_checkout(tmp_path):
    """PYTHONPATH stands for an editable install: both put the user's src on sys.path."""
    project = Project(tmp_path)
    project.write("src/goods/__init__.py", "")
    project.write(
        "test_goods.py",
        "from pathlib import Path\nimport goods\n"
        "def test_it():\n    assert Path(goods.__file__).parents[2] == Path(__file__).parent\n",
    )
    project.init()
    project.env["PYTHONPATH"] = str(project.root / "src")
    assert_adopted(project, project.adopt())


def test_submodules_are_there(tmp_path):
    (tmp_path / "part").mkdir()
    part = Project(tmp_path / "part", files={"helper.py": "value = 1\n"}).init()
    project = Project(tmp_path)
    project.write("test_part.py", "import sys\nsys.path.insert(0, 'lib/part')\ndef test_it():\n    import helper\n    assert helper.value\n")
    project.init()
    project.git("submodule", "--quiet", "add", str(part.top), "lib/part")
    project.commit("With a submodule")
    before = state(project)
    report = project.adopt()
    assert "submodule lib/part" in report["stderr"]
    assert_adopted(project, report)
    assert state(project) == before


@pytest.fixture
def slow(tmp_path):
    """Long enough to be interrupted, and with a test that starts a process."""
    files = dict(SMALL)
    files["test_slow.py"] = (
        "import subprocess, time\nimport pytest\n"
        "@pytest.mark.parametrize('n', range(4))\n"
        "def test_wait(n):\n    time.sleep(0.1)\n"
        "def test_process():\n    subprocess.run(['sleep', '0.2'], check=True)\n"
    )
    return Project(tmp_path, files=files).init()


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_comb_at_a_time(slow):
    first = slow.start()
    wait_for(lambda: (slow.root / ".comb" / "lock").exists() and (slow.root / ".comb" / "lock").read_text().strip())
    second = slow.comb("adopt")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert second.returncode == 3, second.stderr
    assert f"process {first.pid}" in second.stderr
    slow.assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind_and_goes_on_later(slow, number):
    before = state(slow)
    process = slow.start()
    wait_for(lambda: (slow.base / "cache" / "comb").exists())
    time.sleep(0.7)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "the next comb adopt goes on from here" in str(errors), errors
    slow.assert_nothing_left()
    assert state(slow) == before
    assert_adopted(slow, slow.adopt())


@pytest.mark.parametrize("delay", [0.5, 1.7])
def test_killed_and_run_again_it_finishes(slow, delay):
    before = state(slow)
    process = slow.start()
    time.sleep(delay)
    process.kill()
    process.communicate(timeout=60)
    report = slow.adopt()
    assert_adopted(slow, report)
    assert state(slow) == before


def test_validate_measures_every_gate_in_a_clean_checkout(small):
    small.adopt()
    small.write("pytest.ini", "[pytest]\nmarkers = mine\n")  # the user's tree does not count
    before = state(small)
    done = small.comb("validate", "--json", "--until", "setup")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["passed"], done.stderr
    assert report["validated"] == f"refs/heads/{BRANCH}"
    assert [gate["gate"] for gate in report["gates"]] == ["0.1", "0.2", "0.3", "0.4"]
    assert state(small) == before
    small.assert_nothing_left()


def test_validate_names_what_the_checkout_leaves_out(small):
    clean = small.comb("validate", "--until", "setup").stdout
    assert "not included" not in clean
    small.write("pytest.ini", "[pytest]\nmarkers = mine\n")
    one = small.comb("validate", "--until", "setup").stdout
    assert "1 uncommitted file of yours is not included, a clean checkout is what is validated: pytest.ini\n" in one
    for name in "abcdef":
        small.write(f"new_{name}.py", "")
    many = small.comb("validate", "--json", "--until", "setup")
    names = "pytest.ini, new_a.py, new_b.py, new_c.py, new_d.py and 2 more\n"
    assert f"7 uncommitted files of yours are not included, a clean checkout is what is validated: {names}" in many.stderr
    assert json.loads(many.stdout)["gates"]


def test_validate_says_which_gate_no_longer_holds(small):
    small.adopt()
    small.git("merge", "--quiet", BRANCH)
    small.write("pytest.ini", "[pytest]\n")
    small.commit("Drop the markers")
    done = small.comb("validate", "--json", "--until", "setup")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and not report["passed"]
    assert report["validated"] == "HEAD"
    assert [gate["gate"] for gate in report["gates"] if gate["status"] == "failed"] == ["0.3"]
    small.assert_nothing_left()


@pytest.mark.parametrize("verb", ["validate", "status"])
def test_a_branch_that_is_not_there_is_said_to_be_missing(small, verb):
    done = small.comb(verb, "--branch", "paralel-testing")
    assert done.returncode == 2
    assert "there is no branch 'paralel-testing' in " in done.stderr
    assert done.stdout == ""


def test_status_before_during_and_in_a_damaged_file(small):
    status = json.loads(small.comb("status", "--json").stdout)
    assert status["from"] is None and not status["finished"]
    assert {gate["status"] for gate in status["gates"]} == {"pending"}
    small.write(".parallel_test_progress", "# comb progress 1\nsetup 0.1 done - 2026-11-23T15:04:05Z\n")
    done = small.comb("status")
    assert done.returncode == 2
    assert ".parallel_test_progress:2:" in done.stderr and "not a status" in done.stderr


def test_status_tells_what_was_done_in_place(small):
    assert "not begun; next: comb adopt\n" in small.comb("status").stdout
    small.comb("setup")
    after_setup = json.loads(small.comb("status", "--json").stdout)
    assert after_setup["from"] == "the project itself" and not after_setup["finished"]
    told = {gate["gate"]: gate for gate in after_setup["gates"]}
    assert told["0.1"]["status"] == "passed" and told["0.1"]["figure"].startswith("pytest-xdist is declared in")
    assert told["1.1"]["status"] == "pending" and not after_setup["changed_since"]
    assert after_setup["next"] == "run in place, not finished; next: comb mark"
    small.comb("mark", "--runs", "1")
    text = small.comb("status").stdout
    assert "next: comb check\n" in text and "files have changed" not in text
    small.comb("mark", "--remove")
    assert "next: comb mark\n" in small.comb("status").stdout
    small.write("test_more.py", "def test_more(): pass\n")
    assert "files have changed since" in small.comb("status").stdout
    small.comb("setup", "--undo")
    assert "not begun" in small.comb("status").stdout


def test_status_names_the_gate_that_stopped_a_phase_in_place(small):
    small.write("test_red.py", "def test_red(): assert False\n")
    assert small.comb("setup").returncode == 1
    assert "stopped at gate 0.4; next: comb explain 0.4 tells the remedy, then comb setup again" in small.comb("status").stdout


def test_status_sees_a_suite_that_is_parallel_without_comb(small):
    small.write("pytest.ini", "[pytest]\naddopts = -n 4 --dist loadgroup\n")
    assert "not begun, but pytest.ini asks for parallel runs already: -n 4 --dist loadgroup; next: comb adopt" in small.comb("status").stdout


def test_a_linked_worktree_of_the_user_is_like_any_checkout(small):
    small.git("worktree", "add", "--quiet", "-b", "feature", str(small.base / "linked"))
    linked = small.base / "linked"
    small.root = linked
    report = small.adopt()
    assert report["passed"], report["stderr"]
    assert len(small.git("worktree", "list").splitlines()) == 2
    assert small.git("status", "--porcelain", cwd=linked) == ""
    assert not (small.base / "cache" / "comb").exists()


WAITING = {
    "pytest.ini": "[pytest]\n",
    "requirements-dev.txt": "pytest\n",
    "test_wait.py": """
import time
import pytest

SEEN = []

@pytest.mark.parametrize("n", range(6))
def test_wait(n):
    time.sleep(0.1)

def test_first():
    SEEN.append(1)

def test_second():
    assert SEEN
""",
}


def test_combs_engine_is_declared_measured_and_configured(tmp_path):
    project = Project(tmp_path, files=WAITING).init()
    before = state(project)
    report = project.adopt("--with-comb", "--runs", "1", "--budget", "1s")
    assert_adopted(project, report)
    assert state(project) == before
    gates = {gate["gate"]: gate for gate in report["gates"]}
    assert gates["0.1"]["figure"] == "pytest-xdist and pytest-comb are declared in requirements-dev.txt"
    assert project.git("show", f"{BRANCH}:requirements-dev.txt") == "pytest\npytest-xdist>=3.2\npytest-comb>=0.1"
    contest = gates["3.2"]["data"]["contest"]
    assert {entry["engine"] for entry in contest["entries"]} == {"serial", "xdist", "comb"}
    assert not any(entry["beside"] for entry in contest["entries"])
    assert gates["3.6"]["status"] == "passed", gates["3.6"]
    written = "--comb" in project.git("show", f"{BRANCH}:pytest.ini")
    assert written == (contest["entries"][contest["best"]]["engine"] == "comb")
    validation = {gate["gate"]: gate["status"] for gate in report["validation"]}
    missed = {number for number, status in validation.items() if status == "failed"}
    assert missed <= {"3.5"}, report["validation"]  # it is measured anew, on a machine that may be busy with other things
    assert report["validated"] == (not missed) and validation["3.4"] == "passed"


def test_the_end_tells_of_combs_engine_where_it_is_faster_and_not_declared(tmp_path):
    project = Project(tmp_path, files=WAITING).init()
    done = project.comb("adopt", "--allow-failing", "--runs", "1", "--budget", "1s")
    end = done.stdout[done.stdout.index("gates passed") :]
    told = "; comb run would take" in project.git("log", "--format=%B", BRANCH)
    assert told == ("comb run takes" in end and "comb adopt --with-comb" in end), done.stdout


def test_pytest_comb_of_another_version_stops_at_the_gate_with_the_next_step(small):
    info = small.base / "site" / "pytest_comb-0.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-comb\nVersion: 0.0.1\n")
    (info / "entry_points.txt").write_text("[pytest11]\ncomb = pytest_comb.autoload\n")
    small.env["PYTHONPATH"] = str(info.parent)
    report = small.adopt("--with-comb", "--until", "setup")
    assert report["status"] == 1 and report["stopped_at"] == "0.2"
    figure = report["gates"][1]["figure"]
    assert "pytest-comb 0.0.1 in" in figure and "is not the version of this comb" in figure
    assert "pip install 'pytest-xdist>=3.2' 'pytest-comb>=0.1'" in figure
