"""Mail to customers."""

from shop.notifications import Message, Outbox


def test_starts_empty():
    assert Outbox().messages == []


def test_confirmation():
    outbox = Outbox()
    outbox.confirm_order("ada@example.org", 17)
    assert outbox.messages == [Message("ada@example.org", "Your order 17")]


def test_parcel():
    outbox = Outbox()
    outbox.announce_parcel("ada@example.org", 17)
    assert outbox.messages[-1].subject == "Order 17 is on its way"


def test_free_text():
    outbox = Outbox()
    outbox.send("grace@example.org", "Your question")
    assert Message("grace@example.org", "Your question") in outbox.messages
