"""Where workers collect in parallel: the imports of a test file find, and tests find of them, what there is in a serial run."""

import os

import pytest

from engine_run import comb, extension, write

USERS = 8
USER = """
import pytest, time, %s
@pytest.mark.parametrize("n", range(4))
def test_a(n):
    time.sleep(.03)
    assert %s
"""
PART = {"pkg/__init__.py": "", "pkg/part.py": "VALUE = 1\n"}


def suite(folder, imports, needs, last, files):
    """Test files that import something and need an expression to be true, and one, the last, that does something more."""
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    write(folder, **{"test_%d" % n: USER % (imports, needs) for n in range(USERS)}, test_last=last + "\ndef test_b(): pass\n")


def sharded(folder, *args, python_path=""):
    path = os.pathsep.join(filter(None, [python_path, extension().get("PYTHONPATH", "")]))
    got = comb(folder, "--comb-start=shard", "-v", *args, env={"PYTHONPATH": path})
    assert "start=shard" in got.out and got.counts == {"passed": 4 * USERS + 1}, got.out
    return got


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_a_part_of_a_package(tmp_path, mode):
    suite(tmp_path, "pkg", "pkg.part.VALUE == 1", "from pkg import part", PART)
    sharded(tmp_path, "--import-mode", mode, python_path=str(tmp_path))


def test_a_part_of_the_standard_library(tmp_path):
    suite(tmp_path, "xml", "xml.sax.handler", "import xml.sax", {})
    sharded(tmp_path)


@pytest.mark.parametrize("workers", ["-n2", "-n4"])
def test_what_modules_of_the_project_register(tmp_path, workers):
    """In the order of a serial run."""
    suite(tmp_path, "pkg", "pkg.NAMES == ['one', 'two', 'three']", "import entries_one, entries_two", {
        "pkg/__init__.py": "NAMES = []\n",
        "entries_one.py": "import pkg\npkg.NAMES.append('one')\n",
        "entries_two.py": "import pkg\npkg.NAMES.append('two')\nimport entries_three\n",
        "entries_three.py": "import pkg\npkg.NAMES.append('three')\n"})
    sharded(tmp_path, workers, "--comb-all-workers")


def test_what_test_files_register(tmp_path):
    """With a helper of the project, which also counts: numbers in ids are those of a serial run."""
    registers = USER.replace("import pytest, time, %s", "import helper, pytest, time\nhelper.NAMES.append(__name__)\nOWN = helper.count()")
    files = {"test_%d" % n: registers.replace("range(4)", "[helper.count() for _ in range(4)]") % "helper.NAMES == ['test_%d' % n for n in range(8)]"
             for n in range(8)}
    write(tmp_path, helper="import itertools\nNAMES = []\ncount = itertools.count().__next__\n", **files)
    got = comb(tmp_path, "--comb-start=shard", "-v", "-n4", "--comb-all-workers")
    assert "start=shard" in got.out and got.counts == {"passed": 32}, got.out
    assert set(got.outcomes) == {"test_%d::test_a[%d]" % (n, 5 * n + 1 + k) for n in range(8) for k in range(4)}


def test_a_worker_that_takes_the_place_of_another(tmp_path):
    suite(tmp_path, "pkg", "pkg.part.VALUE == 1", "from pkg import part", PART)
    write(tmp_path, test_3="import os\ndef test_a(): os._exit(1)\n", test_4="import os\ndef test_a(): os._exit(1)\n")
    got = comb(tmp_path, "--comb-start=shard")
    assert got.counts == {"passed": 4 * (USERS - 2) + 1, "failed": 2}, got.out


def test_each_file_is_imported_once(tmp_path):
    """Also a package that is not the project's, and that one test file knows."""
    (tmp_path / "suite").mkdir()
    suite(tmp_path / "suite", "os", "True", "import far", {"../far/far.py": "import os\nopen(%r, 'a').write('x')\n" % str(tmp_path / "count")})
    sharded(tmp_path / "suite", "-n4", "--comb-all-workers", python_path=str(tmp_path / "far"))
    assert (tmp_path / "count").read_text() == "x"


def test_its_warnings_are_told_once(tmp_path):
    suite(tmp_path, "os", "True", "import old", {"old.py": "import warnings\nwarnings.warn('too old', DeprecationWarning)\n"})
    assert sharded(tmp_path).out.count("DeprecationWarning: too old") == 1


LATE = """
import importlib.util, os, sys, time
import pytest
def seen():
    return (os.environ.get("LATE"), os.environ.get("EARLY"), os.path.isfile("conftest.py"),
            os.path.basename(os.path.dirname(importlib.util.find_spec("which").origin)))
BEFORE = seen()
@pytest.mark.parametrize("n", range(3), ids=lambda n: "-".join(map(str, seen())))
def test_a(n):
    time.sleep(%s)
    assert BEFORE == (None, "1", True, "suite")
    assert %s
"""


@pytest.mark.parametrize("change, needs", [
    ("os.environ['LATE'] = '1'", "os.environ['LATE'] == os.environb[b'LATE'].decode() == '1'"),
    ("os.environ.pop('EARLY')", "'EARLY' not in os.environ and os.getenv('EARLY') is None"),
    ("os.chdir(tempfile.mkdtemp(dir=os.environ['SCRATCH']))", "not os.listdir()"),
    ("gone = tempfile.mkdtemp(dir=os.environ['SCRATCH'])\n    os.chdir(gone)\n    os.rmdir(gone)", "not os.path.exists(os.curdir + '/conftest.py')"),
    ("sys.path.insert(0, os.environ['SCRATCH'])", "sys.path[0] == os.environ['SCRATCH']"),
])
def test_what_a_session_fixture_changes_comes_after_all_collection(tmp_path, change, needs):
    """Files of the second half take long: who has done with the first makes the tests of some of them, with the ids that they had."""
    other, folder = tmp_path / "other", tmp_path / "suite"
    other.mkdir()
    folder.mkdir()
    write(other, which="")
    write(folder, which="", conftest="import os, pytest, sys, tempfile\n@pytest.fixture(scope='session', autouse=True)\n"
          "def changed():\n    %s\n" % change, **{"test_%d" % n: LATE % (".01" if n < 4 else ".15", needs) for n in range(8)})
    path = os.pathsep.join(filter(None, [str(folder), extension().get("PYTHONPATH", "")]))
    got = comb(folder, "--comb-start=shard", "-v", "-n3", "--comb-all-workers", env={"SCRATCH": str(other), "EARLY": "1", "PYTHONPATH": path})
    assert "start=shard" in got.out and got.counts == {"passed": 24} and "other tests each time" not in got.out, got.out


COPIES = """
import pytest, settings, time
BEFORE = list(settings.VALUES)
@pytest.mark.parametrize("n", range(3))
def test_a(n):
    time.sleep(%s)
    settings.VALUES.append(n)
    assert not BEFORE
"""


@pytest.mark.parametrize("workers", ["-n2", "-n5"])
def test_what_tests_change_in_a_module_comes_after_all_imports(tmp_path, workers):
    """Files of the second half take long: who has done with the first runs tests of those, which copied settings when they were imported."""
    write(tmp_path, settings="VALUES = []\n", **{"test_%02d" % n: COPIES % (".002" if n < 8 else ".1") for n in range(16)})
    got = comb(tmp_path, "--comb-start=shard", "-v", workers, "--comb-all-workers")
    assert "start=shard" in got.out and got.counts == {"passed": 48}, got.out
