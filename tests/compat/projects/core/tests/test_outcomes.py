import logging
import os
import sys
import time
import warnings

import pytest


@pytest.mark.parametrize("number", range(8))
def test_number(number):
    print("printed: number{}".format(number))


@pytest.mark.parametrize("text", ["a b", "\u00fcml\u00e4ut", "x" * 30, "a/b::c", "", "[x]"])
def test_ids(text):
    pass


def test_fails():
    print("to standard output")
    sys.stderr.write("to standard error\n")
    logging.getLogger("core").warning("to the log")
    assert {"a": [1, 2, 3]} == {"a": [1, 2, 4]}


def test_raises():
    def inner():
        raise ValueError("one line\nand \x00 another")

    inner()


@pytest.mark.fast
def test_skips():
    pytest.skip("not today")


@pytest.mark.skipif(sys.version_info > (3,), reason="a reason")
def test_skipif():
    raise AssertionError


@pytest.mark.xfail(reason="known")
def test_xfail():
    raise AssertionError("expected")


@pytest.mark.xfail(reason="not any more")
def test_xpass():
    pass


@pytest.mark.xfail(strict=True, reason="strictly")
def test_xpass_strict():
    pass


@pytest.mark.xfail(raises=KeyError)
def test_xfail_with_another_error():
    raise ValueError("another")


def test_imperative_xfail():
    pytest.xfail("while running")


@pytest.fixture
def setup_fails():
    raise RuntimeError("in setup")


def test_setup_error(setup_fails):
    pass


@pytest.fixture
def teardown_fails():
    yield
    raise RuntimeError("in teardown")


def test_teardown_error(teardown_fails):
    pass


def test_fails_twice(teardown_fails):
    raise AssertionError("in the call")


@pytest.fixture
def skips_in_setup():
    pytest.skip("from a fixture")


def test_fixture_skips(skips_in_setup):
    pass


def test_warns():
    warnings.warn("from a test", UserWarning)


@pytest.mark.slow
def test_slow():
    time.sleep(0.5)


def test_captured_descriptors(capfd):
    os.write(1, b"written")
    assert capfd.readouterr().out == "written"


def test_monkeypatch(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORE", "1")
    assert os.getcwd() == str(tmp_path)


def test_environment_is_clean():
    assert "CORE" not in os.environ


def test_properties(record_property, record_testsuite_property):
    record_property("key", "value <&>")


def test_unknown_fixture(no_such_fixture):
    pass
