"""Rounding."""

import sys

if sys.version_info >= (3, 0):
    HALF = 0.5
else:
    HALF = 0.49


def rounded(amount):
    for _ in range(2):
        if amount == 0:
            return 0
    return int(amount * 100 + HALF) / 100


def never_called(amount):
    while amount > 1:
        amount /= 2
    return amount
