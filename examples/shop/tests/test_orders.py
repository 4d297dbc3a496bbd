"""Orders: stock, money and status move together."""

import pytest

from shop.orders import WrongStatus
from shop.payments import Declined
from shop.store import OutOfStock

CARD = "4242-4242"


@pytest.fixture
def order(service):
    return service.place("Ada", {"MUG": 4})


def test_place_computes_the_total(order):
    assert (order.total, order.status, order.lines) == (3490, "new", {"MUG": 4})


def test_all_or_nothing(service, store):
    with pytest.raises(OutOfStock):
        service.place("Ada", {"MUG": 1, "PEN": 9})
    assert store.stock("MUG") == 40


def test_pay(service, order):
    paid = service.pay(order.id, CARD)
    assert (paid.status, paid.payment) == ("paid", "pay-1")


def test_pay_twice(service, order):
    service.pay(order.id, CARD)
    with pytest.raises(WrongStatus, match="is paid"):
        service.pay(order.id, CARD)


def test_declined(service, order):
    with pytest.raises(Declined):
        service.pay(order.id, "4000-0002")
    assert service.get(order.id).status == "new"


def test_busy_provider(service, order):
    assert service.pay(order.id, "4000-0119").status == "paid"


def test_refund_gives_stock_back(service, order, store):
    service.pay(order.id, CARD)
    service.refund(order.id)
    assert store.stock("MUG") == 40


def test_refund_after_shipping(service, order):
    service.pay(order.id, CARD)
    service.ship(order.id)
    assert service.refund(order.id).status == "refunded"


def test_five_orders_in_a_row(service, store):
    for _ in range(5):
        service.pay(service.place("Ada", {"BAG": 2}).id, CARD)
    assert store.turnover() == 5 * 2890
    assert store.stock("BAG") == 15
