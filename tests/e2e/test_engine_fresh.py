"""The mark fresh: a process of its own for each test that has it, and nothing else is different."""

import os
import re
import signal
import sys
import time
import xml.etree.ElementTree as tree

import pytest
from engine_run import comb, left_behind, run, serial, start, write

STATE = '''
import os, sys, pytest
STATE = []
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
@pytest.fixture(scope="session")
def session_pid():
    return os.getpid()
@pytest.fixture(scope="module")
def module():
    open("up", "a").write("x")
    STATE.append("module")
    yield os.getpid()
    open("down", "a").write("%d\\n" % os.getpid())
@pytest.fixture
def function(module):
    STATE.append("function")
    yield
    open("undone", "a").write("%d\\n" % os.getpid())
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(6))
def test_fresh(n, function, session_pid, module):
    assert STATE == ["module", "function"] and os.getpid() != module == session_pid
    STATE.append(n)
    os.environ["POLLUTED"] = sys.path[:] and "yes"
def test_after(module):
    assert STATE == ["module"] and os.getpid() == module and "POLLUTED" not in os.environ
'''


def test_nothing_outlives_the_test(tmp_path):
    write(tmp_path, test_a=STATE)
    # pytest 9.1 warns of fixtures that are asked for too late
    got = comb(tmp_path, "--dist=loadfile", "-Werror::DeprecationWarning")
    assert got.counts == {"passed": 7}, got.out
    assert (tmp_path / "up").read_text() == "x"
    assert len((tmp_path / "down").read_text().split()) == 1
    undone = (tmp_path / "undone").read_text().split()
    assert len(undone) == len(set(undone)) == 6


OUTCOMES = '''
import os, warnings, pytest
pytestmark = pytest.mark.fresh
@pytest.fixture
def bad(): assert 0, "no set-up"
@pytest.fixture
def late():
    yield
    print("said in teardown")
    assert 0, "no teardown"
def test_pass(record_property): record_property("key", "value")
def test_fail():
    print("said by the test")
    assert [1, 2] == [1, 3]
def test_setup(bad): pass
def test_teardown(late): pass
@pytest.mark.skip
def test_skip(): pass
@pytest.mark.skipif("True", reason="now")
def test_skipif(module_that_must_not_be_set_up): pass
@pytest.fixture(scope="module")
def module_that_must_not_be_set_up(): open("set-up", "w").close()
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
def test_warns(): warnings.warn("seen from far")
def test_log(caplog):
    import logging
    logging.getLogger().warning("logged by the test")
    assert "logged" in caplog.text and 0
'''


def test_outcomes_as_in_a_serial_run(tmp_path):
    write(tmp_path, test_a=OUTCOMES, conftest="def pytest_configure(config):\n"
                                              "    config.addinivalue_line('markers', 'fresh: own process')\n")
    plain = serial(tmp_path, "-ra")
    got = comb(tmp_path, "-ra")
    assert got.outcomes == plain.outcomes and got.counts == plain.counts and got.code == plain.code == 1
    for text in ("said by the test", "said in teardown", "no set-up", "seen from far", "logged by the test"):
        assert got.out.count(text) == plain.out.count(text), got.out
    assert not (tmp_path / "set-up").exists()
    assert '"key" value="value"' in (tmp_path / "report.xml").read_text()


def test_setup_and_teardown_of_wider_fixtures_fail(tmp_path):
    write(tmp_path, test_a='''
import pytest
pytestmark = pytest.mark.fresh
@pytest.fixture(scope="module")
def broken():
    open("tries", "a").write("x")
    print("said in set-up")
    raise ValueError("module is broken")
@pytest.fixture(scope="class")
def leaves():
    yield
    raise ValueError("class is left")
class TestA:
    def test_a(self, broken): pass
    def test_b(self, broken): pass
class TestB:
    def test_a(self, leaves): pass
    def test_b(self, leaves): pass
''')
    plain = serial(tmp_path)
    assert (tmp_path / "tries").read_text() == "x"
    got = comb(tmp_path, "--dist=loadfile")
    assert (tmp_path / "tries").read_text() == "xx"
    assert got.outcomes == plain.outcomes and got.counts == plain.counts, got.out
    assert "class is left" in got.out and "said in set-up" in got.out
    assert got.out.count("ValueError: module is broken") == plain.out.count("ValueError: module is broken")
    assert "recursive" not in got.out


REPORTED = '''
import os
def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        print("\\n<<", report.nodeid, report.when, report.outcome, report.location, sorted(map(str, report.keywords)), ">>")
'''


def test_reports_as_in_a_serial_run(tmp_path):
    """Keywords that a test gives itself, families that none had before, places, and a class whose fixture cannot go."""
    write(tmp_path, conftest=REPORTED, test_a='''
import os, pytest
pytestmark = [pytest.mark.fresh, pytest.mark.slow]
@pytest.fixture(scope="class")
def leaves():
    yield
    raise ValueError("class is left")
@pytest.mark.parametrize("n", ["a::b", "c.d", "e[f]"])
def test_plain(n): pass
def test_marked(request): request.node.add_marker("late")
def test_keyword(request): request.node.extra_keyword_matches.add("extra")
class TestA:
    class TestB:
        def test_a(self): pass
    def test_b(self, leaves): pass
    def test_c(self, leaves, request): request.node.add_marker("late")
def test_says_more():
    for fd in range(600, 1024):
        try:
            os.write(fd, b"r" + bytes(80))
        except OSError:
            pass
def test_last(): pass
''')
    one, other = serial(tmp_path, "-s"), comb(tmp_path, "--dist=loadfile", "-s")
    said = [sorted(set(re.findall("<<(.*?)>>", done.out))) for done in (one, other)]
    one_set, other_set = ({line for line in lines if "test_says_more" not in line} for lines in said)
    assert other_set == one_set and len(one_set) == 9 * 3
    assert "during teardown is deprecated" not in other.out
    assert one.counts == {"passed": 10, "error": 1}
    assert other.counts["error"] == 1 and sum(other.counts.values()) == 11


CRASHES = '''
import os, pytest
@pytest.fixture(scope="module")
def module():
    open("up", "a").write("x")
@pytest.mark.fresh
@pytest.mark.parametrize("how", [
    "os._exit(0)", "os._exit(5)", "os.kill(os.getpid(), 9)", "__import__('ctypes').string_at(0)"])
def test_crash(how, module):
    open("ran", "a").write("x")
    eval(how)
def test_other(module): pass
@pytest.mark.fresh
def test_last(module): pass
'''


def test_a_crash_takes_the_test_and_not_the_worker(tmp_path):
    write(tmp_path, test_a=CRASHES)
    got = comb(tmp_path, "--dist=loadfile")
    assert got.counts == {"failed": 4, "passed": 2}, got.out
    for said in ("exit code 0", "exit code 5", "SIGKILL", "SIGSEGV", "in test_crash"):
        assert said in got.out
    assert "replacing worker" not in got.out
    assert (tmp_path / "up").read_text() == "x" and (tmp_path / "ran").read_text() == "xxxx"


@pytest.mark.parametrize("before", ["pass", "os.closerange(0, 5000)"])
def test_no_exit_status_stands_for_reports(tmp_path, before):
    write(tmp_path, test_a=f'''
import os, pytest
def test_one(): pass
@pytest.mark.fresh
@pytest.mark.parametrize("status", [0, 1, 77])
def test_exits(status):
    {before}
    os._exit(status)
@pytest.mark.fresh
def test_closes(): os.closerange(20, 5000)
def test_two(): pass
''')
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"failed": 3, "passed": 3} and got.code == 1, got.out
    assert "exit code 77" in got.out


def test_a_crash_and_a_teardown_that_fails(tmp_path):
    write(tmp_path, test_a='''
import os, pytest
@pytest.fixture(scope="module")
def leaves():
    yield
    raise ValueError("module is left")
@pytest.mark.fresh
def test_crash(leaves): os._exit(3)
''', test_b="def test_b(): pass")
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"failed": 1, "passed": 1, "error": 1}, got.out
    assert "exit code 3" in got.out and "module is left" in got.out and "INTERNALERROR" not in got.out


def test_a_plugin_may_have_a_crashed_test_run_again(tmp_path):
    write(tmp_path, conftest='''
import os
def pytest_handlecrashitem(crashitem, report, sched):
    if not os.path.exists("again"):
        open("again", "w").close()
        sched.mark_test_pending(crashitem)
''', test_a='''
import os, pytest
@pytest.mark.fresh
def test_once():
    if not os.path.exists("crashed"):
        open("crashed", "w").close()
        os._exit(1)
''')
    got = comb(tmp_path)
    assert got.counts == {"failed": 1, "passed": 1}, got.out


def test_time_limit(tmp_path):
    write(tmp_path, test_a='''
import os, pytest, time
@pytest.fixture(scope="module")
def module(): open("up", "a").write("x")
def hang(): time.sleep(60)
@pytest.mark.fresh
def test_hang(module): hang()
@pytest.mark.fresh
def test_after(module): pass
''')
    got = comb(tmp_path, "--comb-timeout=1", "--dist=loadfile")
    assert got.counts == {"failed": 1, "passed": 1}, got.out
    assert "took longer than 1 s" in got.out and "in hang" in got.out
    assert (tmp_path / "up").read_text() == "x"


def test_odd_behaviour(tmp_path):
    write(tmp_path, test_a='''
import os, subprocess, threading, time, pytest
pytestmark = pytest.mark.fresh
def test_closes():
    os.closerange(20, 2000)
def test_leaves_a_process(): subprocess.Popen(["sleep", "50"])
def test_leaves_a_fork():
    if os.fork() == 0:
        time.sleep(50)
        os._exit(0)
def test_leaves_a_thread(): threading.Thread(target=time.sleep, args=(50,)).start()
def test_writes_much():
    os.write(1, b"x" * 20_000_000)
    assert 0
def test_surrogates(): assert "\\ud800" == ""
def test_descriptors():
    assert len(os.listdir("/proc/self/fd")) < 60
def test_last(): pass
''')
    begin = time.monotonic()
    got = comb(tmp_path)
    assert got.counts == {"passed": 6, "failed": 2}, got.out[-3000:]
    assert time.monotonic() - begin < 40


def test_stops_at_the_first_failure(tmp_path):
    write(tmp_path, test_a="import pytest\npytestmark = pytest.mark.fresh\n@pytest.mark.parametrize('n', range(40))\n"
                           "def test_a(n):\n    open('ran', 'a').write('x')\n    assert n != 3\n")
    got = run(tmp_path, "--comb", "-n1", "-x")
    assert got.code == 2 or got.code == 1
    assert got.counts == {"passed": 3, "failed": 1}, got.out
    assert len((tmp_path / "ran").read_text()) == 4


def test_exit_and_interrupt(tmp_path):
    write(tmp_path, test_a="import pytest\n@pytest.mark.fresh\ndef test_a(): pytest.exit('enough', 7)\n")
    got = comb(tmp_path)
    assert got.code == 7 and "enough" in got.out
    write(tmp_path, test_a='''
import os, pytest, time
@pytest.fixture
def undone():
    yield
    open("undone", "w").close()
@pytest.mark.fresh
def test_a(undone):
    open("started", "w").close()
    time.sleep(30)
''')
    process = start(tmp_path, "--comb", "-n2")
    end = time.monotonic() + 20
    while not (tmp_path / "started").exists() and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 2 and "KeyboardInterrupt" in out
    assert (tmp_path / "undone").exists() and not left_behind(tmp_path)


def test_unittest_and_doctests(tmp_path):
    write(tmp_path, test_a='''
"""
>>> 1 + 1
2
"""
import os, unittest, pytest
@pytest.mark.fresh
class TestU(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pid = os.getpid()
        open("class-up", "a").write("x")
    def setUp(self): self.own = os.getpid()
    def test_a(self): self.assertNotEqual(self.pid, os.getpid())
    def test_b(self):
        with self.subTest("part"):
            self.assertNotEqual(self.own, self.pid)
''', conftest='''
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.fresh)
''')
    got = comb(tmp_path, "--doctest-modules", "--dist=loadfile")
    assert got.counts["passed"] >= 3 and got.code == 0, got.out
    assert (tmp_path / "class-up").read_text() == "x"


@pytest.mark.parametrize("options", [("-p", "no:xdist"), ("-p", "xdist", "-n2")])
def test_harmless_without_the_engine(tmp_path, options):
    if "xdist" in options:
        pytest.importorskip("xdist")
    write(tmp_path, test_a="import pytest\n@pytest.mark.fresh\ndef test_a(): pass\ndef test_b(): pass\n")
    got = run(tmp_path, "--strict-markers", *options)
    assert got.counts == {"passed": 2} and "Unknown" not in got.out, got.out


def test_coverage_is_kept(tmp_path):
    pytest.importorskip("pytest_cov")
    write(tmp_path, code="def f(n):\n    if n == 1:\n        return 'one'\n    if n == 2:\n        return 'two'\n    return 'more'\n",
          test_a="import code_under, pytest\n".replace("code_under", "code as _") + '''
import importlib.util, pathlib
spec = importlib.util.spec_from_file_location("code_here", pathlib.Path(__file__).parent / "code.py")
code = importlib.util.module_from_spec(spec)
spec.loader.exec_module(code)
@pytest.mark.fresh
@pytest.mark.parametrize("n", [1, 2, 3])
def test_f(n): assert code.f(n)
''')
    for engine in (serial, comb):
        got = engine(tmp_path, "--cov=.", "--cov-branch", "--cov-report=xml")
        assert got.counts["passed"] == 3, got.out
        lines = {line.get("number"): int(line.get("hits")) for name in tree.parse(tmp_path / "coverage.xml").iter("class")
                 if name.get("filename") == "code.py" for line in name.iter("line")}
        assert lines and all(lines.values()), got.out
        assert not list(tmp_path.glob(".coverage.*"))
    assert sys.version_info >= (3, 9)


ROW = '''
import os, pytest
@pytest.fixture(scope="module")
def module():
    open("worker", "w").write(str(os.getpid()))
@pytest.fixture(autouse=True)
def said(module):
    with open("parents", "a") as file:
        file.write(f"{os.getppid()}\\n")
'''


def parents_of(folder):
    """Of the processes of tests, in order; and the worker, where a fixture has said it."""
    parents = [int(line) for line in (folder / "parents").read_text().split()]
    return parents, int((folder / "worker").read_text())


def test_one_server_forks_a_row(tmp_path):
    """From its fourth test on, up to one that fails or is not fresh, or the second of a family that the server does not know."""
    write(tmp_path, test_a=ROW + '''
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(12))
def test_fresh(n): assert n != 5
def test_here(): pass
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(3))
def test_again(n): pass
''' + "".join(f"@pytest.mark.fresh\ndef test_{name}(): pass\n" for name in "abcdef"))
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 21, "failed": 1}, got.out
    parents, worker = parents_of(tmp_path)
    zygote, servers = parents[12], [parents[3], parents[9], parents[16], parents[-1]]
    assert parents == ([worker] * 3 + [servers[0]] * 3 + [worker] * 3 + [servers[1]] * 3 + [zygote]
                       + [worker] * 3 + [servers[2]] * 2 + [worker] * 2 + [servers[3]] * 2)
    assert len({worker, zygote, *servers}) == 6


def test_a_test_kills_what_has_forked_it(tmp_path):
    write(tmp_path, test_a=ROW + '''
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(7))
def test_fresh(n):
    if n == 4:
        os.kill(os.getppid(), 9)
        import time
        time.sleep(60)
''')
    begin = time.monotonic()
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 6, "failed": 1} and "SIGKILL" in got.out, got.out
    assert time.monotonic() - begin < 30 and not left_behind(tmp_path)
    assert "replacing worker" not in got.out


def test_the_worker_has_no_other_children_than_the_suite_has(tmp_path):
    """A fixture's process is told with the test that it was started for; a test that is not fresh finds no server."""
    write(tmp_path, test_a='''
import os, subprocess, pytest
@pytest.fixture(scope="module")
def left():
    process = subprocess.Popen(["sleep", "53"])
    yield process.pid
    process.kill()
    process.wait()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, 0)
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(5))
def test_fresh(n): pass
@pytest.mark.fresh
def test_starts(left): pass
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(5))
def test_follows(n, left): pass
def test_here(left):
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        assert file.read().split() == [str(left)]
''')
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 12}, got.out
    text = (tmp_path / "test_a.py").read_text()
    (tmp_path / "test_a.py").write_text(text[:text.index("    yield process.pid")] + "    return process.pid\n"
                                        + text[text.index("@pytest.mark.fresh"):])
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 12}, got.out
    assert re.search(r"^comb: test_a.py::test_starts left a process behind: sleep 53", got.out, re.M), got.out


REFUSING = '''
import errno, os, resource, threading, pytest
from pytest_comb import _comb
FORK, FILES = _comb.fork, resource.getrlimit(resource.RLIMIT_NOFILE)
def no_fork():
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
def allow():
    _comb.fork = FORK
    resource.setrlimit(resource.RLIMIT_NOFILE, FILES)
def refuse(how):
    if how == "files":
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, FILES[1]))
    else:
        _comb.fork = no_fork
@pytest.fixture(scope="module")
def module():
    yield
    open("down", "w").close()
'''


@pytest.mark.parametrize(("how", "reason"), [("files", "Too many open files"), ("processes", "Resource temporarily unavailable")])
def test_no_room_for_a_process(tmp_path, how, reason):
    """An error of that test, which does not run beside others; the next ones do, and one is run once others have left room."""
    write(tmp_path, test_a=REFUSING + f'''
def test_before(): refuse("{how}")
@pytest.mark.fresh
def test_refused(module): open("ran", "w").close()
def test_between():
    threading.Timer(0.5, allow).start()
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(5))
def test_waits(n): pass
''')
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 7, "error": 1}, got.out
    assert reason in got.out and "no process for this test" in got.out and "During handling" not in got.out
    assert (tmp_path / "down").exists() and not (tmp_path / "ran").exists()


SIGNALS = {
    "ignored": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    "all_ignored": "[signal.signal(n, signal.SIG_IGN) for n in signal.valid_signals() - {9, 19, 32, 33}]",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "reaped": "signal.signal(signal.SIGCHLD, reap)",
    "reaped_by_a_thread": "threading.Thread(target=wait, daemon=True).start()",
}


@pytest.mark.parametrize("how", SIGNALS)
def test_signals_and_ends_of_children_that_a_test_took(tmp_path, how):
    """Fresh tests after it, with and without a server, are not hurt, and find what the test has left."""
    write(tmp_path, test_a=f'''
import os, signal, threading, time, pytest
def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]: pass
    except ChildProcessError: pass
def wait():
    while True:
        try: os.wait()
        except ChildProcessError: time.sleep(0.0001)
def state():
    return str(signal.getsignal(signal.SIGCHLD)) + str(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
LEFT = []
def test_takes():
    {SIGNALS[how]}
    LEFT.append(state())
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(6))
def test_fresh(n):
    assert state() == LEFT[0]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.posix_spawnp("true", ["true"], os.environ)
    assert os.waitpid(pid, 0)[1] == 0
@pytest.mark.fresh
def test_crash(): os._exit(3)
def test_last(): assert state() == LEFT[0]
''')
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 8, "failed": 1} and "INTERNALERROR" not in got.out, got.out
    assert re.search("exit code 3|how is not known" if "thread" in how else "exit code 3", got.out), got.out


@pytest.mark.parametrize("where", ["module", "function"])
def test_log_records_that_wait_are_written(tmp_path, where):
    """When the process of the test ends, whether its worker or the test itself made the handler."""
    write(tmp_path, test_a=f'''
import logging, logging.handlers, pytest
KEPT = []
@pytest.fixture(scope="{where}")
def log():
    log = logging.getLogger("kept")
    handler = logging.handlers.MemoryHandler(100, target=logging.FileHandler("kept.log"))
    log.addHandler(handler)
    yield log
    log.removeHandler(handler)
    KEPT.append(handler)
@pytest.mark.fresh
@pytest.mark.parametrize("n", range(6))
def test_fresh(n, log): log.warning("number %d", n)
''')
    assert run(tmp_path, "--comb", "-n1").counts == {"passed": 6}
    assert sorted((tmp_path / "kept.log").read_text().split("\n")) == ["", *(f"number {n}" for n in range(6))]
