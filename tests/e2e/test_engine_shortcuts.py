"""What a worker does less often than pytest changes nothing that a test or a plugin could see."""

import re

from engine_run import comb, serial, write

OUTPUT = '''
import os, subprocess, sys
def test_printed(): print("one"); os.write(1, b"two\\n"); assert 0
def test_silent(): assert 0
def test_buffered():
    sys.stdout.reconfigure(write_through=False, line_buffering=False)
    sys.stdout.write("kept in a buffer")
    assert 0
def test_child(): subprocess.run(["echo", "child"]); os.write(2, b"error\\n"); assert 0
def test_emptied(): print("gone"); os.ftruncate(1, 0); os.lseek(1, 5, 0); os.write(1, b"far"); assert 0
def test_moved(): os.lseek(1, 3, 0); assert 0
def test_after(): print("last"); assert 0
def test_own(capfd): print("mine"); assert capfd.readouterr().out == "mine\\n"
def test_large(): os.write(1, b"x" * 300000); assert 0
'''

SAYS = '''
import pytest
def pytest_runtest_setup(item):
    item.user_properties.append(("setup", "{name}"))
def pytest_runtest_makereport(item, call):
    item.user_properties.append(("report", "{name}"))
'''

LATE = '''
class Late:
    def pytest_runtest_setup(self, item):
        item.user_properties.append(("setup", "late"))

def test_first(request, record_property):
    record_property("n", 1)
    request.config.pluginmanager.register(Late(), "late")
def test_second(): pass
def test_third(request):
    request.config.pluginmanager.unregister(name="late")
def test_fourth(): pass
'''

TELLS = '''
def pytest_runtest_logreport(report):
    if report.when == "teardown":
        print("\\n<<", report.nodeid, report.user_properties, ">>")
'''


def captured(text):
    """By test, what was captured of it."""
    parts = re.split(r"^_{5,} (test_\w+) _{5,}$", text.split("short test summary")[0], flags=re.MULTILINE)
    return {name: re.findall(r"^-+ Captured (\w+ \w+) -+\n(.*?)(?=^-{5,}|^=+|\Z)", body, re.MULTILINE | re.DOTALL)
            for name, body in zip(parts[1::2], parts[2::2])}


def told(done):
    """What plugins of the reporting process saw."""
    return sorted(set(re.findall(r"<<(.*?)>>", done.out)))


def test_output_is_captured_as_in_a_serial_run(tmp_path):
    write(tmp_path, test_output=OUTPUT)
    one, other = serial(tmp_path), comb(tmp_path, "-n1")
    assert (one.counts["failed"], one.counts["passed"]) == (8, 1)
    assert captured(other.out) == captured(one.out)
    assert captured(one.out)["test_buffered"] == [("stdout call", "kept in a buffer\n")]
    assert not captured(one.out)["test_silent"]


def test_hooks_of_a_folder_are_called_below_it(tmp_path):
    write(tmp_path, conftest=TELLS)
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, conftest=SAYS.format(name=name))
        (tmp_path / name / f"test_{name}.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    one, other = serial(tmp_path, "-s"), comb(tmp_path, "-n2", "-s")
    assert told(other) == told(one) and len(told(one)) == 4
    assert all(("'left'" in line) != ("'right'" in line) for line in told(one))


def test_a_plugin_that_comes_and_goes_is_seen_by_every_test(tmp_path):
    write(tmp_path, conftest=TELLS)
    (tmp_path / "apart").mkdir()
    write(tmp_path / "apart", conftest="def pytest_runtest_setup(item): pass\n")
    (tmp_path / "test_late.py").write_text(LATE)
    one, other = serial(tmp_path, "-s"), comb(tmp_path, "-n1", "-s")
    assert told(other) == told(one)
    assert ["'late'" in line for line in told(one)] == [False, False, True, True]
