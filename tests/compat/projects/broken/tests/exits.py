import time

import pytest


@pytest.mark.parametrize("number", range(10))
def test_fine(number):
    time.sleep(0.02)


def test_exits():
    pytest.exit("enough", returncode=7)


@pytest.mark.parametrize("number", range(40))
def test_later(number):
    time.sleep(0.05)
