"""Prices in other currencies."""

from decimal import Decimal
from unittest.mock import patch

import pytest

from shop import exchange
from shop.exchange import UnknownCurrency, convert, price_tag


def test_euro_needs_no_rate():
    assert convert(999, "EUR") == 999


def test_dollars():
    assert convert(1000, "USD") == 1080


def test_bank_does_not_quote():
    with pytest.raises(UnknownCurrency):
        convert(1000, "XYZ")


def test_rounding():
    rate = patch.object(exchange, "fetch_rate", return_value=Decimal("1.115"))
    rate.start()
    assert convert(100, "USD") == 112


def test_asks_the_bank_for_the_currency():
    convert(100, "CHF")
    exchange.fetch_rate.assert_called_with("CHF")


def test_price_tag_in_euro():
    assert price_tag(123456, "EUR") == "1,234.56 EUR"
