import pytest


@pytest.mark.parametrize("number", range(5))
def test_inner(inner, number, package_resource):
    assert inner == "inner"
