"""These come last, in reverse."""

import pytest


@pytest.mark.parametrize("n", range(4))
def test_number(n):
    assert n != 2


def test_end():
    pass
