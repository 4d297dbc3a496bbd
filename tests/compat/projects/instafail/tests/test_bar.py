import pytest


@pytest.mark.parametrize("number", range(12))
def test_passes(number):
    pass


@pytest.mark.parametrize("number", range(3))
def test_fails(number):
    print("printed by", number)
    assert number == "a number"


@pytest.mark.skip(reason="not today")
def test_skipped():
    pass


@pytest.mark.xfail
def test_xfail():
    raise AssertionError("expected")


@pytest.fixture
def broken():
    raise RuntimeError("no resource")


def test_error(broken):
    pass
