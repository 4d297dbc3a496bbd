"""What only one process can do is done in one although workers were asked for, and that is said."""

import json

import pytest
from engine_run import comb, run, serial, write

CACHE = ("-p", "cacheprovider", "-p", "stepwise")  # engine_run turns them off
FAILS = """
import os
def test_1(): pass
def test_2(): assert os.path.exists("fixed2")
def test_3(): pass
def test_4(): assert os.path.exists("fixed4")
"""
IN_ORDER = "comb: --stepwise goes through the tests in order: running in one process"


def stepwise(folder, how):
    """What four runs of --stepwise tell, the last ones after a repair and with other tests."""
    def step(option="--sw"):
        got = how(folder, option, *CACHE)
        told.append((got.code, got.counts, [line for line in got.out.splitlines() if line.startswith("stepwise:")]))
        assert (IN_ORDER in got.out) == (how is comb), got.out
    told = []
    write(folder, test_a=FAILS, test_b=FAILS)
    step()
    step("--sw-skip")
    (folder / "fixed2").touch()
    write(folder, test_0="def test_1(): pass\n")
    step()
    step("--sw-reset")
    counted = json.loads((folder / ".pytest_cache/v/cache/stepwise").read_text())["last_test_count"]
    return [str(one).split("(cache from")[0] for one in told], counted


def test_stepwise_is_that_of_a_serial_run(tmp_path):
    """No failed test and none that never ran is called "already passed"; another number of tests is noticed."""
    for name in ("serial", "comb"):
        (tmp_path / name).mkdir()
    expected, got = stepwise(tmp_path / "serial", serial), stepwise(tmp_path / "comb", comb)
    assert got == expected
    assert "test count changed" in got[0][2] and got[1] == 9


def test_set_ups_are_shown_with_a_word(tmp_path):
    write(tmp_path, test_a="def test_a(tmp_path, worker_id): assert worker_id == 'master'\n")
    word = "shows each set-up when it happens: running in one process"
    got = comb(tmp_path, "--setup-show")
    assert got.counts == {"passed": 1} and "comb: --setup-show " + word in got.out, got.out
    assert "comb: --setup-only " + word in comb(tmp_path, "--setup-only").out
    assert "running in one process" not in run(tmp_path, "--comb", "-n0", "--setup-show").out
    assert "running in one process" not in comb(tmp_path, "--setup-plan").out


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_workers_of_nobody(tmp_path, xdist):
    write(tmp_path, test_a="def test_a(worker_id): assert worker_id == 'master'\n")
    got = comb(tmp_path, "-p", xdist, "--sw", *CACHE)
    assert got.counts == {"passed": 1} and "created:" not in got.out, got.out


def test_a_trace_needs_workers(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    got = comb(tmp_path, "--setup-show", "--comb-trace=t.json")
    assert got.code == 4 and "--comb-trace and --comb-replay need workers, but --setup-show shows" in got.out
