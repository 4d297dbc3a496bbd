"""One order from the cart to the refund, step by step."""

import pytest

from shop.catalogue import Product
from shop.orders import OrderService
from shop.payments import SandboxGateway
from shop.store import Store


@pytest.fixture(scope="class")
def checkout(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("checkout") / "shop.db") as store:
        store.add_products([Product("MUG", "Coffee mug", 750, 40)])
        yield OrderService(store, SandboxGateway(latency=0.3))


class TestCheckout:
    order_id = None

    def test_1_create(self, checkout):
        order = checkout.place("Grace", {"MUG": 4})
        TestCheckout.order_id = order.id
        assert order.total == 3490

    def test_2_pay(self, checkout):
        assert checkout.pay(self.order_id, "4242-4242").status == "paid"

    def test_3_ship(self, checkout):
        assert checkout.ship(self.order_id).status == "shipped"

    def test_4_refund(self, checkout):
        order = checkout.refund(self.order_id)
        assert order.status == "refunded"
        assert order.payment == "pay-1"
