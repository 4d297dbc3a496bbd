"""Parcels: what they cost, when they arrive, where they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Quote:
    carrier: str
    price: int
    days: int


@dataclass(frozen=True)
class Carrier:
    """A carrier's tariff; a quote takes `latency` seconds to come in."""

    name: str
    base: int
    per_kg: int
    days: int
    max_grams: int = 30_000
    latency: float = 0.1

    def quote(self, grams: int) -> Quote | None:
        time.sleep(self.latency)
        if grams > self.max_grams:
            return None
        started_kg = -(-grams // 1000)
        return Quote(self.name, self.base + self.per_kg * started_kg, self.days)


def cheapest(carriers: list[Carrier], grams: int) -> Quote:
    """Ask all carriers at once and take the lowest price."""
    with ThreadPoolExecutor(max_workers=len(carriers)) as pool:
        answers = list(pool.map(lambda carrier: carrier.quote(grams), carriers))
    quotes: list[Quote] = [quote for quote in answers if quote]
    if not quotes:
        raise ValueError(f"no carrier takes {grams} g")
    return min(quotes, key=lambda quote: (quote.price, quote.days))


def delivery_day(ordered: date, working_days: int) -> date:
    """The day of arrival, not counting Saturdays and Sundays."""
    day = ordered
    while working_days:
        day += timedelta(days=1)
        if day.weekday() < 5:
            working_days -= 1
    return day
