"""Files that tests leave open: those with a temporary name are gone after a run, and what was written to the others is there."""

import pytest

from engine_run import comb, serial, write

TESTS = '''
import tempfile
SHARED = tempfile.NamedTemporaryFile(prefix="shared")
FOLDER = tempfile.TemporaryDirectory(prefix="folder")
KEPT = []
def test_a():
    KEPT.append(tempfile.NamedTemporaryFile("w+", prefix="own"))
    KEPT.append(tempfile.TemporaryFile())
    KEPT.append(tempfile.SpooledTemporaryFile())
def test_b():
    local = tempfile.NamedTemporaryFile(prefix="local")
def test_c():
    KEPT.append(open("text-{0}", "w"))
    KEPT[-1].write("written")
    KEPT.append(open("bytes-{0}", "wb"))
    KEPT[-1].write(b"written")
    KEPT.append(open("both-{0}", "w+b"))
    KEPT[-1].write(b"written")
    KEPT.append(open("closed-{0}", "w"))
    KEPT[-1].close()
def test_d():
    KEPT.append(tempfile.NamedTemporaryFile(prefix="kept", delete=False))
    assert SHARED.write(b"x") == 1 and open(SHARED.name).read() == ""
'''


def check(folder, got, tests):
    assert got.code == 0 and got.counts == {"passed": tests} and "Error" not in got.out, got.out
    left = sorted(path.name[:4] for path in (folder / "tmp").iterdir() if not path.name.startswith("pytest-of"))
    assert left == ["kept"] * (tests // 4)
    for name in ("text", "bytes", "both"):
        assert [path.read_text() for path in folder.glob(name + "-*")] == ["written"] * (tests // 4)


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "tmp").mkdir()
    write(tmp_path, test_a=TESTS.format("a"), test_b=TESTS.format("b"))
    return tmp_path


@pytest.mark.parametrize("start", ["auto", "once", "shard", "import"])
def test_files_that_are_left_open(suite, start):
    check(suite, comb(suite, "--comb-start=" + start, env={"TMPDIR": str(suite / "tmp")}), 8)


def test_the_same_serially(suite):
    check(suite, serial(suite, env={"TMPDIR": str(suite / "tmp")}), 8)


def test_of_processes_of_their_own(suite):
    write(suite, conftest="import pytest\ndef pytest_itemcollected(item): item.add_marker('fresh')\n"
                          "def pytest_configure(config): config.addinivalue_line('markers', 'fresh')\n")
    check(suite, comb(suite, env={"TMPDIR": str(suite / "tmp")}), 8)
