"""A project in a git repository of its own, for tests that run comb adopt on it."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

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
        """The same, begun only."""
        return subprocess.Popen(
            self.words("adopt", *(words or ["--until", "setup"])), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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
