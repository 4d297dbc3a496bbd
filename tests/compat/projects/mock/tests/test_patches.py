import os
import time

import pytest


@pytest.mark.parametrize("number", range(6))
def test_patch(mocker, number):
    mocker.patch("os.getcwd", return_value="/somewhere/%d" % number)
    assert os.getcwd() == "/somewhere/%d" % number


@pytest.mark.parametrize("number", range(6))
def test_undone(number):
    assert not os.getcwd().startswith("/somewhere")
    assert time.time() > 1000


@pytest.fixture(scope="module")
def frozen(module_mocker):
    module_mocker.patch("time.gmtime", return_value="frozen")


@pytest.mark.parametrize("number", range(4))
def test_module_scope(frozen, number):
    assert time.gmtime() == "frozen"


def test_spy(mocker):
    spy = mocker.spy(os.path, "basename")
    os.path.basename("/a/b")
    spy.assert_called_once_with("/a/b")


def test_call_compared(mocker):
    stub = mocker.stub("stub")
    stub("one", number=1)
    stub.assert_called_once_with("two", number=2)
