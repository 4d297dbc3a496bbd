"""Parcels."""

from datetime import date

import pytest

from shop.shipping import Carrier, cheapest, delivery_day

POST = Carrier("Post", base=390, per_kg=100, days=3)
EXPRESS = Carrier("Express", base=990, per_kg=50, days=1, latency=0.2)
LIGHT = Carrier("Light", base=190, per_kg=0, days=5, max_grams=500)


@pytest.mark.parametrize("grams, price", [(1000, 490), (1001, 590)])
def test_every_started_kilogram_counts(grams, price):
    assert POST.quote(grams).price == price


@pytest.mark.parametrize("grams, name", [(400, "Light"), (5000, "Post"), (20000, "Express")])
def test_cheapest(grams, name):
    assert cheapest([POST, EXPRESS, LIGHT], grams).carrier == name


def test_nobody_takes_it():
    with pytest.raises(ValueError, match="40000 g"):
        cheapest([POST, LIGHT], 40_000)


@pytest.mark.parametrize("ordered, days, arrives", [
    (date(2024, 3, 8), 1, date(2024, 3, 11)),
    (date(2024, 3, 7), 5, date(2024, 3, 14)),
])
def test_delivery_day(ordered, days, arrives):
    assert delivery_day(ordered, days) == arrives
