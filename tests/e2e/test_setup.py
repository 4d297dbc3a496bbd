"""comb setup: what changes in a project's files, what does not, and what happens with bad input."""
import configparser
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
MARKERS = ("unit", "integration", "slow")


def setup(project, *words, env=None, python=sys.executable):
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTEST_ADDOPTS")}
    choice = ["--python", python] if python else []
    return subprocess.run(
        [COMB, "setup", project, *words, *choice], env={**clean, **(env or {})}, capture_output=True
    )


def gates(done):
    return {gate["gate"]: gate for gate in json.loads(done.stdout)["gates"]}


def run_pytest(project, *words):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=project, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def tree(project):
    """Every file but comb's own state and caches, with its bytes."""
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and not {".comb", ".git", "__pycache__", ".pytest_cache"} & set(path.parts)
    }


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "test_it.py").write_text(
        "import pytest\n\ndef test_one():\n    pass\n\n@pytest.mark.skip\ndef test_two():\n    pass\n"
    )
    return root


def test_a_project_with_strict_markers_goes_through(project):
    (project / "pyproject.toml").write_bytes(
        b"# ours\r\n[project]\r\nname = 'x'\r\n\r\n"
        b"[dependency-groups]\r\ntest = [\r\n\t'pytest',  # runner\r\n]\r\n\r\n"
        b"[tool.pytest.ini_options]\r\naddopts = '--strict-markers -ra'\r\n"
    )
    done = setup(project, "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert [gate["status"] for gate in gates(done).values()] == ["passed"] * 4
    text = (project / "pyproject.toml").read_bytes()
    assert b"\t'pytest',  # runner\r\n\t'pytest-xdist>=3.2',\r\n]" in text
    assert text.count(b"\n") == text.count(b"\r\n")
    tomllib = pytest.importorskip("tomllib")
    markers = tomllib.loads(text.decode())["tool"]["pytest"]["ini_options"]["markers"]
    assert [line.split(":")[0] for line in markers] == [*MARKERS]
    assert gates(done)["0.4"]["data"]["tests"] == 2
    listed = run_pytest(project, "--markers").stdout
    assert all(f"@pytest.mark.{name}:" in listed for name in MARKERS)
    assert (project / ".comb" / "history.db").is_file()
    assert (project / ".comb" / ".gitignore").read_text().strip() == "*"


def test_a_second_run_changes_nothing(project):
    (project / "requirements-dev.txt").write_text("pytest\n")
    assert setup(project).returncode == 0
    first = tree(project)
    assert setup(project).returncode == 0
    assert tree(project) == first
    assert b"Nothing to change" in setup(project, "--diff").stdout


def test_diff_shows_and_changes_nothing(project):
    subprocess.run(["git", "init", "-q", project], check=True)
    (project / "setup.cfg").write_text("[options.extras_require]\ntest =\n    pytest\n\n[tool:pytest]\naddopts = -ra\n")
    before = tree(project)
    shown = setup(project, "--diff")
    assert shown.returncode == 0
    assert tree(project) == before
    assert not (project / ".comb").exists()
    subprocess.run(["git", "apply", "-"], cwd=project, input=shown.stdout, check=True)
    applied = tree(project)
    parser = configparser.ConfigParser()
    parser.read_string(applied["setup.cfg"].decode())
    assert parser["options.extras_require"]["test"].split() == ["pytest", "pytest-xdist>=3.2"]
    assert b"Nothing to change" in setup(project, "--diff").stdout


def test_undo_restores_every_byte(project):
    (project / "tox.ini").write_bytes(b"[testenv]\r\ndeps = pytest\r\n[pytest]\r\naddopts=-ra")
    before = tree(project)
    assert setup(project).returncode == 0
    assert tree(project) != before
    assert setup(project, "--undo").returncode == 0
    assert tree(project) == before
    again = setup(project, "--undo")
    assert again.returncode == 2


def test_undo_removes_what_was_made(project):
    assert setup(project).returncode == 0
    assert (project / "pytest.ini").is_file() and (project / "requirements-test.txt").is_file()
    assert setup(project, "--undo").returncode == 0
    assert set(tree(project)) == {"test_it.py"}


def test_undo_keeps_what_somebody_changed_since(project):
    (project / "requirements-dev.txt").write_text("pytest\n")
    (project / "pytest.ini").write_text("[pytest]\n")
    assert setup(project).returncode == 0
    with open(project / "requirements-dev.txt", "a") as file:
        file.write("ruff\n")
    done = setup(project, "--undo")
    assert done.returncode == 2
    assert b"requirements-dev.txt was changed since" in done.stderr
    assert (project / "requirements-dev.txt").read_text().endswith("ruff\n")
    assert (project / "pytest.ini").read_text() == "[pytest]\n"


def make_venv_without_xdist(folder):
    """A virtual environment with pytest and all that comb's own has, but without xdist and pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    for path in Path(pytest.__file__).parent.parent.iterdir():
        if path.suffix != ".pth" and not path.name.startswith(("xdist", "pytest_xdist", "execnet", "pip")):
            (packages / path.name).symlink_to(path)
    return packages


def make_tool(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + script)
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_missing_xdist_fails_the_gate_with_the_command(project, tmp_path):
    bare = tmp_path / "bare"
    make_venv_without_xdist(bare)
    done = setup(project, "--json", python=bare / "bin" / "python")
    assert done.returncode == 1, done.stderr.decode()
    figure = gates(done)["0.2"]["figure"]
    assert f"pytest-xdist is not installed in {bare}/bin/python; type: " in figure
    assert "pip install" in figure and figure.endswith("'pytest-xdist>=3.2'")
    assert gates(done)["0.1"]["status"] == "passed"
    assert gates(done)["0.4"]["status"] == "pending"


def test_install_uses_the_projects_own_manager(project, tmp_path):
    """A stand-in for uv records how it is called, and makes xdist importable as the real one would."""
    packages = make_venv_without_xdist(project / ".venv")
    site = Path(pytest.__file__).parent.parent
    env = make_tool(
        tmp_path / "tools", "uv",
        f"echo \"$@\" >>'{tmp_path}/calls'\n"
        f"for name in '{site}'/*xdist* '{site}'/execnet*; do ln -s \"$name\" '{packages}'/; done\n",
    )
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n[dependency-groups]\nqa = ['pytest']\n")
    (project / "uv.lock").write_text("")
    done = setup(project, "--json", env=env, python=None)
    assert done.returncode == 1
    assert "type: uv sync --inexact --group qa" in gates(done)["0.2"]["figure"]
    assert not (tmp_path / "calls").exists()
    done = setup(project, "--json", "--install", env=env, python=None)
    assert done.returncode == 0, done.stdout.decode()
    assert (tmp_path / "calls").read_text() == "sync --inexact --group qa\n"


def test_hatch_is_asked_where_its_environment_is(project, tmp_path):
    """A stand-in for hatch, which names folders that do not exist yet too."""
    make_venv_without_xdist(tmp_path / "kept")
    env = make_tool(
        tmp_path / "tools", "hatch",
        f"[ \"$3\" = test ] && echo '{tmp_path}/kept' || echo '{tmp_path}/none yet'\n",
    )
    (project / "hatch.toml").write_text("[envs.test]\ndependencies = ['pytest']\n")
    figure = gates(setup(project, "--json", env=env, python=None))["0.2"]["figure"]
    assert figure.startswith(f"pytest-xdist is not installed in {tmp_path}/kept/bin/python; type: "), figure


LIVE = {
    "uv": (
        "pyproject.toml",
        "[project]\nname = 'demo'\nversion = '1'\nrequires-python = '>=3.9'\n[dependency-groups]\ntest = ['pytest']\n[tool.uv]\n",
        ["uv", "sync", "--group", "test"],
    ),
    "pdm": (
        "pyproject.toml",
        "[project]\nname = 'demo'\nversion = '1'\nrequires-python = '>=3.9'\n[project.optional-dependencies]\ntest = ['pytest']\n"
        "[tool.pdm]\ndistribution = false\n",
        ["sh", "-c", "pdm install -G test && rm pdm.lock"],  # kept by few libraries; it is made anew with the group
    ),
    "poetry": (
        "pyproject.toml",
        "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = '>=3.10,<4'\n"
        "[tool.poetry.group.test.dependencies]\npytest = '*'\n",
        ["poetry", "install", "--with", "test"],
    ),
    "pipenv": ("Pipfile", "[dev-packages]\npytest = '*'\n", ["pipenv", "install", "--dev"]),
    "hatch": (
        "pyproject.toml",
        "[project]\nname = 'demo'\nversion = '1'\n[tool.hatch.envs.default]\nskip-install = true\ndependencies = ['pytest']\n",
        ["hatch", "env", "create"],
    ),
}


@pytest.mark.parametrize("manager", LIVE)
def test_install_with_the_manager_itself(project, tmp_path, manager):
    """From the network: only where the manager is installed and can make an environment."""
    if not shutil.which(manager):
        pytest.skip(f"no {manager} in PATH")
    file, text, prepare = LIVE[manager]
    env = {**os.environ, "HOME": str(tmp_path), "PIPENV_VENV_IN_PROJECT": "1", "POETRY_VIRTUALENVS_IN_PROJECT": "1"}
    env.pop("VIRTUAL_ENV", None)
    (project / file).write_text(text)
    made = subprocess.run(prepare, cwd=project, env=env, capture_output=True, text=True, timeout=300)
    if made.returncode:
        pytest.skip(f"{manager} cannot make an environment here: {made.stderr[-200:]}")
    done = setup(project, "--json", "--install", env=env, python=None)
    assert done.returncode == 0, done.stdout.decode()
    assert "pytest-xdist" in gates(done)["0.2"]["figure"]
    assert "pytest-xdist" in (project / file).read_text()


def test_an_install_that_fails_is_a_failed_gate_in_its_own_words(project, tmp_path):
    make_venv_without_xdist(project / ".venv")
    env = make_tool(tmp_path / "tools", "uv", "echo 'error: no route to host' >&2\nexit 2\n")
    (project / "uv.lock").write_text("")
    done = setup(project, "--json", "--install", env=env, python=None)
    assert done.returncode == 1
    assert "failed: error: no route to host" in gates(done)["0.2"]["figure"]


def test_no_tests_is_bad_input(project):
    (project / "test_it.py").write_text("x = 1\n")
    done = setup(project)
    assert done.returncode == 2
    assert b"pytest finds no tests" in done.stderr
    assert b"--collect-only" in done.stderr


def test_failing_tests_are_named_and_can_be_allowed(project):
    (project / "test_bad.py").write_text("def test_bad():\n    assert 0\n")
    done = setup(project, "--json")
    assert done.returncode == 1
    assert "test_bad.py::test_bad fails" in gates(done)["0.4"]["figure"]
    done = setup(project, "--json", "--allow-failing")
    assert done.returncode == 0
    assert "1 failed" in gates(done)["0.4"]["figure"]


def test_a_suite_of_which_nothing_passes_leaves_nothing_to_go_on_with(project):
    (project / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(autouse=True, scope='session')\ndef broken(): raise RuntimeError('no')\n"
    )
    (project / "test_it.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    done = setup(project, "--json", "--allow-failing")
    assert done.returncode == 1
    assert "all 2 tests fail" in gates(done)["0.4"]["figure"]


def test_a_syntax_error_in_a_test_is_named_with_its_line(project):
    (project / "test_bad.py").write_text("def test_ok():\n    pass\n\ndef broken(:\n")
    done = setup(project)
    assert done.returncode == 2
    assert b"test_bad.py:4: pytest cannot collect it: SyntaxError" in done.stderr


def test_a_hanging_suite_is_ended(project):
    (project / "test_hang.py").write_text("import time\ndef test_hang():\n    time.sleep(600)\n")
    done = setup(project, "--json", "--timeout", "2")
    assert done.returncode == 1
    assert "did not end within 2 s" in gates(done)["0.4"]["figure"]


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_what_is_no_project_is_refused(tmp_path, kind):
    path = tmp_path / "thing"
    if kind == "empty":
        path.mkdir()
    if kind == "file":
        path.write_text("")
    done = setup(path)
    assert done.returncode == 2
    assert str(path).encode() in done.stderr
    assert kind == "missing" or b"next: " in done.stderr


def test_an_invalid_manifest_is_named_and_nothing_changes(project):
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "pyproject.toml").write_text("[project]\nname = x\n")
    before = tree(project)
    done = setup(project)
    assert done.returncode == 2
    assert f"{project}/pyproject.toml:2: ".encode() in done.stderr
    assert tree(project) == before


def run_mounted(script, *words):
    """Runs words behind script in mounts of its own; skips where nobody may mount."""
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    probe = subprocess.run([*inside, "mount -t tmpfs none /mnt"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("this machine allows no mounts: " + probe.stderr.decode())
    return subprocess.run([*inside, script, "sh", *map(str, words)], capture_output=True)


def test_a_full_disk_is_said_and_nothing_is_half_written(project):
    """A tmpfs with room for the files, and for nothing more."""
    (project / "requirements-dev.txt").write_text("pytest\n")
    script = (
        f"cp -r '{project}' '{project}.copy' && mount -t tmpfs -o size=12k none '{project}' && "
        f"cp '{project}.copy'/* '{project}' && \"$@\"; status=$?; cat '{project}'/*.txt; ls '{project}'; exit $status"
    )
    done = run_mounted(script, COMB, "setup", project, "--python", sys.executable)
    assert done.returncode in (2, 3)
    assert b"No space left on device" in done.stderr or b"full" in done.stderr
    assert done.stdout.decode().split() == ["pytest", "requirements-dev.txt", "test_it.py"]


def test_a_broken_conftest_is_named(project):
    (project / "conftest.py").write_text("import pytest\n\nraise RuntimeError('broken on purpose')\n")
    done = setup(project, "--json")
    assert done.returncode == 2
    assert f"{project}/conftest.py:3: " in done.stderr.decode() or "comb: conftest.py:3: " in done.stderr.decode()
    assert b"RuntimeError: broken on purpose" in done.stderr
    assert not (project / "pytest.ini").exists()


def test_an_interrupt_leaves_gates_reached_and_no_process(project):
    (project / "test_hang.py").write_text(
        "import os, pathlib, time\ndef test_hang():\n"
        "    pathlib.Path(__file__).with_name('pid').write_text(str(os.getpid()))\n    time.sleep(600)\n"
    )
    running = subprocess.Popen(
        [COMB, "setup", project, "--python", sys.executable], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not (project / "pid").exists() or not (project / "pid").read_text():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((project / "pid").read_text()), 0)
    assert "unit:" in (project / "pytest.ini").read_text()
    (project / "test_hang.py").unlink()
    assert setup(project).returncode == 0


def test_a_read_only_tree_is_said_and_left(project):
    """A read-only bind mount stands for one: root may write anywhere else."""
    script = f"mount --bind '{project}' '{project}' && mount -o remount,bind,ro '{project}' && exec \"$@\""
    before = tree(project)
    done = run_mounted(script, COMB, "setup", project, "--python", sys.executable)
    assert done.returncode in (2, 3)
    assert b"Read-only file system" in done.stderr
    assert tree(project) == before


def test_a_project_in_a_folder_that_is_not_utf8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    with open(folder + b"/test_it.py", "w") as file:
        file.write("def test_it():\n    pass\n")
    done = setup(os.fsdecode(folder), "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert os.path.isfile(folder + b"/pytest.ini")
