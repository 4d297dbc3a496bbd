"""Amounts are whole cents; this module reads, writes and splits them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

VAT_PERCENT = {"standard": 19, "reduced": 7, "none": 0}


def parse_price(text: str) -> int:
    """Cents from a price such as "7.50" or "7,50"."""
    try:
        amount = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise ValueError(f"not a price: {text!r}") from None
    if amount < 0 or amount != amount.quantize(Decimal("0.01")):
        raise ValueError(f"not a price: {text!r}")
    return int(amount * 100)


def format_price(cents: int, currency: str = "EUR") -> str:
    """A price for people: 1234567 becomes "12,345.67 EUR"."""
    sign = "-" if cents < 0 else ""
    euros, rest = divmod(abs(cents), 100)
    return f"{sign}{euros:,}.{rest:02d} {currency}"


def percentage(cents: int, percent: int) -> int:
    """That many percent of an amount, rounded half up to a cent."""
    return scale(cents, Decimal(percent) / 100)


def scale(cents: int, factor: Decimal) -> int:
    """An amount times a factor, rounded half up to a cent."""
    return int((Decimal(cents) * factor).quantize(Decimal(1), ROUND_HALF_UP))


def vat_included(gross: int, rate: str = "standard") -> int:
    """The value added tax contained in a gross amount."""
    percent = VAT_PERCENT[rate]
    return scale(gross, Decimal(percent) / Decimal(100 + percent))


def split_evenly(cents: int, parts: int) -> list[int]:
    """Instalments that differ by at most one cent and add up exactly."""
    if parts < 1:
        raise ValueError("at least one part is needed")
    share, rest = divmod(cents, parts)
    return [share + 1] * rest + [share] * (parts - rest)
