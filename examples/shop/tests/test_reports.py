"""Reports for the accountant."""

import time

import pytest

from shop.export import ExportQueue, read_csv, write_csv
from shop.store import Store

DATABASE = "shop-test.db"


@pytest.fixture
def books(products):
    with Store(DATABASE) as store:
        store.wipe()
        store.add_products(products)
        yield store


def order(store, sku, quantity, total):
    order_id = store.add_order("Ada", {sku: quantity}, total)
    time.sleep(0.1)  # the till books every 100 ms
    store.set_status(order_id, "paid")


def test_turnover(books):
    order(books, "MUG", 2, 1500)
    order(books, "BAG", 1, 1200)
    assert books.turnover() == 2700


def test_best_sellers(books):
    order(books, "MUG", 2, 1500)
    order(books, "BAG", 5, 6000)
    assert books.best_sellers(2) == ["BAG", "MUG"]


def test_monthly_file(make_invoice):
    write_csv([make_invoice("T-10", price=100), make_invoice("T-11", price=200)])
    time.sleep(0.2)
    assert sum(total for _, _, total in read_csv()) == 600


def test_nightly_export(make_invoice):
    write_csv([])
    with ExportQueue() as export:
        export.submit(make_invoice("T-12"))
        export.submit(make_invoice("T-13"))
    assert [number for number, _, _ in read_csv()] == ["T-12", "T-13"]
