"""How a worker ends that tests have left something to: pools of processes and threads, children, slow exit handlers."""

import os
import re
import subprocess
import sys

import pytest

from engine_run import comb, extension, run, write

POOLS = {
    "processes": "P = concurrent.futures.ProcessPoolExecutor(2); assert P.submit(abs, -1).result() == 1",
    "spawned": "P = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context('spawn')); assert P.submit(abs, -1).result() == 1",
    "threads": "P = concurrent.futures.ThreadPoolExecutor(2); P.submit(time.sleep, 40)",
    "multiprocessing": "P = multiprocessing.Pool(2); assert P.apply(abs, [-1]) == 1",
    "child": "P = multiprocessing.Process(target=write_late); P.start()",
}


@pytest.mark.parametrize("mark", ["", "@pytest.mark.fresh\n"])
@pytest.mark.parametrize("pool", POOLS)
def test_a_pool_that_a_test_leaves_is_shut_down_with_its_worker(tmp_path, pool, mark):
    write(tmp_path, test_a='''
import concurrent.futures, multiprocessing, pytest, time
def write_late():
    time.sleep(.3)
    open("late", "w").close()
%sdef test_a():
    global P
    %s
def test_b(): pass
''' % (mark, POOLS[pool]))
    got = comb(tmp_path, timeout=20)
    assert got.code == 0 and got.counts == {"passed": 2} and "left a process" not in got.out, got.out
    assert pool != "child" or (tmp_path / "late").exists()


def test_a_worker_that_does_not_end_is_named(tmp_path):
    write(tmp_path, test_a="import multiprocessing, time\ndef test_a():\n    global P\n"
                           "    P = multiprocessing.Process(target=time.sleep, args=[7])\n    P.start()\ndef test_b(): pass\n")
    got = comb(tmp_path, "-q", "--comb-all-workers")
    assert got.code == 0 and got.counts == {"passed": 2}, got.out
    assert len(re.findall(r"^comb: worker gw[01] \(pid \d+\) has run its tests and does not end: .* Ctrl-C", got.out, re.M)) == 1, got.out


def test_a_worker_that_was_replaced_is_not_taken_for_the_one_before_it(tmp_path):
    """It is in the same slot, and its test takes longer than an end may take."""
    write(tmp_path, test_a="import time\nKEPT = []\ndef test_a(): KEPT.append(b'x' * 300_000_000)\ndef test_b(): time.sleep(6)\n")
    got = run(tmp_path, "--comb", "-n1", "--comb-max-rss=250M")
    assert got.counts["passed"] == 2 and "replacing worker gw0" in got.out and "does not end" not in got.out, got.out


def test_no_process_is_left_when_pytest_returns(tmp_path):
    """The kernel takes its time for the end of processes with so much memory; the summary does not wait for it."""
    write(tmp_path, conftest="MANY = b'x' * 300_000_000\n", test_a="def test_a(): pass\ndef test_b(): pass\n", call='''
import os, pytest
code = pytest.main(["--comb", "-n2"])
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    print(code, "left:", children.read())
''')
    done = subprocess.run([sys.executable, "call.py"], cwd=tmp_path, env={**os.environ, **extension()}, capture_output=True, text=True)
    assert "2 passed" in done.stdout and done.stdout.endswith("0 left: \n"), done


def test_a_project_to_which_sigpipe_is_the_end(tmp_path):
    """Nobody is hurt by what is said to a process that has ended."""
    write(tmp_path, conftest="import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\n",
          test_a="import time\ndef test_a(): time.sleep(.3)\ndef test_b(): pass\n")
    got = comb(tmp_path)
    assert got.code == 0 and got.counts == {"passed": 2}, got.out


def test_a_process_ends_also_where_its_link_was_closed_by_somebody_else():
    """A conftest that closes every descriptor: what called pytest must not go on in two processes."""
    done = subprocess.run([sys.executable, "-c", "import os, socket\nfrom pytest_comb import hygiene\nend, _ = socket.socketpair()\n"
                           "os.close(end.fileno())\nhygiene.leave(3, end)"], env={**os.environ, **extension()}, capture_output=True)
    assert (done.returncode, done.stderr) == (3, b""), done
