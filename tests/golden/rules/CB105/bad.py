import os
from os import environ as env

import pytest


def test_prefix():
    os.environ["SHOP_PREFIX"] = "ACME"  # CB105


def test_update():
    env.update({"A": "b"})  # CB105


def test_delete():
    del os.environ["HOME"]  # CB105


@pytest.fixture
def debug():
    os.environ["DEBUG"] = "1"  # CB105
    return True


def test_not_restored_when_it_fails(monkeypatch):
    os.environ.pop("PATH", None)  # CB105
    assert True


class TestSetUp:
    def setup_method(self):
        os.putenv("LANG", "C")  # CB105

    def test_it(self):
        assert True
