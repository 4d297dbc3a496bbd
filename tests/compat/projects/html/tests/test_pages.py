import sys

import pytest


@pytest.mark.parametrize("number", range(8))
def test_passes(number, extras):
    import pytest_html

    extras.append(pytest_html.extras.url("https://example.com/%d" % number))


def test_fails():
    print("to standard output <b>&")
    print("to standard error", file=sys.stderr)
    raise AssertionError("<script>alert(1)</script>")


def test_skipped():
    pytest.skip("not today")


@pytest.mark.xfail(reason="known")
def test_xfail():
    raise AssertionError("expected")


@pytest.mark.xfail
def test_xpass():
    pass


@pytest.fixture
def broken():
    raise RuntimeError("no resource")


def test_error(broken):
    pass
