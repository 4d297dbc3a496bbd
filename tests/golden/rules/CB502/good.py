import pytest


@pytest.mark.parametrize("f", [lambda: 1, lambda: 2], ids=["one", "two"])
def test_lambda(f):
    assert f()


@pytest.mark.parametrize("f", [lambda: 1, lambda: 2])
def test_plain(f):
    assert f()


@pytest.mark.parametrize("x", ["a", "b"], ids=repr)
def test_text(x):
    assert x
