"""comb doctor: what is found, what is missing, and the exit status, in good and bad surroundings."""
import json
import os
import re
import random
import subprocess
import sys
import time

import pytest

COMB = os.environ["COMB"]


def doctor(*words, cwd=None, env=None, python=sys.executable):
    """Runs comb doctor --json; returns the exit status and the object."""
    words = [*words, "--python", python] if python else list(words)
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTEST_ADDOPTS")}
    done = subprocess.run(
        [COMB, "doctor", "--json", *map(str, words)], cwd=cwd, env={**clean, **(env or {})}, capture_output=True
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr.decode()


def problem(report, words):
    """The one problem that speaks of this."""
    found = [entry for entry in report["problems"] if words in entry["text"]]
    assert found, report["problems"]
    return found[0]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "requirements-dev.txt").write_text("pytest\npytest-xdist\n")
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    return tmp_path


def test_a_sound_project_is_described(project):
    subprocess.run(["git", "init", "-q", "-b", "trunk", project], check=True)
    status, report = doctor(project)
    assert status == 0
    assert report["project"]["root"] == str(project)
    assert report["project"]["configuration"] == str(project / "pytest.ini")
    assert report["project"]["table"] == "[pytest]"
    assert report["project"]["manifest"] == str(project / "requirements-dev.txt")
    assert report["project"]["manager"] == "pip"
    assert report["project"]["git"]["branch"] == "trunk"
    assert report["project"]["git"]["commit"] is None
    assert report["project"]["git"]["changed_files"] == 3
    assert report["interpreter"]["pytest"] == pytest.__version__
    assert report["interpreter"]["plugins"]["pytest-xdist"]
    assert report["interpreter"]["found_by"] == "--python"
    assert "git commit" in problem(report, "no commit yet")["next"]


def test_a_program_that_declares_pytest_is_named_without_a_blank_behind_it(project):
    (project / "requirements-dev.txt").unlink()
    (project / "setup.py").write_text("from setuptools import setup\nsetup(name='p', extras_require={'t': ['pytest']})\n")
    words = [COMB, "doctor", project, "--python", sys.executable]
    page = subprocess.run(words, capture_output=True, text=True).stdout
    assert f"manifest        {project / 'setup.py'}\n" in page
    assert not re.search(r" $", page, re.M), page


def test_a_repository_of_another_owner_is_told_from_one_without_a_commit(project):
    subprocess.run(["git", "init", "-q", project], check=True)
    other = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    status, report = doctor(project, env=other)
    assert status == 3
    trust = f"git config --global --add safe.directory '{project}'"
    assert trust in problem(report, "dubious ownership")["next"]
    words = [COMB, "doctor", project, "--python", sys.executable]
    page = subprocess.run(words, env={**os.environ, **other}, capture_output=True, text=True).stdout
    assert "no commit yet" not in page
    done = subprocess.run([COMB, "adopt", *words[2:]], env={**os.environ, **other}, capture_output=True, text=True)
    assert done.returncode != 0 and trust in done.stderr


def test_the_machine_is_tried_and_not_guessed(project):
    _, report = doctor(project)
    machine = report["machine"]
    assert machine["processors"]["usable"] == len(os.sched_getaffinity(0)) or machine["processors"]["quota"]
    assert machine["isolation"] in ("I1", "I2", "I3")
    for name, row in machine["capabilities"].items():
        assert row["detail"], name
        assert row["there"] or row["next"] or name in ("memfd", "overlay") or machine["isolation"] != "I1", name
    unshared = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "--mount", "true"], capture_output=True
    )
    if unshared.returncode != 0:
        assert not machine["capabilities"]["user-namespace"]["there"]


def test_a_kernel_that_forbids_namespaces_is_told_how_to_allow_them(project):
    """Inside a user namespace the limit of the namespaces below it can be set to none."""
    script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    probe = subprocess.run([*words, "true"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("no user namespace to try this in: " + probe.stderr.decode())
    done = subprocess.run(
        [*words, COMB, "doctor", "--json", project, "--python", sys.executable], capture_output=True, check=True
    )
    row = json.loads(done.stdout)["machine"]["capabilities"]["user-namespace"]
    assert row["there"] is False
    assert row["detail"] == "unshare a user namespace: No space left on device"
    assert row["next"] == "sudo sysctl -w user.max_user_namespaces=15000"


def test_text_has_a_next_step_for_each_trouble(project):
    (project / "requirements-dev.txt").write_text("pytest\n")
    done = subprocess.run([COMB, "doctor", project, "--python", sys.executable], capture_output=True, text=True)
    assert done.returncode == 0
    assert "pytest-xdist is not declared beside pytest\n    next: comb setup declares it" in done.stdout


def test_outside_a_project_the_machine_is_still_described(tmp_path):
    status, report = doctor(cwd=tmp_path)
    assert status == 0
    assert report["project"] is None
    assert "is not a Python project" in report["problems"][0]["text"]
    status, report = doctor(tmp_path)
    assert status == 2
    assert report["machine"]["isolation"]


def test_a_missing_folder_is_bad_input(tmp_path):
    status, message = doctor(tmp_path / "nowhere")
    assert status == 2
    assert "nowhere: No such file or directory" in message


@pytest.mark.parametrize("damage", ["dangling", "gutted", "crashing"])
def test_a_broken_environment_is_named_and_the_rest_reported(project, damage):
    binaries = project / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (project / ".venv" / "pyvenv.cfg").write_text("home = /nonexistent\n")
    if damage == "dangling":
        (binaries / "python").symlink_to("/nonexistent/python3")
    if damage == "crashing":
        (binaries / "python").write_text("#!/bin/sh\necho 'libpython3.so: cannot open' >&2\nexit 127\n")
        (binaries / "python").chmod(0o755)
    status, report = doctor(project, python=None)
    assert status == 3
    entry = problem(report, f"virtual environment {project}/.venv is broken")
    assert entry["kind"] == "environment"
    assert f"python3 -m venv --clear '{project}/.venv'" in entry["next"]
    assert report["project"]["configuration"] == str(project / "pytest.ini")
    assert report["machine"]["capabilities"]["pidfd"]["there"]
    if damage == "crashing":
        assert "libpython3.so: cannot open" in entry["text"]


def test_a_stale_variable_is_named(project):
    status, report = doctor(project, python=None, env={"VIRTUAL_ENV": str(project / "gone")})
    assert status == 3
    assert problem(report, "$VIRTUAL_ENV names")["next"] == "unset VIRTUAL_ENV"


def test_no_pytest_says_what_to_type(project):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    status, report = doctor(project, python=None)
    assert status == 3
    assert report["interpreter"]["found_by"] == ".venv"
    entry = problem(report, "pytest cannot be imported")
    assert "install 'pytest'" in entry["next"]


def test_no_pytest_in_a_uv_project_says_uv_sync(project):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    (project / "pyproject.toml").write_text("[dependency-groups]\ndev = ['pytest']\n")
    (project / "uv.lock").write_text("")
    status, report = doctor(project, python=None)
    assert status == 3
    assert problem(report, "pytest cannot be imported")["next"] == "uv sync"


def test_an_interpreter_that_hangs_is_given_up(project, tmp_path):
    fake = tmp_path / "python"
    started = tmp_path / "started"
    fake.write_text(f"#!/bin/sh\ntouch '{started}'\nkill -STOP $$\n")
    fake.chmod(0o755)
    done = subprocess.Popen(
        [COMB, "doctor", project, "--python", fake], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not started.exists():
        assert time.monotonic() < deadline and done.poll() is None
        time.sleep(0.01)
    done.send_signal(2)
    done.communicate(timeout=30)
    assert done.returncode == 130


@pytest.mark.parametrize(
    "name, text, line",
    [
        ("pyproject.toml", "[project]\nname = 'x'\nname = 'y'\n", 3),
        ("pyproject.toml", "[tool.pytest.ini_options\n", 1),
        ("tox.ini", "[pytest]\nnothing here\n", 2),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(project, name, text, line):
    (project / "pytest.ini").unlink()
    (project / name).write_text(text)
    status, report = doctor(project)
    assert status == 2
    broken = [entry for entry in report["problems"] if entry["kind"] == "input"]
    assert broken[0]["file"] == str(project / name)
    assert broken[0]["line"] == line


def test_names_that_are_not_utf8_are_escaped(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    with open(folder + b"/test_it.py", "w") as file:
        file.write("def test_it():\n    pass\n")
    status, report = doctor(os.fsdecode(folder))
    assert status == 0
    assert report["project"]["root"] == f"{tmp_path}/caf\\xe9"


def test_a_project_inside_a_bigger_repository(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    inner = tmp_path / "packages" / "inner"
    inner.mkdir(parents=True)
    (inner / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "requirements.txt").write_text("pytest\npytest-xdist\n")
    _, report = doctor(inner)
    assert report["project"]["root"] == str(inner)
    assert report["project"]["git"]["root"] == str(tmp_path)
    assert report["project"]["git"]["nested"] is True
    assert report["project"]["manifest"] == str(tmp_path / "requirements.txt")


def root_and_file_of_pytest(folder):
    """What the real pytest says of a run in this folder: rootdir and configfile, None where it refuses a file."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"],
        cwd=folder, env=clean, capture_output=True, text=True,
    ).stdout.splitlines()
    root = next((line.split(": ", 1)[1] for line in said if line.startswith("rootdir: ")), None)
    file = next((line.split(": ", 1)[1] for line in said if line.startswith("configfile: ")), None)
    return root, file and file.split(" (")[0]  # pytest 9 adds which others it ignores


def check_against_pytest(folder):
    root, file = root_and_file_of_pytest(folder)
    _, report = doctor(folder)
    if root is None:
        assert any(entry["kind"] == "input" for entry in report["problems"])
    else:
        assert report["project"]["root"] == root
        assert report["project"]["configuration"] == (f"{root}/{file}" if file else None)


LAYOUTS = {
    "nothing": {"test_a.py": ""},
    "setup.py above": {"setup.py": "", "sub/test_a.py": ""},
    "ini before toml": {"pytest.ini": "", "pyproject.toml": "[tool.pytest.ini_options]\n"},
    "hidden ini": {".pytest.ini": "[pytest]\n", "tox.ini": "[pytest]\n"},
    "empty hidden ini": {".pytest.ini": "", "tox.ini": "[pytest]\n"},
    "pytest.toml": {"pytest.toml": "", "pytest.ini": "[pytest]\n"},
    "hidden pytest.toml": {".pytest.toml": "[pytest]\nstrict = true\n", "pytest.ini": "[pytest]\n"},
    "native table": {"pyproject.toml": "[tool.pytest]\nstrict = true\n", "tox.ini": "[pytest]\n"},
    "empty native table": {"pyproject.toml": "[tool.pytest]\n", "tox.ini": "[pytest]\n"},
    "dotted keys": {"pyproject.toml": "tool.pytest.ini_options.addopts = '-ra'\n", "tox.ini": "[pytest]\n"},
    "inline table": {"pyproject.toml": "[tool]\npytest = {ini_options = {}}\n", "setup.cfg": "[tool:pytest]\n"},
    "tox without section": {"tox.ini": "[tox]\n", "setup.cfg": "[tool:pytest]\n", "sub/x.py": ""},
    "setup.cfg": {"setup.cfg": "[tool:pytest]\n", "tox.ini": "[testenv]\n", "sub/setup.py": ""},
    "pyproject without table": {"pyproject.toml": "[project]\nname = 'x'\n", "sub/setup.py": ""},
    "nearest wins": {"pytest.ini": "", "sub/tox.ini": "[pytest]\n"},
    "comment in header": {"tox.ini": "[pytest] ; ours\naddopts = -ra\n"},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_root_and_configuration_are_those_of_pytest(tmp_path, name):
    for path, text in LAYOUTS[name].items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    start = tmp_path / "sub" if (tmp_path / "sub").is_dir() else tmp_path
    (start / "test_first.py").write_text("def test_first():\n    pass\n")
    check_against_pytest(start)


CONTENTS = {
    "pytest.toml": ["", "[pytest]\n", "x = 1\n"],
    ".pytest.toml": ["", "[pytest]\naddopts = ['-ra']\n"],
    "pytest.ini": ["", "[pytest]\n", "[other]\n"],
    ".pytest.ini": ["", "[pytest]\n", "[x]\na = b\n"],
    "pyproject.toml": [
        "", "[project]\nname = 'x'\n", "[tool.pytest]\n", "[tool.pytest]\nstrict = true\n", "[broken\n",
        "[tool.pytest.ini_options]\n", "[tool.pytest]\nstrict = true\n[tool.pytest.ini_options]\naddopts = '-ra'\n",
    ],
    "tox.ini": [
        "[pytest]\n", "[testenv]\n", "[pytest]\nbroken\n", "[ pytest ]\n", "[pytest]\na = 1\na = 2\n", "a = 1\n",
    ],
    "setup.cfg": ["[tool:pytest]\n", "[metadata]\nname = x\n", "[pytest]\n"],
    "setup.py": [""],
}


@pytest.mark.parametrize("seed", range(8))
def test_any_layout_is_read_as_pytest_reads_it(tmp_path, seed):
    draw = random.Random(seed)
    folders = [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    folders[-1].mkdir(parents=True)
    for folder in folders:
        for name, texts in CONTENTS.items():
            if draw.random() < 0.15:
                (folder / name).write_text(draw.choice(texts))
    start = draw.choice(folders)
    (start / "test_first.py").write_text("def test_first():\n    pass\n")
    check_against_pytest(start)
