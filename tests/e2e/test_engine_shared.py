"""What was made before the fork and is no good to several processes: each worker makes its own, and the reason is said."""

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
