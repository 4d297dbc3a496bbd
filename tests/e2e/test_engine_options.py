"""Values of options: a wrong one is a usage error before anything runs, and what pytest-xdist accepts is accepted."""

import sqlite3

import pytest
from engine_run import comb, run, write
from pytest_comb import _comb

WRONG = {
    "-o comb_start=foo": "comb_start = foo: expected one of auto, shard, once, import",
    "-o comb_live=foo": "comb_live = foo: expected one of auto, no",
    "--comb-timeout=-1": "'-1' is no time limit; write seconds (0: no limit)",
    "--comb-timeout=nan": "'nan' is no time limit",
    "--comb-timeout=soon": "'soon' is no time limit",
    "--max-worker-restart=abc": "--max-worker-restart=abc: expected how many crashed workers are replaced (0: none)",
    "--maxprocesses=-3": "--maxprocesses=-3: expected a number of workers (0: no limit)",
    "-n -3": "-n -3: expected a number of workers (0: none",
    "-n 99999999999999": "99999999999999 workers asked for, at most 1024 are possible; give a smaller number",
    "-n 1000000": "-n 1000000: 1000000 workers asked for",
}


@pytest.mark.parametrize("given", WRONG)
def test_a_wrong_value_is_a_usage_error(tmp_path, given):
    write(tmp_path, conftest="open('ran', 'w').close()\n", test_a="def test_a(): pass\n")
    got = run(tmp_path, "--comb", *given.split(" "))
    assert got.code == 4 and WRONG[given] in got.out, got.out
    assert "Traceback" not in got.out and "comb: comb" not in got.out
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_what_xdist_accepts_is_accepted(tmp_path, xdist):
    write(tmp_path, test_a="import os\ndef test_a(): assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2'\n")
    got = run(tmp_path, "-p", xdist, "--comb", "-nlogical", "--maxprocesses=0", "--max-worker-restart= 0 ", "--maxschedchunk=-1",
              env={"PYTEST_XDIST_AUTO_NUM_WORKERS": " 2 "})
    assert got.counts == {"passed": 1}, got.out


def test_a_wrong_number_in_the_environment_is_told_and_ignored(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    got = run(tmp_path, "--comb", env={"PYTEST_XDIST_AUTO_NUM_WORKERS": "abc"})
    assert got.counts == {"passed": 1} and "AUTO_NUM_WORKERS is not a number of workers: 'abc'. Ignoring it." in got.out


def test_too_many_by_a_hook(tmp_path):
    write(tmp_path, conftest="def pytest_xdist_auto_num_workers(): return 5000\n", test_a="def test_a(): pass\n")
    got = run(tmp_path, "--comb")
    assert got.code == 4 and "the hook pytest_xdist_auto_num_workers: 5000 workers asked for" in got.out, got.out


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_a_hook_that_says_nothing_leaves_the_number_to_comb(tmp_path, xdist):
    write(tmp_path, conftest="def pytest_xdist_auto_num_workers(config): return None\n",
          test_a="import os\ndef test_a(): assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '3'\n")
    got = run(tmp_path, "-p", xdist, "--comb", env={"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"})
    assert got.counts == {"passed": 1}, got.out


def test_limits_that_nobody_keeps_are_told(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    told = "comb: no effect of --comb-timeout and --comb-max-rss: these tests are not run by workers of comb's"
    limits = ("--comb-timeout=0.01", "--comb-max-rss=1M")
    for args in (("-n0",), ("-p", "no:xdist"), ("-n0", "--comb")):
        got = run(tmp_path, *args, *limits)
        assert got.counts == {"passed": 1} and told in got.out, got.out
    assert "no effect" not in comb(tmp_path, "--comb-timeout=60", "--comb-max-rss=1G").out


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_maxprocesses_limits_every_number(tmp_path, xdist):
    write(tmp_path, test_a="import os\ndef test_a(): assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '1'\n",
          conftest="def pytest_xdist_auto_num_workers(config): return 5\n")
    for asked in ("-n4", "-nauto", "-n99999999999999"):
        got = run(tmp_path, "-p", xdist, "--comb", asked, "--maxprocesses=1")
        assert got.counts == {"passed": 1} and "comb: 1 worker, " in got.out, got.out
    assert "comb: 5 workers" in run(tmp_path, "-p", xdist, "--comb", "--maxprocesses=7").out, "the hook counts"


HOOKS = """
def pytest_xdist_setupnodes(config, specs): print("setupnodes", [spec.id for spec in specs])
def pytest_xdist_newgateway(gateway): print("newgateway", gateway.id, gateway.spec.popen)
def pytest_testnodeready(node): print("ready", node.gateway.id, node.workerinput["testrunuid"], node.workerinfo["id"])
"""


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_hooks_of_nodes_and_the_id_of_a_run(tmp_path, xdist):
    write(tmp_path, conftest=HOOKS, test_a="def test_1(testrun_uid): assert testrun_uid == 'abc'\n"
                                           "def test_2(testrun_uid): assert testrun_uid == 'abc'\n")
    got = comb(tmp_path, "-p", xdist, "-s", "--testrunuid=abc", "--comb-all-workers")
    assert got.counts == {"passed": 2}, got.out
    for line in ("setupnodes ['gw0', 'gw1']", "newgateway gw0 True", "newgateway gw1 True", "ready gw0 abc gw0"):
        assert line in got.out, got.out


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_d_is_dist_load(tmp_path, xdist):
    write(tmp_path, test_a="def test_a(): pass\n")
    got = comb(tmp_path, "-p", xdist, "-d", "--dist=loadfile")
    assert got.counts == {"passed": 1} and "comb: 2 workers, dist=load," in got.out, got.out


@pytest.mark.skipif(_comb.processors() < 2, reason="one worker is what there is in any case")
def test_auto_knows_what_memory_has_room_for(tmp_path):
    """By the size of the largest process of earlier runs."""
    write(tmp_path, test_a="def test_a(): b'x' * 100_000_000\n", test_b="def test_b(): pass\n")
    cache = ("-p", "cacheprovider")
    assert " workers, dist" in run(tmp_path, "--comb", *cache).out
    with sqlite3.connect(tmp_path / ".comb/history.db") as history:
        kept = history.execute("SELECT value FROM meta WHERE key = 'run.process_bytes'").fetchone()
        assert int(kept[0]) > 100_000_000
        history.execute("UPDATE meta SET value = ? WHERE key = 'run.process_bytes'", (1 << 50,))
    got = run(tmp_path, "--comb", *cache)
    assert got.counts == {"passed": 2} and "comb: 1 worker (memory for no more), dist" in got.out, got.out
    assert "comb: 2 workers, dist" in run(tmp_path, "--comb", "-n2", *cache).out
    assert " workers, dist" in run(tmp_path, "--comb", "--comb-no-history", *cache).out


PROCESSES = {
    "of a worker": ("def test_a(): b'x' * 200_000_000\n", True),
    "of a fresh test": ("import pytest\n@pytest.mark.fresh\ndef test_a(): b'x' * 200_000_000\n", True),
    "of a worker that ends early": ("import os\ndef test_a():\n    b'x' * 200_000_000\n    os.closerange(3, 100)\n", True),
    "that a test starts": ("import subprocess, sys\ndef test_a(): subprocess.run([sys.executable, '-c', 'b\"x\" * 200_000_000'])\n",
                           False),
}


@pytest.mark.parametrize("whose", PROCESSES)
def test_the_memory_that_is_remembered_is_that_of_workers(tmp_path, whose):
    """One test that starts a compiler leaves later runs their number of workers."""
    text, counts = PROCESSES[whose]
    write(tmp_path, test_a=text, test_b="def test_b(): pass\n")
    got = run(tmp_path, "--comb", "-n2", "-s", "-p", "cacheprovider")
    assert got.counts == {"passed": 2}, got.out
    with sqlite3.connect(tmp_path / ".comb/history.db") as history:
        kept = history.execute("SELECT value FROM meta WHERE key = 'run.process_bytes'").fetchone()
    assert (int(kept[0]) > 200_000_000) == counts and int(kept[0]) > 10_000_000
