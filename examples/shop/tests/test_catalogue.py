"""The catalogue in memory."""

import pytest

from shop.catalogue import Catalogue, Product


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue([
        Product("BAG", "Canvas bag", 1200, 25),
        Product("MUG", "Coffee mug", 750, 40),
        Product("PEN", "Fountain pen", 2490, 8),
    ])


def test_has_three_products(catalogue):
    assert [p.sku for p in catalogue.all()] == ["BAG", "MUG", "PEN"]


def test_stock_value(catalogue):
    assert catalogue.stock_value() == 25 * 1200 + 40 * 750 + 8 * 2490


def test_find(catalogue):
    assert catalogue.find("BAG").name == "Canvas bag"


def test_search_ignores_case(catalogue):
    assert [p.sku for p in catalogue.search("FOUNTAIN")] == ["PEN"]


def test_add(catalogue):
    catalogue.add(Product("CAP", "Baseball cap", 1500, 10))
    assert catalogue.find("CAP").price == 1500


def test_add_twice(catalogue):
    with pytest.raises(ValueError, match="CAP is already"):
        catalogue.add(Product("CAP", "Another cap", 900))


def test_change_price(catalogue):
    catalogue.change_price("MUG", 850)
    assert catalogue.find("MUG").price == 850


def test_discontinue(catalogue):
    catalogue.discontinue("CAP")
    assert len(catalogue) == 3


def test_products_are_not_shared():
    first, second = Catalogue(), Catalogue()
    first.add(Product("CAP", "Baseball cap", 1500))
    assert len(second) == 0
