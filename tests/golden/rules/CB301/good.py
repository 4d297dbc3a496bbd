import copy

import pytest
from shop.catalogue import Catalogue


@pytest.fixture
def prices():
    return {"MUG": 750}


@pytest.fixture(scope="module")
def shared():
    return {"MUG": 750}


@pytest.fixture
def copied(shared):
    return copy.deepcopy(shared)


@pytest.fixture(scope="session")
def catalogue():
    return Catalogue()


def test_sale(prices):
    prices["MUG"] = 500


def test_reads(shared, catalogue):
    assert shared["MUG"] == 750
    assert catalogue.find("MUG")


def test_copy(copied):
    copied["MUG"] = 1


def test_own_copy(shared):
    shared = dict(shared)
    shared["MUG"] = 1


def test_restores(shared):
    shared["MUG"] = 1
    try:
        assert True
    finally:
        shared["MUG"] = 750
