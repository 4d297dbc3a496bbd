"""The database."""

import sqlite3

import pytest

from shop.catalogue import Product
from shop.store import Store


def test_catalogue(store, products):
    assert store.catalogue().all() == products


def test_same_product_twice(store, products):
    with pytest.raises(sqlite3.IntegrityError):
        store.add_products(products)


def test_survives_reopening(tmp_path):
    path = tmp_path / "shop.db"
    with Store(path) as first:
        first.add_products([Product("MUG", "Coffee mug", 750, 40)])
    with Store(path) as second:
        assert second.stock("MUG") == 40


def test_invoices(store):
    order_id = store.add_order("Ada", {"MUG": 1}, 750)
    store.add_invoice("T-2", order_id, 750)
    store.add_invoice("T-1", order_id, 750)
    assert [number for number, _, _ in store.invoices()] == ["T-1", "T-2"]


def test_wipe(store):
    store.add_order("Ada", {"MUG": 1}, 750)
    store.wipe()
    assert len(store.catalogue()) == 0
    assert store.best_sellers(3) == []
