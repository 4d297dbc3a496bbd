"""Processes that tests fork: one that comes back out of its test is no second worker, others are let alone."""

import re
import subprocess
import threading

import pytest
from engine_run import comb, run, write
from pytest_comb import senders

FORKS = '''
import os, pytest, time
def note(word):
    with open("log", "a") as file: file.write(f"{word} {os.environ.get('PYTEST_CURRENT_TEST').split()[0]}\\n")
@pytest.fixture(scope="module", autouse=True)
def module():
    yield
    note("down")
'''
RETURNED = r"^comb: test_a.py::%s forked a process that came back out of the test; it was ended there"


def ran(folder):
    """Each test that ran, sorted."""
    return sorted(line.split()[1] for line in (folder / "log").read_text().splitlines() if line.startswith("ran"))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_child_that_returns_is_no_second_worker(tmp_path, workers):
    write(tmp_path, test_a=FORKS + '''
@pytest.mark.parametrize("n", range(10))
def test_x(n):
    note("ran")
    if n == 3: os.fork()
    time.sleep(0.02)
''')
    got = run(tmp_path, "--comb", f"-n{workers}")
    assert got.counts == {"passed": 10} and got.code == 0, got.out
    assert ran(tmp_path) == [f"test_a.py::test_x[{n}]" for n in range(10)]
    assert (tmp_path / "log").read_text().count("down") <= workers
    assert re.search(RETURNED % r"test_x\[3\]", got.out, re.M), got.out


WAYS = {
    "returns": "pass",
    "fails": "assert False",
    "exits": "sys.exit(0)",
    "ends_the_run": "pytest.exit('in the child')",
    "interrupts": "raise KeyboardInterrupt",
    "other": "raise GeneratorExit",
}


@pytest.mark.parametrize("mark", ["", "@pytest.mark.fresh"])
def test_however_a_child_comes_back(tmp_path, mark):
    """The parent's own outcome stands, and what it waits for tells whether the child failed."""
    tests = "".join(f'''
{mark}
def test_{name}():
    note("ran")
    pid = os.fork()
    if pid == 0:
        {code}
        return
    assert os.waitpid(pid, 0)[1] == {256 if name != "returns" else 0}
''' for name, code in WAYS.items())
    write(tmp_path, test_a="import sys" + FORKS + tests + "def test_last(): note('ran')\n")
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": len(WAYS) + 1} and got.code == 0, got.out
    assert ran(tmp_path) == sorted([f"test_a.py::test_{name}" for name in WAYS] + ["test_a.py::test_last"])
    for name in WAYS:
        assert re.search(RETURNED % f"test_{name}", got.out, re.M), got.out


@pytest.mark.parametrize("mark", ["", "@pytest.mark.fresh"])
def test_a_child_of_a_fixture_comes_back(tmp_path, mark):
    write(tmp_path, test_a=FORKS + f'''
@pytest.fixture(scope="module")
def wide(): os.fork()
@pytest.fixture
def before(): os.fork()
@pytest.fixture
def after():
    yield
    os.fork()
{mark}
def test_wide(wide): note("ran")
{mark}
def test_before(before): pass
{mark}
def test_after(after): note("ran")
def test_last(): note("ran")
''')
    got = run(tmp_path, "--comb", "-n1", "-s")
    assert got.counts == {"passed": 4} and got.code == 0, got.out
    assert (tmp_path / "log").read_text().count("down") == 1
    for name in ("wide", "before", "after"):
        assert re.search(RETURNED % f"test_{name}", got.out, re.M), got.out


def test_a_hook_forks(tmp_path):
    """Not only tests: what comes back to the loop over tests is ended there."""
    write(tmp_path, conftest="import os\ndef pytest_runtest_logfinish(nodeid):\n"
                             "    if '[1]' in nodeid and 'PYTEST_XDIST_WORKER' in os.environ: os.fork()\n",
          test_a=FORKS + "@pytest.mark.parametrize('n', range(5))\ndef test_x(n): note('ran')\n")
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 5} and got.code == 0, got.out
    assert ran(tmp_path) == [f"test_a.py::test_x[{n}]" for n in range(5)]
    assert re.search(RETURNED % r"test_x\[1\]", got.out, re.M), got.out


EACH_FORKED = '''
import os, pickle, pytest
from _pytest.runner import runtestprotocol
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """As pytest-forked."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        with open(there, "wb") as file: pickle.dump(runtestprotocol(item, log=False, nextitem=nextitem), file)
        os._exit(0)
    os.close(there)
    with open(here, "rb") as file: reports = pickle.load(file)
    os.waitpid(pid, 0)
    for report in reports: item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
'''


def test_a_plugin_that_forks_for_each_test(tmp_path):
    write(tmp_path, conftest=EACH_FORKED, test_a=FORKS + '''
@pytest.mark.parametrize("n", range(8))
def test_x(n):
    note("ran")
    assert n != 3
''')
    got = comb(tmp_path)
    assert got.counts == {"passed": 7, "failed": 1} and "came back" not in got.out, got.out
    assert ran(tmp_path) == [f"test_a.py::test_x[{n}]" for n in range(8)]


def test_children_that_end_by_themselves(tmp_path):
    write(tmp_path, test_a='''
import multiprocessing, os, subprocess, sys
context = multiprocessing.get_context("fork")
def test_process():
    process = context.Process(target=sys.exit, args=(3,))
    process.start()
    process.join()
    assert process.exitcode == 3
def test_pool():
    with context.Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]
def test_program():
    assert subprocess.run(["true"], preexec_fn=os.setsid).returncode == 0
''')
    got = comb(tmp_path)
    assert got.counts == {"passed": 3} and "came back" not in got.out, got.out


def test_a_process_that_ends_while_it_is_asked_about_is_nobody_from_elsewhere():
    """The kernel gives it the parent 0 for a moment."""
    for _ in range(400):
        process = subprocess.Popen(["true"], start_new_session=True)
        waiting = threading.Thread(target=process.wait)
        waiting.start()
        while waiting.is_alive():
            assert not senders.is_foreign(process.pid, senders.lineage(process.pid))
        waiting.join()
