"""Values of options: a wrong one is a usage error before anything runs, and what pytest-xdist accepts is accepted."""

import pytest
from engine_run import comb, run, write

WRONG = {
    "-o comb_start=foo": "comb_start = foo: expected one of auto, shard, once, import",
    "-o comb_live=foo": "comb_live = foo: expected one of auto, no",
    "--comb-timeout=-1": "'-1' is no time limit; write seconds (0: no limit)",
    "--comb-timeout=nan": "'nan' is no time limit",
    "--comb-timeout=soon": "'soon' is no time limit",
    "--max-worker-restart=abc": "--max-worker-restart=abc: expected how many crashed workers are replaced (0: none)",
    "--max-worker-restart=-1": "--max-worker-restart=-1: expected",
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


def test_limits_that_nobody_keeps_are_told(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    told = "comb: no effect of --comb-timeout and --comb-max-rss: these tests are not run by workers of comb's"
    limits = ("--comb-timeout=0.01", "--comb-max-rss=1M")
    for args in (("-n0",), ("-p", "no:xdist"), ("-n0", "--comb")):
        got = run(tmp_path, *args, *limits)
        assert got.counts == {"passed": 1} and told in got.out, got.out
    assert "no effect" not in comb(tmp_path, "--comb-timeout=60", "--comb-max-rss=1G").out
