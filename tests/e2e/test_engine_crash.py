"""Tests that take their process with them: one failure each, all others run, nothing is left behind."""

import os
import signal
import time

import pytest
from engine_run import comb, left_behind, start, write

AROUND = "".join("def test_before_%d(): pass\n" % n for n in range(6)) + "%s\n" + "".join(
    "def test_after_%d(): pass\n" % n for n in range(6))

KILLERS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "SIGSEGV", True),
    "exit": ("import os; os._exit(3)", "exit code 3", False),
    "exit_green": ("import os; os._exit(0)", "exit code 0", False),
    "kill": ("import os; os.kill(os.getpid(), 9)", "SIGKILL", False),
    "term": ("import os; os.kill(os.getpid(), 15)", "SIGTERM", False),
    "abort": ("import os; os.abort()", "SIGABRT", True),
    "bus": ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", "SIGBUS", True),
}


@pytest.mark.parametrize("killer", KILLERS)
def test_one_test_is_lost_and_no_other(tmp_path, killer):
    code, said, has_stack = KILLERS[killer]
    body = "def test_killer():\n    open('ran', 'a').write('x')\n    " + code
    write(tmp_path, test_a=AROUND % body)
    got = comb(tmp_path)
    assert got.code == 1
    assert got.counts == {"failed": 1, "passed": 12}, got.out
    assert "crashed while running 'test_a.py::test_killer'" in got.out and said in got.out
    assert ("in test_killer" in got.out) == has_stack
    assert (tmp_path / "ran").read_text() == "x"


@pytest.mark.parametrize("mode", ["load", "loadfile", "loadscope", "loadgroup", "worksteal"])
def test_every_mode_goes_on(tmp_path, mode):
    write(tmp_path, test_a="import pytest\npytestmark = pytest.mark.xdist_group('g')\n" +
          AROUND % "def test_killer():\n    open('ran', 'a').write('x')\n    import os; os._exit(1)")
    got = comb(tmp_path, "--dist", mode)
    assert got.counts == {"failed": 1, "passed": 12}, got.out
    assert (tmp_path / "ran").read_text() == "x"


def test_a_hanging_test_is_stopped_with_its_stack(tmp_path):
    write(tmp_path, test_a=AROUND % "def hang():\n    import time; time.sleep(60)\ndef test_killer(): hang()")
    got = comb(tmp_path, "--comb-timeout=1")
    assert got.counts == {"failed": 1, "passed": 12}
    assert "took longer than 1 s" in got.out and "in hang" in got.out


def test_closed_descriptors(tmp_path):
    write(tmp_path, test_a=AROUND % "def test_killer():\n    import os; os.closerange(0, 300)")
    got = comb(tmp_path)
    assert got.code == 1
    assert got.counts["passed"] >= 12
    assert [name for name, outcome in got.outcomes.items() if outcome != ["passed"]] == ["test_a::test_killer"]


def test_crash_in_fixtures(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.fixture\ndef before(): os._exit(4)\n"
                           "@pytest.fixture\ndef after():\n    yield\n    os._exit(5)\n" +
          AROUND % "def test_setup(before): pass\ndef test_teardown(after): pass")
    got = comb(tmp_path)
    assert got.counts == {"failed": 2, "passed": 12}, got.out


def test_too_many_crashes(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.mark.parametrize('n', range(30))\ndef test_a(n): os._exit(1)\n")
    got = comb(tmp_path, "--max-worker-restart=3")
    assert got.code == 1
    assert "maximum crashed workers reached: 3" in got.out
    assert "did not run" in got.out
    got = comb(tmp_path, "--max-worker-restart=0")
    assert "worker restarting disabled" in got.out


def test_large_and_odd_output(tmp_path):
    write(tmp_path, test_a='''
import os
class Odd:
    def __repr__(self): raise RuntimeError("no repr")
def test_large():
    os.write(1, b"x" * 20_000_000)
    assert 0
def test_bytes():
    os.write(1, b"\\xff\\xfe\\x00")
    assert 0
def test_repr():
    odd = Odd()
    assert odd == 1
''')
    got = comb(tmp_path)
    assert got.counts == {"failed": 3}


def test_a_child_that_outlives_its_test(tmp_path):
    write(tmp_path, test_a="import subprocess\ndef test_a(): subprocess.Popen(['sleep', '50'])\ndef test_b(): pass\n")
    assert comb(tmp_path).counts == {"passed": 2}


def suite_of_sleepers(folder):
    write(folder, test_a='''
import os, pytest, time
@pytest.fixture
def slow():
    yield
    open("torn-%d" % os.getpid(), "w").close()
@pytest.mark.parametrize("n", range(40))
def test_a(n, slow):
    open("started", "w").close()
    time.sleep(.01 if n == 0 else 30)
''')


def wait_for(path, seconds=20):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.3)


def test_interrupted_once(tmp_path):
    suite_of_sleepers(tmp_path)
    process = start(tmp_path, "--comb", "-n2")
    wait_for(tmp_path / "started")
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 2, out
    assert "KeyboardInterrupt" in out and "1 passed" in out
    assert len(list(tmp_path.glob("torn-*"))) == 2
    assert not left_behind(tmp_path)


def test_interrupted_twice(tmp_path):
    suite_of_sleepers(tmp_path)
    (tmp_path / "test_a.py").write_text((tmp_path / "test_a.py").read_text().replace(
        "    yield\n", "    yield\n    time.sleep(30)\n"))
    process = start(tmp_path, "--comb", "-n2")
    wait_for(tmp_path / "started")
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.7)
    os.kill(process.pid, signal.SIGINT)
    begin = time.monotonic()
    process.communicate(timeout=15)
    assert process.returncode == 2
    assert time.monotonic() - begin < 3
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_controller_is_killed(tmp_path, number):
    suite_of_sleepers(tmp_path)
    process = start(tmp_path, "--comb", "-n2")
    wait_for(tmp_path / "started")
    os.kill(process.pid, number)
    process.wait(timeout=10)
    end = time.monotonic() + 5
    while left_behind(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left_behind(tmp_path)
    process.stdout.close()
