import os
import unittest
from unittest import mock
from unittest.mock import patch

import pytest

HOME = os.environ["HOME"]


def test_reads():
    assert os.environ["HOME"] == HOME
    assert os.environ.get("A") is None


def test_monkeypatch(monkeypatch):
    monkeypatch.setenv("PREFIX", "x")
    os.environ["PREFIX"] = "y"


def test_with():
    with patch.dict(os.environ, {"A": "b"}):
        os.environ["C"] = "d"


@mock.patch.dict("os.environ", {"A": "b"})
def test_decorated():
    os.environ["E"] = "f"


def test_finally():
    old = os.environ["PATH"]
    os.environ["PATH"] = "/bin"
    try:
        assert True
    finally:
        os.environ["PATH"] = old


@pytest.fixture
def lang():
    os.environ["LANG"] = "C"
    yield
    del os.environ["LANG"]


@pytest.fixture
def clean_environ():
    saved = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(saved)


def test_uses_restoring_fixture(clean_environ):
    os.environ["X"] = "y"


class TestWithTearDown(unittest.TestCase):
    def setUp(self):
        os.environ["A"] = "b"

    def tearDown(self):
        os.environ.pop("A", None)

    def test_cleanup(self):
        os.environ["B"] = "c"
        self.addCleanup(os.environ.pop, "B")


def test_copy():
    env = dict(os.environ)
    env["A"] = "b"
    environ = os.environ.copy()
    environ["A"] = "b"
