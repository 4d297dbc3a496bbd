"""Where pytest's cache of rewritten test files is empty, several processes rewrite them, and nothing else is different."""

import marshal
import re
import time

import pytest

from engine_run import comb, left_behind, serial, start, write
from pytest_comb import _comb

BODY = "".join("def test_%d():\n    assert %d + 1 == %d, 'a text that makes this file longer'\n" % (n, n, n + 1) for n in range(60))
FILES = 12
CACHING = {"PYTHONDONTWRITEBYTECODE": ""}


@pytest.fixture
def suite(tmp_path):
    write(tmp_path, **{"test_%02d" % n: BODY for n in range(FILES)})
    return tmp_path


def cached(folder):
    return sorted(path.name for path in folder.glob("__pycache__/*"))


def compiled(path):
    """Time and size of the source, and the code."""
    data = path.read_bytes()
    return data[:16], marshal.loads(data[16:])


def forget(folder):
    for path in folder.glob("__pycache__/*"):
        path.unlink()


def first(folder, way, *args):
    forget(folder)
    return way(folder, *args, env=CACHING)


NOTES = """
import os, time
from _pytest.assertion import rewrite
plain, first, end = rewrite._rewrite_test, os.getpid(), time.monotonic() + %d
def noted(path, config):
    while os.getpid() == first and time.monotonic() < end and not os.path.getsize("by_others"):
        time.sleep(.01)
    if os.getpid() != first:
        print(path.name, file=open("by_others", "a"))
    return plain(path, config)
rewrite._rewrite_test = noted
"""


def helped(folder, *args, conftest="", patience=0, env=CACHING):
    """A first run under comb, and how many files were rewritten by another process than the one that imported them; that one
    waits so many seconds for the first of those."""
    write(folder, conftest=conftest + NOTES % patience)
    (folder / "by_others").write_text("")
    forget(folder)
    got = comb(folder, *args, env=env)
    return got, len((folder / "by_others").read_text().splitlines())


def expects_help():
    """On a machine with a processor for it."""
    return {"patience": 20} if _comb.processors() > 1 else {}


@pytest.mark.parametrize("mode", ["auto", "shard"])
def test_other_processes_help(suite, mode):
    was = first(suite, serial)
    names = cached(suite)
    got, others = helped(suite, "--comb-start=" + mode, **expects_help())
    assert got.counts == was.counts == {"passed": 60 * FILES}, got.out
    assert [name for name in cached(suite) if not name.startswith("conftest")] == names and len(names) == FILES
    assert others or not expects_help()
    content = {path: compiled(path) for path in suite.glob("__pycache__/test*")}
    first(suite, serial)
    assert {path: compiled(path) for path in content} == content, "the same as without help"


def test_what_is_there_is_not_rewritten(suite):
    first(suite, serial)
    before = {path: path.stat().st_mtime_ns for path in suite.glob("__pycache__/*")}
    assert comb(suite, env=CACHING).code == 0
    assert {path: path.stat().st_mtime_ns for path in suite.glob("__pycache__/*")} == before


@pytest.mark.parametrize("args", [["--assert=plain"], ["-p", "no:assertion"]], ids=" ".join)
def test_ways_without_rewriting(suite, args):
    got, others = helped(suite, *args)
    assert got.counts == {"passed": 60 * FILES} and others == 0, got.out


def test_no_cache_is_wanted(suite):
    got, others = helped(suite, env={"PYTHONDONTWRITEBYTECODE": "1"}, **expects_help())
    assert got.counts == {"passed": 60 * FILES} and not cached(suite), got.out
    assert others or not expects_help()


@pytest.mark.parametrize("args", [[], ["-W", "error"]], ids=" ".join)
@pytest.mark.parametrize("text", ["X = '\\d'\n", "def test_a():\n    assert (1, 'always')\n", "def test_a(:\n", "\0", "X = 'ü'\n# coding: ascii\n"])
def test_what_rewriting_has_to_say(suite, text, args):
    """About the last file, which others reach first."""
    write(suite, test_99=text + BODY)
    was, got = first(suite, serial, *args), first(suite, comb, *args)
    assert (got.code, got.counts) == (was.code, was.counts), got.out
    for line in re.findall(r"^.*(?:Warning|Error):.*$", was.out, re.M):
        assert got.out.count(line) == was.out.count(line), (line, got.out)


@pytest.mark.parametrize("text, code", [("import os\nos._exit(3)\n", 3), ("raise KeyboardInterrupt\n", 2)])
def test_an_import_that_ends_the_run(suite, text, code):
    write(suite, test_00=text)
    """And ends the other processes, which comb() looks for."""
    assert first(suite, comb).code == code
    assert all(name.endswith(".pyc") for name in cached(suite))


def test_an_import_that_waits_for_every_child(suite):
    write(suite, test_00="import os\ntry:\n    while True: os.wait()\nexcept ChildProcessError: pass\ndef test_a(): pass\n")
    got = first(suite, comb, "-v")
    assert got.counts == {"passed": 60 * (FILES - 1) + 1} and "start=shard" in got.out, got.out


def test_a_first_run_that_is_killed(suite):
    write(suite, test_00="import time\nopen('begun', 'w').close()\ntime.sleep(60)\n")
    process = start(suite, "--comb", "-n2", env=CACHING)
    while not (suite / "begun").exists():
        time.sleep(.01)
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while left_behind(suite) and time.monotonic() < end:
        time.sleep(.05)
    assert not left_behind(suite)


def test_a_folder_that_cannot_be_written(suite):
    (suite / "__pycache__").write_text("")
    assert comb(suite, env=CACHING).counts == {"passed": 60 * FILES}


@pytest.mark.parametrize("conftest", ["import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n",
                                      "import signal\nsignal.signal(signal.SIGCHLD, lambda *_: None)\n",
                                      "import threading, time\nthreading.Thread(target=time.sleep, args=[1]).start()\n"])
def test_where_a_fork_would_be_noticed_or_unsafe(suite, conftest):
    got, others = helped(suite, conftest=conftest)
    assert got.counts == {"passed": 60 * FILES} and others == 0, got.out
