import pytest


@pytest.mark.parametrize("f", [lambda: 1, lambda: 2], ids=repr)  # CB502
def test_lambda(f):
    assert f()


@pytest.mark.parametrize("x", [object()], ids=lambda x: repr(x))  # CB502
def test_object(x):
    assert x
