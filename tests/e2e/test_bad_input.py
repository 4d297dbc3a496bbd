"""Every verb on every kind of project that is not as it should be: a clear error, and nothing lost."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMB = os.environ["COMB"]
CHANGING = ("setup", "mark", "check", "tune", "adopt")
VERBS = (*CHANGING, "validate", "run")
SOUND = {
    "pytest.ini": "[pytest]\nmarkers =\n    unit: u\n    integration: i\n    slow: s\n",
    "requirements-dev.txt": "pytest\npytest-xdist\n",
    "test_it.py": "def test_a():\n    pass\n",
}
# What differs from a sound project; each verb's exit status where it is not 2; words of its error.
TROUBLES = {
    "syntax": ({"test_bad.py": "def test_x(:\n    pass\n"}, {"mark": 1, "tune": 1, "validate": 1}, ["test_bad.py:1"]),
    "conftest": ({"conftest.py": "import os\nraise RuntimeError('boom')\n"}, {"validate": 1, "run": 4}, ["conftest.py:2", "RuntimeError: boom"]),
    "conftest_syntax": ({"conftest.py": "import os\ndef (:\n"}, {"validate": 1, "run": 4}, ["conftest.py", "SyntaxError: invalid syntax"]),
    "no_tests": ({"test_it.py": "x = 1\n"}, {"validate": 1, "run": 5}, ["no tests"]),
    "ini": ({"pytest.ini": "[pytest\nmarkers =\n"}, {}, ["pytest.ini:1: invalid INI", "next: "]),
    "toml": ({"pytest.ini": None, "pyproject.toml": "[tool.pytest.ini_options]\naddopts = \n"}, {}, ["pyproject.toml:2: invalid TOML", "next: "]),
    "option": ({"pytest.ini": SOUND["pytest.ini"] + "addopts = --no-such-option\n"}, {"validate": 1, "run": 4},
               ["unrecognized arguments: --no-such-option"]),
    "plugin": ({"pytest.ini": SOUND["pytest.ini"] + "addopts = -p nosuchplugin\n"}, {"validate": 1, "run": 1}, ["No module named 'nosuchplugin'"]),
    "failing": ({"test_bad.py": "def test_x():\n    assert 0\n"},
                {"setup": 1, "mark": 1, "check": 0, "tune": 1, "adopt": 1, "validate": 1, "run": 1}, []),
    "nothing": ({name: None for name in SOUND}, {}, ["not a Python project", "next: "]),
}


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words], cwd=folder, check=True,
                   capture_output=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})


def make(folder, changes):
    folder.mkdir()
    for name, text in {**SOUND, **changes}.items():
        if text is not None:
            (folder / name).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "as it was")


def comb(base, verb, *words, python=sys.executable, **environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PYTEST_", "VIRTUAL_ENV"))}
    env.update(HOME=str(base / "home"), XDG_CACHE_HOME=str(base / "cache"), PYTHONDONTWRITEBYTECODE="1", COMB_TEST_MARKER=str(base),
               **environment)
    choice = ["--python", python] if python else []
    return subprocess.run([COMB, verb, *choice, *words], env=env, capture_output=True, text=True, cwd=base, timeout=120)


def tree(folder):
    """Every file of the user's, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {".comb", ".git", "__pycache__", ".pytest_cache"} & set(path.parts)
    }


def assert_nothing_left(base, folder):
    assert not (base / "cache" / "comb").exists()
    assert not (folder / ".git" / "worktrees").exists()
    marker = f"COMB_TEST_MARKER={base}".encode()
    left = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker in (entry / "environ").read_bytes().split(b"\0"):
                left.append((entry / "cmdline").read_bytes())
        except OSError:
            pass
    assert not left


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble(tmp_path, trouble, verb):
    changes, statuses, words = TROUBLES[trouble]
    project = tmp_path / "project"
    make(project, changes)
    before = tree(project)
    # validate measures on where a gate fails: the first phases show what it makes of the trouble
    until = ["--until", "mark"] if verb == "validate" and trouble in ("syntax", "failing") else []
    done = comb(tmp_path, verb, *until, str(project))
    said = done.stdout + done.stderr
    assert done.returncode == statuses.get(verb, 2), said
    if verb != "run" or trouble in ("ini", "toml", "nothing"):  # else what pytest says is shown
        assert not [word for word in words if word not in said], said
    if verb != "run" and done.returncode == 2:
        assert "comb: " in done.stderr and "next: " in done.stderr, said
    if trouble != "failing":
        assert tree(project) == before
    assert_nothing_left(tmp_path, project)


@pytest.mark.parametrize("verb", (*VERBS, "status", "doctor"))
@pytest.mark.parametrize("kind", ("missing", "file"))
def test_no_folder(tmp_path, verb, kind):
    path = tmp_path / "project"
    if kind == "file":
        path.write_text("x")
    done = comb(tmp_path, verb, str(path))
    assert done.returncode == 2, done.stderr
    assert str(path) in done.stderr and "next: " in done.stderr


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ("no_pytest", "dangling", "not_executable", "not_python"))
def test_an_interpreter_that_is_of_no_use(tmp_path, verb, kind):
    project = tmp_path / "project"
    make(project, {})
    python = tmp_path / "python"
    if kind == "no_pytest":
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    elif kind == "dangling":
        python.symlink_to(tmp_path / "gone")
    elif kind == "not_python":
        python.write_text("#!/bin/sh\nexit 7\n")
    else:
        python.write_text("x")
    if kind in ("no_pytest", "not_python"):
        python.chmod(0o755)
    before = tree(project)
    done = comb(tmp_path, verb, str(project), python=str(python))
    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert str(python) in done.stderr or (kind == "no_pytest" and sys.executable in done.stderr), done.stderr
    assert "next: " in done.stderr or kind != "no_pytest", done.stderr
    assert tree(project) == before
    assert_nothing_left(tmp_path, project)


def run_mounted(script, *words, **options):
    """A shell script in a mount namespace of its own; skipped where there can be none."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")
    return subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *map(str, words)], capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize("verb", ("mark", "check", "tune", "adopt"))
def test_a_read_only_tree(tmp_path, verb):
    project = tmp_path / "project"
    make(project, {})
    before = tree(project)
    done = run_mounted(
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" "$3" --python "$4" "$1"',
        project, COMB, verb, sys.executable, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COMB_TEST_MARKER": str(tmp_path)},
    )
    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert "Read-only" in done.stderr and str(project) in done.stderr, done.stderr
    assert tree(project) == before
    assert_nothing_left(tmp_path, project)


@pytest.mark.parametrize("verb", ("mark", "check", "tune", "adopt"))
def test_a_full_disk(tmp_path, verb):
    """A small file system that holds the project, and little more."""
    project = tmp_path / "project"
    make(project, {})
    before = tree(project)
    done = run_mounted(
        'cp -a "$1" "$1.copy" && mount -t tmpfs -o size=400k none "$1" && cp -a "$1.copy/." "$1" && '
        '{ dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null; "$2" "$3" --python "$4" "$1"; status=$?; rm -f "$1/filler"; '
        'cp -a "$1" "$1.after"; exit $status; }',
        project, COMB, verb, sys.executable,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COMB_TEST_MARKER": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert "No space left" in done.stderr or "full" in done.stderr, done.stderr
    assert tree(tmp_path / "project.after") == before
    assert_nothing_left(tmp_path, project)


@pytest.mark.parametrize("verb", CHANGING)
def test_a_suite_that_hangs(tmp_path, verb):
    project = tmp_path / "project"
    make(project, {"test_it.py": "import time\ndef test_a():\n    time.sleep(600)\n"})
    done = comb(tmp_path, verb, "--timeout", "2s", str(project))
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "2 s" in said or "2.0" in said, said
    assert_nothing_left(tmp_path, project)


@pytest.mark.parametrize("verb", ("mark", "check", "tune", "validate"))
def test_an_interrupt(tmp_path, verb):
    """At a point where a test is running: no process, no half-written file, exit 130."""
    project = tmp_path / "project"
    make(project, {"test_it.py": "import pathlib, os, time\ndef test_a():\n"
                                 "    pathlib.Path(os.environ['COMB_TEST_MARKER'], 'began').touch()\n    time.sleep(600)\n"})
    before = tree(project)
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COMB_TEST_MARKER": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    running = subprocess.Popen([COMB, verb, "--python", sys.executable, str(project)], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "began").exists():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=60)
    assert running.returncode == 130, out + error
    assert tree(project) == before
    assert_nothing_left(tmp_path, project)
