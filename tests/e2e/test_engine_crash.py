"""Tests that take their process with them: one failure each, all others run, nothing is left behind."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from engine_run import comb, extension, left_behind, run, serial, start, write
from screen import Session

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


GROUPS = {"/sys/fs/cgroup/memory": {"memory.limit_in_bytes": True, "memory.memsw.limit_in_bytes": False},
          "/sys/fs/cgroup": {"memory.max": True, "memory.swap.max": False}}


@pytest.fixture
def memory_group():
    """A control group of 400 MB, by either version of them; whoever joins it has left when this ends."""
    for root, limits in GROUPS.items():
        group = os.path.join(root, "comb-test-%d" % os.getpid())
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            for file, needed in limits.items():
                if needed or os.path.exists(os.path.join(group, file)):  # without swap there is no limit for it
                    with open(os.path.join(group, file), "w") as limit:
                        limit.write(str(400 << 20))
            yield group
            return
        except OSError:  # no controller of memory here
            continue
        finally:
            os.rmdir(group)
    pytest.skip("no control group for memory can be made here")


def test_the_kernel_kills_for_want_of_memory(tmp_path, memory_group):
    write(tmp_path, joins="import os\nopen(%r, 'w').write(str(os.getpid()))\n" % os.path.join(memory_group, "cgroup.procs"),
          test_a=AROUND % "def test_killer(): b'x' * (1 << 30)")
    got = comb(tmp_path, "-p", "joins", env={"PYTHONPATH": os.pathsep.join([str(tmp_path), *extension().get("PYTHONPATH", "").split()])})
    assert got.code == 1 and got.counts == {"failed": 1, "passed": 12}, got.out
    assert "crashed while running 'test_a.py::test_killer'" in got.out
    assert "killed by SIGKILL (perhaps out of memory: the kernel has just killed a process for want of it)" in got.out


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


def test_crash_in_fixtures(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.fixture\ndef before(): os._exit(4)\n"
                           "@pytest.fixture\ndef after():\n    yield\n    os._exit(5)\n" +
          AROUND % "def test_setup(before): pass\ndef test_teardown(after): pass")
    got = comb(tmp_path)
    assert got.counts == {"failed": 2, "passed": 12}, got.out


TEARDOWN = """
import os, pytest
@pytest.fixture
def bye():
    yield
    os._exit(0)
%s
def test_a(bye): %s
"""
# What was told before the crash, and what is counted with it.
BEFORE_TEARDOWN = {"assert 0": {"failed": 1, "error": 1}, "pytest.skip()": {"skipped": 1, "error": 1}, "pass": {"failed": 1},
                   "pytest.xfail()": {"xfailed": 1, "error": 1}}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("body", BEFORE_TEARDOWN)
def test_a_crash_after_the_outcome_is_an_error_of_the_teardown(tmp_path, body, fresh):
    write(tmp_path, test_a=TEARDOWN % ("@pytest.mark.fresh" if fresh else "", body))
    got = comb(tmp_path)
    assert got.code == 1 and got.counts == BEFORE_TEARDOWN[body], got.out
    assert "crashed while running 'test_a.py::test_a'" in got.out and "exit code 0" in got.out
    assert ("ERROR at teardown of test_a" in got.out) == ("error" in got.counts)
    kinds = {"assert 0": ["failure", "error"], "pass": ["error"]}.get(body, ["error+skipped"])
    assert got.outcomes == {"test_a::test_a": kinds}


def test_a_crash_after_a_failed_subtest_is_the_tests_failure(tmp_path):
    write(tmp_path, test_a="import os, unittest\nclass TestA(unittest.TestCase):\n    def test_a(self):\n"
                           "        with self.subTest(n=1): assert 0\n        os._exit(0)\n")
    got = comb(tmp_path)
    assert got.code == 1 and "error" not in got.counts and "crashed while running" in got.out, got.out


@pytest.mark.parametrize("args", [["-x"], ["--maxfail=1", "--dist=loadfile"]])
def test_nothing_begins_after_a_crash_that_is_one_too_many(tmp_path, args):
    write(tmp_path, test_a="import os\ndef test_a(): os._exit(1)\n", test_b='''
import pytest
@pytest.mark.parametrize("n", range(5))
def test_b(n): open("began", "w")
''')
    got = run(tmp_path, "--comb", "-n1", *args)
    assert got.code == 1 and got.counts == {"failed": 1} and "replacing worker" not in got.out, got.out
    assert not (tmp_path / "began").exists()


def test_too_many_crashes(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.mark.parametrize('n', range(30))\ndef test_a(n): os._exit(1)\n")
    got = comb(tmp_path, "--max-worker-restart=3")
    assert got.code == 1
    assert "maximum crashed workers reached: 3" in got.out
    assert "did not run" in got.out
    for none in (0, -1):
        got = comb(tmp_path, f"--max-worker-restart={none}")
        assert got.code == 1 and "worker restarting disabled" in got.out, got.out


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


def test_an_interrupt_waits_for_fixtures_and_says_so(tmp_path):
    """As long as they take; here until the line was there."""
    write(tmp_path, conftest="import pytest_comb.interrupt\npytest_comb.interrupt.TELL_S = pytest_comb.interrupt.HEED_S = 0.2\n", test_a='''
import os, pytest, time
@pytest.fixture(scope="session")
def server():
    yield
    while not os.path.exists("go"): time.sleep(.02)
    open("torn", "w").close()
def test_a(server):
    open("started", "w").close()
    time.sleep(30)
''')
    process = start(tmp_path, "--comb", "-n1", "-q")
    wait_for(tmp_path / "started")
    os.kill(process.pid, signal.SIGINT)
    line = next(line for line in process.stdout if "waiting for" in line)
    assert line == ("comb: interrupted, waiting for gw0 (test_a.py::test_a) to end tests and tear down fixtures; "
                    "Ctrl-C again ends them now\n")
    (tmp_path / "go").touch()
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 2 and "KeyboardInterrupt" in out and (tmp_path / "torn").exists(), out
    assert not left_behind(tmp_path)


def test_a_test_that_does_not_heed_an_interrupt_is_ended(tmp_path):
    write(tmp_path, conftest="import pytest_comb.interrupt\npytest_comb.interrupt.HEED_S = 0.3\n", test_a="""
import signal, time
def test_a():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    open("started", "w").close()
    time.sleep(30)
""")
    process = start(tmp_path, "--comb", "-n1")
    wait_for(tmp_path / "started")
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 2 and "did not end when it was interrupted" in out, out
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


# -- children that outlive their test ---------------------------------------------------------------


LEAKS = {
    "child": "subprocess.Popen(['sleep', '51'])",
    "session": "subprocess.Popen(['sleep', '51'], start_new_session=True)",
    "daemon": "subprocess.run(['sh', '-c', 'setsid sleep 51 >/dev/null 2>&1 &'])",
    "fork": "os.fork() or (os.setsid(), os.execvp('sleep', ['sleep', '51']))",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_processes_left_behind_are_told_with_their_test_and_ended(tmp_path, leak):
    write(tmp_path, test_a="import os, subprocess\ndef test_before(): pass\ndef test_leaks(): %s\n"
                           "def test_after(): pass\n" % LEAKS[leak])
    got = comb(tmp_path)
    assert got.counts == {"passed": 3}, got.out
    assert re.search(r"^comb: test_a.py::test_leaks left a process behind: sleep 51 \(pid \d+\), ended", got.out, re.M), got.out


def test_helpers_and_children_that_are_waited_for_are_no_leak(tmp_path):
    write(tmp_path, test_a='''
import multiprocessing, pytest, subprocess
@pytest.fixture(scope="session", autouse=True)
def server():
    process = subprocess.Popen(["sleep", "60"])
    yield
    process.kill()
    process.wait()
def test_a(): subprocess.run(["true"])
def test_b():
    with multiprocessing.get_context("spawn").Pool(1) as pool: assert pool.map(abs, [-1]) == [1]
''')
    got = comb(tmp_path)
    assert got.counts == {"passed": 2} and "left a process" not in got.out, got.out


def test_detached_children_of_a_killed_run_are_ended_too(tmp_path):
    write(tmp_path, test_a="import os, subprocess, time\ndef test_a():\n"
                           "    subprocess.Popen(['sleep', '52'], start_new_session=True)\n"
                           "    open('started', 'w').close()\n    while True:\n        try: time.sleep(30)\n"
                           "        except KeyboardInterrupt: pass\n")
    process = start(tmp_path, "--comb", "-n2")
    wait_for(tmp_path / "started")
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.7)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 2 and not left_behind(tmp_path)


# -- green only when everything ran -----------------------------------------------------------------


def test_exits_that_are_no_crash(tmp_path):
    write(tmp_path, test_a='''
import atexit, os, sys, threading
def test_thread():
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
def test_atexit(): atexit.register(sys.exit, 5)
def test_exit(): sys.exit(0)
''' + AROUND % "")
    got = comb(tmp_path)
    assert got.code == 1 and got.counts == {"passed": 14, "failed": 1}, got.out


@pytest.mark.parametrize("code", [0, 3])
def test_a_worker_that_leaves_in_its_last_hook_is_not_green(tmp_path, code):
    write(tmp_path, test_a="def test_a(): pass\ndef test_b(): pass\n", conftest='''
import os, pytest
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"): os._exit(%d)
''' % code)
    got = comb(tmp_path)
    assert got.code == 1 and "ended badly after its last test: exit code %d" % code in got.out, got.out


def test_a_crash_in_an_exit_handler_is_not_green(tmp_path):
    write(tmp_path, test_a="import atexit, os\ndef test_a(): atexit.register(os._exit, 9)\ndef test_b(): pass\n")
    got = comb(tmp_path)
    assert got.code == 1 and "exit code 9" in got.out, got.out


def test_duplicate_ids_all_run(tmp_path):
    write(tmp_path, conftest="def pytest_collection_modifyitems(items): items += items[:3] * 2\n", test_a='''
import pytest
@pytest.mark.parametrize("n", range(6))
def test_a(n): open("log", "a").write("x")
''')
    got = comb(tmp_path, "--dist=loadfile")
    assert got.counts == {"passed": 12} and (tmp_path / "log").read_text() == "x" * 12


ENDS_AT_IMPORT = {"test_a": "import os; os._exit(0)", "conftest": "import os\nif 'PYTEST_XDIST_WORKER' in os.environ: os._exit(0)",
                  "segfault": "import ctypes; ctypes.string_at(0)", "kill": "import os; os.kill(os.getpid(), 9)"}
HOOKS = "import os\ndef %s(config):\n    if hasattr(config, 'workerinput') and config.workerinput['workerid'] == 'gw%d': os._exit(0)\n"


@pytest.mark.parametrize("end", ENDS_AT_IMPORT)
def test_the_first_collector_ends_in_its_collection(tmp_path, end):
    """With --comb-start=import the others wait for its plan."""
    write(tmp_path, **{"conftest" if end == "conftest" else "test_a": ENDS_AT_IMPORT[end], "test_b": "def test_b(): pass\n"})
    got = comb(tmp_path, "--comb-start=import", timeout=20)
    assert got.code == 3 and "worker gw0 ended during the collection" in got.out, got.out
    assert ("string_at" in got.out) == (end == "segfault")


@pytest.mark.parametrize("hook", ["pytest_configure", "pytest_collection_modifyitems"])
def test_the_first_collector_ends_in_a_hook(tmp_path, hook):
    write(tmp_path, conftest=HOOKS % (hook, 0), test_b="def test_b(): pass\n")
    got = run(tmp_path, "--comb", "-n1", "--comb-start=import", timeout=20)
    assert got.code == 3 and "worker gw0 ended during the collection (exit code 0)" in got.out, got.out


def test_another_collector_ends_in_its_collection(tmp_path):
    """Before or after the first one knows the tests: they run, and the end is told and counts."""
    write(tmp_path, conftest=HOOKS % ("pytest_configure", 1), test_b="def test_b(): pass\ndef test_c(): pass\n")
    for before in ("", "import time; time.sleep(.5)\n"):
        write(tmp_path, test_a=before + "def test_a(): pass\n")
        got = comb(tmp_path, "--comb-start=import", timeout=20)
        assert got.code == 1 and got.counts == {"passed": 3}, got.out
        assert "comb: worker gw1 ended during the collection: exit code 0" in got.out


def test_nothing_to_collect_is_no_bad_end(tmp_path):
    write(tmp_path, test_a="x = 1\n")
    got = comb(tmp_path, "--comb-start=import")
    assert got.code == 5 and "ended" not in got.out, got.out


# -- odd tests --------------------------------------------------------------------------------------


ODD = {
    "signals": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "ignored": "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 10, 12, 15, 17)]",
    "threads": "[threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(20)]",
    "surrogate": "assert 0, 'lone \\udcff \\ud800'",
    "bytes": "os.write(1, b'\\xff\\xfe\\x00\\x1b[2J'); assert 0",
    "unraisable": "type('X', (), {'__del__': lambda self: 1 / 0})()",
    "recursion": "(lambda f: f(f))(lambda f: f(f))",
    "chdir": "os.chdir('/'); os.environ.clear()",
    "closed": "os.close(0); os.close(1); os.close(2)",
    "umask": "os.umask(0o777); sys.stdout.close()",
    "limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)); assert 0",
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_test_harms_no_other(tmp_path, odd):
    write(tmp_path, test_a="import os, resource, signal, sys, threading, time\n" + AROUND % (
        "def test_odd():\n    %s\n" % ODD[odd]))
    got = comb(tmp_path)
    assert len(got.outcomes) == 13 and got.code in (0, 1), got.out
    others = [outcomes for name, outcomes in got.outcomes.items() if name != "test_a::test_odd"]
    assert others == [["passed"]] * 12, got.out


def test_surrogates_in_a_failure_are_shown_as_a_serial_run_shows_them(tmp_path):
    write(tmp_path, test_a="def test_odd(): assert 0, 'lone \\udcff ' + chr(0xd800) + '\\u00fc'\n")
    shown = [[line for line in done(tmp_path).out.splitlines() if line.startswith(("E  ", "FAILED"))] for done in (comb, serial)]
    assert shown[0] == shown[1]
    assert shown[0][0].endswith("AssertionError: lone \\udcff \\ud800\\xfc") or shown[0][0].endswith("lone \\udcff \\ud800\u00fc"), shown


def test_blocked_signals_do_not_save_a_hanging_test(tmp_path):
    write(tmp_path, test_a="import signal, time\n" + AROUND % (
        "def test_hangs():\n    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n    time.sleep(60)\n"))
    got = comb(tmp_path, "--comb-timeout=1")
    assert got.counts == {"failed": 1, "passed": 12} and "took longer than 1 s" in got.out, got.out


def test_an_ignored_signal_does_not_save_a_slow_test(tmp_path):
    write(tmp_path, test_a="import signal, time\n" + AROUND % (
        "def test_slow():\n    signal.signal(signal.SIGABRT, signal.SIG_IGN)\n    time.sleep(30)\n"))
    begin = time.monotonic()
    got = comb(tmp_path, "--comb-timeout=.4")
    assert got.counts == {"failed": 1, "passed": 12} and "took longer than 0.4 s" in got.out, got.out
    assert time.monotonic() - begin < 20


def test_a_test_that_got_over_its_limit_leaves_it_to_no_other(tmp_path):
    """It has a handler of its own, and ends before it is killed; the next one is ended by another signal."""
    write(tmp_path, test_a="import os, signal, time\ndef test_slow():\n    hits = []\n"
                           "    signal.signal(signal.SIGABRT, lambda *_: hits.append(1))\n"
                           "    while not hits: time.sleep(.01)\n"
                           "def test_killed(): os.kill(os.getpid(), 9)\n")
    got = run(tmp_path, "--comb", "-n1", "--comb-timeout=.4")
    assert got.counts == {"failed": 1, "passed": 1} and "killed by SIGKILL" in got.out, got.out
    assert "took longer" not in got.out


def test_two_hundred_megabytes_of_output(tmp_path):
    write(tmp_path, test_a="import os\ndef test_large():\n    for _ in range(200): os.write(1, b'x' * (1 << 20))\n"
                           "def test_other(): pass\n")
    got = comb(tmp_path)
    assert got.counts == {"passed": 2}, got.out[-2000:]


@pytest.mark.parametrize("mode", ["auto", "once", "import"])
def test_a_suite_that_ignores_the_ends_of_children(tmp_path, mode):
    write(tmp_path, conftest="import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n", test_a="import os, signal\n" + AROUND % (
        "def test_ignored(): assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN\ndef test_exits(): os._exit(3)"))
    got = comb(tmp_path, f"--comb-start={mode}", timeout=20)
    assert got.counts == {"passed": 13, "failed": 1} and "exit code 3" in got.out, got.out


def test_a_failure_with_fifty_megabytes_of_output_is_told_whole(tmp_path):
    """As in a serial run nothing is cut off; each process takes a few times the output and no more."""
    write(tmp_path, conftest='''
import os, resource
def pytest_unconfigure(config):
    with open("rss-%d" % os.getpid(), "w") as file:
        file.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))
''', test_a='''
import os
def test_large():
    for _ in range(50): os.write(1, b"x" * ((1 << 20) - 1) + b"\\n")
    assert 0, "its end"
def test_next(): pass
def test_other(): pass
''')
    got = run(tmp_path, "--comb", "-n1")
    assert got.code == 1 and got.counts == {"failed": 1, "passed": 2}, got.out[-2000:]
    assert got.out.count("x" * ((1 << 20) - 1) + "\n") == 50 and "AssertionError: its end" in got.out
    peaks = [int(path.read_text()) for path in tmp_path.glob("rss-*")]
    sanitized = 3 if "COMB_TEST_PLUGIN" in os.environ else 1  # freed memory stays with AddressSanitizer for a while
    assert len(peaks) >= 2 and max(peaks) < sanitized * (100 + 8 * 50), peaks  # megabytes


def test_memory_is_refused(tmp_path):
    write(tmp_path, test_a="import resource\n" + AROUND % (
        "def test_memory():\n    resource.setrlimit(resource.RLIMIT_AS, (1, 1))\n    bytearray(1 << 30)\n"))
    got = comb(tmp_path)
    assert got.counts["passed"] >= 12 and got.code == 1, got.out
    done = subprocess.run(["sh", "-c", "ulimit -v 400000; exec \"$@\"", "sh", sys.executable, "-m", "pytest", "--comb", "-n2"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 4 and "ulimit -v" in done.stdout + done.stderr


def test_a_full_dev_shm_is_not_needed(tmp_path):
    write(tmp_path, test_a="import os\ndef test_a():\n    maps = open('/proc/self/maps').read()\n"
                           "    assert '/dev/shm' not in maps and '/memfd:comb' in maps\n"
                           "    assert not any('/dev/shm' in os.readlink('/proc/self/fd/' + fd)\n"
                           "                   for fd in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + fd))\n")
    assert comb(tmp_path).counts == {"passed": 1}


def test_a_thousand_workers(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.mark.parametrize('n', range(10))\n"
                           "def test_a(n): open('pid-%d' % os.getppid(), 'w')\n")
    begin = time.monotonic()
    got = run(tmp_path, "--comb", "-n1000")
    assert got.counts == {"passed": 10} and time.monotonic() - begin < 20, got.out
    assert run(tmp_path, "--comb", "-n1000", "--comb-start=import").counts == {"passed": 10}
    got = run(tmp_path, "--comb", "-n2000")
    assert got.code == 4 and "2000 workers asked for, at most 1024 are possible" in got.out, got.out


def test_hundreds_of_workers(tmp_path):
    write(tmp_path, test_a="import pytest\n@pytest.mark.parametrize('n', range(400))\ndef test_a(n): pass\n")
    for args in ([], ["-s"]):
        got = run(tmp_path, "--comb", "-n400", *args)
        assert got.counts == {"passed": 400}, got.out[-3000:]


# -- memory -----------------------------------------------------------------------------------------


def test_a_worker_that_grows_is_replaced_between_tests(tmp_path):
    write(tmp_path, test_a='''
import os, pytest
kept = []
@pytest.fixture(scope="session")
def base():
    with open("log", "a") as file: file.write("up %d\\n" % os.getpid())
    yield
    with open("log", "a") as file: file.write("down %d\\n" % os.getpid())
@pytest.mark.parametrize("n", range(8))
def test_grows(n, base):
    if n == 3: kept.append(bytearray(os.urandom(1 << 20) * 200))
def test_small(base): pass
''')
    got = run(tmp_path, "--comb", "-n1", "--comb-max-rss=150M")
    assert got.counts == {"passed": 9} and got.code == 0, got.out
    assert re.search(r"replacing worker gw0 \(\d+ MB of memory, above --comb-max-rss\)", got.out), got.out
    log = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [word for word, _ in log] == ["up", "down"] * 2 and log[0][1] == log[1][1] != log[2][1]


def test_a_limit_below_what_a_worker_starts_with_is_said_once(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n")
    got = comb(tmp_path, "--comb-max-rss=1M")
    assert got.counts == {"passed": 3} and got.out.count("less than a worker has when it starts") == 1, got.out
    assert comb(tmp_path, "--comb-max-rss=lots").code == 4


def test_a_plain_sigkill_is_not_called_out_of_memory(tmp_path):
    write(tmp_path, test_a="import os\ndef test_a(): os.kill(os.getpid(), 9)\ndef test_b(): pass\n")
    got = comb(tmp_path)
    assert "killed by SIGKILL" in got.out and "out of memory" not in got.out


# -- stopping and going on --------------------------------------------------------------------------


def test_stopped_and_continued(tmp_path):
    write(tmp_path, test_a='''
import os, pytest, time
@pytest.mark.parametrize("n", range(2))
def test_a(n):
    open("started", "w").close()
    for _ in range(12):
        time.sleep(.1)
        with open("ticks-%d" % n, "a") as file: file.write("x")
''')
    process = Session([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--comb", "-n2", "--comb-timeout=2.5"], tmp_path)
    end = time.monotonic() + 20
    while not (tmp_path / "started").exists() and time.monotonic() < end:
        process.read()
    time.sleep(0.4)
    os.killpg(process.process.pid, signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(process.process.pid, os.WUNTRACED)[1])
    while process.read(0.2) and time.monotonic() < end and "█" in process.screen.text():
        pass
    assert "█" not in process.screen.text()
    before = [(tmp_path / ("ticks-%d" % n)).read_text() for n in range(2)]
    time.sleep(2)
    assert [(tmp_path / ("ticks-%d" % n)).read_text() for n in range(2)] == before, "workers are stopped too"
    os.killpg(process.process.pid, signal.SIGCONT)
    assert process.finish() == 0, process.screen.text()
    assert "2 passed" in process.screen.text(), "the pause does not count against the time limit"


def test_a_pause_is_not_learned(tmp_path):
    """Neither as the time of the test that was under way, nor as that of its fixture; the others are."""
    write(tmp_path, test_a='''
import os, time, pytest
@pytest.fixture(scope="module")
def resource():
    open("started", "w").close()
    while not os.path.exists("go"): time.sleep(.01)
def test_before(): time.sleep(.05)
def test_paused(resource): pass
def test_after(): time.sleep(.1)
''', test_b="def test_b(): pass\n")
    begin = time.monotonic()
    process = Session([sys.executable, "-m", "pytest", "--comb", "-n1", "--comb-gap"], tmp_path)
    wait_for(tmp_path / "started")
    os.killpg(process.process.pid, signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(process.process.pid, os.WUNTRACED)[1])
    (tmp_path / "go").touch()
    time.sleep(1)
    os.killpg(process.process.pid, signal.SIGCONT)
    assert process.finish() == 0, process.screen.text()
    took = time.monotonic() - begin
    paused = re.search(r"--comb-gap says nothing of a run that stood still, here for ([0-9.]+) s", process.screen.text())
    assert paused and float(paused[1]) >= 0.9, process.screen.text()
    with sqlite3.connect(tmp_path / ".comb" / "history.db") as history:
        known = dict(history.execute("SELECT name, exp(log_call) FROM paces JOIN tests ON id = test"))
        assert sorted(known) == ["test_after", "test_b", "test_before"] and max(known.values()) < 0.9, known
        assert not history.execute("SELECT * FROM setups").fetchall()
        assert history.execute("SELECT wall_s FROM runs").fetchone()[0] < took - 0.95


SIGNALS = ["os.killpg(os.getpgrp(), signal.SIGTERM)", "os.killpg(os.getpgrp(), signal.SIGKILL)"]


@pytest.mark.parametrize("start_mode", ["once", "import"])
@pytest.mark.parametrize("code", SIGNALS)
def test_a_signal_to_its_group_ends_one_worker(tmp_path, code, start_mode):
    write(tmp_path, test_a="import os, signal, subprocess, time\n" + AROUND % (
        "def test_killer():\n    subprocess.Popen(['sleep', '50'])\n    %s\n    time.sleep(2)" % code))
    got = comb(tmp_path, "--comb-start=" + start_mode)
    assert got.counts == {"failed": 1, "passed": 12}, got.out
    assert "crashed while running 'test_a.py::test_killer'" in got.out


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_to_its_parent_is_passed_over_and_told(tmp_path, number):
    write(tmp_path, test_a="import os, signal, time\n" + AROUND % (
        "def test_sender():\n    for _ in range(3):\n        os.kill(os.getppid(), signal.%s)\n        time.sleep(.1)" % number))
    got = comb(tmp_path)
    assert got.code == 0 and got.counts == {"passed": 13}, got.out
    assert got.out.count("comb: test_a.py::test_sender sent %s to the process that forks workers" % number) == 1, got.out


SENDER = '''
import os, subprocess, time, pytest

@pytest.mark.parametrize("number", range(12))
def test_sender(number):
    subprocess.run(["kill", "-TERM", str(os.getppid())], check=True, start_new_session=%r)

@pytest.mark.parametrize("number", range(12))
def test_other(number):
    time.sleep(.01)
'''


@pytest.mark.parametrize("own_session", [False, True])
@pytest.mark.parametrize("start_mode", ["once", "import"])
def test_a_signal_from_a_process_that_has_ended_is_passed_over(tmp_path, start_mode, own_session):
    write(tmp_path, test_a=SENDER % own_session)
    got = comb(tmp_path, "--comb-start=" + start_mode, "-n4")
    assert got.code == 0 and got.counts == {"passed": 24}, got.out
    said = re.findall(r"comb: (.*) sent SIGTERM to the process that forks workers, which passed it over", got.out)
    assert said and len(said) == len(set(said)), got.out
    # Where the test has ended meanwhile, its worker is named.
    assert all(re.fullmatch(r"a process of no known test|gw\d|test_a\.py::test_.*", name) for name in said), got.out


LATE_CONTROLLER = """
import pytest, time
@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    if not hasattr(session.config, "workerinput"):
        time.sleep(1.5)
    yield
"""


@pytest.mark.parametrize("start_mode", ["once", "import"])
def test_a_controller_that_looks_late_knows_who_sent_a_signal(tmp_path, start_mode):
    """The process that forks has told of it before the controller reads what the worker has collected."""
    write(tmp_path, conftest=LATE_CONTROLLER, test_a="import os, time\ndef test_a():\n    os.kill(os.getppid(), 15)\n    time.sleep(.3)\n")
    got = comb(tmp_path, "--comb-start=" + start_mode)
    assert got.code == 0 and got.counts == {"passed": 1}, got.out
    assert "comb: test_a.py::test_a sent SIGTERM to the process that forks workers" in got.out


STEMS = """
import os, subprocess, sys, time

CODE = "import os, sys, time; os.kill(int(sys.argv[1]), 15); print(flush=True); time.sleep(50)"

def test_a():
    command = [sys.executable, "-c", CODE, str(os.getppid())]
    sender = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert sender.stdout.readline()
    time.sleep(.5)  # it is looked for
    sender.kill()
    sender.communicate()
"""


def test_a_process_that_leads_a_session_is_of_the_test_it_stems_from(tmp_path):
    write(tmp_path, test_a=STEMS)
    got = comb(tmp_path)
    assert got.code == 0 and got.counts == {"passed": 1}, got.out
    assert "comb: test_a.py::test_a sent SIGTERM to the process that forks workers" in got.out


@pytest.mark.parametrize("blocked", [False, True])
def test_a_signal_from_elsewhere_does_what_it_would_do(tmp_path, blocked):
    write(tmp_path, conftest="import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [15] if %r else [])\n" % blocked,
          test_a="import os, time\ndef test_a():\n    open('made', 'w').write(str(os.getppid()))\n"
          "    os.rename('made', 'parent')\n    while not os.path.exists('sent'): time.sleep(.01)\n    time.sleep(.5)\n")
    process = start(tmp_path, "--comb", "-n1", "--comb-start=once")
    deadline = time.monotonic() + 20
    while not (tmp_path / "parent").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(int((tmp_path / "parent").read_text()), signal.SIGTERM)
    (tmp_path / "sent").touch()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == (0 if blocked else 1), out
    assert blocked != ("the process that forks workers ended: killed by SIGTERM" in out), out
    assert not left_behind(tmp_path)


def test_the_end_of_all_workers_names_what_ran_and_what_did_not(tmp_path):
    write(tmp_path, test_a="import os, signal, time\n" + AROUND % (
        "def test_killer():\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(9)"))
    got = comb(tmp_path, "-n1", "--comb-start=once")
    assert got.code == 1 and "INTERNALERROR" not in got.out, got.out
    assert "crashed while running 'test_a.py::test_killer'" in got.out
    assert re.search("=+ comb: the process that forks workers ended: killed by SIGKILL =+", got.out)
    assert "collected tests did not run" in got.out and "test_a.py::test_after_5" in got.out


def test_signals_are_not_blocked_in_tests(tmp_path):
    write(tmp_path, test_a="import signal\ndef test_a(): assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])\n")
    assert comb(tmp_path).counts == {"passed": 1}
