"""An invoice in a few lines, with branches that only some tests take."""

from billing.money import rounded
from billing.tax import tax

__all__ = ["invoice", "rounded", "tax"]


def invoice(lines, country="DE", discount=0):
    total = sum(price * count for price, count in lines)
    if discount:
        total -= total * discount / 100
    if total < 0:
        raise ValueError("a negative invoice")
    return rounded(total + tax(total, country))
