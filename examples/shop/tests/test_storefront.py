"""The shop as its customers see it, on the port that the load balancer knows."""

import time

import pytest

from shop.api import ApiServer, serving
from shop.client import ApiError, Client

PORT = 8765


@pytest.fixture
def front(store, gateway):
    with serving(ApiServer(store, gateway, PORT)):
        time.sleep(0.1)  # the load balancer looks every 100 ms
        yield Client(PORT)


def test_is_up(front):
    assert front.get("/health")["status"] == "ok"


def test_buys_a_mug(front):
    order = front.post("/orders", {"customer": "Ada", "lines": {"MUG": 1}})
    front.post(f"/orders/{order['id']}/payment", {"card": "4242-4242"})
    assert front.wait_for_status(order["id"], "paid")["total"] == 1240


def test_asks_for_something_else(front):
    with pytest.raises(ApiError, match="404"):
        front.get("/products/SOFA")
