"""The next item that hooks see, and fixtures of wider scopes that are torn down when it is known late."""

import pytest

from engine_run import comb, run, serial, write

LOOKS = """
import pytest
def pytest_runtest_teardown(item, nextitem):
    assert nextitem is None or isinstance(nextitem, pytest.Item)
    if nextitem is None or nextitem.parent is not item.parent:
        open('ends', 'a').write(item.nodeid + '\\n')
"""
PROTOCOL = """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    where = 'last' if nextitem is None else nextitem.nodeid.split('::')[0]
    yield
    open('seen', 'a').write(where + '\\n')
"""


@pytest.mark.parametrize("start", ["once", "shard", "import"])
def test_hooks_see_an_item_or_none(tmp_path, start):
    write(tmp_path, conftest=LOOKS, **{f"test_{name}": "def test_1(): pass\ndef test_2(): pass\n" for name in "abc"})
    got = comb(tmp_path, f"--comb-start={start}")
    assert got.counts == {"passed": 6} and got.code == 0, got.out
    assert len((tmp_path / "ends").read_text().split()) >= 3


def test_a_hook_behind_a_decorator_sees_it_too(tmp_path):
    write(tmp_path, conftest="import functools\ndef decorated(hook):\n    @functools.wraps(hook)\n    def inner(*args, **kwargs): return hook(*args, **kwargs)\n"
                             "    return inner\n" + LOOKS.replace("def pytest", "@decorated\ndef pytest"),
          test_a="def test_1(): pass\ndef test_2(): pass\n")
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 2}, got.out
    assert (tmp_path / "ends").read_text().split() == ["test_a.py::test_2"]


def test_a_hook_around_the_protocol_sees_it_too(tmp_path):
    write(tmp_path, conftest=PROTOCOL, test_a="def test_1(): pass\ndef test_2(): pass\n", test_b="def test_3(): pass\n")
    got = run(tmp_path, "--comb", "-n1")
    assert got.counts == {"passed": 3}, got.out
    assert (tmp_path / "seen").read_text().split() == ["test_a.py", "test_b.py", "last"]


def test_a_next_item_that_has_to_wait_for_a_lock_is_an_item(tmp_path):
    write(tmp_path, conftest="import pytest\ndef pytest_runtest_teardown(item, nextitem):\n"
                             "    assert nextitem is None or (isinstance(nextitem, pytest.Item) and nextitem.nodeid)\n",
          test_a="import pytest, time\n@pytest.mark.exclusive('l')\ndef test_1(): time.sleep(.4)\n"
                 "@pytest.mark.exclusive('l')\ndef test_2(): time.sleep(.1)\ndef test_3(): time.sleep(.1)\n")
    got = comb(tmp_path, "--comb-all-workers")
    assert got.counts == {"passed": 3}, got.out


def test_a_fresh_test_has_one_too(tmp_path):
    write(tmp_path, conftest=LOOKS, test_a="import pytest\npytestmark = pytest.mark.fresh\ndef test_1(): pass\ndef test_2(): pass\n")
    got = comb(tmp_path)
    assert got.counts == {"passed": 2}, got.out


@pytest.mark.parametrize("condition", ["exclusive('db')", "serial", "integration"])
def test_module_fixtures_stay_while_a_worker_waits(tmp_path, condition):
    """Nobody else runs the tests of the module; they only have to wait."""
    write(tmp_path, test_a="import os, pytest, time\n@pytest.fixture(scope='module')\ndef m():\n    open('log', 'a').write('up ')\n    yield\n"
                           "    open('log', 'a').write('down ')\n@pytest.mark.parametrize('n', range(20))\ndef test_p(m, n):\n"
                           "    while not os.path.exists('began'): time.sleep(.01)\n@pytest.mark.%s\ndef test_z(m): pass\n" % condition,
          test_b="import pytest, time\n@pytest.mark.%s\ndef test_long():\n    open('began', 'w').close()\n    time.sleep(.6)\n"
                 % condition.replace("serial", "slow"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nintegration_workers = 1\nmarkers =\n    slow: x\n    integration: x\n")
    got = comb(tmp_path, "--dist=loadfile", "--comb-all-workers")
    assert got.counts == {"passed": 22}, got.out
    assert (tmp_path / "log").read_text() == "up down "


def test_what_a_test_set_up_alone_is_gone_before_others_run(tmp_path):
    """A module fixture made under a lock may lock the same thing for others: it goes before the lock does."""
    one = ("import os, pytest, time\n@pytest.fixture(scope='module')\ndef m():\n    os.mkdir('alone')\n    yield\n    os.rmdir('alone')\n"
           "@pytest.mark.exclusive('db')\n@pytest.mark.parametrize('n', range(4))\ndef test_z(m, n): time.sleep(.02)\n")
    write(tmp_path, test_a=one, test_b=one)
    got = comb(tmp_path, "--comb-all-workers")
    assert got.counts == {"passed": 8}, got.out


FAILS = """
import pytest, time
@pytest.fixture(scope='%s')
def wide():
    yield
    print('said at the end')
    %s
"""
WAITS = "import time, pytest\n@pytest.mark.exclusive('L')\n@pytest.mark.parametrize('n', range(3))\ndef test_b(n): time.sleep(.2)\n"


@pytest.mark.parametrize("dist", ["load", "loadfile", "loadscope"])
def test_a_session_fixture_that_fails_late_is_an_error(tmp_path, dist):
    write(tmp_path, conftest=FAILS % ("session", "raise ValueError('late')"), test_a="def test_a(wide): pass\n", test_b=WAITS)
    got = comb(tmp_path, "--dist", dist, "--comb-all-workers")
    assert got.counts == {"passed": 4, "error": 1} and got.code == 1, got.out
    assert "ERROR at teardown of test_a" in got.out and "ValueError: late" in got.out and "said at the end" in got.out


def test_serial_tests_that_come_last_do_not_hide_it(tmp_path):
    write(tmp_path, conftest=FAILS % ("session", "raise ValueError('late')"), test_a="def test_a(wide): pass\n",
          test_b=WAITS.replace("exclusive('L')", "serial"))
    got = comb(tmp_path, "--comb-all-workers")
    assert got.counts["error"] >= 1 and got.code == 1, got.out


def test_a_late_teardown_has_a_time_limit(tmp_path):
    write(tmp_path, conftest=FAILS % ("session", "time.sleep(20)"), test_a="def test_a(wide): pass\n", test_b=WAITS)
    got = comb(tmp_path, "--comb-all-workers", "--comb-timeout=1")
    assert got.counts == {"passed": 4, "error": 1} and got.code == 1, got.out
    assert "crashed while tearing down fixtures after 'test_a.py::test_a'" in got.out and "took longer than 1 s" in got.out
    assert "in wide" in got.out


def test_pytest_exit_in_a_late_teardown_counts(tmp_path):
    write(tmp_path, conftest=FAILS % ("session", "pytest.exit('late', 7)"), test_a="def test_a(wide): pass\n", test_b=WAITS)
    assert comb(tmp_path, "--comb-all-workers").code == 7


def test_a_hook_that_fails_at_the_end_of_a_worker_is_no_success(tmp_path):
    write(tmp_path, conftest="def pytest_sessionfinish(session):\n    if hasattr(session.config, 'workerinput'): raise ValueError('at the end')\n",
          test_a="def test_a(): pass\n")
    got = comb(tmp_path)
    assert got.code not in (0, 5) and "ValueError: at the end" in got.out, got.out


def test_a_module_fixture_that_fails_after_a_wrong_guess_is_an_error_of_its_last_test(tmp_path):
    """The worker waits for the lock; the other one takes its test, and it goes on with another module."""
    one = "import pytest, time\n" + (FAILS % ("module", "raise ValueError('late')")).replace("import pytest, time\n", "")
    write(tmp_path, test_a=one + "def test_p(wide): pass\n@pytest.mark.exclusive('db')\ndef test_z(wide): pass\n",
          test_b="import pytest, time\n@pytest.mark.exclusive('db')\ndef test_long(): time.sleep(.4)\n@pytest.mark.exclusive('db')\ndef test_more(): pass\n")
    got = comb(tmp_path, "--comb-all-workers")
    assert got.counts["passed"] == 4 and got.counts["error"] >= 1 and got.code == 1, got.out
    assert serial(tmp_path).counts == {"passed": 4, "error": 1}


def test_an_interrupt_does_not_cut_a_late_teardown(tmp_path):
    """The worker waits for a lock as the signal comes, and tears down then."""
    write(tmp_path, conftest=FAILS % ("session", "time.sleep(.5); open('torn', 'w').close()"), test_a="def test_a(wide): pass\n",
          test_b="import os, pytest, signal, time\n@pytest.mark.exclusive('L')\ndef test_b():\n    time.sleep(.4)\n"
                 "    os.kill(int(os.environ['CONTROLLER']), signal.SIGINT)\n    time.sleep(9)\n@pytest.mark.exclusive('L')\ndef test_c(): pass\n",
          plug="import os\nos.environ.setdefault('CONTROLLER', str(os.getpid()))\n")
    got = comb(tmp_path, "-p", "plug", "--comb-all-workers", env={"PYTHONPATH": str(tmp_path)})
    assert got.code == 2 and (tmp_path / "torn").exists(), got.out
