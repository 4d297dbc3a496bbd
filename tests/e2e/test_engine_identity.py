"""Who a worker is: told before conftest files are imported, and asked for in each worker where somebody wants to know."""

import pytest

from engine_run import comb, run, write

TEST = '''
import conftest, os, pytest, time

@pytest.mark.parametrize("n", range(6))
def test_a(n, worker_id, request):
    time.sleep(.05)
    assert conftest.TOLD == request.config.workerinput["%s"]
'''
COUNT = '''
import os
TOLD = int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) if "PYTEST_XDIST_WORKER" in os.environ else 1
'''
UID = '''
import os
TOLD = os.environ["PYTEST_XDIST_TESTRUNUID"] if "PYTEST_XDIST_WORKER" in os.environ else 1
'''


@pytest.mark.parametrize("start", ["auto", "once", "shard", "import"])
def test_a_conftest_finds_the_number_of_workers(tmp_path, start):
    write(tmp_path, conftest=COUNT, test_a=TEST % "workercount")
    got = comb(tmp_path, "--comb-start=" + start)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import, each" not in got.out


@pytest.mark.parametrize("args", [(), ("--testrunuid=mine",)])
def test_a_conftest_finds_the_name_of_the_run(tmp_path, args):
    write(tmp_path, conftest=UID, test_a=TEST % "testrunuid")
    got = comb(tmp_path, *args)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" not in got.out


@pytest.mark.parametrize("args, environment", [(("-nauto",), {"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"}), (("-nauto", "--maxprocesses=1"), {}),
                                               (("-n5", "--no-comb", "--comb"), {})])
def test_the_number_is_known_early_without_a_plain_one(tmp_path, args, environment):
    write(tmp_path, conftest=COUNT, test_a=TEST % "workercount")
    got = run(tmp_path, "--comb", *args, env=environment)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" not in got.out


@pytest.mark.parametrize("conftest, wanted, reads", [
    (COUNT + "def pytest_xdist_auto_num_workers():\n    return 3\n", "workercount", "PYTEST_XDIST_WORKER_COUNT"),
    (UID + "def pytest_configure(config):\n    config.option.testrunuid = 'mine'\n", "testrunuid", "PYTEST_XDIST_TESTRUNUID"),
])
def test_who_was_told_what_a_conftest_changes_is_asked_again(tmp_path, conftest, wanted, reads):
    write(tmp_path, conftest=conftest, test_a=TEST % wanted)
    got = run(tmp_path, "--comb", "-nauto")
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" in got.out and "conftest.py:3 reads " + reads in got.out, got.out


def test_who_reads_no_number_is_not_asked_again(tmp_path):
    write(tmp_path, conftest="def pytest_xdist_auto_num_workers():\n    return 3\nTOLD = 3\n", test_a=TEST % "workercount")
    got = run(tmp_path, "--comb", "-nauto")
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" not in got.out
