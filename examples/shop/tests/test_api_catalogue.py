"""The catalogue over HTTP."""

import pytest

from shop.client import ApiError


def test_lists_all_products(client):
    assert [p["sku"] for p in client.get("/products")] == ["BAG", "MUG", "PEN"]


def test_one_product(client):
    assert client.get("/products/MUG") == {
        "sku": "MUG", "name": "Coffee mug", "price": 750, "currency": "EUR",
    }


@pytest.mark.parametrize("word, skus", [("CO", ["MUG"]), ("sofa", [])])
def test_search(client, word, skus):
    assert [p["sku"] for p in client.get(f"/products?q={word}")] == skus


def test_prices_in_pounds(client):
    (mug,) = client.get("/products?q=mug&currency=GBP")
    assert (mug["price"], mug["currency"]) == (638, "GBP")


def test_not_found(client):
    with pytest.raises(ApiError) as error:
        client.get("/prices")
    assert error.value.status == 404
