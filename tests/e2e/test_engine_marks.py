"""Marks and --dist: what overlaps, what stays together, and what is refused."""

import json

import pytest
from engine_run import comb, write

TRACED = '''
import json, os, time, pytest
@pytest.fixture(autouse=True)
def when(request):
    begun = time.monotonic()
    yield
    with open("spans", "a") as file:
        file.write(json.dumps([request.node.nodeid, os.getpid(), begun, time.monotonic()]) + "\\n")
'''


def spans(folder):
    """[node id, process, start, end] of each test."""
    return [json.loads(line) for line in (folder / "spans").read_text().splitlines()]


def overlapping(found):
    """Pairs of node ids, each in both orders."""
    return {(a[0], b[0]) for a in found for b in found if a is not b and a[2] < b[3] and b[2] < a[3]}


@pytest.mark.parametrize("by", ['"db"', 'name="db"'])
def test_shared_overlaps_with_shared_and_never_with_exclusive(tmp_path, by):
    write(tmp_path, conftest=TRACED, test_a='''
import os, pathlib, time, pytest
@pytest.mark.shared(%s)
@pytest.mark.parametrize("n", range(2))
def test_shared(n):
    """Each waits for the other: they must overlap."""
    pathlib.Path("met%%d" %% n).touch()
    for _ in range(1000):
        if os.path.exists("met%%d" %% (1 - n)):
            return
        time.sleep(.01)
    raise AssertionError("nobody came")
@pytest.mark.shared("db", "other")
@pytest.mark.parametrize("n", range(4))
def test_both(n): time.sleep(.01)
@pytest.mark.exclusive(%s)
@pytest.mark.parametrize("n", range(4))
def test_exclusive(n): time.sleep(.02)
''' % (by, by))
    done = comb(tmp_path, "-n4", "--comb-all-workers", "--strict-markers")
    assert done.counts == {"passed": 10}, done.out
    together = overlapping(spans(tmp_path))
    assert not [pair for pair in together if "test_exclusive" in "".join(pair)]
    assert ("test_a.py::test_shared[0]", "test_a.py::test_shared[1]") in together


@pytest.mark.parametrize("mark, said", [
    ('exclusive(["db", "q"])', "is marked exclusive(['db', 'q'])"),
    ("exclusive(names=('db',))", "is marked exclusive(names=('db',))"),
    ("shared(name=7)", "is marked shared(name=7)"),
    ("exclusive(lambda: 0)", "is marked exclusive(<function"),
])
def test_a_lock_that_is_no_name_is_refused(tmp_path, mark, said):
    write(tmp_path, test_a="import pytest\n\n@pytest.mark.%s\ndef test_db(): open('ran', 'w')\ndef test_b(): open('ran', 'w')" % mark)
    done = comb(tmp_path)
    assert done.code == 4, done.out
    assert "test_a.py:3: test_a.py::test_db " + said in done.out
    assert 'as in %s("db", "queue")' % mark.split("(")[0] in done.out
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("start", ["shard", "once", "import"])
def test_it_is_refused_however_tests_are_collected(tmp_path, start):
    write(tmp_path, **{"test_%d" % n: "def test_a(): open('ran', 'w')\n" for n in range(8)},
          test_last="import pytest\npytestmark = pytest.mark.exclusive(b'db')\ndef test_db(): open('ran', 'w')\n")
    done = comb(tmp_path, "--comb-start=" + start)
    assert done.code == 4, done.out
    assert done.out.count("test_last.py:3: test_last.py::test_db is marked exclusive(b'db')") == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("dist, files, scopes", [("loadfile", 2, 2), ("loadscope", 1, 3)])
def test_a_file_or_scope_stays_on_one_worker(tmp_path, dist, files, scopes):
    """Fewer of them than workers: those without any would take a part of one."""
    write(tmp_path, conftest=TRACED, **{"test_%d" % n: '''
import time, pytest
many = pytest.mark.parametrize("n", range(6))
class TestA:
    @many
    def test_a(self, n): time.sleep(.02)
class TestB:
    @many
    def test_b(self, n): time.sleep(.02)
@many
def test_c(n): time.sleep(.02)
''' for n in range(files)})
    done = comb(tmp_path, "-n4", "--comb-all-workers", "--dist=" + dist)
    assert done.counts == {"passed": 18 * files}, done.out
    homes = {}
    for nodeid, pid, _, _ in spans(tmp_path):
        homes.setdefault(nodeid.split("::")[0] if dist == "loadfile" else nodeid.rpartition("::")[0], set()).add(pid)
    assert len(homes) == scopes
    assert all(len(pids) == 1 for pids in homes.values()), homes
    assert len(set.union(*homes.values())) > 1  # not all on one
