"""Vouchers: a percentage or a fixed amount, within a span of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shop.money import percentage


@dataclass(frozen=True)
class Voucher:
    code: str
    percent: int = 0
    amount: int = 0
    first_day: date = date.min
    last_day: date = date.max

    def __post_init__(self) -> None:
        if bool(self.percent) == bool(self.amount):
            raise ValueError("a voucher has either a percentage or an amount")
        if not 0 <= self.percent <= 100:
            raise ValueError("a percentage is between 0 and 100")

    def valid_on(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def reduction(self, goods: int) -> int:
        """What the voucher takes off; never more than the goods cost."""
        return min(goods, self.amount or percentage(goods, self.percent))
