import decimal
import locale

import numpy as np
import pytest


@pytest.fixture
def german():
    old = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    yield
    locale.setlocale(locale.LC_ALL, old)


def test_precision():
    with decimal.localcontext():
        decimal.getcontext().prec = 3


def test_numpy():
    with np.errstate(all="raise"):
        np.seterr(all="warn")
