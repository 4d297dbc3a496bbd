"""Prices in other currencies, at the bank's rate of the day."""

from __future__ import annotations

import time
from decimal import Decimal

from shop.money import format_price, scale

BANK_LATENCY = 0.15
_RATES = {"USD": "1.08", "GBP": "0.85", "CHF": "0.96"}


class UnknownCurrency(ValueError):
    """The bank does not quote this currency."""


def fetch_rate(currency: str) -> Decimal:
    """Units of the currency for one euro; asks the bank (here: a sandbox of it)."""
    time.sleep(BANK_LATENCY)
    try:
        return Decimal(_RATES[currency])
    except KeyError:
        raise UnknownCurrency(currency) from None


def convert(cents: int, currency: str) -> int:
    """An amount in euro cents, in cents of another currency."""
    return cents if currency == "EUR" else scale(cents, fetch_rate(currency))


def price_tag(cents: int, currency: str) -> str:
    """The price as shown to a customer who pays in that currency."""
    return format_price(convert(cents, currency), currency)
