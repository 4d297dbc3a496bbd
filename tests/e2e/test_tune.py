"""comb tune: what is measured, chosen and written. Never how fast: the machine decides that."""
import json
import os
import shlex
import subprocess
import sys
import textwrap

import pytest

COMB = os.environ["COMB"]

INI = """\
[pytest]
# ours
markers =
    unit: quick
    integration: several steps
    slow: takes its time
    xdist_group: together
    stress: never, unless asked for
addopts = --strict-markers   -ra -m "not stress"
"""

SUITE = """
import time, pytest

@pytest.mark.unit
@pytest.mark.parametrize("i", range(6))
def test_quick(i): time.sleep(0.01)

@pytest.mark.integration
@pytest.mark.parametrize("i", range(8))
def test_steps(i): time.sleep(0.2)

@pytest.mark.integration
@pytest.mark.stress
def test_stress(): time.sleep(600)

@pytest.mark.integration
@pytest.mark.xdist_group("port")
@pytest.mark.parametrize("i", range(2))
def test_port(i): time.sleep(0.01)
"""


def tune(root, *args):
    return subprocess.run(
        [COMB, "tune", str(root), "--python", sys.executable, *args], capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A suite that was tuned: its folder, the process and the object that it printed."""
    root = tmp_path_factory.mktemp("tuned")
    (root / "pytest.ini").write_text(INI)
    (root / "test_it.py").write_text(SUITE)
    done = tune(root, "--budget", "2s", "--json")
    return root, done, json.loads(done.stdout)


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    """The same for a project that declares pytest-comb."""
    root = tmp_path_factory.mktemp("declared")
    (root / "pytest.ini").write_text(INI)
    (root / "test_it.py").write_text(SUITE)
    (root / "requirements-dev.txt").write_text("pytest\npytest-xdist\npytest-comb\n")
    done = tune(root, "--budget", "2s", "--json")
    return root, done, json.loads(done.stdout)


def gate(result, number):
    return next(row for row in result["gates"] if row["gate"] == number)


def test_every_gate_is_reached_in_order(tuned):
    root, done, result = tuned
    assert [row["gate"] for row in result["gates"]] == ["3.1", "3.2", "3.3", "3.4", "3.5", "3.6"]
    for number in ("3.1", "3.2", "3.3", "3.4", "3.6"):
        assert gate(result, number)["status"] == "passed", done.stderr
    assert done.returncode == (0 if gate(result, "3.5")["status"] == "passed" else 1)


def test_the_baseline_tells_a_bound_that_nothing_beats(tuned):
    baseline = gate(tuned[2], "3.1")["data"]
    assert baseline["tests"] == 16
    serial = sorted(baseline["serial_s"])[len(baseline["serial_s"]) // 2]
    assert 0 < baseline["bound"]["total_s"] < serial
    for entry in gate(tuned[2], "3.2")["data"]["contest"]["entries"]:
        if entry["wall_s"]:
            assert entry["median_s"] > baseline["bound"]["kinds"]["longest"]


def test_serial_and_several_numbers_of_workers_are_measured(tuned):
    entries = gate(tuned[2], "3.2")["data"]["contest"]["entries"]
    assert entries[0]["engine"] == "serial"
    workers = {entry["workers"] for entry in entries if entry["wall_s"]}
    assert len(workers - {0}) >= 2
    assert all(entry["failure"] == "" for entry in entries)


def test_groups_in_force_allow_loadgroup_only(tuned):
    entries = gate(tuned[2], "3.2")["data"]["contest"]["entries"]
    assert {entry["dist"] for entry in entries[1:]} == {"loadgroup"}


def test_combs_engine_is_told_beside_the_choice_where_it_is_not_declared(tuned):
    root, _, result = tuned
    row = gate(result, "3.2")
    contest = row["data"]["contest"]
    own = [entry for entry in contest["entries"] if entry["engine"] == "comb"]
    best = contest["entries"][contest["best"]]
    assert own and all(entry["beside"] and entry["wall_s"] for entry in own)
    assert best["engine"] != "comb" and not best["beside"]
    least = min(entry["median_s"] for entry in own)
    assert ("comb run would take" in row["figure"]) == (least < best["median_s"])
    target = gate(result, "3.5")
    assert ("comb run would take" in target["figure"]) == (target["status"] == "failed" and least < best["median_s"])
    assert "--comb" not in (root / "pytest.ini").read_text()
    run = subprocess.run([COMB, "run", str(root), "--python", sys.executable], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout
    if least < best["median_s"]:
        assert "comb's engine, --dist loadgroup (as comb tune measured)" in run.stderr


def test_combs_engine_is_written_where_it_is_declared_and_best(declared):
    root, done, result = declared
    contest = gate(result, "3.2")["data"]["contest"]
    best = contest["entries"][contest["best"]]
    assert not any(entry["beside"] for entry in contest["entries"])
    assert {entry["engine"] for entry in contest["entries"]} == {"serial", "xdist", "comb"}
    assert gate(result, "3.4")["status"] == "passed" and gate(result, "3.6")["status"] == "passed", done.stderr
    addopts = next(line for line in (root / "pytest.ini").read_text().splitlines() if line.startswith("addopts"))
    assert ("--comb" in addopts) == (best["engine"] == "comb")
    plain = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=root, capture_output=True, text=True, timeout=60)
    assert plain.returncode == 0 and "16 passed" in plain.stdout, plain.stdout + plain.stderr
    if best["engine"] == "comb":
        words = shlex.split(addopts.partition("=")[2])
        assert words == ["--strict-markers", "-ra", "-m", "not stress", "--comb", "-n", str(best["workers"]), "--dist", "loadgroup"]
        assert gate(result, "3.4")["figure"].startswith("addopts: --comb -n ")


def test_the_table_is_shown(tuned):
    assert "configuration" in tuned[1].stderr
    assert "to serial" in tuned[1].stderr


def test_categories_are_measured(tuned):
    rows = gate(tuned[2], "3.3")["data"]["categories"]
    assert {row["name"]: row["tests"] for row in rows} == {"unit": 6, "integration": 10}
    assert all(row["serial_s"] and row["chosen_s"] for row in rows)


def test_the_choice_is_what_stands_in_addopts(tuned):
    root, _, result = tuned
    contest = gate(result, "3.2")["data"]["contest"]
    best = contest["entries"][contest["best"]]
    text = (root / "pytest.ini").read_text()
    if best["engine"] == "serial":
        assert text == INI
        return
    addopts = next(line for line in text.splitlines() if line.startswith("addopts"))
    assert addopts.startswith('addopts = --strict-markers   -ra -m "not stress" -n ')
    words = shlex.split(addopts.partition("=")[2])
    assert words[words.index("--dist") + 1] == "loadgroup"
    assert words[words.index("-n") + 1] in (str(best["workers"]), "auto")
    assert text.replace(addopts, "") == INI.replace('addopts = --strict-markers   -ra -m "not stress"', "")


def test_the_verdict_follows_from_its_figures(tuned):
    row = gate(tuned[2], "3.5")
    verdict = row["data"]
    halved = verdict["best_s"] <= verdict["serial_s"] / 2
    assert verdict["halved"] == halved
    assert (row["status"] == "passed") == (halved or verdict["at_the_limit"])


def test_a_suite_that_fails_serially_is_not_tuned(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text("def test_a(): assert 0\n")
    done = tune(tmp_path)
    assert done.returncode == 1
    assert "the suite does not pass serially" in done.stdout
    assert (tmp_path / "pytest.ini").read_text() == "[pytest]\n"


def test_an_empty_suite_is_bad_input(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "helper.py").write_text(textwrap.dedent("def nothing(): pass\n"))
    done = tune(tmp_path)
    assert done.returncode == 2
    assert "collects no tests" in done.stderr


def test_parallel_runs_that_fail_are_never_chosen(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('i', range(4))\ndef test_a(i, worker_id): assert worker_id == 'master'\n"
    )
    done = tune(tmp_path, "--budget", "1s")
    assert done.returncode == 1
    assert "no parallel run gave the results of a serial one: exit code 1 instead of 0: FAILED test_it.py" in done.stdout
    assert (tmp_path / "pytest.ini").read_text() == "[pytest]\n"
