"""comb adopt on real projects: the branch, its log, the user's tree, and being interrupted at any moment."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMB = os.environ["COMB"]
BRANCH = "parallel-testing"

SMALL = {
    "pytest.ini": "[pytest]\n",
    "requirements-dev.txt": "pytest\n",
    "test_small.py": """
import time

def test_add():
    assert 1 + 1 == 2

def test_wait():
    time.sleep(0.05)

class TestNames:
    def test_upper(self):
        assert "a".upper() == "A"
""",
}


class Project:
    """A project in a git repository of its own, and comb run on it."""

    def __init__(self, base, sub="", files=SMALL):
        self.base = base
        self.top = base / "shop"
        self.root = self.top / sub
        self.marker = f"COMB_TEST_MARKER={base}"
        config = base / "gitconfig"
        config.write_text(
            "[user]\n name = Ada\n email = ada@example.org\n[init]\n defaultBranch = main\n"
            "[commit]\n gpgsign = true\n[protocol \"file\"]\n allow = always\n"
        )
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTEST_"))},
            "HOME": str(base / "home"),
            "XDG_CACHE_HOME": str(base / "cache"),
            "GIT_CONFIG_GLOBAL": str(config),
            "COMB_TEST_MARKER": str(base),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for name, text in files.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *words, cwd=None):
        done = subprocess.run(
            ["git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", *words],
            cwd=cwd or self.top,
            env=self.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def init(self):
        self.git("init", "--quiet")
        hooks = self.top / ".git" / "hooks"
        for hook in ("pre-commit", "post-checkout", "commit-msg", "post-commit"):
            (hooks / hook).write_text("#!/bin/sh\necho hook >>%s/hooks-ran\nexit 1\n" % self.base)
            (hooks / hook).chmod(0o755)
        return self.commit("The project as it was")

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self

    def words(self, verb, *words):
        return [COMB, verb, "--python", sys.executable, *words, str(self.root)]

    def comb(self, verb, *words, cwd=None):
        return subprocess.run(
            self.words(verb, *words), env=self.env, capture_output=True, text=True, cwd=cwd or self.base, timeout=300
        )

    def adopt(self, *words):
        """Adopts the first phase, or as far as asked; returns the report."""
        done = self.comb("adopt", "--json", *(words or ["--until", "setup"]))
        assert done.returncode in (0, 1), done.stderr
        report = json.loads(done.stdout)
        report["stderr"] = done.stderr
        report["status"] = done.returncode
        return report

    def start(self, *words):
        return subprocess.Popen(
            self.words("adopt", "--until", "setup", *words), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def log(self):
        return self.git("log", "--format=%s", BRANCH).splitlines()

    def processes(self):
        """Processes that comb or a test of this project started and that still live."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self.marker.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def assert_nothing_left(self):
        assert len(self.git("worktree", "list").splitlines()) == 1
        assert not (self.top / ".git" / "worktrees").exists()
        assert not (self.base / "cache" / "comb").exists()
        assert not (self.base / "hooks-ran").exists()
        assert not [path for path in self.top.rglob("*.lock") if ".git" in path.parts]
        for _ in range(50):
            if not self.processes():
                return
            time.sleep(0.1)
        assert self.processes() == []


def state(project):
    """All of the user's tree that comb must not touch."""
    files = {}
    for path in sorted(project.top.rglob("*")):
        parts = path.relative_to(project.top).parts
        if ".comb" in parts or parts[0] == ".git":
            continue
        found = path.lstat()
        if not path.is_dir():  # .comb makes the root's own time new
            files["/".join(parts)] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return {
        "files": files,
        "head": (project.top / ".git" / "HEAD").read_text(),
        "index": (project.top / ".git" / "index").read_bytes(),
        "status": project.git("--no-optional-locks", "status", "--porcelain"),
        "stash": project.git("stash", "list"),
    }


@pytest.fixture
def small(tmp_path):
    return Project(tmp_path).init()


def assert_adopted(project, report):
    """Every gate has a line and a commit that says so."""
    log = project.log()
    assert report["gates"], "no gates"
    assert log[0].startswith("adoption finished:"), log
    for gate in report["gates"]:
        assert gate["status"] in ("passed", "failed", "skipped"), gate
        assert f"gate {gate['gate']} {gate['status']}: {gate['title']}" in log
        subject = project.git("log", "-1", "--format=%s", gate["commit"])
        assert subject == f"gate {gate['gate']} {gate['status']}: {gate['title']}"
    progress = project.git("show", f"{BRANCH}:./.parallel_test_progress", cwd=project.root).splitlines()
    assert progress[0] == "# comb progress 1"
    lines = [line.split(None, 5) for line in progress if line[0] != "#" and not line.startswith("inputs")]
    assert [line[1] for line in lines] == [gate["gate"] for gate in report["gates"]] + ["all"]
    project.assert_nothing_left()


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
    assert process.returncode == 130, errors
    slow.assert_nothing_left()
    assert state(slow) == before
    assert_adopted(slow, slow.adopt())


def undisturbed(project):
    """What an adoption that nobody disturbs comes to: gates and their statuses."""
    report = project.adopt()
    return [(gate["gate"], gate["status"]) for gate in report["gates"]]


@pytest.mark.parametrize("delay", [0.15, 0.5, 1.1, 2.3])
def test_killed_and_run_again_it_finishes(slow, delay):
    before = state(slow)
    process = slow.start()
    time.sleep(delay)
    process.kill()
    process.communicate(timeout=60)
    report = slow.adopt()
    assert_adopted(slow, report)
    assert state(slow) == before
