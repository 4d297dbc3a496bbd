"""Reading, writing and splitting amounts."""

import pytest

from shop.money import format_price, parse_price, percentage, split_evenly, vat_included


@pytest.mark.parametrize("text, cents", [
    ("7.50", 750), ("7,50", 750), (" 12 ", 1200),
])
def test_parse(text, cents):
    assert parse_price(text) == cents


@pytest.mark.parametrize("text", ["free", "1.005"])
def test_parse_refuses(text):
    with pytest.raises(ValueError):
        parse_price(text)


@pytest.mark.parametrize("cents, text", [
    (1234567, "12,345.67 EUR"), (-990, "-9.90 EUR"),
])
def test_format(cents, text):
    assert format_price(cents) == text


@pytest.mark.parametrize("gross, rate, vat", [
    (1190, "standard", 190), (1070, "reduced", 70),
])
def test_vat_included(gross, rate, vat):
    assert vat_included(gross, rate) == vat


def test_percentage_rounds_half_up():
    assert percentage(250, 5) == 13


def test_split():
    assert split_evenly(100, 3) == [34, 33, 33]
