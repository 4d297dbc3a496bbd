import pytest
from shop.catalogue import Catalogue


@pytest.fixture(scope="module")
def prices():
    return {"MUG": 750}


@pytest.fixture(scope="session")
def catalogue():
    catalogue = Catalogue()
    yield catalogue


def test_sale(prices):
    prices["MUG"] = 500  # CB301
    assert prices["MUG"] == 500


def test_regular(prices):
    assert prices == {"MUG": 750}


def test_add(catalogue):
    catalogue.add("MUG")  # CB301


def test_attribute(catalogue):
    catalogue.currency = "USD"  # CB301


def test_method(catalogue):
    catalogue.set_price("MUG", 1)  # CB301
