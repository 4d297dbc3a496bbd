"""The payment provider's sandbox."""

import pytest

from shop.payments import Declined, SandboxGateway, wait_for_confirmation

CARD = "4242-4242"
CONFIRMED = "4000-3220"


def test_references_are_numbered(gateway):
    assert [gateway.charge(CARD, 100) for _ in range(2)] == ["pay-1", "pay-2"]


def test_declined(gateway):
    with pytest.raises(Declined, match="insufficient funds"):
        gateway.charge("4000-0002", 100)


def test_refund(gateway):
    assert gateway.refund(gateway.charge(CARD, 1990)) == 1990


def test_refund_once_only(gateway):
    reference = gateway.charge(CARD, 1990)
    gateway.refund(reference)
    with pytest.raises(Declined, match=reference):
        gateway.refund(reference)


def test_ordinary_cards_are_confirmed_at_once(gateway):
    assert gateway.confirmed(gateway.charge(CARD, 100))


def test_customer_confirms_later(gateway):
    reference = gateway.charge(CONFIRMED, 100)
    assert [gateway.confirmed(reference) for _ in range(3)] == [False, False, True]


def test_waits_for_the_customer():
    gateway = SandboxGateway(latency=0.1, polls=5)
    reference = gateway.charge(CONFIRMED, 100)
    wait_for_confirmation(gateway, reference, interval=0.15)
    assert gateway.confirmed(reference)


def test_gives_up_waiting():
    gateway = SandboxGateway(latency=0.05, polls=99)
    reference = gateway.charge(CONFIRMED, 100)
    with pytest.raises(Declined, match="never confirmed"):
        wait_for_confirmation(gateway, reference, interval=0.06, attempts=5)
