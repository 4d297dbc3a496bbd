import os

import pytest

attempts = {}


def attempt(name):
    attempts[name] = attempts.get(name, 0) + 1
    return attempts[name]


@pytest.mark.parametrize("number", range(8))
def test_stable(number):
    pass


@pytest.mark.parametrize("number", range(4))
def test_second_time(number):
    assert attempt(("second", number)) >= 2


def test_never():
    attempt("never")
    raise AssertionError("never")


@pytest.mark.flaky(reruns=4, reruns_delay=0.01)
def test_marked():
    assert attempt("marked") == 4


@pytest.mark.flaky(reruns=2, only_rerun="ValueError")
def test_only_some_errors():
    attempt("some")
    raise KeyError("no rerun")


@pytest.fixture
def broken_at_first():
    if attempt("setup") < 2:
        raise RuntimeError("setup failed at first")


def test_setup(broken_at_first):
    pass


@pytest.fixture
def torn_down():
    yield
    if attempt("teardown") < 2:
        raise RuntimeError("teardown failed at first")


def test_teardown(torn_down):
    pass


class TestClass:
    @pytest.fixture(scope="class", autouse=True)
    def resource(self):
        yield attempt("class")

    def test_in_class(self, resource):
        assert attempt("in class") >= 2
