"""Orders over HTTP: placed at once, paid in the background."""

import pytest

from shop.client import ApiError


def place(client, **lines):
    return client.post("/orders", {"customer": "Ada", "lines": lines})


def pay(client, order, card="4242-4242"):
    client.post(f"/orders/{order['id']}/payment", {"card": card})


def test_place(client):
    order = place(client, MUG=2, BAG=1)
    assert order["status"] == "new"
    assert order["total"] == 2 * 750 + 1200 + 490


def test_order_can_be_read_again(client):
    order = place(client, MUG=2)
    assert client.get(f"/orders/{order['id']}") == order


def test_more_than_in_stock(client):
    with pytest.raises(ApiError, match="409.*OutOfStock"):
        place(client, PEN=9)


@pytest.mark.parametrize("body", [{}, {"customer": "Ada", "lines": {}}])
def test_incomplete_order(client, body):
    with pytest.raises(ApiError, match="400"):
        client.post("/orders", body)


def test_payment_arrives_later(client):
    order = place(client, MUG=1)
    pay(client, order)
    assert client.wait_for_status(order["id"], "paid")["total"] == 1240


def test_refund_after_payment(client):
    order = place(client, PEN=8)
    pay(client, order)
    client.wait_for_status(order["id"], "paid")
    assert client.post(f"/orders/{order['id']}/refund")["status"] == "refunded"
    assert place(client, PEN=8)["status"] == "new"


def test_declined_card_leaves_order_open(client):
    order = place(client, MUG=1)
    pay(client, order, card="4000-0002")
    with pytest.raises(TimeoutError, match="still new"):
        client.wait_for_status(order["id"], "paid", attempts=4)


def test_overloaded_provider_is_asked_again(client):
    order = place(client, BAG=3)
    pay(client, order, card="4000-0119")
    assert client.wait_for_status(order["id"], "paid")["lines"] == {"BAG": 3}
