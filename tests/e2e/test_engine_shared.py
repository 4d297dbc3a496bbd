"""What was made before the fork and is no good to several processes: each worker makes its own, and the reason is said."""

import re
import socket
import threading

import pytest
from engine_run import comb, run, write

USES = '''
import os, time, pytest
@pytest.mark.parametrize("n", range(8))
def test_a(n, pytestconfig):
    time.sleep(0.02 * n)
    assert os.path.isdir(pytestconfig.workdir)
'''
PAIRS = {
    "session": ("def pytest_sessionstart(session): session.config.workdir = tempfile.mkdtemp()\n"
                "def pytest_sessionfinish(session): shutil.rmtree(session.config.workdir)\n", 3),
    "config": ("def pytest_configure(config): config.workdir = tempfile.mkdtemp()\n"
               "def pytest_unconfigure(config): shutil.rmtree(config.workdir)\n", 3),
    "import": ("WORK = tempfile.mkdtemp()\ndef pytest_configure(config):\n    config.addinivalue_line('markers', 'm: m')\n"
               "    config.workdir = WORK\ndef pytest_sessionfinish(): shutil.rmtree(WORK)\n", 6),
    "plugin": ("class Own:\n    def pytest_sessionstart(self, session): session.config.workdir = tempfile.mkdtemp()\n"
               "    def pytest_sessionfinish(self, session): shutil.rmtree(session.config.workdir)\n"
               "def pytest_configure(config): config.pluginmanager.register(Own())\n", 4),
}
IDLE = '''
import os
def pytest_configure(config):
    """Marks."""
    config.addinivalue_line("markers", "slow: slow")
def pytest_sessionstart(session):
    session.config.workdir = os.getcwd()
def pytest_sessionfinish(session):
    """Only at the end of all."""
    if hasattr(session.config, "workerinput"):
        return
    open("finished", "a").write("x")
def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        open("finished", "a").write("y")
'''


@pytest.mark.parametrize("name", PAIRS)
def test_what_a_worker_unmakes_at_its_end_is_its_own(tmp_path, name):
    hooks, line = PAIRS[name]
    write(tmp_path, conftest="import shutil, tempfile\n" + hooks, test_a=USES)
    got = run(tmp_path, "--comb", "-n4", env={"TMPDIR": str(tmp_path)})
    assert got.counts == {"passed": 8}, got.out
    assert "start=import" in got.out and "conftest.py:%d implements pytest_" % line in got.out, got.out
    assert name == "import" or not list(tmp_path.glob("tmp*")), "nothing was made in vain"


def test_a_plugin_of_the_project_is_looked_at_too(tmp_path):
    (tmp_path / "lib").mkdir()
    write(tmp_path / "lib", own="import shutil, tempfile\n" + PAIRS["session"][0])
    write(tmp_path, test_a=USES)
    got = run(tmp_path, "--comb", "-n4", "-p", "own", env={"PYTHONPATH": str(tmp_path / "lib")})
    assert got.counts == {"passed": 8}
    assert "lib/own.py:3 implements pytest_sessionfinish" in got.out


def test_hooks_that_do_nothing_in_workers_are_no_reason(tmp_path):
    write(tmp_path, conftest=IDLE, test_a=USES)
    got = comb(tmp_path)
    assert got.counts == {"passed": 8}
    assert "start=import" not in got.out
    assert (tmp_path / "finished").read_text() == "xy"


GUARDS = {
    "is_xdist_worker": "from xdist import is_xdist_worker\nif is_xdist_worker(session): return",
    "a module": "import xdist\nif xdist.is_xdist_worker(session):\n    return",
    "controller": "from xdist import is_xdist_controller\nif not is_xdist_controller(session): return",
    "variable": "if os.environ.get('PYTEST_XDIST_WORKER'): return",
    "getenv": "if os.getenv('PYTEST_XDIST_WORKER') is not None: return",
    "in": "if exitstatus or 'PYTEST_XDIST_WORKER' in os.environ: return",
    "workerinput": "if getattr(session.config, 'workerinput', None) is not None: return",
}
NO_GUARDS = {
    "another": "if os.environ.get('OTHER'): return",
    "reversed": "if 'PYTEST_XDIST_WORKER' not in os.environ: return",
    "too narrow": "if hasattr(session.config, 'workerinput') and exitstatus: return",
    "one argument": "if hasattr(*[session, 'workerinput']): return",
    "something first": "print(exitstatus)\nif hasattr(session.config, 'workerinput'): return",
    "a value": "if is_xdist_controller(session): return",
}


def guarded(folder, guard):
    lines = [*guard.split("\n"), "open('finished', 'a').write('x')"]
    write(folder, test_a="def test_a(): pass\ndef test_b(): pass\n", conftest="import os\nfrom xdist import is_xdist_controller\n"
          "def pytest_configure(config):\n    config.my = {}\ndef pytest_sessionfinish(session, exitstatus):\n    " + "\n    ".join(lines))
    got = comb(folder)
    assert got.counts == {"passed": 2}, got.out
    return got


@pytest.mark.parametrize("name", GUARDS)
def test_each_way_to_leave_workers_alone_is_known(tmp_path, name):
    got = guarded(tmp_path, GUARDS[name])
    assert "start=import" not in got.out, got.out
    assert (tmp_path / "finished").read_text() == "x"


@pytest.mark.parametrize("name", NO_GUARDS)
def test_what_leaves_no_worker_alone_is_no_guard(tmp_path, name):
    assert "implements pytest_sessionfinish" in guarded(tmp_path, NO_GUARDS[name]).out


@pytest.mark.parametrize("value, is_reason", [
    ("logging.getLogger(__name__)", False), ("pytest.StashKey()", False), ("re.compile('a')", False), ("'my suite'", False),
    ("os.path.join(os.path.dirname(__file__), 'out')", False), ("pathlib.Path(__file__).parent / f'{NAME}.txt'", False),
    ("('a', 'b', 3)", False), ("'a'; VALUE = tempfile.mkdtemp(dir='.')", True), ("tempfile.mkdtemp(dir='.')", True),
    ("pathlib.Path(tempfile.mkdtemp(dir='.'))", True), ("f'{os.getpid()}.db'", True), ("os.environ['HOME']", True),
    ("str(MADE)", True), ("[]", True),
])
def test_a_global_counts_where_each_worker_would_have_another(tmp_path, value, is_reason):
    write(tmp_path, test_a="def test_a(): pass\ndef test_b(): pass\n", conftest=f"""
import logging, os, pathlib, pytest, re, tempfile, uuid
NAME = "report"
MADE = uuid.uuid4().hex
VALUE = {value}
def pytest_sessionfinish():
    print(VALUE)
""")
    got = comb(tmp_path)
    assert got.counts == {"passed": 2}, got.out
    assert ("all of them have from VALUE" in got.out) == is_reason, got.out
    assert ("start=import" in got.out) == is_reason, got.out


ASKS = '''
import conftest, os, pytest
@pytest.mark.parametrize("n", range(30))
def test_a(n): assert conftest.ask("%d %d" % (os.getpid(), n)) == "%d %d" % (os.getpid(), n)
'''


def found_out(folder, conftest, test, reason, *args):
    """A run where each worker collects for itself, for this reason; how it went."""
    write(folder, conftest=conftest, test_a=test)
    got = comb(folder, *args)
    assert got.code == 0, got.out
    assert re.search("start=import, each worker collects for itself: " + reason, got.out), got.out
    return got


def test_a_connection_is_each_workers_own(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            while True:
                connection, _ = server.accept()
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

        def echo(connection):
            while data := connection.recv(100):
                connection.sendall(data)
        threading.Thread(target=answer, daemon=True).start()
        port = server.getsockname()[1]
        got = found_out(tmp_path, f"import socket\n\nCLIENT = [socket.create_connection(('127.0.0.1', {port}))]\n"
                        "def ask(text):\n    CLIENT[0].sendall(text.encode())\n    return CLIENT[0].recv(100).decode()\n",
                        ASKS, rf"conftest\.py:3, CLIENT: a socket connected to 127\.0\.0\.1:{port} is open after")
        assert got.counts == {"passed": 30}


def test_a_pipe_is_each_workers_own(tmp_path):
    got = found_out(tmp_path, "import os, time\nR, W = os.pipe()\ndef ask(text):\n    os.write(W, text.encode().ljust(40))\n"
                    "    time.sleep(.01)\n    return os.read(R, 40).decode().strip()\n", ASKS, "a pipe is open after the collection")
    assert got.counts == {"passed": 30}


@pytest.mark.parametrize("conftest, reason", [
    ("import sqlite3\nclass Db: pass\nDb.x = 1\nDB = Db()\nDB.link = sqlite3.connect('a.db')\nDB.link.execute('create table if not exists a (b)')\n",
     r"conftest\.py:4, DB: the SQLite database .*a\.db is open"),
    ("import subprocess\nP = subprocess.Popen(['sleep', '60'])\ndef pytest_unconfigure(): P.kill()\n",
     r"conftest\.py:3 implements pytest_unconfigure"),
    ("import subprocess\nP = subprocess.Popen(['sleep', '0.9'])\nimport atexit\natexit.register(P.kill)\n", r"a process that the collection started runs: sleep 0\.9"),
    ("import threading, time\ndef wait(): time.sleep(30)\nthreading.Thread(target=wait, name='w', daemon=True).start()\n"
     "threading.Thread(target=time.sleep, name='z', args=(30,), daemon=True).start()\n",
     r"other threads run after the collection: w in conftest\.py:2, z"),
    ("import os\nR, W = os.pipe()\n", "a pipe is open after the collection"),
    ("import selectors\n\nS = selectors.EpollSelector()\n", r"conftest\.py:3, S: an epoll instance is open after"),
    ("import ctypes\nE = ctypes.CDLL(None).eventfd(0, 0)\n", "an eventfd is open after"),
    ("import ctypes\nE = ctypes.CDLL(None).timerfd_create(1, 0)\n", "a timer is open after"),
    ("import ctypes\nE = ctypes.CDLL(None).inotify_init1(0)\n", "an inotify instance is open after"),
    ("import multiprocessing\nclass Holds: pass\nH = Holds()\nH.queue = multiprocessing.SimpleQueue()\n",
     r"conftest\.py:3, H: a pipe is open after"),
    ("import multiprocessing\nV = multiprocessing.Value('i')\n", r"conftest\.py:2, V: memory that forked processes would share is held"),
    # As multiprocessing.shared_memory has it, without the process that looks after those.
    ("import mmap, os\nP = '/dev/shm/psm_%d' % os.getpid()\nF = os.open(P, os.O_RDWR | os.O_CREAT)\nos.unlink(P)\nos.ftruncate(F, 64)\n"
     "S = mmap.mmap(F, 64)\n", r"conftest\.py:6, S: memory that forked processes would share is held"),
    ("import mmap\nM = [mmap.mmap(-1, 4096)]\n", r"conftest\.py:2, M: memory that forked processes would share is held"),
])
def test_what_cannot_be_shared_is_named(tmp_path, conftest, reason):
    found_out(tmp_path, conftest, "def test_a(): pass\n", reason)


@pytest.mark.parametrize("made, shared", [
    ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", True),
    ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)", True),
    ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); S.connect('log')", True),
    ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM); S.bind(('127.0.0.1', 0))", False),
    ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM); S.connect(('127.0.0.1', 9))", False),
    ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); S.bind('own-%d' % os.getpid()); S.connect('log')", False),
    ("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", False),
    ("socket.socket(socket.AF_INET, socket.SOCK_STREAM)", False),
])
def test_a_socket_that_is_only_sent_from_is_no_reason(tmp_path, monkeypatch, made, shared):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)  # for a path that is not too long
            log.bind("log")
        write(tmp_path, conftest=f"import os, socket\nS = {made}\n", test_a="def test_a(): pass\ndef test_b(): pass\n")
        got = comb(tmp_path)
    assert got.counts == {"passed": 2}, got.out
    assert ("start=import" not in got.out) == shared, got.out


def test_what_came_before_the_engine_is_no_reason(tmp_path):
    """Of a plugin that is named on the command line: a worker that collects for itself has it too."""
    write(tmp_path, early="import mmap, os, select, socket\nM, P, S, E = mmap.mmap(-1, 64), os.pipe(), socket.socketpair(), select.epoll()\n",
          test_a="def test_a(): pass\ndef test_b(): pass\n")
    got = comb(tmp_path, "-p", "early", env={"PYTHONPATH": str(tmp_path)})
    assert got.counts == {"passed": 2} and "start=import" not in got.out, got.out


def test_what_a_fork_can_share_is_no_reason(tmp_path):
    """Helpers of multiprocessing, an ended thread and process, closed descriptors, locks, a private mapping, one end of a pipe."""
    write(tmp_path, test_a=USES, conftest='''
import atexit, mmap, multiprocessing.resource_tracker, os, socket, sqlite3, subprocess, threading
multiprocessing.resource_tracker.ensure_running()
atexit.register(multiprocessing.resource_tracker._resource_tracker._stop)
thread = threading.Thread(target=print)
thread.start()
thread.join()
subprocess.Popen(["true"]).wait()
socket.socket().close()
link = sqlite3.connect("a.db")
link.execute("create table if not exists a (b)")
link.close()
lock = multiprocessing.Lock()
private = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE)
end, other = os.pipe()
os.close(other)
def pytest_configure(config): config.workdir = os.getcwd()
''')
    got = comb(tmp_path)
    assert got.counts == {"passed": 8}, got.out
    assert "start=import" not in got.out


DRAWS = '''
import contextlib, os, pytest, time, %(module)s as random
%(seed)s
@pytest.mark.parametrize("n", range(8))
%(mark)s
def test_a(n):
    number = random.random()
    time.sleep(.05)
    with contextlib.suppress(FileExistsError): open("drawn-%%d" %% os.getpid(), "x").write("%%r" %% number)
'''


def first_numbers(folder, *args, module="random", seed="", conftest="", mark=""):
    """What processes draw first."""
    for file in folder.glob("drawn-*"):
        file.unlink()
    write(folder, conftest=conftest, test_a=DRAWS % locals(), test_b="def test_b(): pass\n")
    assert comb(folder, "-p", "no:randomly", *args).counts == {"passed": 9}
    numbers = [file.read_text() for file in folder.glob("drawn-*")]
    assert len(numbers) > 1
    return numbers


SEED = "import random; random.seed(42); random.random()"
FRESH = ["", "@pytest.mark.fresh"]


@pytest.mark.parametrize("start", ["once", "shard", "import"])
@pytest.mark.parametrize("mark", FRESH)
def test_a_seed_of_the_project_holds_in_each_process(tmp_path, start, mark):
    start = "--comb-start=" + start
    for given in ({"seed": SEED}, {"conftest": "def pytest_configure():\n    " + SEED}):
        assert set(first_numbers(tmp_path, start, mark=mark, **given)) == {"0.025010755222666936"}
    numbers = first_numbers(tmp_path, start, seed="[random.random() for n in range(5000)]", mark=mark)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("mark", FRESH)
def test_a_seed_of_numpy_holds_too(tmp_path, mark):
    pytest.importorskip("numpy")
    numbers = first_numbers(tmp_path, "--comb-start=once", module="numpy.random", seed="random.seed(42)", mark=mark)
    assert set(numbers) == {"0.3745401188473625"}
    numbers = first_numbers(tmp_path, "--comb-start=once", module="numpy.random", seed="[random.random() for n in range(5000)]", mark=mark)
    assert len(set(numbers)) == len(numbers)


STUBS = {
    "empty": "types.ModuleType('numpy.random')",
    "mock": "unittest.mock.MagicMock()",
    "fails": "type('Stub', (), {'__getattr__': lambda self, name: 1 / 0})()",
    "other": "types.SimpleNamespace(get_state=lambda legacy: ('MT19937', [], 0), seed=None)",
    "none": "None",
}


@pytest.mark.parametrize("stub", STUBS)
def test_a_stand_in_for_numpy_ends_no_run(tmp_path, stub):
    """In a conftest, and left behind by a test that a fresh one follows."""
    put = "import sys, types, unittest.mock\nsys.modules['numpy.random'] = " + STUBS[stub]
    tests = f"""
import pytest
@pytest.mark.fresh
def test_a(): pass
def test_b():
    {put.replace(chr(10), chr(10) + "    ")}
@pytest.mark.fresh
def test_c(): pass
"""
    for conftest in "", put + "\n":
        write(tmp_path, conftest=conftest, test_a=tests)
        got = run(tmp_path, "--comb", "-n1")
        assert got.counts == {"passed": 3}, got.out
