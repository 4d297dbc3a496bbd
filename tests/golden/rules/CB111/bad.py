import decimal
import locale
import time

import numpy as np


def test_german():
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")  # CB111


def test_zone():
    time.tzset()  # CB111


def test_precision():
    decimal.getcontext().prec = 3  # CB111


def test_numpy():
    np.seterr(all="raise")  # CB111
