"""Mail to customers, collected until the mail server fetches it."""

from __future__ import annotations

import time
from dataclasses import dataclass

TEMPLATE_SECONDS = 0.1


@dataclass(frozen=True)
class Message:
    to: str
    subject: str


class Outbox:
    """Everything that waits to be mailed, whichever part of the shop wrote it."""

    messages: list[Message] = []

    def send(self, to: str, subject: str) -> None:
        time.sleep(TEMPLATE_SECONDS)  # the template service renders the body
        self.messages.append(Message(to, subject))

    def confirm_order(self, to: str, order_id: int) -> None:
        self.send(to, f"Your order {order_id}")

    def announce_parcel(self, to: str, order_id: int) -> None:
        self.send(to, f"Order {order_id} is on its way")

    def confirm_refund(self, to: str, order_id: int) -> None:
        self.send(to, f"Refund for order {order_id}")
