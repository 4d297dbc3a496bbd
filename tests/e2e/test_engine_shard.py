"""Collection in parallel: the same tests in the same order as in a serial run, or a way back to it."""

import contextlib
import json
import re
import sys
import textwrap
import types

import pytest

from engine_run import comb, serial, write
from pytest_comb import protocol
from pytest_comb.controller import Controller

ORDER = '''
import json, os

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Order())

class Order:
    """The collection as it was at its end, the outcomes, and what else a reader of the terminal sees."""
    def __init__(self):
        self.ids, self.deselected, self.collected = None, 0, []
    def pytest_xdist_node_collection_finished(self, node, ids):
        self.ids = list(ids)
    def pytest_report_collectionfinish(self, items):
        self.ids = [item.nodeid for item in items]
    def pytest_deselected(self, items):
        self.deselected += len(items)
    def pytest_collectreport(self, report):
        if not report.passed:
            self.collected.append((report.nodeid, report.outcome))
    def pytest_sessionfinish(self, session, exitstatus):
        with open(os.environ["ORDER_FILE"], "w") as file:
            json.dump([self.ids, self.deselected, self.collected, session.testscollected, int(exitstatus)], file)
'''


def order(folder, way, *args):
    """What Order saw, and the run."""
    path = folder / "order.json"
    path.unlink(missing_ok=True)
    write(folder, order_plugin=ORDER)
    got = way(folder, "-p", "order_plugin", *args, env={"ORDER_FILE": str(path)})
    return json.loads(path.read_text()) if path.exists() else None, got


def agree(found, expected):
    """Without workers nobody is told what was collected."""
    return found is not None and found[1:] == expected[1:] and found[0] in (expected[0], None)


def sharded(folder, *args, **keywords):
    return comb(folder, "--comb-start=shard", *args, **keywords)


def same(folder, *args, falls_back=""):
    """Runs both ways and compares; falls_back: a part of the reason for `once`, or none."""
    expected, was = order(folder, serial, *args)
    found, got = order(folder, sharded, *args)
    assert agree(found, expected), got.out
    assert (got.code, got.outcomes, got.counts) == (was.code, was.outcomes, was.counts), got.out
    if falls_back:
        assert "start=once: " in got.out and falls_back in got.out, got.out
    else:
        assert "start=once" not in got.out and "start=import" not in got.out, got.out
    return got


def plain(folder, modules=6, tests=4):
    body = "".join("def test_%d():\n    pass\n" % number for number in range(tests))
    write(folder, **{"test_%02d" % number: body for number in range(modules)})


def test_the_same_tests_in_the_same_order(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_params='''
import pytest, unittest

@pytest.mark.parametrize("text", ["a", "b::c", "ü[x]", "", "a"])
def test_text(text):
    pass

@pytest.fixture(scope="module", params=[1, 2])
def module_wide(request):
    return request.param

@pytest.fixture(scope="class", params="xy")
def class_wide(request):
    return request.param

def test_one(module_wide): pass
def test_two(module_wide): pass
def test_between(): pass
def test_three(module_wide): pass

class TestIt:
    def test_a(self, class_wide, module_wide): pass
    def test_b(self, class_wide): pass

class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.ready = True
    def test_ready(self): assert self.ready
''')
    (tmp_path / "test_text.txt").write_text(">>> 1 + 1\n2\n")
    got = same(tmp_path, "-v")
    assert got.counts["passed"] == 24 + 5 + 2 * 3 + 1 + 4 + 2 + 1 + 1


def test_packages_and_conftests_in_folders(tmp_path):
    plain(tmp_path)
    for name in ("a", "a/b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("def setup_module():\n    pass\n")
        (tmp_path / name / "conftest.py").write_text("import pytest\n\n@pytest.fixture(scope='package', autouse=True)\n"
                                                     "def where():\n    return %r\n" % name)
        text = "def test_where(where):\n    assert where == %r\n\ndef test_x(): pass\n" % name
        (tmp_path / name / "test_same.py").write_text(text)
        (tmp_path / name / "test_other.py").write_text(text)
    same(tmp_path)


@pytest.mark.parametrize("args", [("-k", "test_1 or 03"), ("-m", "odd"), ("--deselect", "test_00.py::test_1"),
                                  ("--ignore=test_02.py",), ("test_03.py", "test_01.py"), (".", "test_03.py"), ("-k", "nothing"),
                                  ("--dist=loadfile",), ("--dist=loadgroup", "-x")], ids=" ".join)
def test_selections(tmp_path, args):
    plain(tmp_path)
    write(tmp_path, conftest="def pytest_configure(config):\n    config.addinivalue_line('markers', 'odd: x')\n")
    write(tmp_path, test_marked="import pytest\npytestmark = pytest.mark.odd\ndef test_m(): pass\n")
    expected, _ = order(tmp_path, serial, *(arg for arg in args if not arg.startswith("--dist")))
    found, got = order(tmp_path, sharded, *args)
    assert agree(found, expected), got.out
    assert "start=once" not in got.out


def test_a_skipped_module_and_one_without_tests(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_03="import pytest\npytest.skip('not here', allow_module_level=True)\n", test_04="X = 1\n")
    assert same(tmp_path, "-rs").counts == {"passed": 16, "skipped": 1}


def test_doctests(tmp_path):
    plain(tmp_path)
    write(tmp_path, helper='"""\n>>> 1\n1\n"""\n', test_05='def test_a():\n    """\n    >>> 2\n    2\n    """\n')
    assert same(tmp_path, "--doctest-modules").counts["passed"] == 20 + 1 + 2


def test_files_that_are_no_python(tmp_path):
    plain(tmp_path)
    write(tmp_path, conftest='''
import pytest

def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".list":
        return ListFile.from_parent(parent, path=file_path)

class ListFile(pytest.File):
    def collect(self):
        for line in self.path.read_text().split():
            yield Line.from_parent(self, name=line)

class Line(pytest.Item):
    def runtest(self):
        assert self.name != "bad"
''')
    for name in "abc":
        (tmp_path / (name + ".list")).write_text("good bad good")
    assert same(tmp_path).counts == {"failed": 3, "passed": 30}


@pytest.mark.parametrize("args", [(), ("-x",), ("--continue-on-collection-errors",)])
@pytest.mark.parametrize("text", ["import nothing_of_this_name\n", "def test_a(:\n", "def test_a(x, x=nothing): pass\n"])
def test_collection_errors(tmp_path, text, args):
    plain(tmp_path, tests=2)
    write(tmp_path, test_02=text, test_04=text)
    got = same(tmp_path, *args, falls_back="cannot be collected")
    assert got.code != 0


def test_a_folder_whose_conftest_is_broken(tmp_path):
    plain(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "conftest.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "inner" / "test_in.py").write_text("def test_in(): pass\n")
    expected, _ = order(tmp_path, serial)
    found, got = order(tmp_path, sharded)
    assert agree(found, expected), got.out


@pytest.mark.parametrize("text, code, line", [
    ("import os\nos._exit(3)\n", 3, "exit code 3"),
    ("import pytest\npytest.exit('enough', returncode=5)\n", 2, "enough"),
    ("raise KeyboardInterrupt\n", 2, "KeyboardInterrupt"),
    ("raise SystemExit(4)\n", 3, "SystemExit"),
])
def test_a_module_that_ends_the_collection(tmp_path, text, code, line):
    plain(tmp_path)
    write(tmp_path, test_05=text)
    got = sharded(tmp_path)
    assert line in got.out and (got.code == code if code != 3 else got.code != 0), got.out
    assert "passed" not in got.counts, got.out


WHEN_EXPANDED = """
import os, pytest, signal, subprocess, time
def named(n):
%s
    return str(n)
@pytest.mark.parametrize("n", range(4), ids=named)
def test_n(n): pass
"""


def when_expanded(lines):
    """A test file that does this where its tests are made, not where it is imported."""
    return WHEN_EXPANDED % textwrap.indent(textwrap.dedent(lines), "    ")


ENDS_ONE_WORKER = "if not os.path.exists('once'):\n    open('once', 'w').close()\n    %s\n"


@pytest.mark.parametrize("ends, cause", [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 11)", "killed by SIGSEGV")])
def test_a_module_that_ends_its_worker(tmp_path, ends, cause):
    plain(tmp_path)
    write(tmp_path, test_05=when_expanded(ENDS_ONE_WORKER % ends))
    got = sharded(tmp_path)
    assert "start=once: worker gw" in got.out and f"while it collected test_05.py ({cause})" in got.out, got.out
    assert got.code == 0 and got.counts == {"passed": 24}, got.out


def test_a_module_that_ends_every_process(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_05=when_expanded("os._exit(3)"))
    got = sharded(tmp_path)
    assert "start=once" in got.out and "exit code 3" in got.out and got.code != 0 and not got.counts, got.out


def test_the_way_back_blocks_no_signals(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_04=when_expanded(ENDS_ONE_WORKER % "os._exit(3)"), test_05=when_expanded("""
        global BLOCKED, CHILD
        BLOCKED = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        CHILD = subprocess.Popen(["sleep", "30"])
        CHILD.terminate()
        try:
            CHILD.wait(5)
        finally:
            CHILD.kill()
    """) + """
def test_mask(): assert not BLOCKED
def test_child(): assert CHILD.returncode == -15
""")
    got = sharded(tmp_path)
    assert "start=once" in got.out and "while it collected test_04.py" in got.out
    assert got.code == 0 and got.counts == {"passed": 4 * 6 + 2}, got.out


HANGS_ONCE = """
if not os.path.exists("once"):
    open("once", "w").close()
    subprocess.Popen(["sleep", "51"], start_new_session=True)
    child = subprocess.Popen(["sh", "-c", "sleep 52; true"])
    if %d:
        os.kill(os.getpid(), signal.SIGKILL)
    open("hangs", "w").close()
    child.wait()
"""
ENDS_MEANWHILE = """
while not os.path.exists("hangs"):
    time.sleep(.01)
if not os.path.exists("ended"):
    open("ended", "w").close()
    os._exit(3)
"""


@pytest.mark.parametrize("first", ["the worker", "another worker"])
def test_the_way_back_ends_what_the_workers_started(tmp_path, first):
    plain(tmp_path)
    write(tmp_path, test_04=when_expanded(HANGS_ONCE % (first == "the worker")))
    if first == "another worker":
        write(tmp_path, test_05=when_expanded(ENDS_MEANWHILE))
    got = sharded(tmp_path)
    assert "start=once: worker" in got.out and "start=import" not in got.out and "sleep" not in got.out, got.out
    assert got.code == 0 and got.counts == {"passed": 24}, got.out


def test_a_test_that_kills_its_worker(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_02="import os\ndef test_a(): pass\ndef test_kill(): os._exit(1)\ndef test_b(): pass\n")
    got = sharded(tmp_path)
    assert got.counts == {"failed": 1, "passed": 22}, got.out
    assert "start=once" not in got.out


def test_more_workers_than_modules(tmp_path):
    plain(tmp_path, modules=2, tests=1)
    write(tmp_path, test_many="import pytest, time\n\n@pytest.mark.parametrize('n', range(12))\ndef test_n(n, worker_id):\n"
          "    time.sleep(0.05)\n    open('worker-' + worker_id, 'w').close()\n")
    got = sharded(tmp_path, "-n6")
    assert got.counts == {"passed": 14}, got.out
    assert len(list(tmp_path.glob("worker-*"))) > 3


def test_all_items_are_there_for_who_asks(tmp_path):
    plain(tmp_path)
    write(tmp_path, conftest="import pytest\n\n@pytest.fixture(scope='session')\ndef names(request):\n"
          "    return [item.nodeid for item in request.session.items]\n")
    write(tmp_path, test_99="def test_all(names):\n    assert len(names) == 25\n    assert names == sorted(names)\n")
    assert sharded(tmp_path).counts == {"passed": 25}


FALLS_BACK = {
    "reversed in a conftest": ("conftest.py:1", {"conftest": "def pytest_collection_modifyitems(items):\n    items.reverse()\n"}),
    "counted in a conftest": ("conftest.py:2", {"conftest": '''
def pytest_collection_modifyitems(items):
    count = 0
    for item in items:
        count = count + 1
        item.user_properties.append(("n", count))
'''}),
    "session parameters": ("session or package scope", {"test_02": '''
import pytest

@pytest.fixture(scope="session", params=[1, 2])
def wide(request):
    return request.param

def test_a(wide): pass
def test_b(wide): pass
''', "test_04": '''
import pytest

@pytest.mark.parametrize("n", [1, 2], scope="session")
def test_c(n): pass
'''}),
    "a variable of the environment": ("changes the environment", {"test_05": "import os\nos.environ['X_Y'] = '1'\ndef test_a(): pass\n"}),
    "another working directory": ("changes the working directory", {"test_05": "import os\nos.chdir('/')\ndef test_a(): pass\n"}),
    "a warning that is an error": ("changes which warnings are errors", {
        "test_03": "import warnings\nwarnings.simplefilter('error')\ndef test_a(): pass\n",
        "test_05": "class TestIt:\n    def __init__(self): pass\n    def test_a(self): pass\n"}),
    "a plugin": ("changes the plugins", {"test_03": "pytest_plugins = ['more']\ndef test_a(): pass\n", "more": "X = 1\n"}),
}


@pytest.mark.parametrize("name", FALLS_BACK)
def test_where_modules_depend_on_each_other(tmp_path, name):
    reason, files = FALLS_BACK[name]
    plain(tmp_path)
    write(tmp_path, **files)
    same(tmp_path, falls_back=reason)


def test_what_was_told_before_the_way_back(tmp_path):
    """Choices, skips and warnings of files that the zygote expanded before one that makes it collect all: each is there once."""
    plain(tmp_path)
    (tmp_path / "test_00.txt").write_text(">>> 1 + 1\n2\n")
    for name, n in (("test_02_text.txt", 2), ("test_03_text.txt", 3)):
        (tmp_path / name).write_text(f">>> {n}\n{n}\n")
    write(tmp_path, settings="VALUES = [1, 2, 3]\n", test_01=GENERATES % "function", test_02="import pytest, warnings\nwarnings.warn('old')\npytest.skip('not here', allow_module_level=True)\n",
          test_04=FALLS_BACK["session parameters"][1]["test_02"])
    for args in [], ["-k", "not 03 and not test_1"]:
        got = same(tmp_path, "-rs", *args, falls_back="session or package scope")
        assert got.out.count("UserWarning: old") == got.out.count("not here") == 1, got.out


@pytest.mark.parametrize("args", [(), ("-s",), ("--capture=sys",), ("-p", "no:capture"), ("-p", "no:warnings"), ("-W", "error")], ids=" ".join)
def test_what_imports_write(tmp_path, args):
    """That of a file which cannot be imported stands with its error, that of others nowhere; and each file is imported once."""
    plain(tmp_path)
    loud = "import sys, warnings\nprint('out of %d')\nprint('err of %d', file=sys.stderr)\nwith open('count', 'a') as file: file.write('x')\nwarnings.warn('w%d')\n"
    write(tmp_path, test_01=loud % (1, 1, 1), test_03=loud % (3, 3, 3) + "import pytest\npytest.skip('no', allow_module_level=True)\n",
          test_05=loud % (5, 5, 5) + "import nothing_of_this_name\n")
    was = serial(tmp_path, *args)
    (tmp_path / "count").unlink()
    got = sharded(tmp_path, *args)
    assert "start=once: test_0" in got.out, got.out
    for text in ["%s of %d" % (stream, n) for stream in ("out", "err") for n in (1, 3, 5)] + ["w1", "w3", "w5"]:
        assert got.out.count(text) == was.out.count(text), (text, got.out)
    assert (tmp_path / "count").read_text() == "xxx"


GENERATES = """
import settings
class Base:
    @classmethod
    def pytest_generate_tests(cls, metafunc): metafunc.parametrize("n", list(settings.VALUES))
if %r == "function":
    pytest_generate_tests = Base.pytest_generate_tests
    def test_g(n): pass
else:
    class TestIt(Base):
        def test_g(self, n): pass
"""


@pytest.mark.parametrize("where", ["function", "class"])
def test_tests_that_are_made_from_what_other_tests_change(tmp_path, where):
    changes = "import settings, time\ndef test_a():\n    time.sleep(%s)\n    settings.VALUES[:] = [5]\n"
    write(tmp_path, settings="VALUES = [1, 2, 3]\n", **{"test_%d" % n: changes % (0 if n < 5 else .05) for n in range(9)},
          **{"test_more_%d" % n: GENERATES % where for n in range(9)})
    got = same(tmp_path, "-n3", "--comb-all-workers")
    assert got.counts == {"passed": 9 + 27} and "other tests each time" not in got.out, got.out


def test_a_module_that_starts_a_thread(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_05="import threading\nEND = threading.Event()\nTHREAD = threading.Thread(target=END.wait, daemon=True)\n"
          "THREAD.start()\ndef test_a():\n    assert THREAD.is_alive()\n    END.set()\n    THREAD.join()\n")
    got = sharded(tmp_path)
    assert got.counts == {"passed": 21} and "start=import" in got.out and "other threads run after the collection" in got.out, got.out


ENDS_BEFORE_A_FORK = """
import ctypes
libc = ctypes.CDLL(None)
semaphore, thread = ctypes.create_string_buffer(64), ctypes.c_ulong()
libc.sem_init(semaphore, 0, 0)
libc.pthread_create(ctypes.byref(thread), None, libc.sem_wait, semaphore)
def end():
    if thread.value:
        libc.sem_post(semaphore)
        libc.pthread_join(thread, None)
        thread.value = 0
HANDLER = ctypes.CFUNCTYPE(None)(end)
if %r:
    libc.__register_atfork(HANDLER, None, None, None)
"""


@pytest.mark.parametrize("name", ["conftest", "test_05"])
@pytest.mark.parametrize("ends", [True, False])
def test_threads_of_a_library(tmp_path, name, ends):
    """OpenBLAS has one for each processor as soon as numpy is imported, and ends them before a fork."""
    plain(tmp_path)
    write(tmp_path, **{name: ENDS_BEFORE_A_FORK % ends})
    got = sharded(tmp_path, "-v")
    assert got.counts == {"passed": 24 if name == "conftest" else 20}, got.out
    assert ("start=shard" if ends else "other threads run after the collection: 1 that Python did not start") in got.out, got.out


@pytest.mark.parametrize("together", [True, False])
def test_a_worker_that_ended_by_itself_before_all_were_ended(together):
    """Its death may be read together with the word that no worker is left: it is no crash."""
    died, regrouped = (0, protocol.DIED, b"{}"), (0, protocol.REGROUPED, b"{}")
    looks = [[died, regrouped], []] if together else [[died], [], [regrouped], []]
    seen = []
    controller = types.SimpleNamespace(later=[], config=None, ids=None, start_mode="shard",
                                       merge=types.SimpleNamespace(regroups=0),
                                       relay=types.SimpleNamespace(one_flush=contextlib.nullcontext))

    def frame(ring, kind, payload):
        seen.append(kind)
        controller.merge.regroups += kind == protocol.REGROUPED

    controller.board = types.SimpleNamespace(drain=lambda: looks.pop(0))
    controller.replay = types.SimpleNamespace(frame=frame)
    while looks:
        Controller.read_frames(controller)
    assert seen == ([protocol.REGROUPED] if together else [protocol.DIED, protocol.REGROUPED])


def test_two_files_of_one_name(tmp_path):
    plain(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_same.py").write_text("def test_a(): pass\n")
    same(tmp_path, falls_back="test_same.py")
    same(tmp_path, "--import-mode=importlib")


@pytest.mark.parametrize("body", [
    "for item in items:\n        item.add_marker(pytest.mark.unit)",
    "if config.getoption('verbose') > 5:\n        return\n    skip = pytest.mark.skip(reason='x')\n    for item in items:\n"
    "        if 'test_1' in item.nodeid:\n            item.add_marker(skip)",
])
def test_a_conftest_that_treats_each_test_alone(tmp_path, body):
    plain(tmp_path)
    write(tmp_path, conftest="import pytest\n\ndef pytest_configure(config):\n    config.addinivalue_line('markers', 'unit: x')\n\n"
          "def pytest_collection_modifyitems(config, items):\n    %s\n" % body)
    same(tmp_path)


def test_warnings_are_errors_while_files_are_collected_and_not_between_tests(tmp_path):
    """So it is with pytest 7, whose filters hold for one collection and one test at a time; newer ones set them for the whole run."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    write(tmp_path, conftest="import pytest, warnings\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtestloop():\n    warnings.resetwarnings()\n",
          **{"test_" + name: "import pytest, time\n@pytest.mark.xdist_group('one')\ndef test_a(): time.sleep(.02)\n"
                             "@pytest.mark.xdist_group('two')\ndef test_b(): time.sleep(.02)\n" for name in "abc"})
    got = sharded(tmp_path, "--dist=loadgroup")
    assert got.code == 0 and "start=shard" in got.out and "has other tests each time" not in got.out, got.out


def test_a_module_with_other_tests_each_time(tmp_path):
    plain(tmp_path, modules=4, tests=1)
    write(tmp_path, test_strange=textwrap.dedent('''
        import os, time, pytest

        @pytest.mark.parametrize("n", range(40), ids=lambda n: "%d-%d" % (os.getpid(), n))
        def test_n(n):
            time.sleep(0.02)
    '''))
    for args in ([], ["-n4"], ["--dist=loadfile"], ["--dist=loadgroup"], ["-v"]):
        got = sharded(tmp_path, *args)
        assert got.code == 0 and got.counts == {"passed": 44} and len(got.outcomes) == 44, got.out
        assert len({name.split("[")[1].split("-")[0] for name in got.outcomes if "[" in name}) == 1, "one expansion"
        assert args == ["--dist=loadfile"] or got.out.count("test_strange.py has other tests each time it is collected") == 1, got.out
    assert set(got.outcomes) >= {"test_00::test_0"} and "start=once" not in got.out


CHANGING = {
    "random": "[1] * 30, ids=lambda _: str(random.random())",
    "time": "range(30), ids=lambda n: str(time.time_ns() + n)",
    "unique": "range(30), ids=lambda _: uuid.uuid4().hex",
    "few": "range(30), ids=lambda n: os.getpid() % 7",
    "when it is imported": "[uuid.uuid4().hex for _ in range(30)]",
    "their number": "list(range(os.getpid() % 7 + 20))",
}


@pytest.mark.parametrize("what", CHANGING)
def test_ids_that_change(tmp_path, what):
    """Two such modules beside a quiet one; each test that was collected runs once, and a fixture of the module stands."""
    plain(tmp_path, modules=4, tests=1)
    body = textwrap.dedent('''
        import os, random, time, uuid, pytest

        @pytest.fixture(scope="module")
        def base():
            return []

        @pytest.mark.parametrize("n", %s)
        def test_n(n, base, request):
            base.append(n)
            with open("log", "a") as file:
                print(request.node.nodeid, file=file)
            time.sleep(0.01)

        def test_last():
            pass
    ''' % CHANGING[what])
    write(tmp_path, test_strange=body, test_stranger=body)
    found, got = order(tmp_path, sharded, "-n3")
    ran = (tmp_path / "log").read_text().splitlines()
    assert got.code == 0 and len(found[0]) == got.counts["passed"], got.out
    assert sorted(ran) == sorted(nodeid for nodeid in found[0] if "test_n[" in nodeid)


def test_the_worker_that_collected_changing_ids_is_gone(tmp_path):
    """Nobody has what it left; that is named, and all other tests run."""
    plain(tmp_path, modules=8, tests=1)
    body = textwrap.dedent('''
        import os, time, pytest

        @pytest.mark.parametrize("n", range(9), ids=lambda n: "%d-%d" % (os.getpid(), n))
        def test_n(n):
            time.sleep(0.02)
            if n == 3:
                os._exit(1)
    ''')
    write(tmp_path, test_strange=body, test_stranger=body)
    got = sharded(tmp_path, "--comb-all-workers")
    assert got.code == 1 and got.counts["failed"] in (1, 2), got.out
    left = re.search(r"comb: (\d+) collected tests did not run =+\n((?:test_.*\n)+)", got.out)
    assert int(left[1]) + len(got.outcomes) == 26 and set(got.outcomes) >= {"test_%02d::test_0" % n for n in range(8)}, got.out
    assert len(re.findall(r"^test_strange(?:r|)\.py::test_n", left[2], re.M)) == int(left[1])
    assert "has other tests each time it is collected, and the worker that collected it has ended" in got.out


def test_warnings_are_told_once(tmp_path):
    plain(tmp_path)
    write(tmp_path, conftest="import warnings\nwarnings.warn('of the conftest')\n",
          test_03="import warnings\nwarnings.warn('of the module')\n\ndef test_w():\n    warnings.warn('of the test')\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "conftest.py").write_text("import warnings\nwarnings.warn('of the folder')\n")
    (tmp_path / "inner" / "test_in.py").write_text("def test_in(): pass\n")
    expected, got = serial(tmp_path), sharded(tmp_path)
    for text in ("of the conftest", "of the module", "of the test", "of the folder"):
        assert got.out.count(text) == expected.out.count(text), got.out
    assert "%d warnings" % 4 in got.last() or "3 warnings" in got.last()


@pytest.mark.parametrize("name", ["test_05", "conftest"])
def test_who_asks_for_the_worker_is_answered(tmp_path, name):
    plain(tmp_path)
    ask = "import os\nNAME = os.environ.get('PYTEST_XDIST_WORKER')\ndef test_a(worker_id):\n    assert worker_id == NAME\n"
    write(tmp_path, **{name: ask})
    if name == "conftest":
        write(tmp_path, test_05="import conftest\ndef test_a(worker_id):\n    assert worker_id == conftest.NAME\n")
    got = sharded(tmp_path)
    assert got.counts == {"passed": 21}, got.out
    assert f"start=import, each worker collects for itself: {name}.py:2 reads PYTEST_XDIST_WORKER" in got.out


def test_collect_only_is_not_touched(tmp_path):
    plain(tmp_path)
    expected = serial(tmp_path, "--collect-only", "-q")
    assert sharded(tmp_path, "--collect-only", "-q").out.splitlines()[:-1] == expected.out.splitlines()[:-1]


def test_first_failure_ends_the_run(tmp_path):
    plain(tmp_path)
    write(tmp_path, test_00="def test_a():\n    assert 0\n")
    got = sharded(tmp_path, "-x")
    assert got.code == 1
    assert got.counts["failed"] == 1


def test_choice(tmp_path):
    """`auto` expands modules in parallel where there is something to expand."""
    plain(tmp_path, modules=3)
    write(tmp_path, conftest="import os\n\ndef pytest_sessionfinish(session):\n"
          "    if hasattr(session.config, 'workerinput'):\n        print(type(session.items).__name__, file=open('kind', 'w'))\n")
    comb(tmp_path)
    assert (tmp_path / "kind").read_text() == "list\n"
    plain(tmp_path, modules=40, tests=40)
    comb(tmp_path)
    assert (tmp_path / "kind").read_text() == "LateItems\n"


def test_a_record_can_be_replayed(tmp_path):
    plain(tmp_path, modules=12)
    assert sharded(tmp_path, "--comb-trace=first.json").counts == {"passed": 48}
    again = sharded(tmp_path, "--comb-replay=first.json")
    assert again.counts == {"passed": 48}, again.out
    assert again.code == 0


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))


@pytest.mark.parametrize("args, reason", [
    (["test_00.py::test_0", "test_01.py::test_1"], "tests are named on the command line"),
    (["--dist=each"], "every worker has all tests"),
    (["-n1"], "there is one worker"),
    (["test_00.py"], "there are not two test files"),
    (["--ff"], "--ff looks at the whole suite"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_shard_that_was_asked_for_is_given_up_with_a_reason(tmp_path, args, reason):
    plain(tmp_path)
    got = sharded(tmp_path, "-v", "-p", "cacheprovider", *args)
    assert got.code == 0, got.out
    assert "comb: start=once: " in got.out and reason in got.out
    assert "comb: start=once\n" in got.out


@pytest.mark.parametrize("start", ["shard", "once", "import"])
def test_verbose_names_the_start_that_was_used(tmp_path, start):
    plain(tmp_path)
    assert "comb: start=%s\n" % start in comb(tmp_path, "-v", "--comb-start=" + start).out
    assert "comb: start=%s\n" % start not in comb(tmp_path, "--comb-start=" + start).out


def test_hooks_behind_a_proxy_of_pytest_8(tmp_path):
    """Before pytest 9, config.hook gives functions for hooks that have an argument of the old kind of path."""
    plain(tmp_path)
    write(tmp_path, conftest="class Hooks:\n    def __init__(self, hook):\n        self.hook = hook\n"
          "    def __getattr__(self, name):\n        found = getattr(self.hook, name)\n"
          "        return found if name != 'pytest_report_collectionfinish' else lambda **given: found(**given)\n"
          "def pytest_configure(config):\n    config.hook = Hooks(config.hook)\n")
    same(tmp_path)
