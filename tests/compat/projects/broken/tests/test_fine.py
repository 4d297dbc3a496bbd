import time

import pytest


@pytest.mark.parametrize("number", range(10))
def test_fine(number):
    time.sleep(0.02)
