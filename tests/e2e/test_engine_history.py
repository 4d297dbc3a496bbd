"""What runs of the engine remember, and what the next run makes of it."""

import os
import re
import sqlite3
import stat
import time

import pytest
from engine_run import comb, write

REMEMBER = ("-p", "cacheprovider", "-p", "stepwise")  # engine_run turns the cache off, and the history with it

MIXED = '''
import os, time, pytest
def test_short(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_long(n): time.sleep(0.1)
def test_fails(): time.sleep(0.05); assert 0
@pytest.mark.skip(reason="no")
def test_skipped(): pass
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
'''

LOG = '''
import os
def pytest_runtest_logstart(nodeid):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
def pytest_runtest_call(item):
    with open("order.txt", "a") as file:
        file.write("%s %s\\n" % (os.environ.get("PYTEST_XDIST_WORKER"), item.nodeid))
'''


def rows(folder, sql):
    with sqlite3.connect(str(folder / ".comb" / "history.db")) as database:
        return list(database.execute(sql))


def paces(folder):
    """{name: (seconds of the call, outcome)}"""
    import math
    return {name: (math.exp(log), outcome)
            for name, log, outcome in rows(folder, "SELECT name, log_call, outcome FROM tests JOIN paces ON test = id")}


def order(folder):
    """Names of the tests as they began."""
    return [line.split()[1].split("::")[-1] for line in (folder / "order.txt").read_text().splitlines()]


CLOCK = '''
import _pytest.timing, pytest
@pytest.fixture
def years(monkeypatch):
    for name in ("perf_counter", "time"):
        monkeypatch.setattr(_pytest.timing, name, lambda: 1e12)
def test_late(years): pass
def test_plain(): pass
'''


def test_a_test_that_sets_the_clock_is_not_planned_for_years(tmp_path):
    write(tmp_path, test_clock=CLOCK)
    comb(tmp_path, *REMEMBER)
    assert len(paces(tmp_path)) == 2
    setups = rows(tmp_path, "SELECT log_setup FROM paces")
    assert all(log < 5 for log, in setups), setups


def test_a_run_writes_what_its_tests_took(tmp_path):
    write(tmp_path, test_mixed=MIXED)
    comb(tmp_path, *REMEMBER)
    known = paces(tmp_path)
    assert {name: outcome for name, (_, outcome) in known.items()} == {
        "test_short": 1, "test_long[1]": 1, "test_long[2]": 1, "test_fails": 2, "test_skipped": 4, "test_xfail": 5,
        "test_error": 3}
    assert 0.1 <= known["test_long[1]"][0] < 0.3
    assert 0.05 <= known["test_fails"][0] < 0.25
    [(purpose, workers, exit_code, collected, failed)] = rows(
        tmp_path, "SELECT purpose, workers, exit_code, collected, failed FROM runs")
    assert (purpose, workers, exit_code, collected, failed) == ("run", 2, 1, 7, 2)
    assert (tmp_path / ".comb" / ".gitignore").read_text() == "*\n"


def test_a_crash_leaves_the_rest_of_the_history(tmp_path):
    write(tmp_path, test_a="import os, time\ndef test_a(): time.sleep(0.05)\ndef test_dies(): os._exit(3)\ndef test_b(): pass\n")
    comb(tmp_path, *REMEMBER)
    assert set(paces(tmp_path)) == {"test_a", "test_b"}


def test_the_second_run_begins_with_the_longest_module(tmp_path):
    write(tmp_path, conftest=LOG, test_a="def test_a1(): pass\ndef test_a2(): pass\n",
          test_b="import time\ndef test_b1(): time.sleep(0.2)\ndef test_b2(): time.sleep(0.2)\n")
    comb(tmp_path, "-n1", *REMEMBER)
    assert order(tmp_path) == ["test_a1", "test_a2", "test_b1", "test_b2"]
    (tmp_path / "order.txt").unlink()
    comb(tmp_path, "-n1", *REMEMBER)
    assert order(tmp_path) == ["test_b1", "test_b2", "test_a1", "test_a2"]


@pytest.mark.parametrize("asked", ["--ff", "--no-loadscope-reorder", "--comb-no-history"])
def test_an_order_that_was_asked_for_is_kept(tmp_path, asked):
    write(tmp_path, conftest=LOG, test_a="def test_a1(): pass\n",
          test_b="import time\ndef test_b1(): time.sleep(0.2)\n")
    comb(tmp_path, "-n1", *REMEMBER)
    (tmp_path / "order.txt").unlink()
    comb(tmp_path, "-n1", asked, *REMEMBER)
    assert order(tmp_path) == ["test_a1", "test_b1"]


@pytest.mark.parametrize("how", ["no:cacheprovider", "option", "ini"])
def test_nothing_is_written_by_who_does_not_want_it(tmp_path, how):
    write(tmp_path, test_a="def test_a(): pass\n")
    if how == "ini":
        (tmp_path / "pytest.ini").write_text("[pytest]\ncomb_history = false\n")
    done = comb(tmp_path, *{"no:cacheprovider": (), "option": (*REMEMBER, "--comb-no-history"), "ini": REMEMBER}[how])
    assert done.code == 0
    assert not (tmp_path / ".comb").exists()


def test_a_broken_history_is_put_aside_and_told_once(tmp_path):
    write(tmp_path, test_a="import time\ndef test_a(): time.sleep(0.02)\n")
    (tmp_path / ".comb").mkdir()
    (tmp_path / ".comb" / "history.db").write_bytes(b"no database " * 1000)
    done = comb(tmp_path, *REMEMBER)
    assert done.code == 0
    assert done.out.count("damaged") >= 1
    assert "test_a" in paces(tmp_path)
    assert "damaged" not in comb(tmp_path, *REMEMBER).out


def test_a_locked_history_does_not_hold_a_run(tmp_path):
    write(tmp_path, test_a="import time\ndef test_a(): time.sleep(0.02)\n")
    comb(tmp_path, *REMEMBER)
    holder = sqlite3.connect(str(tmp_path / ".comb" / "history.db"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    done = comb(tmp_path, *REMEMBER)
    holder.close()
    assert done.code == 0
    assert "locked" in done.out
    assert time.monotonic() - start < 10


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_project_is_run_without_a_word(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        done = comb(tmp_path, *REMEMBER)
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert done.code == 0
    assert "comb:" not in done.out.replace("comb: 2 workers", "")


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    (tmp_path / ".comb").write_text("a file")
    done = comb(tmp_path, *REMEMBER)
    assert done.code == 0
    assert (tmp_path / ".comb").read_text() == "a file"


FIXTURE = '''
import pytest, time
@pytest.fixture(scope="module")
def resource(inner): time.sleep(0.2)
@pytest.fixture(scope="session")
def inner(): time.sleep(0.3)
@pytest.fixture(scope="class")
def of_class(): time.sleep(0.1)
def test_first(resource): time.sleep(0.05)
def test_second(resource): time.sleep(0.05)
class TestClass:
    def test_third(self, of_class): pass
'''


def test_setups_are_kept_apart_from_the_tests_that_paid_them(tmp_path):
    import math
    write(tmp_path, test_a=FIXTURE)
    comb(tmp_path, "-n1", *REMEMBER)
    [(path, log)] = rows(tmp_path, "SELECT path, log_setup FROM setups")
    assert path == "test_a.py"
    assert 0.2 <= math.exp(log) < 0.29
    setups = {name: math.exp(log) for name, log in
              rows(tmp_path, "SELECT name, log_setup FROM tests JOIN paces ON test = id")}
    assert setups["test_first"] < 0.05
    assert 0.1 <= setups["TestClass::test_third"] < 0.25


def test_integration_workers_caps_how_many_run_at_once(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = integration\nintegration_workers = 1\n")
    write(tmp_path, test_a='''
import os, time, pytest
@pytest.mark.integration
@pytest.mark.parametrize("n", range(6))
def test_one_at_a_time(n):
    os.mkdir("alone")
    time.sleep(0.05)
    os.rmdir("alone")
@pytest.mark.parametrize("n", range(6))
def test_other(n): time.sleep(0.02)
''')
    done = comb(tmp_path, "-n4")
    assert done.counts == {"passed": 12}


def test_a_second_category_does_not_lift_the_cap_of_the_first(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    integration\n    slow\nintegration_workers = 1\n")
    write(tmp_path, test_a='''
import os, time, pytest
pytestmark = pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("n", range(4))
def test_one_at_a_time(n):
    os.mkdir("alone")
    time.sleep(0.1)
    os.rmdir("alone")
''')
    done = comb(tmp_path, "-n4", "--comb-all-workers")
    assert done.counts == {"passed": 4}


def test_integration_workers_wants_a_number(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nintegration_workers = many\n")
    write(tmp_path, test_a="def test_a(): pass\n")
    done = comb(tmp_path)
    assert done.code == 4
    assert "integration_workers = many" in done.out


def test_a_hundred_locks_are_exact(tmp_path):
    write(tmp_path, test_a='''
import os, time, pytest
@pytest.mark.parametrize("n", [pytest.param(n, marks=pytest.mark.exclusive("lock %d" % (n % 65))) for n in range(130)])
def test_lock(n):
    os.mkdir("lock%d" % (n % 65))
    time.sleep(0.002)
    os.rmdir("lock%d" % (n % 65))
''')
    assert comb(tmp_path, "-n4").counts == {"passed": 130}


def test_a_slow_benchmark_is_alone(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    write(tmp_path, test_a='''
import os, time, pytest
@pytest.fixture
def benchmark(): return None
@pytest.mark.slow
def test_measures(benchmark):
    assert not [name for name in os.listdir(".") if name.startswith("runs")]
    time.sleep(0.1)
    assert not [name for name in os.listdir(".") if name.startswith("runs")]
@pytest.mark.parametrize("n", range(6))
def test_other(n):
    os.mkdir("runs%d" % n)
    time.sleep(0.05)
    os.rmdir("runs%d" % n)
''')
    assert comb(tmp_path, "-n3").counts == {"passed": 7}


PARTS = {"idle at the end": "tail", "for locks": "lock", "capped": "cap", "serial": "serial", "more than once": "setup",
         "pytest and comb": "engine"}


def gap_of(done):
    """The figures of --comb-gap by name, in seconds; a part that is not told is nothing."""
    took, bound, why = re.search(r"tests took ([\d.]+) s; the lower bound is ([\d.]+) s \((.*?)\)", done.out).groups()
    gap = re.search(r"the gap of (-?[\d.]+) s:", done.out).group(1)
    parts = dict.fromkeys(PARTS.values(), 0.0)
    for seconds, text in re.findall(r"^  (-?[\d.]+) s (.*)$", done.out, re.M):
        parts[next(name for words, name in PARTS.items() if words in text)] = float(seconds)
    return {"took": float(took), "bound": float(bound), "why": why, "gap": float(gap), **parts}


def test_the_gap_is_explained_without_a_remainder(tmp_path):
    write(tmp_path, test_a="import pytest, time\n@pytest.mark.parametrize('n', range(10))\ndef test_a(n): time.sleep(0.05)\n")
    gap = gap_of(comb(tmp_path, "--comb-gap"))
    assert abs(gap["bound"] - 0.25) < 0.05
    parts = sum(gap[name] for name in ("tail", "lock", "cap", "serial", "setup", "engine"))
    assert abs(parts - gap["gap"]) < 0.004
    assert abs(gap["took"] - gap["bound"] - gap["gap"]) < 0.004


def test_the_gap_knows_what_a_lock_makes_inevitable(tmp_path):
    write(tmp_path, test_a="import pytest, time\npytestmark = pytest.mark.exclusive('x')\n"
                           "@pytest.mark.parametrize('n', range(6))\ndef test_a(n): time.sleep(0.05)\n")
    gap = gap_of(comb(tmp_path, "--comb-gap"))
    assert gap["why"] == "tests that must not overlap"
    assert abs(gap["bound"] - 0.3) < 0.05
    assert gap["lock"] < 0.1


def test_the_gap_names_repeated_setups(tmp_path):
    write(tmp_path, test_a="import pytest, time\n@pytest.fixture(scope='module')\ndef wide(): time.sleep(0.2)\n"
                           "@pytest.mark.parametrize('n', range(6))\ndef test_a(n, wide): time.sleep(0.1)\n")
    gap = gap_of(comb(tmp_path, "--comb-gap"))
    assert 0.08 < gap["setup"] < 0.15  # two workers paid, one of them in vain: 0.2 s of two


def test_the_gap_names_serial_tests_and_the_longest(tmp_path):
    write(tmp_path, test_a="import pytest, time\n@pytest.mark.serial\ndef test_a(): time.sleep(0.3)\n"
                           "def test_b(): time.sleep(0.02)\ndef test_c(): time.sleep(0.3)\n")
    gap = gap_of(comb(tmp_path, "--comb-gap"))
    assert gap["why"] == "the longest test"
    assert abs(gap["bound"] - 0.6) < 0.06
    assert gap["serial"] < 0.1
