import pytest


@pytest.mark.parametrize("number", range(6))
def test_number(number):
    pass


@pytest.mark.order(1)
def test_before_all_others():
    pass
