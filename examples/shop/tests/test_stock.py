"""The stock in the database."""

import time

import pytest

from shop.catalogue import Product
from shop.store import OutOfStock, Store


@pytest.fixture
def warehouse():
    with Store("shop-test.db") as store:
        store.wipe()
        store.add_products([Product("MUG", "Coffee mug", 750, 40)])
        yield store


def wait_for_scanner():
    time.sleep(0.15)


def test_delivery(warehouse):
    warehouse.restock("MUG", 10)
    wait_for_scanner()
    assert warehouse.stock("MUG") == 50


def test_sale(warehouse):
    warehouse.add_order("Ada", {"MUG": 15}, 11250)
    wait_for_scanner()
    assert warehouse.stock("MUG") == 25


def test_sold_out(warehouse):
    warehouse.add_order("Ada", {"MUG": 40}, 30000)
    wait_for_scanner()
    with pytest.raises(OutOfStock):
        warehouse.add_order("Grace", {"MUG": 1}, 750)
