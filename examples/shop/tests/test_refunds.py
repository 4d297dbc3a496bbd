"""Customers hear about their refunds."""

import pytest

from shop.notifications import Outbox


@pytest.fixture
def paid(service):
    return service.pay(service.place("ada@example.org", {"BAG": 1}).id, "4242-4242")


def test_refund_is_confirmed(service, paid):
    outbox = Outbox()
    order = service.refund(paid.id)
    outbox.confirm_refund(order.customer, order.id)
    assert outbox.messages[-1].subject == f"Refund for order {order.id}"


def test_refund_of_a_parcel_on_its_way(service, paid):
    outbox = Outbox()
    outbox.announce_parcel(paid.customer, service.ship(paid.id).id)
    outbox.confirm_refund(paid.customer, service.refund(paid.id).id)
    assert [m.to for m in outbox.messages[-2:]] == ["ada@example.org"] * 2


def test_refunded_orders_do_not_count(service, store, paid):
    service.refund(paid.id)
    assert store.turnover() == 0
