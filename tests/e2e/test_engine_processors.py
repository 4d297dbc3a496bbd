"""Workers that only compute are no more than there are processors; where tests wait there are as many as were asked for."""

import os
import re
import signal
import time

import pytest
from engine_run import left_behind, run, start, write

COMPUTES = '''
import os, time, pytest
@pytest.mark.parametrize("n", range({tests}))
def test_it(n):
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        sum(range(200))
'''
WAITS = '''
import time, pytest
@pytest.mark.parametrize("n", range({tests}))
def test_it(n): time.sleep(0.5)
'''
FEW, MANY = range(1, 4), range(5, 7)  # of six; a worker may seem to wait when it loads something from the disk


@pytest.fixture(autouse=True)
def one_processor():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


def workers(got):
    """Who ran tests."""
    return set(re.findall(r"^\[(gw\d+)\] ", got.out, re.MULTILINE))


def six(folder, *options):
    return run(folder, "--comb", "-n6", "-v", *options)


@pytest.mark.parametrize("mode", ["once", "shard"])
def test_computing(tmp_path, mode):
    write(tmp_path, **{f"test_{n}": COMPUTES.format(tests=10) for n in range(8)})
    got = six(tmp_path, f"--comb-start={mode}")
    assert got.counts == {"passed": 80}, got.out
    assert f"comb: start={mode}" in got.out
    assert len(workers(got)) in FEW


@pytest.mark.parametrize("mode", ["once", "shard"])
def test_waiting(tmp_path, mode):
    write(tmp_path, **{f"test_{n}": WAITS.format(tests=2) for n in range(8)})
    got = six(tmp_path, f"--comb-start={mode}")
    assert got.counts == {"passed": 16}, got.out
    assert len(workers(got)) in MANY


def test_waiting_behind_computing(tmp_path):
    write(tmp_path, test_a=COMPUTES.format(tests=40), test_b=WAITS.format(tests=12))
    got = six(tmp_path)
    assert got.counts == {"passed": 52}, got.out
    assert len(workers(got)) in MANY


def test_all_workers_at_once(tmp_path):
    write(tmp_path, test_a=COMPUTES.format(tests=60))
    got = six(tmp_path, "--comb-all-workers")
    assert got.counts == {"passed": 60} and len(workers(got)) in MANY, got.out


def test_every_worker_runs_every_test(tmp_path):
    write(tmp_path, test_a=COMPUTES.format(tests=3))
    got = run(tmp_path, "--comb", "-n3", "-v", "--dist=each")
    assert got.counts == {"passed": 9} and len(workers(got)) == 3, got.out


def test_modules_that_are_dear_to_import(tmp_path):
    """They are imported once, before any worker: nothing speaks for one that would only take turns with another."""
    dear = "import time\nwith open('imported', 'a') as file: file.write('x')\nend = time.thread_time() + 0.1\nwhile time.thread_time() < end: sum(range(200))\n"
    write(tmp_path, **{f"test_{n}": dear + COMPUTES.format(tests=20) for n in range(12)})
    got = six(tmp_path, "--comb-start=shard")
    assert got.counts == {"passed": 240}, got.out
    assert len(workers(got)) in FEW and (tmp_path / "imported").read_text() == 12 * "x"


def test_crash_and_replacement(tmp_path):
    write(tmp_path, test_a=COMPUTES.format(tests=30) + "    if n == 3: os._exit(4)\n")
    got = six(tmp_path)
    assert got.counts == {"passed": 29, "failed": 1}, got.out
    assert "exit code 4" in got.out


def test_stop_at_the_first_failure(tmp_path):
    write(tmp_path, test_a=COMPUTES.format(tests=200) + "    assert n != 3\n")
    began = time.monotonic()
    got = six(tmp_path, "-x")
    assert got.code in (1, 2) and got.counts["failed"] == 1 and time.monotonic() - began < 20, got.out


def test_interrupt(tmp_path):
    write(tmp_path, test_a="import time\ndef test_long():\n    open('ran', 'w').close()\n"
                           "    while True: sum(range(200))\n", test_b=COMPUTES.format(tests=20))
    process = start(tmp_path, "--comb", "-n6")
    while not (tmp_path / "ran").exists():
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 2 and not left_behind(tmp_path), out
