"""Invoices: their numbers, their text."""

from __future__ import annotations

import os
from dataclasses import dataclass

from shop.money import format_price, vat_included

WIDTH = 40


def default_prefix() -> str:
    """Each company of the holding sets SHOP_INVOICE_PREFIX on its servers."""
    return os.environ.get("SHOP_INVOICE_PREFIX", "INV")


class InvoiceNumbers:
    """Consecutive numbers within a year: INV-2024-0001, INV-2024-0002, ..."""

    def __init__(self, year: int, prefix: str | None = None, last: int = 0) -> None:
        self._head = f"{prefix or default_prefix()}-{year}"
        self._last = last

    def next(self) -> str:
        self._last += 1
        return f"{self._head}-{self._last:04d}"


@dataclass(frozen=True)
class InvoiceLine:
    text: str
    quantity: int
    price: int

    @property
    def total(self) -> int:
        return self.quantity * self.price


@dataclass(frozen=True)
class Invoice:
    number: str
    customer: str
    lines: tuple[InvoiceLine, ...]

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)

    def render(self) -> str:
        """The invoice as plain text, 40 columns wide."""
        body = [_row(f"{line.quantity} x {line.text}", line.total) for line in self.lines]
        foot = [_row("Total", self.total), _row("VAT included", vat_included(self.total))]
        rule = "-" * WIDTH
        return "\n".join([f"Invoice {self.number}", self.customer, rule, *body, rule, *foot, ""])


def _row(text: str, cents: int) -> str:
    price = format_price(cents)
    room = WIDTH - len(price) - 1
    return f"{text[:room]:<{room}} {price}"
