"""What plugins of the controller do when a run begins is over before a worker, or the process that collects, comes to the same."""

import pytest

from engine_run import comb, write

MAKES = '''
import os, pathlib, time
PLACE = pathlib.Path(__file__).with_name("made")

def make():
    time.sleep(.3)  # who does not wait is here before it is made
    PLACE.write_text("by the controller")
'''
IN_HOOK = MAKES + '''
def {hook}():
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert PLACE.read_text() == "by the controller"
    else:
        make()
'''
FOR_NODES = MAKES + '''
def {hook}():
    make()
'''
TESTS = '''
import conftest

THERE = conftest.PLACE.read_text()

def test_a():
    assert THERE == "by the controller"

def test_b():
    pass
'''


@pytest.mark.parametrize("start", ["auto", "once", "shard", "import"])
@pytest.mark.parametrize("conftest, hook", [
    (IN_HOOK, "pytest_cmdline_main"), (IN_HOOK, "pytest_configure"), (IN_HOOK, "pytest_sessionstart"),
    (FOR_NODES, "pytest_xdist_setupnodes"), (FOR_NODES, "pytest_xdist_newgateway"), (FOR_NODES, "pytest_configure_node")])
def test_a_hook_of_the_controller_is_over_before_it_is_called_elsewhere_and_before_test_files_are_imported(tmp_path, conftest, hook, start):
    write(tmp_path, conftest=conftest.format(hook=hook), test_a=TESTS, test_b=TESTS)
    got = comb(tmp_path, "--comb-start=" + start)
    assert got.counts == {"passed": 4}, got.out


def test_no_test_file_is_imported_where_the_controller_does_not_begin(tmp_path):
    write(tmp_path, conftest='''
import time
def pytest_xdist_setupnodes():
    time.sleep(.2)
    raise ValueError("no nodes")
''', test_a="open('imported', 'w').close()\ndef test_a(): pass")
    got = comb(tmp_path)
    assert "no nodes" in got.out
    assert not (tmp_path / "imported").exists()
